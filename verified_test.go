package jwtverify_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// remembering returns a verifier that has accepted the token, and remembers it: the
// second time takes a single allocation, where crypto/rsa makes nine.
func remembering(t *testing.T, config jwtverify.Config, token string) *jwtverify.Verifier {
	t.Helper()
	config.VerifiedCache = 100
	verifier := newVerifier(t, config)
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(1, func() { verifier.Verify(t.Context(), token) }); got > 2 {
		t.Fatalf("the second time takes %v allocations: it is not remembered", got)
	}
	return verifier
}

func TestRememberedTokenIsANewOneEachTime(t *testing.T) {
	for name, aud := range map[string]any{"one audience": testAudience, "three audiences": []string{"a", testAudience, "b"}, "no audience": nil} {
		t.Run(name, func(t *testing.T) {
			claims := goodClaims()
			claims["scope"], claims["client_id"], claims["aud"] = "orders:read", testAudience, aud
			maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
			raw := sign(t, 0, goodHeader(), claims)
			verifier := newVerifier(t, jwtverify.Config{AudienceClaim: "client_id", VerifiedCache: 1})
			want, err := newVerifier(t, jwtverify.Config{AudienceClaim: "client_id"}).Verify(t.Context(), raw)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // the first of them is not remembered yet
				got, err := verifier.Verify(t.Context(), raw)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(jwtverify.Token{})); diff != "" {
					t.Errorf("token (-without +with memory):\n%s", diff)
				}
				var scope struct{ Scope json.RawMessage }
				if err := got.Claims(&scope); err != nil || string(scope.Scope) != `"orders:read"` {
					t.Errorf("scope is %s, error %v", scope.Scope, err)
				}
				// Whatever the caller does to it is the caller's own.
				got.Subject = "admin"
				for i := range got.Audience {
					got.Audience[i] = "https://other"
				}
				_ = append(got.Audience, "more")
				copy(scope.Scope, `"orders:rite"`)
			}
		})
	}
}

func TestTheLongestTokenIsRemembered(t *testing.T) {
	remembering(t, jwtverify.Config{}, longestToken(t))
}

// longestToken is a good token of as many bytes as Verify takes.
func longestToken(t *testing.T) string {
	const longest = 16 << 10
	claims := marshal(t, goodClaims())
	var raw string
	for spaces := 0; len(raw) != longest; spaces++ {
		if spaces == 3 {
			t.Fatalf("a token of %d bytes, want %d", len(raw), longest)
		}
		header := `{"alg":"RS256","kid":"key-0"` + strings.Repeat(" ", spaces) + "}"
		signed := encode(header) + "." + encode(claims)
		room := longest - len(signed) - len(".") - 342 // the signature
		raw = signText(t, 0, header, claims+strings.Repeat(" ", room*3/4))
	}
	return raw
}

func TestRememberedTokenIsJudgedByTheTimeAnew(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	now := time.Unix(testNow, 0)
	verifier := remembering(t, jwtverify.Config{Now: func() time.Time { return now }}, raw)
	for _, test := range []struct {
		seconds int64
		want    error
	}{
		{testNow + 3599, nil},
		{testNow - 61, jwtverify.ErrNotYetValid},
		{testNow - 60, nil},
		{testNow + 3600, jwtverify.ErrExpired},
		{testNow - 60, nil},
		{testNow + 9999, jwtverify.ErrExpired},
	} {
		now = time.Unix(test.seconds, 0)
		token, err := verifier.Verify(t.Context(), raw)
		checkVerdict(t, token, err, test.want)
	}
}

