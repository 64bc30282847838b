package bearer_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/jwtverify/bearer"

	"github.com/google/go-cmp/cmp"
)

// readRequest is a request as a server reads it.
func readRequest(tb testing.TB, method, target, host string) (*http.Request, error) {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n")))
	if err != nil {
		return nil, err
	}
	return r.WithContext(tb.Context()), nil
}

// named answers with what ServeMux has told the handler.
func named(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s", r.Pattern)
	if r.Method == "CONNECT" {
		return // its path is not clean, and its wildcards need not have a value
	}
	for _, match := range regexp.MustCompile(`{(\w+)`).FindAllStringSubmatch(r.Pattern, -1) {
		fmt.Fprintf(w, " %s=%q", match[1], r.PathValue(match[1]))
	}
}

func TestMux(t *testing.T) {
	mux := newGuard(t, bearer.Config{}).NewMux()
	mux.HandleFunc("GET /orders/{id}", named)
	mux.Handle("POST /orders/", http.HandlerFunc(named))
	mux.HandleFunc("/tree/", named)
	mux.HandleFunc("/files/{path...}", named)
	mux.HandleFunc("admin.example/", named)
	mux.HandleFunc("admin.example/public", named)
	mux.HandleFunc("POST /mixed/", named)
	mux.HandleFunc("CONNECT /tunnel/", named)
	mux.Public("GET /public", http.HandlerFunc(named))
	mux.Public("OPTIONS /orders/", http.HandlerFunc(named))
	mux.Public("/open/", http.HandlerFunc(named))
	mux.Public("/open/{x}/{y}", http.HandlerFunc(named))
	mux.Public("GET /mixed/", http.HandlerFunc(named))
	mux.Public("/tunnel/", http.HandlerFunc(named))
	mux.Optional("GET /catalog", http.HandlerFunc(named))
	mux.Optional("GET /shop/", http.HandlerFunc(named))

	const refused = "-"
	for name, test := range map[string]struct {
		method, target string
		host           string
		without        string // answer without token: a body, Location or "-" for 401
		with           string // answer with a token
	}{
		"a protected route":                            {"GET", "/orders/7", "", refused, `GET /orders/{id} id="7"`},
		"HEAD of a protected GET":                      {"HEAD", "/orders/7", "", refused, `GET /orders/{id} id="7"`},
		"OPTIONS of a public preflight":                {"OPTIONS", "/orders/7", "", "OPTIONS /orders/", "OPTIONS /orders/"},
		"OPTIONS without registration":                 {"OPTIONS", "/catalog", "", refused, "405"},
		"a public route":                               {"GET", "/public", "", "GET /public", "GET /public"},
		"HEAD of a public GET":                         {"HEAD", "/public", "", "GET /public", "GET /public"},
		"another method of a public path":              {"POST", "/public", "", refused, "405"},
		"a method that nobody knows":                   {"BREW", "/public", "", refused, "405"},
		"the method in lower case":                     {"get", "/public", "", refused, "405"},
		"an optional route":                            {"GET", "/catalog", "", "GET /catalog", "GET /catalog"},
		"another method of an optional path":           {"PUT", "/catalog", "", refused, "405"},
		"a path that nobody registered":                {"GET", "/nowhere", "", refused, "404"},
		"below a public path":                          {"GET", "/public/x", "", refused, "404"},
		"a public path in capitals":                    {"GET", "/PUBLIC", "", refused, "404"},
		"a public path with an encoded letter":         {"GET", "/p%75blic", "", "GET /public", "GET /public"},
		"a public path with an encoded slash":          {"GET", "/public%2f", "", refused, "404"},
		"a public path with a parameter":               {"GET", "/public;x", "", refused, "404"},
		"the root":                                     {"GET", "/", "", refused, "404"},
		"slash redirect to a protected tree":           {"GET", "/tree", "", refused, "/tree/"},
		"slash redirect to a public tree":              {"GET", "/open", "", "/open/", "/open/"},
		"slash redirect to an optional tree":           {"GET", "/shop?a=b", "", "/shop/?a=b", "/shop/?a=b"},
		"slash redirect, no such method":               {"POST", "/shop", "", refused, "405"},
		"slash redirect, protected method":             {"POST", "/mixed", "", refused, "/mixed/"},
		"slash redirect, public method":                {"GET", "/mixed", "", "/mixed/", "/mixed/"},
		"dots that lead to a protected route":          {"GET", "/public/../orders/7", "", refused, "/orders/7"},
		"dots that lead to a public route":             {"GET", "/orders/../public", "", "/public", "/public"},
		"dots that lead out of a public tree":          {"GET", "/open/../tree/", "", refused, "/tree/"},
		"dots that lead nowhere":                       {"GET", "/open/../x", "", refused, "/x"},
		"two slashes before a protected path":          {"GET", "//orders/7", "", refused, "/orders/7"},
		"two slashes before a public path":             {"GET", "//public", "", "/public", "/public"},
		"two slashes in a public tree":                 {"GET", "/open//a", "", "/open/a", "/open/a"},
		"encoded dots in a public tree stay there":     {"GET", "/open/%2e%2e/tree/", "", "/open/", "/open/"},
		"an encoded slash in a wildcard":               {"GET", "/open/a%2Fb/c", "", `/open/{x}/{y} x="a/b" y="c"`, `/open/{x}/{y} x="a/b" y="c"`},
		"an encoded slash in a protected wildcard":     {"GET", "/orders/a%2Fb", "", refused, `GET /orders/{id} id="a/b"`},
		"the rest of a path":                           {"GET", "/files/a/b%20c", "", refused, `/files/{path...} path="a/b c"`},
		"a host of its own":                            {"GET", "/x", "admin.example", refused, "admin.example/"},
		"a host of its own, with port":                 {"GET", "/x", "admin.example:8000", refused, "admin.example/"},
		"a path that is public on other hosts":         {"GET", "/public", "admin.example", refused, "admin.example/public"},
		"an absolute form":                             {"GET", "http://admin.example/public", "other.example", refused, "admin.example/public"},
		"dots to a path that is public on other hosts": {"GET", "/a/../public", "admin.example", refused, "/public"},
		"OPTIONS *":                {"OPTIONS", "*", "", refused, "400"},
		"GET *":                    {"GET", "*", "", refused, "400"},
		"CONNECT":                  {"CONNECT", "public:443", "public:443", refused, "404"},
		"CONNECT to a path":        {"CONNECT", "/public", "", refused, "405"},
		"CONNECT of a public tree": {"CONNECT", "/open/x", "", "/open/", "/open/"},
		"CONNECT is not cleaned":   {"CONNECT", "/open/../tree/", "", "/open/", "/open/"},
		"CONNECT, slash redirect that is another's": {"CONNECT", "/tunnel", "", refused, "/tunnel/"},
		"CONNECT, slash redirect":                   {"CONNECT", "/open", "", refused, "/open/"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct{ authorization, want string }{
				{"", test.without}, {"Bearer " + token(t, nil), test.with},
			} {
				host := test.host
				if host == "" {
					host = "api.example"
				}
				r, err := readRequest(t, test.method, test.target, host)
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Authorization", c.authorization)
				w := serve(mux, r)
				got := w.Body.String()
				switch {
				case w.Code == 401 && w.Header().Get("WWW-Authenticate") == `Bearer realm="api"`:
					got = refused
				case w.Code/100 == 3:
					got = w.Header().Get("Location")
				case w.Code != 200:
					got = fmt.Sprint(w.Code)
				}
				if got != c.want {
					t.Errorf("%.10q: got %d %q, want %q", c.authorization, w.Code, got, c.want)
				}
			}
		})
	}
}

