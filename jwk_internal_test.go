package jwtverify

import (
	"bytes"
	"crypto/rsa"
	"math/big"
	"slices"
	"testing"
	"time"
)

// A public key as good as any: odd, of 2048 bits.
var somePublicKey = &rsa.PublicKey{
	N: new(big.Int).SetBytes(append(bytes.Repeat([]byte{0xc5, 0x3a}, 127), 0x5c, 0xa3)),
	E: 65537,
}

func TestWithRefreshAfter(t *testing.T) {
	key, err := NewKey(somePublicKey, "key")
	if err != nil {
		t.Fatal(err)
	}
	set, err := NewKeySet(key)
	if err != nil {
		t.Fatal(err)
	}
	set.origin = origin{url: "https://issuer.example/keys", etag: `"1"`}
	for d, want := range map[time.Duration]time.Duration{
		time.Minute: time.Minute, 10 * time.Second: 10 * time.Second, 24 * time.Hour: 24 * time.Hour,
		10*time.Second - 1: 10 * time.Second, 0: 10 * time.Second, -time.Hour: 10 * time.Second,
		24*time.Hour + 1: 24 * time.Hour, 1<<63 - 1: 24 * time.Hour, -1 << 63: 10 * time.Second,
	} {
		hinted := set.WithRefreshAfter(d)
		if hinted.origin.refreshAfter != want || !slices.Equal(hinted.keys, set.keys) || hinted.origin.url != set.origin.url {
			t.Errorf("%v: got %v with %d keys, want %v", d, hinted.origin.refreshAfter, hinted.Len(), want)
		}
		if set.origin.refreshAfter != 0 {
			t.Fatalf("%v: the set itself has changed to %v", d, set.origin.refreshAfter)
		}
		if again := hinted.WithRefreshAfter(time.Hour); again.origin.refreshAfter != time.Hour || hinted.origin.refreshAfter != want {
			t.Errorf("%v, then an hour: got %v and %v", d, hinted.origin.refreshAfter, again.origin.refreshAfter)
		}
	}
}
