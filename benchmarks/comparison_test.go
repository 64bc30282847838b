package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/scanner"
	"go/token"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	cristalhq "github.com/cristalhq/jwt/v5"
	"github.com/go-jose/go-jose/v4"
	gojose "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/golang-jwt/jwt/v5/request"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwe"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/lestrrat-go/jwx/v3/jwt"
	pascaldekloe "github.com/pascaldekloe/jwt"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/issuertest"
)

// docs/comparison.md. Its tables are made here and not by the command itself, since
// the fetched keys need fake time, which only tests have; `go run . -comparison` runs
// this test.

var comparisonFile = flag.String("comparison", "", "write the blocks of docs/comparison.md to this file, and do not judge the page")

func TestComparison(t *testing.T) {
	blocks := []block{
		{"code", codeTable(t)},
		{"keys", keyTable(t)},
		{"features", featureTable(t)},
	}
	if *comparisonFile != "" {
		text, err := json.Marshal(blocks)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(*comparisonFile, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	page, err := os.ReadFile(filepath.Join(docs, comparisonPage))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		want, err := b.in(page)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(page, want) {
			t.Errorf("docs/%s is not up to date, run `go run . -comparison -write`; want\n%s", comparisonPage, b.Text)
		}
	}
}

var nextIssuer = sync.OnceValue(func() *issuer {
	is, err := newIssuer()
	if err != nil {
		panic(err)
	}
	return is
})

// A library is a contender by what it is and can do. What it is nil for it has no
// function for.
type library struct {
	name     string
	packages []string // that a program imports to verify its issuer's tokens

	fetch      fetching
	algorithms func() []string // of signatures, none not among them

	discover   func(ctx context.Context, client *http.Client) (verify, error) // by the issuer's name alone
	request    func(r *http.Request, is *issuer) error                        // takes the token from a request
	middleware func(next http.Handler, is *issuer) (http.Handler, error)
	kit        func(t *testing.T) (token string, verify verify) // an issuer for the tests of its users
	sign       func(is *issuer) (string, error)
	encrypt    func(text []byte, to *rsa.PrivateKey) (decrypted []byte, err error)
}

// In the order of contenders.
var libraries = []library{
	{
		name: ours, packages: []string{"example.com/jwtverify"}, fetch: fetchOurs,
		algorithms: func() []string { return []string{"RS256"} },
		discover: func(ctx context.Context, client *http.Client) (verify, error) {
			verifier, err := jwtverify.New(jwtverify.Config{
				Issuer: issuerName, Audiences: []string{audience},
				Keys: jwtverify.DiscoveryKeySource{Issuer: issuerName, Client: client},
			})
			return verifying(ctx, verifier), err
		},
		request: func(r *http.Request, is *issuer) error {
			raw, err := bearer.Parse(r.Header["Authorization"])
			if err != nil {
				return err
			}
			verify, err := openOurs(is, true)
			if err != nil {
				return err
			}
			_, err = verify(raw)
			return err
		},
		middleware: func(next http.Handler, is *issuer) (http.Handler, error) {
			set, err := jwtverify.ParseKeySet(is.jwks)
			if err != nil {
				return nil, err
			}
			verifier, err := jwtverify.New(jwtverify.Config{Issuer: issuerName, Audiences: []string{audience}, Keys: set})
			if err != nil {
				return nil, err
			}
			guard, err := bearer.New(bearer.Config{Verifier: verifier})
			if err != nil {
				return nil, err
			}
			return guard.Require()(next), nil
		},
		kit: func(t *testing.T) (string, verify) {
			is := issuertest.New(t)
			return is.Token(), verifying(t.Context(), is.Verifier())
		},
	},
	{
		name: "cristalhq/jwt", packages: []string{"github.com/cristalhq/jwt/v5"},
		algorithms: func() []string {
			return named(cristalhq.EdDSA, cristalhq.HS256, cristalhq.HS384, cristalhq.HS512, cristalhq.RS256, cristalhq.RS384, cristalhq.RS512,
				cristalhq.ES256, cristalhq.ES384, cristalhq.ES512, cristalhq.PS256, cristalhq.PS384, cristalhq.PS512)
		},
		sign: func(is *issuer) (string, error) {
			signer, err := cristalhq.NewSignerRS(cristalhq.RS256, is.private)
			if err != nil {
				return "", err
			}
			t, err := cristalhq.NewBuilder(signer, cristalhq.WithKeyID(signingKid)).Build(json.RawMessage(goodClaims().text()))
			if err != nil {
				return "", err
			}
			return t.String(), nil
		},
	},
	{
		name: "golang-jwt + keyfunc", packages: []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"}, fetch: fetchKeyfunc,
		algorithms: func() []string {
			return slices.DeleteFunc(golangjwt.GetAlgorithms(), func(alg string) bool { return alg == "none" })
		},
		request: func(r *http.Request, is *issuer) error {
			_, err := request.ParseFromRequest(r, request.OAuth2Extractor, func(*golangjwt.Token) (any, error) { return &is.private.PublicKey, nil })
			return err
		},
		sign: func(is *issuer) (string, error) {
			var claims golangjwt.MapClaims
			if err := json.Unmarshal([]byte(goodClaims().text()), &claims); err != nil {
				return "", err
			}
			t := golangjwt.NewWithClaims(golangjwt.SigningMethodRS256, claims)
			t.Header["kid"] = signingKid
			return t.SignedString(is.private)
		},
	},
	{
		name: "pascaldekloe/jwt", packages: []string{"github.com/pascaldekloe/jwt"},
		algorithms: func() []string {
			list := named(pascaldekloe.EdDSA, pascaldekloe.RS256, pascaldekloe.RS384, pascaldekloe.RS512, pascaldekloe.PS256, pascaldekloe.PS384, pascaldekloe.PS512)
			return slices.AppendSeq(slices.AppendSeq(list, maps.Keys(pascaldekloe.HMACAlgs)), maps.Keys(pascaldekloe.ECDSAAlgs))
		},
		request: func(r *http.Request, is *issuer) error {
			_, err := pascaldekloe.RSACheckHeader(r, &is.private.PublicKey)
			return err
		},
		middleware: func(next http.Handler, is *issuer) (http.Handler, error) {
			keys := &pascaldekloe.KeyRegister{RSAs: []*rsa.PublicKey{&is.private.PublicKey}, RSAIDs: []string{signingKid}}
			return &pascaldekloe.Handler{Target: next, Keys: keys}, nil
		},
		sign: func(is *issuer) (string, error) {
			claims := pascaldekloe.Claims{KeyID: signingKid}
			if err := json.Unmarshal([]byte(goodClaims().text()), &claims.Set); err != nil {
				return "", err
			}
			t, err := claims.RSASign(pascaldekloe.RS256, is.private)
			return string(t), err
		},
	},
	{
		name: "go-jose", packages: []string{"github.com/go-jose/go-jose/v4", "github.com/go-jose/go-jose/v4/jwt"},
		algorithms: func() []string {
			return named(jose.EdDSA, jose.HS256, jose.HS384, jose.HS512, jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512,
				jose.PS256, jose.PS384, jose.PS512, jose.MLDSA44, jose.MLDSA65, jose.MLDSA87)
		},
		sign: func(is *issuer) (string, error) {
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: is.private, KeyID: signingKid}}, nil)
			if err != nil {
				return "", err
			}
			var claims map[string]any
			if err := json.Unmarshal([]byte(goodClaims().text()), &claims); err != nil {
				return "", err
			}
			return gojose.Signed(signer).Claims(claims).Serialize()
		},
		encrypt: func(text []byte, to *rsa.PrivateKey) ([]byte, error) {
			encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.RSA_OAEP_256, Key: &to.PublicKey}, nil)
			if err != nil {
				return nil, err
			}
			object, err := encrypter.Encrypt(text)
			if err != nil {
				return nil, err
			}
			return object.Decrypt(to)
		},
	},
	{
		name: "go-oidc", packages: []string{"github.com/coreos/go-oidc/v3/oidc"}, fetch: fetchGoOIDC,
		algorithms: func() []string {
			return named(oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA)
		},
		discover: func(ctx context.Context, client *http.Client) (verify, error) {
			ctx = oidc.ClientContext(ctx, client)
			provider, err := oidc.NewProvider(ctx, issuerName)
			if err != nil {
				return nil, err
			}
			return verifyingID(ctx, provider.VerifierContext(ctx, &oidc.Config{ClientID: audience})), nil
		},
		kit: func(t *testing.T) (string, verify) {
			is := testIssuer()
			server := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: is.private.Public(), KeyID: signingKid, Algorithm: oidc.RS256}}}
			server.SetIssuer(issuerName)
			ctx := oidc.ClientContext(t.Context(), &http.Client{Transport: served{server}})
			provider, err := oidc.NewProvider(ctx, issuerName)
			if err != nil {
				t.Fatal(err)
			}
			token := oidctest.SignIDToken(is.private, signingKid, oidc.RS256, goodClaims().text())
			return token, verifyingID(ctx, provider.VerifierContext(ctx, &oidc.Config{ClientID: audience}))
		},
	},
	{
		name: "jwx", fetch: fetchJWX,
		packages: []string{"github.com/lestrrat-go/jwx/v3/jwa", "github.com/lestrrat-go/jwx/v3/jwk", "github.com/lestrrat-go/jwx/v3/jws", "github.com/lestrrat-go/jwx/v3/jwt"},
		algorithms: func() []string {
			var list []string
			for _, alg := range jwa.SignatureAlgorithms() {
				if alg != jwa.NoSignature() {
					list = append(list, alg.String())
				}
			}
			return list
		},
		request: func(r *http.Request, is *issuer) error {
			_, err := jwt.ParseRequest(r, jwt.WithKey(jwa.RS256(), &is.private.PublicKey))
			return err
		},
		sign: func(is *issuer) (string, error) {
			claims := jwt.New()
			if err := json.Unmarshal([]byte(goodClaims().text()), claims); err != nil {
				return "", err
			}
			headers := jws.NewHeaders()
			if err := headers.Set(jws.KeyIDKey, signingKid); err != nil {
				return "", err
			}
			t, err := jwt.Sign(claims, jwt.WithKey(jwa.RS256(), is.private, jws.WithProtectedHeaders(headers)))
			return string(t), err
		},
		encrypt: func(text []byte, to *rsa.PrivateKey) ([]byte, error) {
			key, err := jwk.Import(to)
			if err != nil {
				return nil, err
			}
			encrypted, err := jwe.Encrypt(text, jwe.WithKey(jwa.RSA_OAEP_256(), &to.PublicKey))
			if err != nil {
				return nil, err
			}
			return jwe.Decrypt(encrypted, jwe.WithKey(jwa.RSA_OAEP_256(), key))
		},
	},
}

