package jwtverify

import (
	"strings"
	"testing"
	"time"
)

// Refetch makes the next look-up of a verifier ask the key source. For the tests of
// package jwtverify_test: nobody can turn a clock there while tokens stay valid.
func Refetch(v *Verifier) {
	st := *v.cache.current()
	if st.snapshot == nil {
		return
	}
	dead := *st.snapshot
	dead.dueAt, dead.deadAt = time.Time{}, time.Time{}
	st.snapshot = &dead
	v.cache.state.Store(&st)
}

// The token's text and its parts, decoded, and what else it takes.
func TestARememberedTokenIsCountedWithAllItsParts(t *testing.T) {
	v := &Verifier{verified: newVerifiedTokens(8)}
	v.remember(strings.Repeat("x", 1000), keyQuery{}, Key{}, &Token{Audience: make([]string, 3), claims: strings.Repeat("x", 600)})
	if got, want := v.verified.Bytes(), int64(2000+600+48+verifiedOverhead); got != want {
		t.Errorf("counted as %d bytes, want %d", got, want)
	}
}