// Public ignores the token, Optional refuses a bad one, and everything else does.
func TestMuxWithBadToken(t *testing.T) {
	mux := newGuard(t, bearer.Config{}).NewMux()
	mux.Public("/public", greet)
	mux.Optional("/optional", greet)
	mux.Optional("/shop/", greet)
	mux.Handle("/handle", mustNotRun(t))
	for _, authorization := range [][]string{{"Bearer " + forged(t)}, {"Bearer"}, {"Bearer a", "Bearer a"}} {
		for path, open := range map[string]bool{"/public": true, "/optional": false, "/shop": false, "/handle": false, "/nowhere": false} {
			w := serve(mux, request("GET", path, authorization...))
			if open != (w.Code == 200) || !open && w.Code != 401 && w.Code != 400 {
				t.Errorf("%s with %.20q: got %d", path, authorization, w.Code)
			}
		}
	}
	w := serve(mux, request("GET", "/public", "Bearer "+token(t, nil)))
	if w.Body.String() != "hello anonymous" {
		t.Errorf("got %s, want that Public never reads the token", w.Body)
	}
}

func TestMuxScopes(t *testing.T) {
	guard := newGuard(t, bearer.Config{})
	mux := guard.NewMux()
	mux.Handle("GET /orders/", guard.Require("orders:read")(greet))
	good, poor := token(t, claims{"scope": "orders:read"}), token(t, nil)
	for _, test := range []struct {
		path, token string
		code        int
	}{
		{"/orders/", good, 200}, {"/orders/", poor, 403}, {"/orders/", "", 401},
		// ServeMux's own answers know nothing of what is inside the handler.
		{"/orders", poor, http.StatusTemporaryRedirect}, {"/orders", "", 401},
	} {
		r := request("GET", test.path)
		if test.token != "" {
			r.Header.Set("Authorization", "Bearer "+test.token)
		}
		w := serve(mux, r)
		if w.Code/100 == 3 {
			w.Code = http.StatusTemporaryRedirect // 301 before Go 1.26
		}
		if w.Code != test.code {
			t.Errorf("%s: got %d, want %d", test.path, w.Code, test.code)
		}
	}
}

