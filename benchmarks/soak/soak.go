package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify/internal/issuer"
)

const (
	refreshInterval = 10 * time.Second
	rotateEvery     = 5 * time.Second
	// The issuer is down from 28 to 34 of every 40 seconds.
	outageFrom, outageFor, cycle = 28 * time.Second, 6 * time.Second, 40 * time.Second
	// After so long in good health the service has asked for the keys anew: the
	// interval, or the retry that was due at most 8 s after an outage of 6.
	settled = refreshInterval + 2*time.Second
)

// A soak is the issuer, what happened to it, and what the clients were told.
type soak struct {
	iss  *issuer.Issuer
	send func(ctx context.Context, token string) (status int, err error)
	rest time.Duration // the most that a client rests between two rounds

	mu     sync.Mutex // guards what follows
	health []period   // the last one still goes on where until is zero
	keys   []key      // oldest first
	counts map[string]int
	times  map[time.Duration]int // of good tokens, to 10 µs: as many in an hour as in a minute
	faults []string              // the first wrong answers, in words
	nWrong int
}

// A period is a time of good health.
type period struct{ from, until time.Time }

// A key is one that the issuer has or had in its set.
type key struct {
	kid                string
	published, revoked time.Time // zero: not
	tokens             []string
}

func newSoak(iss *issuer.Issuer, send func(context.Context, string) (int, error)) *soak {
	s := &soak{iss: iss, send: send, rest: 2 * time.Millisecond, counts: make(map[string]int), times: make(map[time.Duration]int)}
	now := time.Now()
	s.health = []period{{from: now}}
	s.keys = []key{{kid: iss.KeyID(), published: now}}
	return s
}

// run lets the clients loose until ctx ends. The error means that the stage broke.
func (s *soak) run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, client := range []func(context.Context, *rand.Rand){
		s.good, s.good, s.good, s.revoked, s.forged, s.bad, s.leaving,
	} {
		seed := rand.Uint64()
		group.Go(func() {
			random := rand.New(rand.NewPCG(seed, 0))
			for ctx.Err() == nil {
				client(ctx, random)
				time.Sleep(time.Duration(random.Int64N(int64(s.rest))))
			}
		})
	}
	err := s.direct(ctx)
	group.Wait()
	return err
}

// direct does to the issuer what happens to issuers.
func (s *soak) direct(ctx context.Context) error {
	started := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for second := 1; ; second++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		at := time.Since(started).Round(time.Second)
		if second%int(rotateEvery/time.Second) == 0 {
			kid, err := s.iss.Rotate()
			if err != nil {
				return err
			}
			s.mu.Lock()
			// It was announced five seconds ago; counting from here is the safe side.
			s.keys = append(s.keys, key{kid: kid, published: time.Now()})
			s.mu.Unlock()
		}
		if second%30 == 0 {
			if err := s.revokeOldest(); err != nil {
				return err
			}
		}
		switch at % cycle {
		case outageFrom:
			faults := []string{"status-503", "hang", "html", "refused", "truncated", "empty", "drip"}
			s.mu.Lock()
			s.health[len(s.health)-1].until = time.Now()
			s.mu.Unlock()
			if err := s.iss.Fault(issuer.Fault{Name: faults[int(at/cycle)%len(faults)]}); err != nil {
				return err
			}
		case (outageFrom + outageFor) % cycle:
			if err := s.iss.Fault(issuer.Fault{}); err != nil {
				return err
			}
			s.mu.Lock()
			if last := &s.health[len(s.health)-1]; !last.until.IsZero() {
				s.health = append(s.health, period{from: time.Now()})
			}
			s.mu.Unlock()
		}
	}
}

