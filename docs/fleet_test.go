package docs_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// docs/scale.md shows what a fleet of replicas does to its issuer: each replica is a
// Verifier with a Cache of its own, all in one bubble of fake time, with the issuer in
// memory. The command in that document runs as many as its table is for; other runs take
// a few, and compare what does not depend on how many there are.
var replicas = flag.Int("replicas", 20, "size of the fleet of TestFleet; -replicas 1000 -update writes the table of docs/scale.md")

const (
	fleetTable  = 1_000                 // replicas that the table is for
	fleetAnswer = 50 * time.Millisecond // that the issuer takes
	fleetSlow   = 10 * time.Second      // between two tokens at a replica, while nothing happens
	fleetFast   = time.Second           // the same around a fault

	nothingToLoad = "–" // in the last column, if the row has no new keys
)

// A fleetRow is a row of the table.
type fleetRow struct {
	what string
	mean float64       // requests per second
	peak int           // in one second
	last time.Duration // until the last replica has done it; 0: nothing to do
	herd bool          // many come at once, because all started at once or need a key at once
}

// A fleet is some replicas and their issuer.
type fleet struct {
	t         *testing.T
	begin     time.Time
	verifiers []*jwtverify.Verifier

	mu       sync.Mutex // guards what follows
	requests []int      // by the second
	issuer   func() *http.Response
	tokens   []string // that each replica is sent, in turn
	gap      time.Duration
	loads    []fleetLoad
	errors   []error // of Verify
}

// A fleetLoad is a good fetch: what a replica knew from then on.
type fleetLoad struct {
	replica int
	at      time.Duration
	kids    string
}

func newFleet(t *testing.T, size int, issuer func() *http.Response, tokens ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, begin: time.Now(), issuer: issuer, tokens: tokens, gap: fleetSlow}
	for i := range size {
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer: "https://tenant.example.com", Audiences: []string{"https://api.example.com"}, VerifiedCache: 8,
			Keys: &jwtverify.Cache{
				Source: jwtverify.HTTPKeySource{URL: "https://tenant.example.com/jwks.json", Client: &http.Client{Transport: transportFunc(f.ask)}},
				OnLoad: func(set *jwtverify.KeySet, err error) { f.load(i, set, err) },
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		f.verifiers = append(f.verifiers, verifier)
	}
	return f
}

func (f *fleet) now() time.Duration { return time.Since(f.begin) }

// sleepTo sleeps until a time after the start.
func (f *fleet) sleepTo(at time.Duration) { time.Sleep(at - f.now()) }

// ask is a request to the issuer.
func (f *fleet) ask(*http.Request) (*http.Response, error) {
	f.mu.Lock()
	second := int(f.now() / time.Second)
	f.requests = append(f.requests, make([]int, max(0, second+1-len(f.requests)))...)
	f.requests[second]++
	issuer := f.issuer
	f.mu.Unlock()
	time.Sleep(fleetAnswer)
	return issuer(), nil
}

