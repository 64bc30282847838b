package providers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify"
)

// A provider can be started, with fresh keys, at a port that it is told.
type provider struct {
	name     string
	audience string     // of its tokens
	form     url.Values // of the request for a token, with the client's secret
	start    func(t *testing.T, port string) server
}

// A server runs until it is stopped.
type server struct {
	issuer string
	stop   func()
	rotate func() // adds a key that signs from then on
}

// tell is the story of one provider, from the first token to a restart with other
// keys. All that is configured is its issuer and the audience.
func tell(t *testing.T, p provider) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	running := p.start(t, "0")
	defer func() { running.stop() }()
	verifier, cache := discovering(ctx, t, p, running)

	first := p.token(t, running.issuer)
	token, err := verifier.Verify(ctx, first)
	if err != nil {
		t.Fatalf("the first token: %v", err)
	}
	checkRow(t, p, token)
	want(t, "the token, changed", verify(ctx, verifier, tampered(first)), jwtverify.ErrSignature)
	for _, other := range []struct {
		name     string
		config   jwtverify.Config
		sentinel error
	}{
		{"the token at another service", jwtverify.Config{Issuer: running.issuer, Audiences: []string{p.audience + "x"}, Keys: cache}, jwtverify.ErrAudience},
		{"the token as another issuer's", jwtverify.Config{Issuer: running.issuer + "x", Audiences: []string{p.audience}, Keys: cache}, jwtverify.ErrIssuer},
		{"the token as one of another typ", jwtverify.Config{Issuer: running.issuer, Audiences: []string{p.audience}, Keys: cache, Type: "x+jwt"}, jwtverify.ErrUnsupported},
	} {
		verifier, err := jwtverify.New(other.config)
		if err != nil {
			t.Fatal(err)
		}
		want(t, other.name, verify(ctx, verifier, first), other.sentinel)
	}
	if got := cache.Stats().Fetches; got != 1 {
		t.Errorf("got %d fetches so far, want 1", got)
	}

	// A rotation: the first token of a new key makes us ask.
	running.rotate()
	rotated := first
	for range 4 { // a server may use its keys by turns
		if rotated = p.token(t, running.issuer); kidOf(t, rotated) != kidOf(t, first) {
			break
		}
	}
	if kidOf(t, rotated) == kidOf(t, first) {
		t.Fatal("the server did not rotate")
	}
	want(t, "the first token of a new key", verify(ctx, verifier, rotated), nil)
	want(t, "the token from before the rotation", verify(ctx, verifier, first), nil)
	if got := cache.Stats().Fetches; got != 2 {
		t.Errorf("got %d fetches after the rotation, want 2", got)
	}

	// An outage: what is known goes on, what is not known is not judged. A fresh
	// verifier has not asked for an unknown key yet, and may do so at once.
	verifier, _ = discovering(ctx, t, p, running)
	running.stop()
	want(t, "a known token in an outage", verify(ctx, verifier, rotated), nil)
	want(t, "a token of an unknown key in an outage", verify(ctx, verifier, withKid(t, first, "unknown")), jwtverify.ErrKeysUnavailable)
	want(t, "a known token in an outage that was noticed", verify(ctx, verifier, rotated), nil)

	// The server comes back at the same place, with other keys.
	u, err := url.Parse(running.issuer)
	if err != nil {
		t.Fatal(err)
	}
	issuer := running.issuer
	if running = p.start(t, u.Port()); running.issuer != issuer {
		t.Fatalf("the server came back as %s, want %s", running.issuer, issuer)
	}
	fresh := p.token(t, running.issuer)
	want(t, "the first token after the restart", verifyPatiently(ctx, verifier, fresh), nil)
	want(t, "a token from before the restart", verify(ctx, verifier, first), jwtverify.ErrUnknownKey)
	want(t, "another token from before the restart", verify(ctx, verifier, rotated), jwtverify.ErrUnknownKey)
}

// discovering returns a verifier that has found the keys of a running server.
func discovering(ctx context.Context, t *testing.T, p provider, running server) (*jwtverify.Verifier, *jwtverify.Cache) {
	t.Helper()
	cache := &jwtverify.Cache{Source: jwtverify.DiscoveryKeySource{Issuer: running.issuer}}
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: running.issuer, Audiences: []string{p.audience}, Keys: cache})
	if err != nil {
		t.Fatal(err)
	}
	if err := verifier.Ready(ctx); err != nil {
		t.Fatalf("discovery: %v", err)
	}
	return verifier, cache
}

func verify(ctx context.Context, verifier *jwtverify.Verifier, token string) error {
	_, err := verifier.Verify(ctx, token)
	return err
}

// verifyPatiently tries again when it is told to, as a client does that got a 503.
func verifyPatiently(ctx context.Context, verifier *jwtverify.Verifier, token string) error {
	for {
		err := verify(ctx, verifier, token)
		var unavailable *jwtverify.KeysUnavailableError
		if !errors.As(err, &unavailable) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(unavailable.RetryAfter):
		case <-ctx.Done():
		}
	}
}

func want(t *testing.T, name string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) { // nil is nothing but nil
		t.Errorf("%s: got %v, want %v", name, err, sentinel)
	}
}

// token asks for an access token by client_credentials (RFC 6749, section 4.4), at the
// token_endpoint of the metadata.
func (p provider) token(t *testing.T, issuer string) string {
	t.Helper()
	var metadata struct {
		TokenEndpoint string `json:"token_endpoint"`
	}
	answer, err := http.Get(strings.TrimSuffix(issuer, "/") + "/.well-known/openid-configuration")
	decode(t, "the metadata", answer, err, &metadata)
	var granted struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	answer, err = http.PostForm(metadata.TokenEndpoint, p.form)
	decode(t, "the token endpoint", answer, err, &granted)
	if !strings.EqualFold(granted.TokenType, "Bearer") {
		t.Fatalf("the token endpoint gave a token of the type %q", granted.TokenType)
	}
	return granted.AccessToken
}

func decode(t *testing.T, name string, answer *http.Response, err error, v any) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers with the status %s", name, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// tampered changes one character in the middle of the claims.
func tampered(token string) string {
	claims := []byte(token[strings.IndexByte(token, '.')+1 : strings.LastIndexByte(token, '.')])
	i := len(claims) / 2
	if claims[i] == 'A' {
		claims[i] = 'B'
	} else {
		claims[i] = 'A'
	}
	return token[:strings.IndexByte(token, '.')+1] + string(claims) + token[strings.LastIndexByte(token, '.'):]
}

func headerOf(t *testing.T, token string) (header map[string]any) {
	t.Helper()
	segment, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &header); err != nil {
		t.Fatal(err)
	}
	return header
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	kid, _ := headerOf(t, token)["kid"].(string)
	return kid
}

// withKid changes the kid of a token, and with it breaks the signature.
func withKid(t *testing.T, token, kid string) string {
	t.Helper()
	header := headerOf(t, token)
	header["kid"] = kid
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString(text) + "." + rest
}

// checkRow compares what the token was like with the provider's row in README.md.
func checkRow(t *testing.T, p provider, token *jwtverify.Token) {
	t.Helper()
	var claims map[string]json.RawMessage
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	typ, aud := token.Type, "a string"
	if typ == "" {
		typ = "none"
	}
	if claims["aud"][0] == '[' {
		aud = "a list"
	}
	row := fmt.Sprintf("| %s | %s | %s | %d characters |", p.name, typ, aud, len(token.KeyID))
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), row) {
		t.Errorf("../README.md has no row beginning with\n%s", row)
	}
}