// Conflicts and bad patterns panic as those of ServeMux, and leave nothing behind.
func TestMuxConflicts(t *testing.T) {
	mux := newGuard(t, bearer.Config{}).NewMux()
	mux.Handle("/x", mustNotRun(t))
	for name, register := range map[string]func(){
		"the same again":             func() { mux.Public("/x", greet) },
		"a wildcard of another name": func() { mux.Handle("/{a}/", greet); mux.Public("/{b}/", greet) },
		"OPTIONS /":                  func() { mux.Public("OPTIONS /", greet) },
		"no pattern":                 func() { mux.Public("", greet) },
		"an unclosed wildcard":       func() { mux.Public("/{x", greet) },
		"no path":                    func() { mux.Optional("GET example", greet) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			register()
		})
	}
	for _, method := range []string{"GET", "OPTIONS"} {
		if w := serve(mux, request(method, "/x")); w.Code != 401 {
			t.Errorf("%s /x: got %d, want the first registration to count", method, w.Code)
		}
	}
}

// What is around the Mux sees the pattern, as it does with ServeMux.
func TestMuxSetsPattern(t *testing.T) {
	mux := newGuard(t, bearer.Config{}).NewMux()
	mux.Public("GET /a/{x}", greet)
	mux.Handle("/b/", greet)
	mux.Public("/c/", greet)
	for path, want := range map[string]string{"/a/1": "GET /a/{x}", "/b/1": "/b/", "/b": "/b/", "/c": "/c/", "/nowhere": ""} {
		r := request("GET", path)
		r.Pattern = "of an outer mux"
		serve(mux, r)
		if r.Pattern != want {
			t.Errorf("%s: got pattern %q, want %q", path, r.Pattern, want)
		}
	}
}