// load is the OnLoad of a replica.
func (f *fleet) load(replica int, set *jwtverify.KeySet, err error) {
	if err != nil {
		return
	}
	kids := ""
	for key := range set.All() {
		kids += key.ID()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loads = append(f.loads, fleetLoad{replica, f.now(), kids})
}

// change is one moment: from now on the issuer answers so, and these tokens come this
// often.
func (f *fleet) change(issuer func() *http.Response, gap time.Duration, tokens ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issuer, f.gap, f.tokens = issuer, gap, tokens
}

// run sends tokens to each replica, beginning with one at the same moment for all. After
// that each has its own moments, which are spread over the gap.
func (f *fleet) run(until time.Duration) {
	for i, verifier := range f.verifiers {
		go func() {
			for turn := 0; f.now() < until; turn++ {
				f.mu.Lock()
				token, gap := f.tokens[turn%len(f.tokens)], f.gap
				f.mu.Unlock()
				_, err := verifier.Verify(context.Background(), token)
				if err != nil {
					f.mu.Lock()
					f.errors = append(f.errors, err)
					f.mu.Unlock()
				}
				moment := (gap * time.Duration(i) / time.Duration(len(f.verifiers))).Truncate(100 * time.Millisecond)
				time.Sleep(gap - (f.now()-moment+gap)%gap)
			}
		}()
	}
}

// row is what happened from a moment on. done tells what the replicas then had to load;
// nil: nothing.
func (f *fleet) row(what string, from, length time.Duration, herd bool, done func(kids string) bool) fleetRow {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	r := fleetRow{what: what, herd: herd}
	sum := 0
	for at := from; at < from+length; at += time.Second {
		if second := int(at / time.Second); second < len(f.requests) {
			sum += f.requests[second]
			r.peak = max(r.peak, f.requests[second])
		}
	}
	r.mean = float64(sum) / length.Seconds()
	if done == nil {
		return r
	}
	first := map[int]time.Duration{}
	for _, load := range f.loads {
		if _, known := first[load.replica]; !known && load.at >= from && done(load.kids) {
			first[load.replica] = load.at - from
		}
	}
	if len(first) < len(f.verifiers) {
		f.t.Errorf("%s: %d of %d replicas are done", what, len(first), len(f.verifiers))
	}
	for _, took := range first {
		r.last = max(r.last, took)
	}
	return r
}

// refused is how many tokens were refused, and how many nobody could judge, since the last
// call.
func (f *fleet) refused() (unknown, unavailable int) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range f.errors {
		switch {
		case errors.Is(err, jwtverify.ErrUnknownKey):
			unknown++
		case errors.Is(err, jwtverify.ErrKeysUnavailable):
			unavailable++
		default:
			f.t.Errorf("got %v", err)
		}
	}
	f.errors = nil
	return unknown, unavailable
}

// none fails if a token was not accepted since the last call.
func (f *fleet) none(what string) {
	f.t.Helper()
	if unknown, unavailable := f.refused(); unknown+unavailable > 0 {
		f.t.Errorf("%s: %d good tokens were refused, %d not judged, want none", what, unknown, unavailable)
	}
}

func TestFleet(t *testing.T) {
	rows := slices.Concat(fleetDay(t), fleetRestart(t))
	table := "| what happens | requests per second, on average | most requests in one second | all replicas have the current keys after |\n| --- | --- | --- | --- |\n"
	for _, r := range rows {
		last := nothingToLoad
		if r.last > 0 {
			last = fleetDuration(r.last)
		}
		table += fmt.Sprintf("| %s | %.1f | %d | %s |\n", r.what, r.mean, r.peak, last)
	}
	t.Logf("%d replicas:\n%s", *replicas, table)
	if *replicas == fleetTable && *update {
		const begin, end = "<!-- fleet -->\n", "<!-- end -->\n"
		before, rest, ok := strings.Cut(readText(t, "docs/scale.md"), begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("docs/scale.md has no %s and %s", begin, end)
		}
		if err := os.WriteFile("docs/scale.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written := shapeTable(t, "docs/scale.md", "what happens")
	if len(written) != len(rows) {
		t.Fatalf("docs/scale.md has %d rows, want %d", len(written), len(rows))
	}
	for i, r := range rows {
		r.compare(t, written[i])
	}
}

// compare holds a row of this run against the row of the document. Jitter is random: a
// mean may differ by a tenth, a peak by a half. A peak of few replicas says nothing about
// that of many; that no half of them comes in one second does.
func (r fleetRow) compare(t *testing.T, cells []string) {
	t.Helper()
	figure := func(cell string) float64 {
		value, err := strconv.ParseFloat(cell, 64)
		if err != nil {
			t.Errorf("%s: %v", r.what, err)
		}
		return value
	}
	near := func(what string, got, want, share float64) {
		if math.Abs(got-want) > share*want {
			t.Errorf("%s, %s: got %.2f, docs/scale.md says %.2f", r.what, what, got, want)
		}
	}
	if cells[0] != r.what {
		t.Errorf("docs/scale.md has the row %q, want %q", cells[0], r.what)
	}
	share := float64(*replicas) / fleetTable
	near("mean", r.mean, figure(cells[1])*share, 0.1)
	if !r.herd && r.peak > *replicas/2 {
		t.Errorf("%s: %d of %d replicas came in one second: a herd", r.what, r.peak, *replicas)
	}
	if *replicas == fleetTable {
		near("peak", float64(r.peak), figure(cells[2]), 0.5)
	}
	if cells[3] == nothingToLoad && r.last == 0 {
		return
	}
	last, err := time.ParseDuration(strings.ReplaceAll(cells[3], " ", ""))
	if err != nil || r.last > last+last/10 {
		t.Errorf("%s: the last replica after %v, docs/scale.md says %q (%v)", r.what, r.last, cells[3], err)
	}
}

// The arithmetic of docs/scale.md, for fleets of other sizes.
func TestFleetArithmetic(t *testing.T) {
	for _, cells := range shapeTable(t, "docs/scale.md", "when") {
		seconds, err := strconv.ParseFloat(strings.TrimSuffix(cells[1], " s"), 64)
		if err != nil {
			t.Fatal(err)
		}
		for i, size := range []float64{1_000, 100_000} {
			want := fmt.Sprintf("%.0f", size/seconds)
			if size < 100*seconds {
				want = fmt.Sprintf("%.1f", size/seconds)
			}
			if got := strings.ReplaceAll(cells[2+i], ",", ""); got != want {
				t.Errorf("%s, %.0f replicas: got %s a second, want %s", cells[0], size, got, want)
			}
		}
	}
}

// fleetDuration is a time in whole seconds, rounded up, unless it is less than one.
func fleetDuration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d/time.Millisecond)
	}
	return fmt.Sprintf("%d s", (d+time.Second-1)/time.Second)
}