func TestATokenThatDiffersInOneByteIsNotRemembered(t *testing.T) {
	raw := sign(t, 0, goodHeader(), goodClaims())
	verifier := remembering(t, jwtverify.Config{}, raw)
	for i := range raw {
		for _, flip := range []byte{1, 2, 0x20} {
			other := []byte(raw)
			other[i] ^= flip
			if token, err := verifier.Verify(t.Context(), string(other)); err == nil || token != nil {
				t.Fatalf("accepted with another byte at %d", i)
			}
		}
	}
	for name, other := range map[string]string{"a byte less": raw[:len(raw)-1], "a byte more": raw + "A", "twice": raw + raw, "a space before": " " + raw} {
		if _, err := verifier.Verify(t.Context(), other); !errors.Is(err, jwtverify.ErrInvalid) {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}

// The source's keys change under a Cache; the token stays the same, and the memory must
// say what a verifier without one says.
func TestRememberedTokenNeedsItsKeyInTheSet(t *testing.T) {
	kid := []string{"key-0", "key-1"}
	for _, test := range []struct {
		name string
		then *jwtverify.KeySet // nil: the source fails
		wait time.Duration
		want error
	}{
		{"the same keys again", setOf(t, kid, []int{0, 1}), time.Hour, nil},
		{"the key is gone", setOf(t, kid[1:], []int{1}), time.Hour, jwtverify.ErrUnknownKey},
		{"its kid is another key's", setOf(t, kid[:1], []int{2}), time.Hour, jwtverify.ErrSignature},
		{"its kid is another key's too", setOf(t, []string{"key-0", "key-0"}, []int{2, 0}), time.Hour, nil},
		{"the key has another kid", setOf(t, []string{"key-9", "key-1"}, []int{0, 1}), time.Hour, jwtverify.ErrUnknownKey},
		{"the source fails for an hour", nil, time.Hour, nil},
		{"the source fails for two days", nil, 48 * time.Hour, jwtverify.ErrKeysUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			raw := sign(t, 0, goodHeader(), map[string]any{"iss": testIssuer, "aud": testAudience, "exp": testNow + 3600})
			synctest.Test(t, func(t *testing.T) {
				set := setOf(t, kid, []int{0, 1})
				config := jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) {
					if set == nil {
						return nil, errors.New("down")
					}
					return set, nil
				})}
				verifier := remembering(t, config, raw)
				set = test.then
				for range 3 {
					time.Sleep(test.wait / 3)
					verifier.Verify(t.Context(), raw) // starts a refresh
					synctest.Wait()
				}
				for range 2 {
					token, err := verifier.Verify(t.Context(), raw)
					if test.want == jwtverify.ErrKeysUnavailable {
						if token != nil || !errors.Is(err, test.want) || errors.Is(err, jwtverify.ErrInvalid) {
							t.Errorf("got %v, %v, want ErrKeysUnavailable alone", token, err)
						}
						continue
					}
					checkVerdict(t, token, err, test.want)
				}
				time.Sleep(time.Minute)
			})
		})
	}
}

// In an outage the memory saves as much as before.
func TestATokenIsRememberedWhileTheSourceFails(t *testing.T) {
	raw := sign(t, 0, goodHeader(), map[string]any{"iss": testIssuer, "aud": testAudience, "exp": testNow + 3600})
	synctest.Test(t, func(t *testing.T) {
		answer := &fixedAnswer{set: testSet(t, 1)}
		verifier := remembering(t, jwtverify.Config{Keys: answer}, raw)
		answer.set, answer.err = nil, errors.New("down")
		time.Sleep(time.Hour)
		verify := func() {
			if _, err := verifier.Verify(t.Context(), raw); err != nil {
				t.Error(err)
			}
		}
		verify() // asks, in vain
		synctest.Wait()
		if got := testing.AllocsPerRun(1, verify); got > 6 { // twice as many without the memory
			t.Errorf("it takes %v allocations: the token is not remembered", got)
		}
		time.Sleep(time.Minute)
	})
}

func TestANewVerifiedCacheIsBounded(t *testing.T) {
	for size, want := range map[int]string{-1: "Config.VerifiedCache is -1", 1_000_001: "Config.VerifiedCache is 1000001", 0: "", 1: "", 7: "", 1_000_000: ""} {
		_, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: testSet(t, 1), VerifiedCache: size})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d: got error %v, want %q in it", size, err, want)
		}
	}
}

// A flood of distinct valid tokens, the largest there are, does not make the memory
// grow beyond what Config.VerifiedCache documents.
func TestVerifiedCacheUnderAFloodOfTokens(t *testing.T) {
	if testing.Short() {
		t.Skip("signs hundreds of tokens")
	}
	const entries, perEntry = 100, 8 << 10
	claims := goodClaims()
	claims["padding"] = strings.Repeat("x", 11_500)
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	verifier := newVerifier(t, jwtverify.Config{VerifiedCache: entries})
	before := heap()
	for i := range 3 * entries {
		claims["jti"] = fmt.Sprint(i)
		if _, err := verifier.Verify(t.Context(), sign(t, 0, goodHeader(), claims)); err != nil {
			t.Fatal(err)
		}
	}
	const slack = 256 << 10 // of everything else in the process
	if grown := int64(heap()) - int64(before); grown > entries*perEntry+slack {
		t.Errorf("the heap has grown by %d bytes, want at most %d", grown, entries*perEntry)
	}
	runtime.KeepAlive(verifier)
}

