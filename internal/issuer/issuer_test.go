package issuer_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

const audience = "https://api.example.com"

// serve returns an issuer that is reachable at its own URL.
func serve(t *testing.T) *issuer.Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	iss, err := issuer.New(issuer.Config{URL: "http://" + server.Listener.Addr().String(), Audience: audience})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = iss.Handler()
	server.Start()
	t.Cleanup(server.Close)
	return iss
}

func verifier(t *testing.T, iss *issuer.Issuer, keys jwtverify.KeySource) *jwtverify.Verifier {
	t.Helper()
	v, err := jwtverify.New(jwtverify.Config{Issuer: iss.URL(), Audiences: []string{iss.Audience()}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func published(t *testing.T, iss *issuer.Issuer) *jwtverify.KeySet {
	t.Helper()
	set, err := jwtverify.ParseKeySet(iss.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// minted is for calls that return a token.
func minted(t *testing.T, token string, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokensAreAccepted(t *testing.T) {
	iss := serve(t)
	for name, keys := range map[string]jwtverify.KeySource{
		"by the keys at its URL":             jwtverify.HTTPKeySource{URL: iss.URL() + issuer.KeysPath},
		"by the keys that its metadata name": jwtverify.DiscoveryKeySource{Issuer: iss.URL()},
		"by its document":                    published(t, iss),
	} {
		t.Run(name, func(t *testing.T) {
			token, err := iss.Token()
			got, err := verifier(t, iss, keys).Verify(t.Context(), minted(t, token, err))
			if err != nil {
				t.Fatal(err)
			}
			if got.KeyID != iss.KeyID() || got.Subject != "m2m" || got.Type != "JWT" || got.ID == "" {
				t.Errorf("got key %q, subject %q, type %q, id %q", got.KeyID, got.Subject, got.Type, got.ID)
			}
			if life := got.Expiry.Sub(got.IssuedAt); life != issuer.Lifetime {
				t.Errorf("the token lives %v, want %v", life, issuer.Lifetime)
			}
			var claims map[string]any
			if err := got.Claims(&claims); err != nil || claims["client_id"] != "m2m" {
				t.Errorf("client_id is %v (%v), want m2m", claims["client_id"], err)
			}
		})
	}
}

func TestClaimsGoOverTheDefaults(t *testing.T) {
	iss := serve(t)
	v := verifier(t, iss, published(t, iss))
	for _, test := range []struct {
		name   string
		claims []issuer.Claims
		want   error
	}{
		{"none", nil, nil},
		{"a claim of one's own", []issuer.Claims{{"scope": "read"}}, nil},
		{"a past exp is kept", []issuer.Claims{{"exp": time.Now().Add(-time.Hour).Unix()}}, jwtverify.ErrExpired},
		{"a nil value takes the claim away", []issuer.Claims{{"aud": nil}}, jwtverify.ErrAudience},
		{"the later map wins", []issuer.Claims{{"iss": iss.URL()}, {"iss": "https://other.example"}}, jwtverify.ErrIssuer},
		{"a later map can bring back what an earlier took away", []issuer.Claims{{"aud": nil}, {"aud": audience}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			token, err := iss.Token(test.claims...)
			if _, err := v.Verify(t.Context(), minted(t, token, err)); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestSignAddsNothing(t *testing.T) {
	iss := serve(t)
	token, err := iss.Sign(issuer.Claims{"alg": "none"}, issuer.Claims{"x": 1})
	parts := strings.Split(minted(t, token, err), ".")
	for i, want := range []string{`{"alg":"none"}`, `{"x":1}`} {
		if got, err := base64.RawURLEncoding.DecodeString(parts[i]); string(got) != want {
			t.Errorf("part %d is %q (%v), want %s", i+1, got, err, want)
		}
	}
	if got := base64.RawURLEncoding.DecodedLen(len(parts[2])); got != 256 {
		t.Errorf("the signature has %d bytes, want 256", got)
	}
}

func TestWhatHasNoJSONIsAnError(t *testing.T) {
	iss := serve(t)
	if token, err := iss.Token(issuer.Claims{"f": func() {}}); err == nil || token != "" {
		t.Errorf("got %q, %v from Token, want an error alone", token, err)
	}
	if token, err := iss.Sign(issuer.Claims{"c": make(chan int)}, nil); err == nil || token != "" {
		t.Errorf("got %q, %v from Sign, want an error alone", token, err)
	}
}

func TestEverySetIsMixedAndPublic(t *testing.T) {
	iss := serve(t)
	set := published(t, iss)
	if set.Len() != 2 || len(set.Skipped()) != 2 {
		t.Errorf("%d keys are usable and %d are not, want 2 and 2", set.Len(), len(set.Skipped()))
	}
	for i, want := range []string{`use is "enc"`, `kty is "EC"`} {
		if got := set.Skipped()[i].Error(); !strings.Contains(got, want) {
			t.Errorf("skipped key %d: %s, want %s", i, got, want)
		}
	}
	var document struct{ Keys []map[string]any }
	if err := json.Unmarshal(iss.JWKS(), &document); err != nil {
		t.Fatal(err)
	}
	for _, key := range document.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, has := key[private]; has {
				t.Errorf("key %v is published with %q", key["kid"], private)
			}
		}
	}
}

func TestRotation(t *testing.T) {
	iss := serve(t)
	before := published(t, iss)
	first := iss.KeyID()
	old, err := iss.Token()
	minted(t, old, err)

	second, err := iss.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if second == first || second != iss.KeyID() {
		t.Errorf("signing key was %q, is %q, and Rotate returned %q", first, iss.KeyID(), second)
	}
	token, err := iss.Token()
	if _, err := verifier(t, iss, before).Verify(t.Context(), minted(t, token, err)); err != nil {
		t.Errorf("the set from before one rotation announces the key, but: %v", err)
	}
	if _, err := iss.Rotate(); err != nil {
		t.Fatal(err)
	}
	token, err = iss.Token()
	if _, err := verifier(t, iss, before).Verify(t.Context(), minted(t, token, err)); !errors.Is(err, jwtverify.ErrUnknownKey) {
		t.Errorf("got %v for the set from before two rotations, want %v", err, jwtverify.ErrUnknownKey)
	}
	after := verifier(t, iss, published(t, iss))
	for name, token := range map[string]string{"old": old, "new": token} {
		if _, err := after.Verify(t.Context(), token); err != nil {
			t.Errorf("the %s key is not in the set after two rotations: %v", name, err)
		}
	}
}

func TestTwoIssuersShareNoKid(t *testing.T) {
	a, b := serve(t), serve(t)
	var kids []string
	for key := range published(t, a).All() {
		kids = append(kids, key.ID())
	}
	for key := range published(t, b).All() {
		if slices.Contains(kids, key.ID()) {
			t.Errorf("both issuers have %q", key.ID())
		}
	}
}

func TestHandlerServesTwoDocuments(t *testing.T) {
	iss := serve(t)
	for path, want := range map[string]int{issuer.KeysPath: 200, issuer.MetadataPath: 200, "/": 404, "/.well-known/": 404} {
		recorder := httptest.NewRecorder()
		iss.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		answer := recorder.Result()
		if body, _ := io.ReadAll(answer.Body); answer.StatusCode != want || want == 200 && !json.Valid(body) {
			t.Errorf("GET %s: got %d %q, want %d with JSON", path, answer.StatusCode, body, want)
		}
	}
}

func TestRequestsAreBounded(t *testing.T) {
	iss := serve(t)
	handler := iss.Handler()
	path := "/" + strings.Repeat("a", 1_000_000)
	for i := range 25_001 {
		if i == 25_000 {
			path = issuer.KeysPath
		}
		handler.ServeHTTP(httptest.NewRecorder(), &http.Request{Method: "GET", URL: &url.URL{Path: path}})
		if i%1000 != 0 {
			continue
		}
		if n := len(iss.Requests()); n > 10_000 || n < min(i, 5_000) {
			t.Fatalf("after %d requests %d are remembered, want some of the newest, and 10,000 at most", i+1, n)
		}
	}
	requests := iss.Requests()
	if first, last := requests[0].Path, requests[len(requests)-1].Path; len(first) != 256 || last != issuer.KeysPath {
		t.Errorf("the oldest has a path of %d bytes, want 256; the newest is %.30s, want %s", len(first), last, issuer.KeysPath)
	}
}

// For the race detector.
func TestConcurrentUse(t *testing.T) {
	iss := serve(t)
	v := verifier(t, iss, jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
		return jwtverify.ParseKeySet(iss.JWKS())
	}))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				token, err := iss.Token()
				if err != nil {
					t.Error(err)
				}
				if _, err := v.Verify(t.Context(), token); err != nil {
					t.Error(err)
				}
			}
		})
	}
	// One rotation: its key was announced when the verifier loaded the set.
	wait.Go(func() {
		if _, err := iss.Rotate(); err != nil {
			t.Error(err)
		}
	})
	wait.Wait()
}
