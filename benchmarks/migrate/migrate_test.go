package migrate

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/jwtverify/issuertest"
)

const page = "../../docs/migrate.md"

var update = flag.Bool("update", false, "write the table of docs/migrate.md")

// An api is opened by the code of docs/migrate.md.
type api func(ctx context.Context, issuer, audience string) (http.Handler, error)

var apis = []struct {
	name string
	open api
}{
	{"golang-jwt + keyfunc", beforeGolangJWT},
	{"go-oidc", beforeOIDC},
	{"auth0/go-jwt-middleware", beforeAuth0},
	{"jwtverify", afterGolangJWT},
	{"jwtverify, after go-oidc", afterOIDC},
	{"jwtverify, after auth0", afterAuth0},
}

const shown = 4 // of them have a column: what comes after answers alike

// newIssuer is an issuer on loopback.
func newIssuer(t *testing.T) *issuertest.Issuer {
	t.Helper()
	var handler atomic.Pointer[http.Handler]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	iss := issuertest.New(t, issuertest.WithURL(server.URL))
	h := iss.Handler()
	handler.Store(&h)
	return iss
}

// A sent is a request that the APIs answer, each in its way.
type sent struct {
	name    string
	headers func(iss *issuertest.Issuer) []string // Authorization
	down    bool                                  // the issuer, from now on
}

func bearing(tokens ...string) []string {
	for i, token := range tokens {
		tokens[i] = "Bearer " + token
	}
	return tokens
}

func claims(changes issuertest.Claims) func(*issuertest.Issuer) []string {
	return func(iss *issuertest.Issuer) []string { return bearing(iss.Token(changes)) }
}

// header changes a member of the header of a good token; nil takes it away.
func header(name string, value any) func(*issuertest.Issuer) []string {
	return func(iss *issuertest.Issuer) []string {
		var parts [2]issuertest.Claims
		for i, segment := range strings.Split(iss.Token(), ".")[:2] {
			text, _ := base64.RawURLEncoding.DecodeString(segment)
			_ = json.Unmarshal(text, &parts[i]) // else Sign makes no good token, and the table shows it
		}
		parts[0][name] = value
		if value == nil {
			delete(parts[0], name)
		}
		return bearing(iss.Sign(parts[0], parts[1]))
	}
}

func away(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func requests() []sent {
	return []sent{
		{"a good token", claims(nil), false},
		{"a good token, with `typ` JWT", header("typ", "JWT"), false},
		{"a token with a forged signature", func(iss *issuertest.Issuer) []string {
			token := iss.Token()
			return bearing(token[:len(token)-8] + "AAAAAAAA")
		}, false},
		{"no token", func(*issuertest.Issuer) []string { return nil }, false},
		{"a good token after `bearer` in lower case", func(iss *issuertest.Issuer) []string { return []string{"bearer " + iss.Token()} }, false},
		{"two Authorization headers, the first with a good token", func(iss *issuertest.Issuer) []string { return bearing(iss.Token(), "x") }, false},
		{"a token that expired 30 seconds ago", claims(issuertest.Claims{"exp": away(-30 * time.Second)}), false},
		{"a token that becomes valid in 3 minutes (`nbf`)", claims(issuertest.Claims{"nbf": away(3 * time.Minute)}), false},
		{"a token with a time of issue 3 minutes ahead (`iat`)", claims(issuertest.Claims{"iat": away(3 * time.Minute)}), false},
		{"a token without `exp`", claims(issuertest.Claims{"exp": nil}), false},
		{"a token whose `exp` is a string", claims(issuertest.Claims{"exp": fmt.Sprint(away(time.Hour))}), false},
		{"a token of another kind (`typ` is logout+jwt)", header("typ", "logout+jwt"), false},
		{"a token with an unknown extension that the receiver must understand (`crit`)", header("crit", []string{"x"}), false},
		{"a token without `kid`, from an issuer with several keys", header("kid", nil), false},
		{"a token with the claims `sub` and `SUB`", claims(issuertest.Claims{"SUB": "someone-else"}), false},
		{"a token that is bound to a key (`cnf`), without proof of that key", claims(issuertest.Claims{"cnf": map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), false},
		{"a token with 64 KiB of claims", claims(issuertest.Claims{"x": strings.Repeat("x", 64<<10)}), false},
		{"a good token signed by a new key, while the issuer is down", func(iss *issuertest.Issuer) []string {
			iss.Rotate()
			iss.Rotate() // the first of them was published ahead
			return bearing(iss.Token())
		}, true},
	}
}

func TestMigrate(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // keyfunc logs each failed fetch
	iss := newIssuer(t)
	var handlers []http.Handler
	table := "| request |"
	for i, a := range apis {
		handler, err := a.open(t.Context(), iss.URL(), iss.Audience())
		if err != nil {
			t.Fatalf("%s: %v", a.name, err)
		}
		handlers = append(handlers, handler)
		if i < shown {
			table += " " + a.name + " |"
		}
	}
	table += "\n|" + strings.Repeat(" --- |", shown+1) + "\n"
	for _, request := range requests() {
		authorization := request.headers(iss)
		if request.down {
			iss.Fault(issuertest.Fault{Name: "status-500"})
		}
		table += "| " + request.name + " |"
		var codes []int
		for i, handler := range handlers {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header["Authorization"] = authorization
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			codes = append(codes, w.Code)
			if i < shown {
				table += fmt.Sprintf(" %d |", w.Code)
			}
			if (w.Code == http.StatusOK) != strings.Contains(w.Body.String(), "hello ") {
				t.Errorf("%s: %s: status %d, and the body is %q", request.name, apis[i].name, w.Code, w.Body)
			}
		}
		// One answers as bearer does, the other by hand.
		if ours := codes[shown-1:]; ours[0]/100 != ours[1]/100 && request.name != "a token that is bound to a key (`cnf`), without proof of that key" || ours[0] != ours[2] {
			t.Errorf("%s: after the move the answers are %v", request.name, ours)
		}
		table += "\n"
	}

	text := read(t, page)
	const begin, end = "<!-- answers -->\n", "<!-- end -->\n"
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q", page, begin, end)
	}
	want := before + begin + table + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if text != want {
		t.Errorf("%s is not up to date, run `go test -update ./migrate`; want\n%s", page, table)
	}
}

// All code of the document is in the files of this package, which are compiled.
func TestBlocksAreCompiled(t *testing.T) {
	code := plain(read(t, "golangjwt.go") + read(t, "oidc.go") + read(t, "auth0.go"))
	found := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(read(t, page), -1)
	if len(found) != 6 {
		t.Errorf("%s has %d blocks of Go, want three before and three after", page, len(found))
	}
	for _, block := range found {
		if !strings.Contains(code, plain(block[1])) {
			t.Errorf("no file here has this block:\n%s", block[1])
		}
	}
}

// plain is code without indentation and empty lines.
func plain(code string) string {
	out := "\n"
	for line := range strings.Lines(code) {
		if line = strings.TrimSpace(line); line != "" {
			out += line + "\n"
		}
	}
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
