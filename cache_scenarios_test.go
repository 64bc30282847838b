package jwtverify_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
)

// The fault scenarios of the cache, in fake time; docs/design.md has the words and the
// rules that their figures follow from. F is the number of fetches after warming, F* with
// the first, ok / 401 / 503 a token that was accepted, refused for its key, or could not
// be judged. t = 0 is when the warming call has returned.

// A report is a line for each scenario, and the worst figures of all.
type report struct {
	mu      sync.Mutex
	lines   []string
	figures map[string]string

	passed, run    int
	worst          [2]excessFigure // all fetches, forced ones
	scripted       excessFigure    // all fetches, with the worst source there is
	mostRunning    int
	mostWaiting    int
	randomPrograms int
	randomCalls    string
}

type excessFigure struct {
	value float64
	where string
}

var scenarioReport = report{figures: map[string]string{}}

func (p *report) figure(name string, value any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.figures[name] = fmt.Sprint(value)
}

func (p *report) add(r *rig, where string) {
	all, forced := r.excess()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, value := range []float64{all, forced} {
		if value > p.worst[i].value {
			p.worst[i] = excessFigure{value, where}
		}
	}
	p.mostRunning = max(p.mostRunning, r.mostRunning)
	p.mostWaiting = max(p.mostWaiting, r.mostWaiting)
}

func (p *report) worstCase(value float64, where string) {
	if value > p.scripted.value {
		p.scripted = excessFigure{value, where}
	}
}

func (p *report) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "\n%-4s %-4s %-22s %-24s %-10s %6s %14s %9s\n", "", "", "fetches(forced,failed)", "ok/401/503", "known wait", "shed", "bubble time", "real time")
	for _, line := range slices.Sorted(slices.Values(p.lines)) {
		out.WriteString(line)
	}
	fmt.Fprintf(&out, "%d of %d scenarios passed\n", p.passed, p.run)
	fmt.Fprintf(&out, "most fetches less 3·W/C: %.2f (%s)\n", p.worst[0].value, p.worst[0].where)
	if p.scripted.where != "" {
		fmt.Fprintf(&out, "the same with the worst source there is: %.2f (%s)\n", p.scripted.value, p.scripted.where)
	}
	fmt.Fprintf(&out, "most forced fetches less W/C: %.2f (%s)\n", p.worst[1].value, p.worst[1].where)
	fmt.Fprintf(&out, "random programs: %d %s\n", p.randomPrograms, p.randomCalls)
	fmt.Fprintf(&out, "most source calls at once: %d\nmost waiters: %d\n", p.mostRunning, p.mostWaiting)
	for _, name := range slices.Sorted(maps.Keys(p.figures)) {
		fmt.Fprintf(&out, "%s: %s\n", name, p.figures[name])
	}
	fmt.Fprintf(&out, "race detector: %v\n", raceEnabled())
	return out.String()
}

var longScenarios = []string{"K02", "K20", "K22", "K25", "K37"}

func TestScenarios(t *testing.T) {
	often() // sign before the bubbles
	p := &scenarioReport
	t.Cleanup(func() { // when all have ended
		left := cacheGoroutines()
		if left != 0 {
			t.Errorf("%d goroutines of caches are left", left)
		}
		p.figure("goroutines left at rest", left)
		t.Log(p)
	})
	for _, scenario := range scenarios {
		t.Run(scenario.id+" "+scenario.name, func(t *testing.T) {
			if scenario.id != "K08" { // testing.AllocsPerRun counts what runs beside it
				t.Parallel()
			}
			if testing.Short() && slices.Contains(longScenarios, scenario.id) {
				t.Skip("takes long, and what it tests others test too, on a smaller scale")
			}
			began := time.Now()
			line := ""
			t.Cleanup(func() {
				verdict := "ok"
				if t.Failed() {
					verdict = "FAIL"
				}
				p.mu.Lock()
				defer p.mu.Unlock()
				p.run++
				if !t.Failed() {
					p.passed++
				}
				p.lines = append(p.lines, fmt.Sprintf("%-4s %-4s %s %9v\n", scenario.id, verdict, line, time.Since(began).Round(ms)))
			})
			synctest.Test(t, func(t *testing.T) {
				s := &stage{T: t, began: time.Now(), figures: p.figure}
				defer func() {
					var sum tally
					var fetched, forced, failed int
					var shed uint64
					for _, r := range s.rigs {
						p.add(r, scenario.id)
						fetched, forced, failed = fetched+r.fetched(), forced+r.forcedFetches(), failed+r.failed()
						shed += r.cache.Stats().Shed
						sum.ok, sum.refused, sum.unavailable = sum.ok+r.tally.ok, sum.refused+r.tally.refused, sum.unavailable+r.tally.unavailable
						sum.longest = max(sum.longest, r.tally.longest)
					}
					line = fmt.Sprintf("%-22s %-24s %-10v %6d %14v",
						fmt.Sprintf("%d (%d, %d)", fetched, forced, failed),
						fmt.Sprintf("%d/%d/%d", sum.ok, sum.refused, sum.unavailable),
						sum.longest, shed, time.Since(s.began).Round(ms))
				}()
				scenario.run(s)
				s.close()
			})
		})
	}
}

// cacheGoroutines counts the goroutines that run code of a Cache.
func cacheGoroutines() (n int) {
	buffer := make([]byte, 1<<20)
	stacks := string(buffer[:runtime.Stack(buffer, true)])
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(stack, "jwtverify.(*Cache)") {
			n++
		}
	}
	return n
}