// The invariant: without a valid token, a response is a refusal or belongs to a pattern
// registered as Public or Optional. And whoever may, gets what ServeMux would answer.
func FuzzMux(f *testing.F) {
	const routes = "hGET /orders/{id}\nhPOST /orders/\nh/tree/\npGET /public\np/open/\np/open/{x}/{y}\noGET /catalog\noGET /shop/\nhadmin.example/\nhCONNECT /open/\npOPTIONS /{any...}\n"
	for _, target := range []string{
		"/public", "/orders/7", "/tree", "/open", "/shop", "/nowhere", "/public/../orders/7", "//public", "/open/%2e%2e/tree/",
		"/p%75blic", "/open/a%2Fb/c", "/open/a%2Fb", "*", "http://admin.example/public", "/%zz", "/open/%00", "/a%20b//c",
	} {
		for _, method := range []string{"GET", "POST", "OPTIONS", "CONNECT"} {
			f.Add(routes, method, target, "api.example")
		}
	}
	for _, seed := range [][4]string{
		{"p/tree/\nhCONNECT /tree/\n", "CONNECT", "/tree", "h"}, // a redirect to another pattern
		{"pGET /tree/\nhPOST /tree/\n", "POST", "/tree", "h"},
		{"p/{x}/\nh/a/b/\n", "GET", "/a%2Fb", "h"},
		{"p/a/{x}/\nh/a/b/\n", "GET", "/a/b", "h"},
		{"oGET /{$}\nh/{x}/\n", "HEAD", "/a%2Fb", ""},
		{"o/shop/\n", "GET", "/shop?a=/b/", "h"},
		{"p/files/{rest...}\nh/files/secret/{x}\n", "GET", "/files/secret/%2561", "h"},
		{"p/public\nh/\n", "GET", "//public", "h"},
		{"pGET /public\nhHEAD /public\n", "HEAD", "/public", "h"},
		{"pGET /public\n", "POST", "/public", "h"}, // 404 and 405 are nobody's
		{"p/{$}\n", "GET", "/x", "h"},
		{"p/\n", "OPTIONS", "*", "h"},
		{"p/\n", "CONNECT", "h:443", "h"},
		{"pGET /public\nha.example/\n", "GET", "http://a.example/public", "other"},
		{"pa.example/{x}\nh/{x...}\np/{x}\n", "GET", "/a", "a.example:80"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}

	f.Fuzz(muxChecker(f))
}

// The same for patterns and paths that have more to do with each other.
func TestMuxRandomly(t *testing.T) {
	check := muxChecker(t)
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	path := func(segments ...string) string {
		var out strings.Builder
		for range random.IntN(4) {
			out.WriteString("/" + pick(segments...))
		}
		return out.String()
	}
	for range 3000 {
		var routes strings.Builder
		for range 1 + random.IntN(8) {
			pattern := path("a", "b", "a", "{x}", "%61", "a%2Fb", "..") + pick("", "/", "/", "/{$}", "/{rest...}")
			fmt.Fprintln(&routes, pick("h", "p", "o")+pick("", "", "GET ", "POST ", "CONNECT ", "HEAD ")+pick("", "", "a.example")+pattern)
		}
		target := pick("", "", "http://a.example") + path("a", "b", "a", "b", "c", "", ".", "..", "%61", "a%2Fb", "a%2F", "%2e%2e", "%25", "*", "a;b") + pick("", "/", "?q=/a/")
		check(t, routes.String(), pick("GET", "GET", "POST", "HEAD", "CONNECT", "OPTIONS", "get"), target, pick("h", "a.example", "a.example:80", "A.example"))
	}
}

// muxChecker returns a test of the invariant. A line of routes is h, p or o (Handle,
// Public, Optional) and a pattern.
func muxChecker(tb testing.TB) func(t *testing.T, routes, method, target, host string) {
	guard := newGuard(tb, bearer.Config{})
	credentials := map[string]string{
		"no token":     "",
		"a bad token":  "Bearer " + forged(tb),
		"no form":      "Bearer",
		"a good token": "Bearer " + token(tb, nil),
	}
	return func(t *testing.T, routes, method, target, host string) {
		mux, plain, kinds := guard.NewMux(), http.NewServeMux(), make(map[string]byte)
		for line := range strings.Lines(routes) {
			line = strings.TrimSuffix(line, "\n")
			if line == "" || len(kinds) == 20 {
				continue
			}
			register := map[byte]func(string, http.Handler){'h': mux.Handle, 'p': mux.Public, 'o': mux.Optional}[line[0]]
			if register == nil {
				continue
			}
			pattern := line[1:]
			good, wanted := tryRegister(register, pattern), tryRegister(plain.Handle, pattern)
			if good != wanted {
				t.Fatalf("pattern %q: registered %t, ServeMux %t", pattern, good, wanted)
			}
			if good {
				kinds[pattern] = line[0]
			}
		}
		for name, authorization := range credentials {
			r, err := readRequest(t, method, target, host)
			if err != nil {
				return
			}
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			h, pattern := plain.Handler(r)
			kind := kinds[pattern]
			if _, registered := h.(fuzzHandler); !registered && method == "CONNECT" || r.RequestURI == "*" {
				kind = 'h' // such answers are nobody's
			}
			open := name == "a good token" || kind == 'p' || kind == 'o' && name == "no token"

			got := serve(mux, r)
			if !open {
				refusal := got.Header().Get("WWW-Authenticate")
				if got.Code != 401 && got.Code != 400 || !strings.HasPrefix(refusal, `Bearer realm="api"`) || got.Header().Get("Location") != "" {
					t.Errorf("%s for %s %s of %q: got %d %v %s, want a refusal", name, method, target, pattern, got.Code, got.Header(), got.Body)
				}
				continue
			}
			again, err := readRequest(t, method, target, host)
			if err != nil {
				t.Fatal(err)
			}
			want := serve(plain, again)
			got.Header().Del("Vary")
			if got.Code != want.Code || got.Body.String() != want.Body.String() || !cmp.Equal(got.Header(), want.Header()) || r.Pattern != again.Pattern {
				t.Errorf("%s for %s %s: got %d %v %s of %q, want ServeMux's %d %v %s of %q", name, method, target,
					got.Code, got.Header(), got.Body, r.Pattern, want.Code, want.Header(), want.Body, again.Pattern)
			}
		}
	}
}

// A fuzzHandler is told by its type from those that ServeMux makes.
type fuzzHandler struct{}

func (fuzzHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) { named(w, r) }

func tryRegister(register func(string, http.Handler), pattern string) (good bool) {
	defer func() { good = recover() == nil }()
	register(pattern, fuzzHandler{})
	return true
}

// The Mux as the whole handler of a server: net/http answers "OPTIONS *" itself, unless
// told not to.
func TestMuxOfAServer(t *testing.T) {
	mux := newGuard(t, bearer.Config{}).NewMux()
	mux.Public("/", greet)
	for _, disabled := range []bool{false, true} {
		server := newMemoryServer(mux)
		server.server.DisableGeneralOptionsHandler = disabled
		answer := server.roundTrip(t, "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		server.close()
		if strings.Contains(answer, "hello") || disabled != strings.HasPrefix(answer, "HTTP/1.1 401 ") {
			t.Errorf("handler disabled %t: got %q", disabled, answer)
		}
	}
}
