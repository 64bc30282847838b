package issuer_test

import (
	"errors"
	"testing"
	"time"

	"example.com/jwtverify/internal/issuer"
)

func TestBadTokensServeForAMinute(t *testing.T) {
	iss := newIssuer(t, issuer.Config{})
	list := func() (tokens []issuer.BadToken, mark string) {
		t.Helper()
		tokens, err := iss.RecentBadTokens()
		if err != nil {
			t.Fatal(err)
		}
		return tokens, tokens[len(tokens)-1].Token
	}
	rotate := func() {
		if _, err := iss.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	_, before := list()
	rotate()
	rotate()
	tokens, after := list()
	if after != before {
		t.Error("the tokens are signed again after rotations")
	}
	v := verifier(t, iss, published(t, iss))
	for _, bad := range tokens {
		if _, err := v.Verify(t.Context(), bad.Token); !errors.Is(err, bad.Err) {
			t.Errorf("%s, after rotations: got %v, want %v", bad.Name, err, bad.Err)
		}
	}
	for _, change := range []struct {
		name string
		make func() error
	}{
		{"a minute later", func() error { iss.Advance(time.Minute); return nil }},
		{"the key is revoked", func() error { return iss.Revoke(iss.KeyID()) }},
		{"the next key is revoked", func() error { rotate(); return iss.Revoke(iss.KeyID()) }},
	} {
		_, before := list()
		if err := change.make(); err != nil {
			t.Fatal(err)
		}
		if _, after := list(); after == before {
			t.Errorf("%s, and the tokens are the same", change.name)
		}
	}
}