// A fleetIssuer has what the fleets of a test are told: answers, and tokens by kid.
type fleetIssuer struct {
	t      *testing.T
	tokens map[string]string
}

func newFleetIssuer(t *testing.T) fleetIssuer {
	t.Helper()
	tokens := map[string]string{}
	for n, kid := range []string{"a", "b", "c"} {
		tokens[kid] = sign(t, n%2, map[string]any{"alg": "RS256", "kid": kid}, map[string]any{
			"iss": "https://tenant.example.com", "aud": "https://api.example.com", "sub": "client-1",
			"exp": time.Date(2000, 1, 3, 0, 0, 0, 0, time.UTC).Unix(), // bubbles begin two days before
		})
	}
	return fleetIssuer{t, tokens}
}

// serves answers with the keys of these kids, each a letter.
func (is fleetIssuer) serves(kids string) func() *http.Response {
	is.t.Helper()
	var keys []map[string]any
	for _, kid := range kids {
		keys = append(keys, published(is.t, int(kid-'a')%2, string(kid), nil))
	}
	body := marshal(is.t, keySet(keys...))
	return func() *http.Response { return jsonResponse(body) }
}

// down answers with 503; with Retry-After, unless that is "".
func (is fleetIssuer) down(retryAfter string) func() *http.Response {
	return func() *http.Response {
		response := jsonResponse("")
		response.StatusCode = http.StatusServiceUnavailable
		if retryAfter != "" {
			response.Header.Set("Retry-After", retryAfter)
		}
		return response
	}
}

func holding(kids string) func(string) bool { return func(got string) bool { return got == kids } }

