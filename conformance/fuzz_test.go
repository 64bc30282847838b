package conformance_test

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// FuzzPeers makes tokens and key sets and compares our verdict with that of three
// other libraries. A difference is a token that we accept and none of them does, or
// that all of them accept and we do not. Each must be one of those in
// differences_test.go, recognised by what the token and the set are.
//
// The input is three texts, which the fuzzer changes byte by byte, and a recipe: steps
// that change them as what they are, then encode and sign them (recipe_test.go). The
// keys are always the same, so that an input that was found can be repeated.
func FuzzPeers(f *testing.F) {
	keys := readFuzzKeys(f)
	f.Add(goodHeader, goodClaims, goodSet, []byte(nil))
	for _, recipe := range shownDifferences {
		f.Add(goodHeader, goodClaims, goodSet, recipe)
	}
	f.Fuzz(func(t *testing.T, header, claims, set string, recipe []byte) {
		if err := compare(t, cook(t, keys, header, claims, set, recipe)); err != nil {
			t.Error(err)
		}
	})
}

var (
	samples = flag.Int("samples", 1_000, "how many samples TestRandomSamples makes")
	seed    = flag.Uint64("seed", 1, "from which TestRandomSamples makes them")
)

// TestRandomSamples is FuzzPeers without the fuzzer: ten times as fast, since nothing is
// instrumented, and the same at each run.
func TestRandomSamples(t *testing.T) {
	keys := readFuzzKeys(t)
	const workers = 2
	var left, failures atomic.Int64
	left.Store(int64(*samples))
	var group sync.WaitGroup
	started := time.Now()
	for worker := range workers {
		random := rand.New(rand.NewPCG(*seed, uint64(worker)))
		group.Go(func() {
			for left.Add(-1) >= 0 && failures.Load() < 20 {
				steps := make([]byte, 5+3*random.IntN(5))
				for i := range steps {
					steps[i] = byte(random.IntN(256))
				}
				for i := range 5 { // mostly the usual form, so that the rest is seen
					if random.IntN(4) > 0 {
						steps[i] = 0
					}
				}
				if err := compare(t, cook(t, keys, goodHeader, goodClaims, goodSet, steps)); err != nil {
					failures.Add(1)
					t.Errorf("recipe %x: %v", steps, err)
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d samples in %v", *samples, time.Since(started).Round(time.Millisecond))
}

// TestEveryStepAlone makes the samples that differ from the good one in a single thing.
func TestEveryStepAlone(t *testing.T) {
	keys := readFuzzKeys(t)
	check := func(steps ...byte) {
		if err := compare(t, cook(t, keys, goodHeader, goodClaims, goodSet, steps)); err != nil {
			t.Errorf("recipe %x: %v", steps, err)
		}
	}
	check()
	for at, choices := range []int{2, len(signings), len(encodings), len(encodings), len(encodings)} {
		for choice := range choices {
			steps := make([]byte, 5)
			for steps[at] = 255; int(steps[at])%choices != choice; steps[at]-- {
			}
			check(steps...)
		}
	}
	for _, step := range []struct {
		what byte
		n    int
	}{
		{0, len(headerMembers)}, {4, len(claimsMembers)}, {8, len(keyMembers)}, {11, len(wholeKeys)},
		{13, len(setMembers)}, {14, len(textChanges)}, {15, len(tokenChanges)},
	} {
		for into := range step.n {
			for where := range byte(3) { // in front, behind, in place; or the three texts
				check(0, 0, 0, 0, 0, step.what, where, byte(into))
			}
		}
	}
}

const (
	goodHeader = `{"alg":"RS256","kid":"a"}`
	goodSet    = `{"keys":[{"kty":"RSA","kid":"a","n":"$A","e":"AQAB"}]}`
)

// A sample is a token and a key set, and the texts that are in the token.
type sample struct {
	token, set     string
	header, claims string

	shortSet string          // with $A and so on
	signer   *rsa.PrivateKey // who signed the token, or what stands for its signature
}

// signed is the sample with another header and claims.
func (s sample) signed(t testing.TB, header, claims string) sample {
	t.Helper()
	s.header, s.claims = header, claims
	s.token = signedBy(t, s.signer, header, claims)
	return s
}

// compare returns nil, or what is different for no reason that is known.
func compare(t testing.TB, s sample) error {
	t.Helper()
	ours := judgeSet(t, s)
	names, refusals := accept([]byte(s.set), s.token)
	switch {
	case ours == accepted && len(names) == 0 && len(explain(t, s, ours)) == 0:
		return fmt.Errorf("no peer accepts what is accepted here:\n%s%w", s, refusals)
	case ours != accepted && len(names) == len(peers) && len(explain(t, s, ours)) == 0:
		return fmt.Errorf("all peers accept what is refused here as %s:\n%s", ours, s)
	}
	return nil
}

// String shows the texts of a sample. Its keys are known to everybody.
func (s sample) String() string {
	return fmt.Sprintf("header %q\nclaims %q\nset    %q\n", s.header, s.claims, s.shortSet)
}

func judgeSet(t testing.TB, s sample) class {
	t.Helper()
	source, err := parse([]byte(s.set))
	if err != nil {
		return keysUnavailable
	}
	verifier, err := newVerifier(source)
	if err != nil {
		t.Fatal(err)
	}
	return judgeWith(t, verifier, s.token)
}

// readFuzzKeys returns three private keys of 2048 bits that Wycheproof publishes.
func readFuzzKeys(tb testing.TB) (keys []*rsa.PrivateKey) {
	tb.Helper()
	var file keyFile
	readVectors(tb, "rsa_pkcs1_2048_sig_gen", &file)
	for _, group := range file.TestGroups {
		if group.PrivateKeyJWK == nil || len(keys) == 3 {
			continue
		}
		var jwk map[string]string
		if err := json.Unmarshal(group.PrivateKeyJWK, &jwk); err != nil {
			tb.Fatal(err)
		}
		number := func(member string) *big.Int {
			data, err := base64.RawURLEncoding.DecodeString(jwk[member])
			if err != nil {
				tb.Fatal(err)
			}
			return new(big.Int).SetBytes(data)
		}
		key := &rsa.PrivateKey{
			PublicKey: rsa.PublicKey{N: number("n"), E: int(number("e").Int64())},
			D:         number("d"),
			Primes:    []*big.Int{number("p"), number("q")},
		}
		key.Precompute()
		if err := key.Validate(); err != nil {
			tb.Fatal(err)
		}
		keys = append(keys, key)
	}
	if len(keys) != 3 {
		tb.Fatalf("got %d private keys, want 3", len(keys))
	}
	return keys
}