// revokeOldest takes a key out of the set that signs no more.
func (s *soak) revokeOldest() error {
	s.mu.Lock()
	i := slices.IndexFunc(s.keys, func(k key) bool { return k.revoked.IsZero() })
	kid := s.keys[i].kid
	s.mu.Unlock()
	if kid == s.iss.KeyID() {
		return nil
	}
	err := s.iss.Revoke(kid)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[i].revoked = time.Now()
	return err
}

// noticed reports whether the service must have seen by now what happened at a time:
// there was a while of good health since.
func (s *soak) noticed(at time.Time) bool {
	now := time.Now()
	for _, p := range s.health {
		from, until := p.from, p.until
		if until.IsZero() || until.After(now) {
			until = now
		}
		if at.After(from) {
			from = at
		}
		if until.Sub(from) >= settled {
			return true
		}
	}
	return false
}

// healthy reports whether the issuer is in good health, and has been for a while.
func (s *soak) healthy() bool {
	last := s.health[len(s.health)-1]
	return last.until.IsZero() && time.Since(last.from) >= settled
}

// pick returns a token by a key that is certain to be known (or to be refused), or "".
func (s *soak) pick(random *rand.Rand, revoked bool) (token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var candidates []int
	for i, k := range s.keys {
		if revoked && !k.revoked.IsZero() && s.noticed(k.revoked) && s.healthy() || !revoked && k.revoked.IsZero() && s.noticed(k.published) {
			candidates = append(candidates, i)
		}
	}
	if len(candidates) == 0 {
		return ""
	}
	k := &s.keys[candidates[random.IntN(len(candidates))]]
	const enough = 10
	if len(k.tokens) == enough {
		return k.tokens[random.IntN(enough)]
	}
	token, err := s.iss.SignWith(k.kid)
	if err != nil {
		return ""
	}
	k.tokens = append(k.tokens, token)
	return token
}

// good sends a good token: whatever happens, it is accepted.
func (s *soak) good(ctx context.Context, random *rand.Rand) {
	token := s.pick(random, false)
	if token == "" {
		return
	}
	started := time.Now()
	status, err := s.send(context.WithoutCancel(ctx), token)
	took := time.Since(started)
	s.mu.Lock()
	s.times[took.Round(10*time.Microsecond)]++
	s.mu.Unlock()
	s.judge("good token", status, err, http.StatusOK)
}

// revoked sends a token whose key was withdrawn.
func (s *soak) revoked(ctx context.Context, random *rand.Rand) {
	token := s.pick(random, true)
	if token == "" {
		return
	}
	status, err := s.send(context.WithoutCancel(ctx), token)
	s.mu.Lock()
	stillHealthy := s.healthy()
	s.mu.Unlock()
	if stillHealthy {
		s.judge("token of a revoked key", status, err, http.StatusUnauthorized)
	} else {
		s.judge("token of a revoked key as the issuer goes down", status, err, http.StatusUnauthorized, http.StatusServiceUnavailable)
	}
}

// forged sends unknown kids as fast as it can.
func (s *soak) forged(ctx context.Context, random *rand.Rand) {
	s.mu.Lock()
	before := s.healthy()
	s.mu.Unlock()
	for range 20 {
		token, err := s.iss.Sign(issuer.Claims{"alg": "RS256", "kid": fmt.Sprintf("forged-%d", random.Uint64())}, issuer.Claims{"iss": s.iss.URL()})
		if err != nil {
			continue
		}
		status, err := s.send(context.WithoutCancel(ctx), token)
		s.mu.Lock()
		after := s.healthy()
		s.mu.Unlock()
		if before && after {
			s.judge("unknown kid", status, err, http.StatusUnauthorized)
		} else {
			s.judge("unknown kid in or after an outage", status, err, http.StatusUnauthorized, http.StatusServiceUnavailable)
		}
	}
}