// fleetDay is a day: all replicas start together, two rotations, two outages.
func fleetDay(t *testing.T) (rows []fleetRow) {
	is := newFleetIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		const hour = time.Hour
		f := newFleet(t, *replicas, is.serves("a"), is.tokens["a"])
		begin := time.Now()
		f.run(24 * hour)
		row := func(what string, from, length time.Duration, herd bool, done func(string) bool) {
			rows = append(rows, f.row(what, from, length, herd, done))
		}

		f.sleepTo(10 * time.Second)
		row("all replicas start in the same second (the first 10 seconds)", 0, 10*time.Second, true, holding("a"))

		f.sleepTo(6 * hour)
		row("nothing fails, and no key changes (5 hours)", hour, 5*hour, false, nil)

		f.change(is.serves("ab"), fleetSlow, is.tokens["a"])
		f.sleepTo(7 * hour)
		row("the issuer publishes a new key, which it does not use yet (1 hour)", 6*hour, hour, false, holding("ab"))
		f.change(is.serves("ab"), fleetSlow, is.tokens["b"])
		f.sleepTo(8 * hour)
		f.change(is.serves("b"), fleetSlow, is.tokens["b"])
		f.sleepTo(9 * hour)
		row("the issuer withdraws the old key, after it has used the new one for an hour (1 hour)", 8*hour, hour, false, holding("b"))
		f.none("an announced rotation")

		// The key has leaked: the old tokens still come, half of all.
		f.sleepTo(12*hour - time.Minute)
		f.change(is.serves("b"), fleetFast, is.tokens["b"])
		f.sleepTo(12 * hour)
		f.change(is.serves("c"), fleetFast, is.tokens["c"], is.tokens["b"])
		f.sleepTo(12*hour + 10*time.Minute)
		row("the issuer replaces its key without notice, and clients still send tokens of the old key (10 minutes)", 12*hour, 10*time.Minute, true, holding("c"))
		if unknown, unavailable := f.refused(); unknown == 0 || unavailable > 0 {
			t.Errorf("a rotation without notice: %d tokens of the old key were refused, %d were not judged", unknown, unavailable)
		}
		f.change(is.serves("c"), fleetSlow, is.tokens["c"])
		f.sleepTo(12*hour + 11*time.Minute)
		f.refused() // those of the same moment
		f.sleepTo(18*hour - time.Minute)
		f.change(is.serves("c"), fleetFast, is.tokens["c"])
		f.sleepTo(18 * hour)
		f.change(is.down(""), fleetFast, is.tokens["c"])
		f.sleepTo(19 * hour)
		row("the issuer is down (1 hour)", 18*hour, hour, false, nil)
		f.change(is.serves("c"), fleetFast, is.tokens["c"])
		f.sleepTo(19*hour + 10*time.Minute)
		row("the issuer is up again, after it was down for an hour (the first 10 minutes)", 19*hour, 10*time.Minute, false, holding("c"))

		f.change(is.serves("c"), fleetSlow, is.tokens["c"])
		f.sleepTo(21*hour - time.Minute)
		f.change(is.serves("c"), fleetFast, is.tokens["c"])
		f.sleepTo(21 * hour)
		back := begin.Add(21*hour + 30*time.Minute)
		f.change(is.down(back.UTC().Format(http.TimeFormat)), fleetFast, is.tokens["c"])
		f.sleepTo(21*hour + 30*time.Minute)
		row("the issuer is down, and its Retry-After names the time of its return (30 minutes)", 21*hour, 30*time.Minute, false, nil)
		f.change(is.serves("c"), fleetFast, is.tokens["c"])
		f.sleepTo(21*hour + 40*time.Minute)
		row("the issuer is up again, at the time that its Retry-After named (the first 10 minutes)", 21*hour+30*time.Minute, 10*time.Minute, false, holding("c"))
		f.change(is.serves("c"), fleetSlow, is.tokens["c"])
		f.sleepTo(24*hour + fleetSlow + time.Second)
		f.none("two outages")
	})
	return rows
}

// fleetRestart starts all replicas while the issuer is down: they have no keys.
func fleetRestart(t *testing.T) (rows []fleetRow) {
	is := newFleetIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		const first, outage = time.Minute, 10 * time.Minute
		f := newFleet(t, *replicas, is.down(""), is.tokens["a"])
		f.gap = fleetFast
		f.run(2 * outage)
		f.sleepTo(outage)
		rows = append(rows, f.row("all replicas start in the same second while the issuer is down (the first minute)", 0, first, true, nil),
			f.row("the issuer stays down after the replicas started, so that none has keys (the next 9 minutes)", first, outage-first, false, nil))
		f.refused()
		f.change(is.serves("a"), fleetFast, is.tokens["a"])
		f.sleepTo(2 * outage)
		rows = append(rows, f.row("the issuer is up again, after the replicas started while it was down, and they get their first keys (the first 10 minutes)", outage, outage, false, holding("a")))
		f.sleepTo(2*outage + 2*fleetFast)
	})
	return rows
}