var scenarios = []struct {
	id, name string
	run      func(*stage)
}{
	{"K01", "10,000 callers at once make one fetch", func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		r.cheap = true
		s.results("calls", r.atOnce(10_000, always("a")), 10_000, 0, 0)
		is(s, "F*", r.fetched(), 1)
	}},
	{"K02", "20,000 callers at once: what the queue does not hold is shed", func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		r.cheap = true
		results := r.atOnce(20_000, always("a"))
		s.results("calls", results, 16_384, 0, 3_616)
		for _, got := range results {
			if e := got.unavailableError(); got.unavailable() && (e.RetryAfter != time.Second || e.Reason != "busy" || got.wait != 0) {
				s.Fatalf("shed with Reason %q, RetryAfter %v after %v", e.Reason, e.RetryAfter, got.wait)
			}
		}
		is(s, "F*", r.fetched(), 1)
		is(s, "Shed", r.cache.Stats().Shed, 3_616)
	}},
	{"K03", "unknown kids during the first fetch cost one more", func(s *stage) {
		r := s.rig(nil, serve(s, "a", "b"))
		first := r.spread(1, 0, always("bogus"))
		time.Sleep(ms)
		s.results("other bogus kids", r.atOnce(1_000, distinct("bogus")), 0, 1_000, 0)
		s.results("first bogus kid", first(), 0, 1, 0)
		is(s, "F*", r.fetched(), 2)
	}},
	{"K04", "10,000 callers leave at their deadline, a patient one is served", func(s *stage) {
		r := s.rig(nil, serveAfter(s, time.Second, "a", "b"))
		results := make([]result, 10_000)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*ms)
				defer cancel()
				results[i] = r.callCtx(ctx, "a")
			})
		}
		time.Sleep(5 * ms)
		r.sample()
		is(s, "callers waiting at 5 ms", r.mostWaiting, 10_000)
		all.Wait()
		is(s, "time when all have left", r.now(), 10*ms)
		s.results("impatient calls", results, 0, 0, 10_000)
		s.waits("impatient calls", results, 10*ms, 10*ms)
		for _, got := range results {
			if !errors.Is(got.err, context.DeadlineExceeded) || got.unavailableError().Reason != "caller" {
				s.Fatalf("error of one who left: %v", got.err)
			}
		}
		miss, cold := jwtverify.Waiting(r.cache)
		is(s, "callers still in the queues", miss+cold, 0)
		patient := r.call("a")
		is(s, "the patient one's error", patient.err, nil)
		is(s, "the patient one is served at", patient.end(), time.Second)
		is(s, "F*", r.fetched(), 1)
	}},
	{"K05", "the caller who started the fetch goes, the fetch goes on", func(s *stage) {
		var deadline time.Time
		var cancelled error
		r := s.rig(nil, func(ctx context.Context) (*jwtverify.KeySet, error) {
			deadline, _ = ctx.Deadline()
			time.Sleep(time.Second)
			cancelled = ctx.Err()
			return kidSet(s, "a", "b"), nil
		})
		began := time.Now()
		ctx, cancel := context.WithCancel(context.Background())
		var starter result
		var all sync.WaitGroup
		all.Go(func() { starter = r.callCtx(ctx, "a") })
		synctest.Wait()
		others := r.spread(99, 0, always("a"))
		time.Sleep(2 * ms)
		cancel()
		all.Wait()
		s.results("starter", []result{starter}, 0, 0, 1)
		is(s, "starter leaves at", starter.end(), 2*ms)
		is(s, "starter's error is context.Canceled", errors.Is(starter.err, context.Canceled), true)
		s.results("others", others(), 99, 0, 0)
		is(s, "F*", r.fetched(), 1)
		is(s, "ctx of the source", cancelled, nil)
		is(s, "its deadline after", deadline.Sub(began), 5*time.Second)
	}},
	{"K06", "a panic of the source is a failed fetch", func(s *stage) {
		n := 0
		r := s.rig(nil, func(ctx context.Context) (*jwtverify.KeySet, error) {
			if n++; n == 1 {
				panic("no source")
			}
			return serve(s, "a", "b")(ctx)
		})
		s.results("first call", []result{r.call("a")}, 0, 0, 1)
		s.results("second call", []result{r.call("a")}, 0, 0, 1)
		is(s, "F* so far", r.fetched(), 1)
		time.Sleep(time.Second)
		s.results("third call", []result{r.call("a")}, 1, 0, 0)
		is(s, "F*", r.fetched(), 2)
	}},
	{"K07", "a source that ignores its context is not called again before it returns", func(s *stage) {
		r := s.warm()
		r.cheap = true
		release := make(chan struct{})
		r.set(func(context.Context) (*jwtverify.KeySet, error) {
			<-release
			return kidSet(s, "a", "b"), nil
		})
		calls := r.inTurn(3_600, time.Second, "a")
		s.results("a", calls, 3_600, 0, 0)
		s.waits("a", calls, 0, 0)
		s.results("bogus", []result{r.call("bogus")}, 0, 0, 1)
		is(s, "F before release", r.fetched()-1, 1)
		close(release)
		synctest.Wait()
		s.results("a after release", []result{r.call("a")}, 1, 0, 0)
		time.Sleep(time.Second)
		s.results("bogus after release", []result{r.call("bogus")}, 0, 1, 0)
		is(s, "F", r.fetched()-1, 3)
	}},
	{"K08", "1,000,000 lookups of a fresh key cost nothing", func(s *stage) {
		r := s.warm()
		// The lookup itself: a million tokens would take longer to decode.
		const n = 1_000_000
		ok := 0
		for i := range n {
			if jwtverify.Find(r.cache, "a") {
				ok++
			}
			if i%10_000 == 0 {
				time.Sleep(2 * time.Second) // 200 s in all
				r.call("a")
			}
		}
		is(s, "ok", ok, n)
		is(s, "F", r.fetched()-1, 0)
		allocs := testing.AllocsPerRun(1_000, func() { jwtverify.Find(r.cache, "a") })
		is(s, "allocs per lookup", allocs, 0)
		s.figures("allocations per fresh lookup", allocs)
	}},
	{"K09", "a slow refresh delays nobody", func(s *stage) {
		r := s.warm()
		r.set(serveAfter(s, 4*time.Second, "a", "b"))
		r.until(301 * time.Second)
		calls := r.atOnce(1_000, always("a"))
		s.results("a", calls, 1_000, 0, 0)
		s.waits("a", calls, 0, 0)
		time.Sleep(5 * time.Second)
		is(s, "F", r.fetched()-1, 1)
	}},
	{"K10", "a key revoked while the process was idle is not used", func(s *stage) {
		r := s.warm()
		r.until(time.Hour)
		r.set(serve(s, "a"))
		r.until(23 * time.Hour)
		calls := r.atOnce(500, always("b"))
		s.results("b", calls, 0, 500, 0)
		is(s, "F", r.fetched()-1, 1)
		used := time.Duration(0)
		for _, call := range calls {
			if call.ok() {
				used = max(used, call.end()-time.Hour)
			}
		}
		s.figures("longest use of a removed key, idle", used)
	}},
	{"K11", "old keys are used after one attempt to refresh them", func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(hangs)
		r.until(8 * time.Hour)
		calls := r.inTurnUntil(8*time.Hour+10*time.Minute, 100*ms, "a")
		s.results("a", calls, 5_950, 0, 0)
		s.waits("first", calls[:1], 5*time.Second, 5*time.Second)
		s.waits("rest", calls[1:], 0, 0)
		within(s, "F", r.fetched()-1, 14, 17)
	}},
	{"K12", "hints of the source set the interval", func(s *stage) {
		for _, row := range []struct {
			header   []string
			interval time.Duration
			want     time.Duration
		}{
			{nil, 0, 300 * time.Second},
			{[]string{"Cache-Control", "max-age=30"}, 0, 60 * time.Second},
			{[]string{"Cache-Control", "public, max-age=600"}, 0, 300 * time.Second},
			{[]string{"Cache-Control", "max-age=86400"}, 0, 300 * time.Second},
			{[]string{"Cache-Control", "no-store"}, 0, 60 * time.Second},
			{[]string{"Cache-Control", "max-age=600", "Age", "400"}, 0, 200 * time.Second},
			{[]string{"Cache-Control", "max-age=600"}, 2 * time.Minute, 120 * time.Second},
		} {
			r := s.rig(&jwtverify.Cache{RefreshInterval: row.interval}, over(respond(200, jwks(s, "a", "b"), row.header...))).warm()
			r.cheap = true
			calls := r.inTurnUntil(row.want+2*time.Second, time.Second, "a")
			s.results("a", calls, len(calls), 0, 0)
			s.waits("a", calls, 0, 0)
			if starts := r.starts(1); len(starts) == 0 {
				s.Errorf("%v: no second fetch in %v", row.header, r.now())
			} else {
				within(s, fmt.Sprint(row.header, " second fetch"), starts[0], row.want*8/10, row.want+time.Second)
			}
		}
	}},
	{"K13", "a removed key is refused after the next refresh", func(s *stage) {
		r := s.warm()
		r.cheap = true
		const removed = 10 * time.Second
		go func() {
			time.Sleep(removed - ms)
			r.set(serve(s, "a"))
		}()
		calls := r.inTurnUntil(59*time.Minute, time.Second, "b")
		ok, last := 0, time.Duration(0)
		for i, call := range calls {
			if call.ok() {
				last = call.start
				if call.start >= removed {
					ok++
				}
				if i != 0 && !calls[i-1].ok() {
					s.Errorf("ok again at %v", call.start)
				}
			} else if !call.refused() {
				s.Errorf("at %v: %v", call.start, call.err)
			}
		}
		within(s, "last ok", last, 0, 301*time.Second)
		within(s, "ok after removal", ok, 230, 292)
		within(s, "F", r.fetched()-1, 56, 59)
		is(s, "scheduled", r.fetched()-1-r.forcedFetches(), 1)
		s.figures("longest use of a removed key, busy", last-removed)

		control := s.warm()
		control.cheap = true
		calls = control.inTurnUntil(59*time.Minute, time.Second, "a")
		s.results("control", calls, len(calls), 0, 0)
		s.waits("control", calls, 0, 0)
		within(s, "F of the control", control.fetched()-1, 11, 14)
		is(s, "forced of the control", control.forcedFetches(), 0)
	}},
	{"K14", "a flood of unknown kids costs 12 fetches in 10 minutes", func(s *stage) {
		r := s.warm()
		r.cheap = true
		flood, calls := make([]result, 10_000), make([]result, 1_000)
		all := newCrew()
		for i := range flood {
			all.Go(func() { flood[i] = r.call(fmt.Sprint("flood-", i)) })
			if i%10 == 0 {
				all.Go(func() { calls[i/10] = r.call("a") })
			}
			time.Sleep(60 * ms)
		}
		all.Wait()
		s.results("flood", flood, 0, 10_000, 0)
		s.results("a", calls, 1_000, 0, 0)
		s.waits("a", calls, 0, 0)
		want := []time.Duration{0, 10, 30, 70, 130, 190, 250, 310, 370, 430, 490, 550}
		starts := r.starts(1)
		if len(starts) != len(want) {
			s.Fatalf("F: got %d, want %d", len(starts), len(want))
		}
		for i, start := range starts {
			// The next kid comes up to 60 ms after the cooldown; that adds up.
			within(s, fmt.Sprint("fetch ", i), start, want[i]*time.Second, want[i]*time.Second+time.Duration(i)*60*ms)
		}
		is(s, "forced", r.forcedFetches(), 12)
		s.figures("fetches in 10 min of flood", len(starts))
	}},
	{"K15", "10,000 unknown kids at once make one fetch and fill one queue", func(s *stage) {
		r := s.warm()
		s.results("kids", r.atOnce(10_000, distinct("kid")), 0, 1_024, 8_976)
		is(s, "F", r.fetched()-1, 1)
		is(s, "Shed", r.cache.Stats().Shed, 8_976)
		is(s, "most waiters", r.mostWaiting, 1_024)
	}},
	{"K16", "one retired kid costs no more than a flood", func(s *stage) {
		r := s.warm()
		r.until(10 * time.Minute)
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		before := r.fetched()
		is(s, "F of the refresh", before-1, 1)
		s.results("retired", r.inTurn(6_000, 100*ms, "retired"), 0, 6_000, 0)
		is(s, "F", r.fetched()-before, 12)
	}},
	{"K17", "a new key in use at once is found by one fetch", func(s *stage) {
		for _, group := range []int{10, 20} {
			r := s.warm()
			r.cheap = true
			r.until(30 * time.Second)
			r.set(serve(s, "a", "b", "c"))
			calls := r.spreadGroups(1_000*group, group, ms, always("c"))()
			s.results(fmt.Sprint(group, " per ms"), calls, 1_000*group, 0, 0)
			s.waits("c", calls, 0, fetchTime)
			is(s, "F", r.fetched()-1, 1)
			s.figures("time until an unannounced key is accepted, quiet", calls[0].wait)
		}
	}},
	{"K18", "an announced rotation refuses nobody", func(s *stage) {
		r := s.warm()
		r.cheap = true
		go func() {
			r.until(10 * time.Minute)
			r.set(serve(s, "b"))
		}()
		calls := r.inTurn(3_600, 100*ms, "a")
		calls = append(calls, r.inTurn(8_400, 100*ms, "b")...)
		s.results("calls", calls, 12_000, 0, 0)
		s.waits("calls", calls, 0, 0)
		is(s, "forced before the last call", r.forcedFetches(), 0)
		s.results("a at the end", []result{r.call("a")}, 0, 1, 0)
		within(s, "F*", r.fetched(), 5, 7)
		within(s, "forced", r.forcedFetches(), 0, 1)
	}},
	{"K19", "a key used before it is published is found at the next forced fetch", func(s *stage) {
		for _, row := range []struct {
			served          time.Duration
			refused, forced int
		}{{15 * time.Second, 300, 3}, {5 * time.Second, 100, 2}, {45 * time.Second, 700, 4}} {
			r := s.warm()
			r.cheap = true
			go func() {
				r.until(row.served)
				r.set(serve(s, "a", "b", "c"))
			}()
			calls := r.inTurnUntil(2*time.Minute, 100*ms, "c")
			s.results(fmt.Sprint("served after ", row.served), calls, len(calls)-row.refused, row.refused, 0)
			first := slices.IndexFunc(calls, result.ok)
			is(s, "first ok", first, row.refused)
			within(s, "refused for", calls[max(first, 0)].start, time.Duration(row.refused)*100*ms, time.Duration(row.refused)*100*ms+time.Second)
			is(s, "forced", r.forcedFetches(), row.forced)
		}
	}},
	{"K20", "under a flood a new key is accepted within a minute", func(s *stage) {
		longest := time.Duration(0)
		for _, row := range []struct{ from, after time.Duration }{{131, 59}, {160, 30}, {189, 1}} {
			r := s.warm()
			r.cheap = true
			from := row.from * time.Second
			flood := make([]result, 20*260)
			calls := make([]result, int((260*time.Second-from)/(50*ms)))
			all := newCrew()
			for i := range flood {
				if r.now() == from {
					r.set(serve(s, "a", "b", "c"))
				}
				all.Go(func() { flood[i] = r.call(fmt.Sprint("flood-", i)) })
				if n := i - (len(flood) - len(calls)); n >= 0 {
					all.Go(func() { calls[n] = r.call("c") })
				}
				time.Sleep(50 * ms)
			}
			all.Wait()
			s.results("flood", flood, 0, 20*260, 0)
			first := slices.IndexFunc(calls, result.ok)
			if first < 0 {
				s.Fatalf("c from %v: never accepted", from)
			}
			accepted := calls[first].end() - from
			within(s, fmt.Sprint("c from ", from, ": accepted after"), accepted, row.after*time.Second-time.Second, row.after*time.Second+time.Second)
			within(s, "always within", accepted, 0, 60*time.Second+fetchTime)
			longest = max(longest, accepted)
			s.results("c once accepted", calls[first:], len(calls)-first, 0, 0)
		}
		s.figures("time until an unannounced key is accepted, under flood", longest)
	}},
	{"K21", "who joins a fetch that began before he came gets another", func(s *stage) {
		r := s.warm()
		n := 0
		r.set(func(ctx context.Context) (*jwtverify.KeySet, error) {
			if n++; n == 1 {
				return serve(s, "a", "b")(ctx)
			}
			return serve(s, "a", "b", "c")(ctx)
		})
		r.until(301 * time.Second)
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		time.Sleep(10 * ms)
		s.results("c", r.atOnce(100, always("c")), 100, 0, 0)
		is(s, "F", r.fetched()-1, 2)
		is(s, "forced", r.forcedFetches(), 1)
	}},
	{"K22", "a source that fails every second time is not asked more often", func(s *stage) {
		n := 0
		r := s.rig(nil, func(ctx context.Context) (*jwtverify.KeySet, error) {
			if n++; n%2 == 0 {
				return fails(ctx)
			}
			return serve(s, "a", "b")(ctx)
		}).warm()
		r.cheap = true
		flood, calls := make([]result, 6_000), make([]result, 6_000)
		all := newCrew()
		for i := range flood {
			all.Go(func() { flood[i] = r.call(fmt.Sprint("flood-", i)) })
			all.Go(func() { calls[i] = r.call("a") })
			time.Sleep(100 * ms)
		}
		all.Wait()
		s.results("a", calls, 6_000, 0, 0)
		s.waits("a", calls, 0, 0)
		within(s, "F*", r.fetched(), 24, 26)
		landings := r.landed()
		unavailable := 0
		for _, call := range flood {
			if !call.unavailable() {
				continue
			}
			unavailable++
			inTime := slices.ContainsFunc(landings, func(l landing) bool {
				return l.err != nil && l.at <= call.end() && call.end() <= l.at+time.Second
			})
			if !inTime {
				s.Errorf("503 at %v, not in the second after a failure", call.end())
			}
		}
		within(s, "503 in all", unavailable, 1, 13*11)
	}},
	{"K23", "tokens without kid, with a kid too long, with a kid of two keys", func(s *stage) {
		r := s.warm()
		s.results("no kid", r.inTurn(1_000, 0, ""), 0, 1_000, 0)
		long := kidToken(strings.Repeat("k", 257), false)
		for range 1_000 {
			if _, err := r.verifier.Verify(context.Background(), long); !errors.Is(err, jwtverify.ErrMalformed) {
				s.Fatalf("kid of 257 bytes: %v", err)
			}
		}
		s.results("kid of 256 bytes", []result{r.call(strings.Repeat("k", 256))}, 0, 1, 0)
		is(s, "F", r.fetched()-1, 1)

		one := s.rig(nil, serve(s, "a")).warm()
		noKid := signText(s, 0, `{"alg":"RS256"}`, marshal(s, goodClaims()))
		s.results("no kid, set of one", []result{one.verify(context.Background(), "", noKid)}, 1, 0, 0)

		twice := s.rig(nil, func(ctx context.Context) (*jwtverify.KeySet, error) {
			var keys []jwtverify.Key
			for n := range 2 {
				key, err := jwtverify.NewKey(&testKey(s, n).PublicKey, "a")
				if err != nil {
					return nil, err
				}
				keys = append(keys, key)
			}
			return jwtverify.NewKeySet(keys...)
		}).warm()
		for n := range 2 {
			token := signText(s, n, `{"alg":"RS256","kid":"a"}`, marshal(s, goodClaims()))
			s.results(fmt.Sprint("modulus ", n), []result{twice.verify(context.Background(), "a", token)}, 1, 0, 0)
		}
	}},
	{"K24", "a day of outage refuses nobody", func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(fails)
		calls := r.inTurn(43_200, time.Second, "a")
		s.results("bogus", []result{r.call("bogus")}, 0, 0, 1)
		r.until(12 * time.Hour) // the bogus one may have waited
		calls = append(calls, r.inTurn(43_200, time.Second, "a")...)
		s.results("a", calls, 86_400, 0, 0)
		s.waits("a", calls, 0, 0)
		within(s, "F", r.fetched()-1, 1_560, 1_610)
		refused := 0
		for _, call := range calls {
			if !call.ok() {
				refused++
			}
		}
		s.figures("known calls refused in 24 h of outage", refused)
	}},
	{"K25", "a source that hangs for a day delays nobody", func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(hangs)
		calls := r.inTurn(86_400, time.Second, "a")
		s.results("a", calls, 86_400, 0, 0)
		s.waits("a", calls, 0, 0)
		within(s, "F", r.fetched()-1, 1_430, 1_475)
	}},
	{"K26", "after a day of outage nobody is served until it ends", func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(fails)
		s.results("first day", r.inTurn(86_400, time.Second, "a"), 86_400, 0, 0)
		before := r.fetched()
		calls := r.inTurnUntil(25*time.Hour, time.Second, "a")
		s.results("one hour more", calls, 0, 0, len(calls))
		is(s, "first 503 at", calls[0].start, 24*time.Hour)
		s.waits("one hour more", calls, 0, fetchTime)
		within(s, "F in that hour", r.fetched()-before, 125, 136)
		s.recovers(r, serve(s, "a", "b"), 31*time.Second)
	}},
	{"K27", "MaxStale below the interval: no use of keys older than that", func(s *stage) {
		r := s.rig(&jwtverify.Cache{MaxStale: time.Second}, serve(s, "a", "b")).warm()
		r.set(fails)
		calls := r.inTurn(600, time.Second, "a")
		s.results("up to 300 s", calls[:300], 300, 0, 0)
		s.results("from 300 s", calls[300:], 0, 0, 300)
		within(s, "F", r.fetched()-1, 14, 19)
	}},
	{"K28", "a process that starts during an outage", func(s *stage) {
		for _, row := range []struct {
			name              string
			outage            answer
			fewest, most      int
			longest, recovery time.Duration
		}{
			{"fails", fails, 24, 29, fetchTime, 31 * time.Second},
			{"hangs", hangs, 21, 25, 5 * time.Second, 36 * time.Second},
		} {
			r := s.rig(nil, row.outage)
			calls := r.spread(6_000, 100*ms, always("a"))
			within(s, row.name+" F*", r.fetched(), row.fewest, row.most)
			recovered := r.now()
			r.set(serve(s, "a", "b"))
			later := r.spread(500, 100*ms, always("a"))()
			outage := calls()
			s.waits(row.name, outage, 0, row.longest)
			s.results(row.name, outage, 0, 0, 6_000)
			first := slices.IndexFunc(later, result.ok)
			if first < 0 {
				s.Fatalf("%s: not ok %v after recovery", row.name, r.now()-recovered)
			}
			within(s, row.name+": ok after recovery", later[first].end()-recovered, 0, row.recovery)
			s.results(row.name+" once recovered", later[first:], len(later)-first, 0, 0)
			s.results(row.name+" before recovery", later[:first], 0, 0, first)
		}
	}},
	{"K29", "Retry-After is obeyed within bounds", func(s *stage) {
		near := func(what string, got, want time.Duration) {
			s.Helper()
			within(s, what, got, want-time.Second, want+time.Second)
		}
		for _, row := range []struct {
			header string
			gap    time.Duration
		}{{"120", 121 * time.Second}, {"3600", 301 * time.Second}} {
			r := s.rig(nil, over(respond(200, jwks(s, "a", "b")))).warm()
			r.cheap = true
			r.set(over(respond(503, "", "Retry-After", row.header)))
			calls := r.inTurn(1_200, time.Second, "a")
			s.results("a", calls, 1_200, 0, 0)
			s.waits("a", calls, 0, 0)
			starts := r.starts(1)
			within(s, "first", starts[0], 240*time.Second, 300*time.Second)
			is(s, "fetches", len(starts), 1+int((1_199*time.Second-starts[0])/row.gap))
			for i, start := range starts[1:] {
				near("gap with Retry-After "+row.header, start-starts[i], row.gap)
			}
		}
		r := s.rig(nil, over(respond(503, "", "Retry-After", "3600")))
		calls := r.inTurn(1_200, time.Second, "a")
		s.results("not warmed", calls, 0, 0, 1_200)
		starts := r.starts(0)
		is(s, "fetches, not warmed", len(starts), 20)
		for i, start := range starts {
			near("start, not warmed", start, time.Duration(i)*time.Minute)
		}
	}},
	{"K30", "an empty set is a fault for an hour, then a revocation", func(s *stage) {
		r := s.warm()
		r.cheap = true
		r.set(empty)
		calls := r.inTurn(1_800, time.Second, "a")
		bogus := r.call("bogus")
		is(s, "bogus meanwhile", bogus.unavailable(), true)
		is(s, "Reason meanwhile", bogus.unavailableError().Reason, "empty")
		first := -1
		fetchedByThen := 0
		for r.now() < 90*time.Minute {
			call := r.call("a")
			if !call.ok() && first < 0 {
				first, fetchedByThen = len(calls), r.fetched()
			}
			calls = append(calls, call)
			time.Sleep(time.Second)
		}
		if first < 0 {
			s.Fatal("a was never refused")
		}
		s.results("a at first", calls[:first], first, 0, 0)
		s.waits("a at first", calls[:first], 0, 0)
		within(s, "ok until", calls[first].start, 3_840*time.Second, 3_962*time.Second)
		within(s, "F by then", fetchedByThen-1, 68, 76)
		s.results("a then", calls[first:], 0, 0, len(calls)-first)
		calls = append(calls, r.call("bogus"), r.call("b"))
		s.results("others then", calls[len(calls)-2:], 0, 0, 2)
		for _, call := range calls[first:] {
			if reason := call.unavailableError().Reason; reason != "empty" {
				s.Fatalf("at %v: Reason %q", call.start, reason)
			}
		}
		s.recovers(r, serve(s, "a", "b"), 31*time.Second)
	}},
	{"K31", "a process that starts with an empty set", func(s *stage) {
		r := s.rig(nil, empty)
		calls := r.inTurnUntil(2*time.Hour, time.Second, "a")
		s.results("a", calls, 0, 0, len(calls))
		for _, call := range calls {
			if reason := call.unavailableError().Reason; reason != "empty" {
				s.Fatalf("at %v: Reason %q", call.start, reason)
			}
		}
		within(s, "F*", r.fetched(), 255, 280)
	}},
	{"K32", "one bad key does not break the set", func(s *stage) {
		good := strings.TrimSuffix(strings.TrimPrefix(jwks(s, "a"), `{"keys":[`), `]}`)
		body := `{"keys":[` + good + `,{"kty":"EC","kid":"ec","crv":"P-256","x":"AA","y":"AA"},{"kty":"RSA","kid":"bad","n":"!!","e":"AQAB"}]}`
		r := s.rig(nil, over(respond(200, body))).warm()
		s.results("a", []result{r.call("a")}, 1, 0, 0)
		set, err := r.cache.Keys(context.Background())
		is(s, "Keys' error", err, nil)
		is(s, "keys", set.Len(), 1)
		is(s, "skipped", len(set.Skipped()), 2)
		for i, want := range []jwtverify.SkippedKeyError{{Index: 1, KeyID: "ec", Reason: "kty"}, {Index: 2, KeyID: "bad", Reason: `"n"`}} {
			var got *jwtverify.SkippedKeyError
			if !errors.As(set.Skipped()[i], &got) || got.Index != want.Index || got.KeyID != want.KeyID || !strings.Contains(got.Reason, want.Reason) {
				s.Errorf("skipped %d: got %+v, want %+v", i, got, want)
			}
		}
	}},
	{"K33", "a set that has not changed is not sent again, but for an unknown kid", func(s *stage) {
		var requests []*http.Request
		var sent []int
		r := s.rig(nil, over(func(request *http.Request) (*http.Response, error) {
			status := 200
			if request.Header.Get("If-None-Match") == `"v1"` {
				status = 304
			}
			requests, sent = append(requests, request), append(sent, status)
			return respond(status, map[int]string{200: jwks(s, "a", "b")}[status], "ETag", `"v1"`, "Cache-Control", "max-age=300")(request)
		})).warm()
		r.cheap = true
		calls := r.inTurnUntil(59*time.Minute, time.Second, "a")
		s.results("a", calls, len(calls), 0, 0)
		s.waits("a", calls, 0, 0)
		within(s, "F", r.fetched()-1, 11, 14)
		for i, status := range sent[1:] {
			is(s, fmt.Sprint("status of request ", i+1), status, 304)
			is(s, "Cache-Control beside If-None-Match", requests[i+1].Header.Get("Cache-Control"), "no-cache")
		}
		// The set may be due: then a's fetch is the conditional one, and the bogus
		// kid's the forced one.
		r.call("a")
		time.Sleep(time.Second)
		conditional := r.fetched()
		s.results("bogus", []result{r.call("bogus")}, 0, 1, 0)
		is(s, "fetches for it", r.fetched()-conditional, 1)
		last := requests[len(requests)-1]
		is(s, "forced", r.forcedFetches(), 1)
		is(s, "If-None-Match of the forced one", last.Header.Get("If-None-Match"), "")
		is(s, "Cache-Control of the forced one", last.Header.Get("Cache-Control"), "no-cache")
		for _, l := range r.landed() {
			if l.err != nil || l.set.Len() != 2 {
				s.Errorf("OnLoad at %v: %v", l.at, l.err)
			}
		}
	}},
	{"K34", "what is not a key set does not displace one", func(s *stage) {
		padded := func(n int) string { set := jwks(s, "a", "b", "c"); return set + strings.Repeat(" ", n-len(set)) }
		redirected := 0
		for _, row := range []struct {
			name    string
			server  transportFunc
			message string // "": published
			ends    time.Duration
		}{
			{"524,288 bytes", respond(200, padded(524_288)), "", fetchTime},
			{"524,289 bytes", respond(200, padded(524_289)), "larger than 524288 bytes", fetchTime},
			{"524,289 bytes of unknown length", func(request *http.Request) (*http.Response, error) {
				got, err := respond(200, padded(524_289))(request)
				if err == nil {
					got.ContentLength = -1
				}
				return got, err
			}, "larger than 524288 bytes", fetchTime},
			{"HTML", respond(200, "\n <html>sign in</html>"), "got HTML, not a key set", fetchTime},
			{"302", func(request *http.Request) (*http.Response, error) {
				if request.URL.String() != setURL {
					redirected++
				}
				return respond(302, "", "Location", "https://elsewhere.example/")(request)
			}, "set the final URL", fetchTime},
			{"1 byte/s", func(request *http.Request) (*http.Response, error) {
				got := response(request, 200, "")
				got.Body, got.ContentLength = io.NopCloser(&drip{request.Context(), jwks(s, "a", "b", "c")}), -1
				return got, nil
			}, "deadline exceeded", 5 * time.Second},
			{"204", respond(204, ""), "got status 204", fetchTime},
			{"unasked 304", respond(304, ""), "got status 304", fetchTime},
		} {
			r := s.rig(nil, over(respond(200, jwks(s, "a", "b")))).warm()
			r.until(301 * time.Second)
			r.set(over(row.server))
			call := r.call("a")
			s.results(row.name, []result{call}, 1, 0, 0)
			s.waits(row.name, []result{call}, 0, 0)
			time.Sleep(6 * time.Second)
			is(s, row.name+": F", r.fetched()-1, 1)
			last := r.landed()[1]
			is(s, row.name+": ends after", last.at-call.start, row.ends)
			set, _ := r.cache.Keys(context.Background())
			if row.message == "" {
				is(s, row.name+": error", last.err, nil)
				is(s, row.name+": keys", set.Len(), 3)
				continue
			}
			if last.err == nil || !strings.Contains(last.err.Error(), row.message) {
				s.Errorf("%s: error %v, want %q in it", row.name, last.err, row.message)
			}
			is(s, row.name+": keys", set.Len(), 2)
			s.results(row.name+" afterwards", []result{r.call("a")}, 1, 0, 0)
		}
		is(s, "requests to the target of the redirect", redirected, 0)
	}},
	{"K35", "a file is read again, and half a file is not used", func(s *stage) {
		path := filepath.Join(s.TempDir(), "keys.json")
		replace := func(text string) {
			beside := path + ".new"
			if err := os.WriteFile(beside, []byte(text), 0o600); err != nil {
				s.Error(err)
			}
			if err := os.Rename(beside, path); err != nil {
				s.Error(err)
			}
		}
		replace(jwks(s, "a", "b"))
		r := s.rig(nil, jwtverify.FileKeySource(path).Keys).warm()
		r.cheap = true
		go func() {
			r.until(5*time.Second + 500*ms) // between the calls
			replace(jwks(s, "b", "c"))
			r.until(60*time.Second - 500*ms)
			whole := jwks(s, "b", "c")
			replace(whole[:len(whole)/2])
		}()
		results := map[string][]result{}
		var all sync.WaitGroup
		var mu sync.Mutex
		for _, kid := range []string{"a", "b", "c"} {
			all.Go(func() {
				calls := r.inTurnUntil(2*time.Minute, time.Second, kid)
				mu.Lock()
				defer mu.Unlock()
				results[kid] = calls
			})
		}
		all.Wait()
		broken, changed := time.Duration(0), time.Duration(0)
		for i, f := range r.fetchLog() {
			if changed == 0 && f.start > 5500*ms {
				changed = f.start
			}
			if broken == 0 && r.landed()[i].err != nil {
				broken = f.start
			}
			if i > 0 && !f.forced && broken == 0 {
				within(s, "gap before a scheduled read", f.start-r.starts(i - 1)[0], 10*time.Second, time.Hour)
			}
		}
		within(s, "first read after the change", changed, 5*time.Second, 11*time.Second)
		within(s, "first broken read", broken, 59*time.Second, 72*time.Second)
		s.results("b", results["b"], len(results["b"]), 0, 0)
		for _, call := range results["c"] {
			if call.end() < changed && !call.refused() || call.start >= changed && !call.ok() {
				s.Errorf("c at %v: %v", call.start, call.err)
			}
		}
		for _, call := range results["a"] {
			switch {
			case call.start < changed && !call.ok(),
				call.start >= 12*time.Second && call.end() < broken && !call.refused(),
				call.start > broken && !call.unavailable(),
				call.start > changed && call.ok():
				s.Errorf("a at %v: %v (changed %v, broken %v)", call.start, call.err, changed, broken)
			}
		}
	}},
	{"K36", "a fallback serves until the source answers and never displaces it", func(s *stage) {
		path := filepath.Join(s.TempDir(), "keys.json")
		if err := os.WriteFile(path, []byte(jwks(s, "a")), 0o600); err != nil {
			s.Fatal(err)
		}
		var mu sync.Mutex
		requests := 0
		server := transportFunc(func(request *http.Request) (*http.Response, error) {
			<-request.Context().Done()
			return nil, request.Context().Err()
		})
		change := func(to transportFunc) { mu.Lock(); defer mu.Unlock(); server = to }
		source := jwtverify.FallbackKeySource{
			Primary: jwtverify.HTTPKeySource{URL: setURL, Client: &http.Client{Transport: transportFunc(func(request *http.Request) (*http.Response, error) {
				mu.Lock()
				requests++
				now := server
				mu.Unlock()
				return now(request)
			})}},
			Secondary: jwtverify.FileKeySource(path),
		}
		r := s.rig(nil, source.Keys)
		r.cheap = true
		var others sync.WaitGroup
		others.Go(func() {
			r.until(30 * time.Second)
			s.results("bogus", []result{r.call("bogus")}, 0, 0, 1)
		})
		others.Go(func() {
			r.until(60 * time.Second)
			change(respond(200, jwks(s, "a", "c")))
			r.until(130 * time.Second)
			calls := r.inTurnUntil(200*time.Second, time.Second, "c")
			s.results("c", calls, len(calls), 0, 0)
		})
		calls := r.inTurnUntil(200*time.Second, time.Second, "a")
		others.Wait()
		s.results("a", calls, len(calls), 0, 0)
		is(s, "first ok at", calls[0].end(), 2500*ms)
		s.waits("later a", calls[1:], 0, 0)
		within(s, "requests in 200 s", requests, 6, 9)

		change(respond(500, ""))
		outage := r.now()
		failed := r.failed()
		for r.now() < outage+5*time.Minute {
			calls := []result{r.call("a"), r.call("c")}
			s.results("in the outage", calls, 2, 0, 0)
			s.waits("in the outage", calls, 0, 0)
			time.Sleep(time.Second)
		}
		within(s, "failures in the outage", r.failed()-failed, 1, 100)
	}},
	{"K37", "a stored copy does not prolong MaxStale", func(s *stage) {
		path := filepath.Join(s.TempDir(), "stored.json")
		source := &switched{to: serve(s, "a", "b")}
		r := s.rig(nil, jwtverify.StoredKeySource{Source: source, Path: path}.Keys).warm()
		r.cheap = true
		before, err := os.Stat(path)
		if err != nil {
			s.Fatal(err)
		}
		source.set(fails)
		calls := r.inTurn(86_400, time.Second, "a")
		s.results("first day", calls, 86_400, 0, 0)
		s.waits("first day", calls, 0, 0)
		calls = r.inTurnUntil(25*time.Hour, time.Second, "a")
		s.results("one hour more", calls, 0, 0, len(calls))
		after, err := os.Stat(path)
		if err != nil || !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
			s.Errorf("the file was touched: %v", err)
		}
	}},
	{"K38", "a stored copy lets a process start during an outage", func(s *stage) {
		for _, row := range []struct {
			name              string
			outage            answer
			firstOK, recovery time.Duration
			fewest, most      int
		}{
			{"fails", fails, fetchTime, 31 * time.Second, 300, 440},
			{"hangs", hangs, 5 * time.Second, 36 * time.Second, 1, 440},
		} {
			path := filepath.Join(s.TempDir(), "stored.json")
			source := &switched{to: serve(s, "a", "b")}
			stored := jwtverify.StoredKeySource{Source: source, Path: path}
			saved := time.Now().Truncate(time.Second) // as the file will tell it
			if _, err := stored.Keys(context.Background()); err != nil {
				s.Fatal(err)
			}
			time.Sleep(20*time.Hour - time.Since(saved))
			old, err := os.ReadFile(path)
			if err != nil {
				s.Fatal(err)
			}
			source.set(row.outage)
			r := s.rig(nil, stored.Keys)
			r.cheap = true
			first := r.call("a")
			is(s, row.name+": first error", first.err, nil)
			is(s, row.name+": first ok at", first.end(), row.firstOK)
			is(s, row.name+": F* until then", r.fetched(), 1)
			time.Sleep(time.Second - first.wait%time.Second)
			calls := r.inTurnUntil(4*time.Hour, time.Second, "a")
			s.results(row.name+": four hours", calls, len(calls), 0, 0)
			s.waits(row.name, calls, 0, 0)
			calls = r.inTurnUntil(5*time.Hour, time.Second, "a")
			s.results(row.name+": one hour more", calls, 0, 0, len(calls))
			within(s, row.name+": F*", r.fetched(), row.fewest, row.most)
			s.recoversBy(r, func() { source.set(serve(s, "a", "b")) }, row.recovery)
			if renewed, err := os.ReadFile(path); err != nil || string(renewed) == string(old) {
				s.Errorf("%s: the copy is not new: %v", row.name, err)
			}
		}
	}},
}