func named[T ~string](algorithms ...T) []string {
	var list []string
	for _, alg := range algorithms {
		list = append(list, string(alg))
	}
	return list
}

func verifying(ctx context.Context, verifier *jwtverify.Verifier) verify {
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}
}

func verifyingID(ctx context.Context, verifier *oidc.IDTokenVerifier) verify {
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}
}

// served lets a handler answer the requests of a client, without a network.
type served struct{ handler http.Handler }

func (s served) RoundTrip(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// A feature is shown by using it: with a good token it must work, with a forged one
// not. A library without a function for it has nil.
type feature struct {
	name string
	cell func(t *testing.T, l library, is *issuer) string
}

var features = []feature{
	{"algorithms of signatures", func(_ *testing.T, l library, _ *issuer) string { return fmt.Sprint(len(l.algorithms())) }},
	{"signs tokens", func(t *testing.T, l library, is *issuer) string {
		if l.sign == nil {
			return "–"
		}
		token, err := l.sign(is)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		verify, err := openOurs(is, true)
		if err != nil {
			t.Fatal(err)
		}
		return shown(t, l, verify, token)
	}},
	{"encrypts and decrypts (JWE)", func(t *testing.T, l library, is *issuer) string {
		if l.encrypt == nil {
			return "–"
		}
		if got, err := l.encrypt([]byte("secret"), is.private); err != nil || string(got) != "secret" {
			t.Fatalf("%s: got %q (error %v), want what was encrypted", l.name, got, err)
		}
		return "yes"
	}},
	{"fetches the key set from a URL", func(_ *testing.T, l library, _ *issuer) string {
		if l.fetch == nil {
			return "–"
		}
		return "yes" // as the table of fetched keys has shown
	}},
	{"finds the key set by the issuer's name (discovery)", func(t *testing.T, l library, is *issuer) string {
		if l.discover == nil {
			return "–"
		}
		mux := http.NewServeMux()
		mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuerName, issuerName+"/keys")
		})
		mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(is.jwks)
		})
		verify, err := l.discover(t.Context(), &http.Client{Transport: served{mux}})
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		return shown(t, l, verify, is.token(claimsBytes))
	}},
	{"takes the token from an HTTP request", func(t *testing.T, l library, is *issuer) string {
		if l.request == nil {
			return "–"
		}
		return shown(t, l, func(token string) (string, error) { return "", l.request(bearing(token), is) }, is.token(claimsBytes))
	}},
	{"HTTP middleware that answers 401 itself", func(t *testing.T, l library, is *issuer) string {
		if l.middleware == nil {
			return "–"
		}
		protected, err := l.middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), is)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		return shown(t, l, func(token string) (string, error) {
			answer := httptest.NewRecorder()
			protected.ServeHTTP(answer, bearing(token))
			switch answer.Code {
			case http.StatusOK:
				return "", nil
			case http.StatusUnauthorized:
				return "", errors.New("refused")
			}
			t.Fatalf("%s: got status %d, want 200 or 401", l.name, answer.Code)
			return "", nil
		}, is.token(claimsBytes))
	}},
	{"an issuer for your tests", func(t *testing.T, l library, _ *issuer) string {
		if l.kit == nil {
			return "–"
		}
		token, verify := l.kit(t)
		return shown(t, l, verify, token)
	}},
}