// bad sends what is refused whatever the keys are.
func (s *soak) bad(ctx context.Context, random *rand.Rand) {
	token := s.pick(random, false)
	if token == "" {
		return
	}
	cut := strings.LastIndexByte(token, '.')
	kid := ""
	s.mu.Lock()
	for _, k := range s.keys {
		if slices.Contains(k.tokens, token) {
			kid = k.kid
		}
	}
	s.mu.Unlock()
	expired, err := s.iss.SignWith(kid, issuer.Claims{"exp": time.Now().Add(-time.Hour).Unix()})
	if err != nil {
		return
	}
	other, err := s.iss.SignWith(kid, issuer.Claims{"aud": "https://other.example.com"})
	if err != nil {
		return
	}
	for what, test := range map[string]struct {
		token  string
		status int
	}{
		"expired token":            {expired, http.StatusUnauthorized},
		"token of another API":     {other, http.StatusUnauthorized},
		"token without signature":  {token[:cut+1], http.StatusUnauthorized},
		"token with another's":     {token[:cut] + expired[strings.LastIndexByte(expired, '.'):], http.StatusUnauthorized},
		"text that is no token":    {"x", http.StatusUnauthorized},
		"text that is no b64token": {"x y", http.StatusBadRequest},
	} {
		status, err := s.send(context.WithoutCancel(ctx), test.token)
		s.judge(what, status, err, test.status)
	}
}

// leaving goes away before the answer, or nearly.
func (s *soak) leaving(ctx context.Context, random *rand.Rand) {
	token := s.pick(random, false)
	if token == "" || random.IntN(2) == 0 {
		var err error
		if token, err = s.iss.Sign(issuer.Claims{"alg": "RS256", "kid": fmt.Sprint(random.Uint64())}, issuer.Claims{}); err != nil {
			return
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(random.IntN(int(2*time.Millisecond))))
	defer cancel()
	status, err := s.send(ctx, token)
	if err != nil {
		s.judge("client that left", 0, nil, 0)
		return
	}
	s.judge("client that nearly left", status, nil, http.StatusOK, http.StatusUnauthorized, http.StatusServiceUnavailable)
}

// judge counts an answer, and keeps it if it is wrong.
func (s *soak) judge(what string, status int, err error, right ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[fmt.Sprintf("%-48s %d", what, status)]++
	if err == nil && slices.Contains(right, status) {
		return
	}
	s.nWrong++
	if len(s.faults) < 10 {
		s.faults = append(s.faults, fmt.Sprintf("%s: got %d, error %v, want %v", what, status, err, right))
	}
}

func (s *soak) wrong() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nWrong
}

func (s *soak) print(out io.Writer, length time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	lines := make([]string, 0, len(s.counts))
	for line, n := range s.counts {
		total += n
		lines = append(lines, fmt.Sprintf("  %s  × %d", line, n))
	}
	slices.Sort(lines)
	fmt.Fprintf(out, "%d requests in %v, %.0f a second; %d wrong answers\n", total, length, float64(total)/length.Seconds(), s.nWrong)
	fmt.Fprintln(out, strings.Join(lines, "\n"))
	for _, fault := range s.faults {
		fmt.Fprintln(out, "WRONG:", fault)
	}
	if len(s.times) > 0 {
		fmt.Fprintf(out, "good tokens          median %v, 99 of 100 within %v, all within %v\n", s.within(0.5), s.within(0.99), s.within(1))
	}
	revoked := 0
	for _, k := range s.keys {
		if !k.revoked.IsZero() {
			revoked++
		}
	}
	fmt.Fprintf(out, "keys                 %d in turn, %d revoked; outages: %d\n", len(s.keys), revoked, len(s.health)-1)
}

// within is the time in which a share of the good tokens was answered.
func (s *soak) within(share float64) time.Duration {
	all := 0
	for _, n := range s.times {
		all += n
	}
	times := slices.Sorted(maps.Keys(s.times))
	below := 0
	for _, took := range times[:len(times)-1] {
		if below += s.times[took]; float64(below) >= share*float64(all) {
			return took
		}
	}
	return times[len(times)-1]
}
