package issuer_test

import (
	"encoding/json"
	"testing"

	"example.com/jwtverify/internal/issuer"
)

// TestMain has the factors of keys reused; two keys are different all the same.
func TestKeysOfReusedFactorsDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		iss := newIssuer(t, issuer.Config{})
		for range 20 {
			if _, err := iss.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		var set struct {
			Keys []struct{ Kty, Use, N string }
		}
		if err := json.Unmarshal(iss.JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			if key.Kty != "RSA" || key.Use != "sig" {
				continue
			}
			if seen[key.N] {
				t.Errorf("the same key twice, after %d others", len(seen))
			}
			seen[key.N] = true
		}
	}
	if len(seen) != 44 {
		t.Errorf("there are %d keys, want 44", len(seen))
	}
}