// shown is "yes" if a good token is accepted and a forged one is not; anything else is
// a mistake of ours in the use of the library.
func shown(t *testing.T, l library, verify verify, token string) string {
	t.Helper()
	if _, err := verify(token); err != nil {
		t.Fatalf("%s: a good token is refused: %v", l.name, err)
	}
	if _, err := verify(forge(token)); err == nil {
		t.Fatalf("%s: a forged token is accepted", l.name)
	}
	return "yes"
}

func bearing(token string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func featureTable(t *testing.T) string {
	t.Helper()
	is := testIssuer()
	rows := [][]string{append([]string{""}, names()...)}
	for _, f := range features {
		row := []string{f.name}
		for _, l := range libraries {
			row = append(row, f.cell(t, l, is))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

// A listed package is what `go list` says of it.
type listedPackage struct {
	ImportPath, Dir string
	Standard        bool
	GoFiles         []string
	Module          *struct{ Path string }
}

// codeTable counts what is compiled into a program that uses nothing but the library.
func codeTable(t *testing.T) string {
	t.Helper()
	rows := [][]string{{"library", "modules", "packages", "lines of code you import", "lines with what they import"}}
	for i, l := range libraries {
		modules := make(map[string]bool)
		packages, own, lines := 0, 0, 0
		for _, p := range list(t, l.packages) {
			if p.Standard {
				continue
			}
			modules[p.Module.Path] = true
			packages++
			for _, file := range p.GoFiles {
				count := linesOfCode(t, filepath.Join(p.Dir, file))
				lines += count
				if slices.Contains(l.packages, p.ImportPath) {
					own += count
				}
			}
		}
		version := contenders[i].version()
		if version != "" {
			version = " " + version
		}
		rows = append(rows, []string{l.name + version, fmt.Sprint(len(modules)), fmt.Sprint(packages), rounded(own), rounded(lines)})
	}
	return table(rows)
}

// rounded has two digits that count, so that the page need not follow every change.
func rounded(n int) string {
	unit := 1
	for n/unit >= 100 {
		unit *= 10
	}
	return thousands((n + unit/2) / unit * unit)
}

// list lists packages and all that they import, as for linux/amd64 without cgo.
func list(t *testing.T, packages []string) (listed []listedPackage) {
	t.Helper()
	command := exec.Command("go", append([]string{"list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,Module"}, packages...)...)
	command.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var p listedPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		listed = append(listed, p)
	}
	return listed
}

// linesOfCode counts the lines that hold something else than a comment.
func linesOfCode(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := token.NewFileSet().AddFile(path, -1, len(text))
	var s scanner.Scanner
	s.Init(file, text, nil, 0)
	lines := make(map[int]bool)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return len(lines)
		}
		if tok == token.SEMICOLON && literal == "\n" {
			continue // put in by the scanner
		}
		first := file.Line(pos)
		for i := range 1 + bytes.Count([]byte(literal), []byte("\n")) {
			lines[first+i] = true
		}
	}
}

// What a library has no function for is nowhere in its source either.
func TestWhatALibraryLacksIsNotInItsSource(t *testing.T) {
	for _, feature := range []struct {
		name, trace string
		has         func(l library) bool
	}{
		{"fetching", "http.NewRequest", func(l library) bool { return l.fetch != nil }},
		{"discovery", "openid-configuration", func(l library) bool { return l.discover != nil }},
		{"encryption", "RSA-OAEP", func(l library) bool { return l.encrypt != nil }},
		{"signing", "SignPKCS1v15", func(l library) bool { return l.sign != nil }},
	} {
		traced := 0
		for _, l := range libraries {
			found := false
			for _, p := range list(t, l.packages) {
				if slices.Contains(l.packages, p.ImportPath) {
					found = found || contains(t, p, feature.trace)
				}
			}
			if found {
				traced++
			}
			if found && !feature.has(l) {
				t.Errorf("%s is said to lack %s, and its source has %q", l.name, feature.name, feature.trace)
			}
		}
		if traced == 0 {
			t.Errorf("no source has %q: it tells nothing about %s", feature.trace, feature.name)
		}
	}
}

func contains(t *testing.T, p listedPackage, text string) bool {
	t.Helper()
	return slices.ContainsFunc(p.GoFiles, func(file string) bool {
		source, err := os.ReadFile(filepath.Join(p.Dir, file))
		if err != nil {
			t.Fatal(err)
		}
		return bytes.Contains(source, []byte(text))
	})
}

func TestLinesOfCodeAreThoseThatHoldCode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.go")
	text := "// Package x.\npackage x\n\n/* two\nlines */\nvar a = `1\n2\n` // three\n\nfunc f() {\n\t// nothing\n}\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := linesOfCode(t, path); got != 6 {
		t.Errorf("got %d, want 6: package, three of var, two of func", got)
	}
}

func TestLibrariesAreTheContenders(t *testing.T) {
	for i, l := range libraries {
		if l.name != contenders[i].name {
			t.Errorf("library %d is %s, want %s", i, l.name, contenders[i].name)
		}
	}
	if len(libraries) != len(contenders) {
		t.Errorf("got %d libraries, want %d", len(libraries), len(contenders))
	}
}
