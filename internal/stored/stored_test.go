package stored_test

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/stored"
)

// A number of 2048 bits that is odd: nothing is ever verified with it.
var modulus = new(big.Int).Add(new(big.Int).Lsh(big.NewInt(0x1234567), 2023), big.NewInt(12345))

func TestACopyComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	keys := []jwk.Key{{Names: jwk.Names{ID: "a"}, Public: &rsa.PublicKey{N: modulus, E: 65537}}, {Public: &rsa.PublicKey{N: modulus, E: 3}}}
	at := time.Date(2026, 11, 27, 1, 2, 3, 999, time.FixedZone("", 3600))
	if err := stored.Save(path, "issuer a", keys, at); err != nil {
		t.Fatal(err)
	}
	set, got, err := stored.Load(path, "issuer a")
	if err != nil || !got.Equal(at.Truncate(time.Second)) || len(set.Keys) != 2 {
		t.Fatalf("got %+v, %v, %v", set, got, err)
	}
	for i, key := range set.Keys {
		if key.ID != keys[i].ID || !key.Public.Equal(keys[i].Public) {
			t.Errorf("key %d: got %+v", i, key)
		}
	}
	if err := stored.Save(filepath.Join(path, "below a file"), "issuer a", keys, at); err == nil {
		t.Error("a copy was saved below a file")
	}
}

func TestACopyIsDistrusted(t *testing.T) {
	now := time.Now().UTC()
	key := fmt.Sprintf(`{"kty":"RSA","kid":"a","e":"AQAB","n":%q}`, base64.RawURLEncoding.EncodeToString(modulus.Bytes()))
	copyOf := func(saved, source string) string {
		return fmt.Sprintf(`{"keys":[%s],"saved":%q,"source":%q}`, key, saved, source)
	}
	good := now.Format(time.RFC3339)
	for name, row := range map[string]struct{ text, want string }{
		"a good one":                    {copyOf(good, "a"), ""},
		"a little ahead":                {copyOf(now.Add(4*time.Minute).Format(time.RFC3339), "a"), ""},
		"far ahead":                     {copyOf(now.Add(6*time.Minute).Format(time.RFC3339), "a"), "was saved in the future"},
		"of another source":             {copyOf(good, "b"), `is a copy of the keys of "b", want those of "a"`},
		"of a source that has no name":  {copyOf(good, ""), `is a copy of the keys of ""`},
		"without a time":                {copyOf("", "a"), `"saved" is ""`},
		"a time that is none":           {copyOf("yesterday", "a"), `"saved" is "yesterday"`},
		"the zero time":                 {copyOf("0001-01-01T00:00:00Z", "a"), `"saved" is "0001-01-01T00:00:00Z"`},
		"the zero time in another zone": {copyOf("0001-01-01T01:00:00+01:00", "a"), `"saved" is "0001-01-01T01:00:00+01:00"`},
		"the first second there is":     {copyOf("1970-01-01T00:00:01Z", "a"), ""},
		"the second before":             {copyOf("1970-01-01T00:00:00Z", "a"), `"saved" is`},
		"half of it":                    {copyOf(good, "a")[:100], "is not valid JSON"},
	} {
		path := filepath.Join(t.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		set, _, err := stored.Load(path, "a")
		if row.want == "" && (err != nil || len(set.Keys) != 1) || row.want != "" && (set != nil || err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), path)) {
			t.Errorf("%s: got %v, %v", name, set, err)
		}
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, _, err := stored.Load(path, "a"); err == nil {
		t.Error("a copy that is not there was read")
	}
}