func TestVerifiedCacheIsSafeForConcurrentUse(t *testing.T) {
	var tokens []string
	for i := range 40 {
		claims := goodClaims()
		claims["sub"] = fmt.Sprint(i)
		tokens = append(tokens, sign(t, 0, goodHeader(), claims))
	}
	forged := sign(t, 1, goodHeader(), goodClaims())
	for _, entries := range []int{1, 8, 20, 1000} {
		verifier := newVerifier(t, jwtverify.Config{VerifiedCache: entries})
		var group sync.WaitGroup
		for i := range 4 {
			group.Go(func() {
				for j := range 3 * len(tokens) {
					n := (i*7 + j) % len(tokens)
					if token, err := verifier.Verify(t.Context(), tokens[n]); err != nil || token.Subject != fmt.Sprint(n) {
						t.Errorf("got %v, %v for token %d", token, err, n)
						return
					}
					if j%4 > 0 {
						continue // a forged one needs RSA each time
					}
					if _, err := verifier.Verify(t.Context(), forged); !errors.Is(err, jwtverify.ErrSignature) {
						t.Errorf("a forged token: got %v", err)
						return
					}
				}
			})
		}
		group.Wait()
	}
}

// A verifier with a memory says what one without says, of any token, at any time, with
// any of the keys, in any order. Each byte of the program is a step: which token, at
// which time, and whether the keys change before.
func FuzzRememberedAgrees(f *testing.F) {
	var tokens []string
	for i := range 4 {
		for _, kid := range []string{"key-0", "key-1"} {
			claims := goodClaims()
			claims["sub"], claims["nbf"], claims["exp"] = fmt.Sprint(i), testNow-100*i, testNow+100*i
			tokens = append(tokens, sign(f, i%3, map[string]any{"alg": "RS256", "kid": kid}, claims))
		}
	}
	sets := []*jwtverify.KeySet{
		testSet(f, 1), testSet(f, 2), testSet(f, 3),
		setOf(f, []string{"key-0"}, []int{1}), setOf(f, []string{"key-0", "key-0"}, []int{0, 2}),
	}
	f.Add([]byte{1, 0, 1, 0, 0x11, 0, 0x21, 0})
	f.Add([]byte{0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 2, 2, 2, 3, 2, 4})
	f.Add([]byte("a longer program, of text: every byte is as good as another"))
	f.Fuzz(func(t *testing.T, program []byte) {
		now := time.Unix(testNow, 0)
		set := sets[0]
		config := jwtverify.Config{
			Now: func() time.Time { return now },
			Check: func(token *jwtverify.Token) error {
				if token.Subject = token.Subject + "!"; token.Subject == "3!" && now.Unix() > testNow {
					return errors.New("not this one, this late")
				}
				return nil
			},
			// Without a Cache of its own: each look-up sees the keys of the moment.
			Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil }),
		}
		plain := newVerifier(t, config)
		config.VerifiedCache = 5
		config.Keys = jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil })
		memory := newVerifier(t, config)
		for step := range slices.Chunk(program[:min(len(program), 64)], 2) {
			if len(step) == 2 && int(step[1])%8 < len(sets) && set != sets[step[1]%8] {
				set = sets[step[1]%8]
				// Both have to see the new keys at once.
				config.VerifiedCache = 0
				plain = newVerifier(t, config)
				jwtverify.Refetch(memory)
			}
			raw := tokens[step[0]%8]
			now = time.Unix(testNow+100*int64(step[0]>>4)-800, 0)
			want, wantErr := plain.Verify(t.Context(), raw)
			got, err := memory.Verify(t.Context(), raw)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("got %v, want %v", err, wantErr)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(jwtverify.Token{})); diff != "" {
				t.Fatalf("token (-without +with memory):\n%s", diff)
			}
		}
	})
}

// The claims, decoded, and what else it takes; the token itself is not kept.
func TestARememberedTokenIsCountedWithAllItsParts(t *testing.T) {
	claims := marshal(t, changed(goodClaims(), map[string]any{"aud": []string{"x", "y", testAudience}}))
	raw := signText(t, 0, marshal(t, goodHeader()), claims)
	verifier := remembering(t, jwtverify.Config{VerifiedCache: 8}, raw)
	const audiences, overhead = 3 * 16, 648
	if got, want := jwtverify.RememberedBytes(verifier), int64(len(claims)+audiences+overhead); got != want {
		t.Errorf("counted as %d bytes, want %d", got, want)
	}
}

// A token that was verified before, by keys that a Cache keeps fresh.
func BenchmarkRemembered(b *testing.B) {
	token := benchToken(b)
	verifier := newVerifier(b, jwtverify.Config{VerifiedCache: 100, Keys: &jwtverify.Cache{Source: testSet(b, 2)}})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := verifier.Verify(b.Context(), token); err != nil {
				b.Error(err)
			}
		}
	})
}
