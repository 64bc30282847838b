package strictjsontest

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"math/big"
	"time"
)

// CostOf returns how many signature checks take as long as a function. The machine may
// be busy, so both are run in turn, and the fastest runs are compared, until the
// result is below most.
func CostOf(most float64, f func()) float64 {
	n, _ := base64.RawURLEncoding.DecodeString(modulus)
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: 65537}
	signature := make([]byte, 256)
	signature[100] = 1
	check, fastest := time.Hour, time.Hour
	timed := func(shortest *time.Duration, f func()) {
		start := time.Now()
		f()
		*shortest = min(*shortest, time.Since(start))
	}
	for run := 0; run < 3_000; run++ {
		timed(&check, func() { rsa.VerifyPKCS1v15(pub, crypto.SHA256, make([]byte, 32), signature) })
		timed(&fastest, f)
		if run > 20 && float64(fastest) <= most*float64(check) {
			break
		}
	}
	return float64(fastest) / float64(check)
}

// An odd number of 2048 bits; nothing is ever verified with it.
var modulus = func() string {
	text := make([]byte, 342)
	for i := range text {
		text[i] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef"[i*7%32]
	}
	text[0], text[341] = 'y', 'w'
	return string(text)
}()
