package jwtverify

import (
	"context"
	"slices"

	"example.com/jwtverify/internal/memo"
)

// Bounds of the memory of verified tokens.
const (
	maxVerifiedCache = 1_000_000
	// All entries together take at most this times Config.VerifiedCache. A usual
	// token takes less than 2 KiB, one of 16 KiB about 24 KiB.
	bytesPerVerified = 8 << 10
	// What an entry takes besides its claims: the struct with a hash in place of
	// the token, the pointer to it, and rounding.
	verifiedOverhead = 648
)

// A verifiedToken is a token whose signature and claims were verified, so that a client's
// next request with it costs no RSA. What depends on the time, on the keys or on
// Config.Check is checked again at each use.
type verifiedToken struct {
	query keyQuery
	key   Key // that verified it
	token Token
}

func newVerifiedTokens(entries int) *memo.Table[verifiedToken] {
	if entries == 0 {
		return nil
	}
	return memo.New[verifiedToken](entries, int64(entries)*bytesPerVerified)
}

// remembered is Verify for a token that was verified before. done is false if the
// token must be verified in full. It is called only for a Verifier with v.verified.
// Everything else in the token and the Config is unchanged, so the answer is the same
// as without the memory. But the key must still be one that the kid names, by the same
// look-up as for other tokens (which may fetch), and the times must still be valid.
func (v *Verifier) remembered(ctx context.Context, token string, hash uint64) (t *Token, err error, done bool) {
	known := v.verified.Find(token, hash)
	if known == nil {
		return nil, nil, false
	}
	_, keys, arrived := v.knownKeys(known.Value.query)
	if keys == nil {
		if _, keys, err = v.keys(ctx, known.Value.query, arrived); err != nil {
			return nil, err, true
		}
	}
	if !slices.Contains(keys, known.Value.key) {
		v.verified.Forget(known)
		return nil, nil, false
	}
	now := v.now()
	if err := checkNotBefore(&known.Value.token, now, v.leeway); err != nil {
		return nil, err, true
	}
	if err := checkExpiry(&known.Value.token, now, v.leeway); err != nil {
		v.verified.Forget(known)
		return nil, err, true
	}
	if err := checkOwn(&known.Value.token, v.check); err != nil {
		return nil, err, true
	}
	return known.Value.token.clone(), nil, true
}

// remember adds a token that was verified just now.
func (v *Verifier) remember(text string, hash uint64, q keyQuery, key Key, t *Token) {
	if v.verified == nil {
		return
	}
	// The strings of the token share the memory of the claims, or copy parts of
	// them. Those of the query lie in the decoded header.
	size := len(t.claims) + 16*len(t.Audience) + verifiedOverhead
	v.verified.Add(text, hash, verifiedToken{q, key, *t.clone()}, size)
}
