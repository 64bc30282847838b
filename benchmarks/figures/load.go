package main

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/jwtverify/internal/issuer"
)

// cpu measures the CPU time of this process for requests that verify a token, less that
// for the same bytes sent to /public, which ignores it. Beside it stands what RSA alone
// takes here and now: the load of a machine lengthens both.
func (p plan) cpu() result {
	s, a, token := p.newWarmSite()
	defer s.close()
	// The client is as cheap as can be: one connection, and no http.Client.
	conn := must(net.Dial("tcp", a.host))
	defer conn.Close()
	reader := bufio.NewReader(conn)
	bad := 0
	get := func(path string) func() {
		request := "GET " + path + " HTTP/1.1\r\nHost: " + a.host + "\r\nAuthorization: Bearer " + token + "\r\n\r\n"
		return func() {
			must(io.WriteString(conn, request))
			response := must(http.ReadResponse(reader, nil))
			must(io.Copy(io.Discard, response.Body))
			if response.StatusCode != http.StatusOK {
				bad++
			}
		}
	}
	key := must(rsa.GenerateKey(rand.Reader, 2048)) // as large as the issuer's
	digest := sha256.Sum256([]byte("header.claims"))
	signature := must(rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]))
	rsaAlone := func() { must(0, rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)) }

	// On one processor: on another the scheduler would spin while the client waits, and
	// that is CPU time too.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	// The least of the rounds: the others were disturbed. Each is long enough for the
	// garbage collector to have its share.
	work := [...]func(){get("/public"), get("/protected"), rsaAlone}
	least := [len(work)]time.Duration{time.Hour, time.Hour, time.Hour}
	for range p.rounds {
		for i, do := range work {
			before := cpuTime()
			for range p.requests {
				do()
			}
			least[i] = min(least[i], (cpuTime()-before)/time.Duration(p.requests))
		}
	}
	added := least[1] - least[0]
	ours := fmt.Sprintf("%d µs; RSA alone takes %d here", added.Microseconds(), least[2].Microseconds())
	return result{ours, bad == 0 && (added <= 45*time.Microsecond || !p.timed)}
}

// cpuTime is what this process has used so far, in user and kernel mode.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	must(0, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// forgedKids sends tokens with forged kids, one after the other and all together, and
// counts how often the keys were fetched.
func (p plan) forgedKids() result {
	s := p.newSite()
	defer s.close()
	var fetches []int
	holds := true
	for _, atOnce := range []bool{false, true} {
		a, token := s.newWarmAPI()
		before := s.fetches()
		statuses := a.sendAll(p.forged, atOnce, func(n int) string { return forge(token, n) })
		n := s.fetches() - before
		fetches = append(fetches, n)
		holds = holds && n == 1 && statuses[http.StatusUnauthorized] == p.forged
	}
	ours := fmt.Sprintf("%d and %d", fetches[0], fetches[1])
	if p.forged != whole.forged {
		ours += fmt.Sprintf(" for %d tokens", p.forged)
	}
	return result{ours, holds}
}

// sendAll sends n tokens to /protected and counts the statuses.
func (a *api) sendAll(n int, atOnce bool, token func(int) string) map[int]int {
	statuses := make([]int, n)
	send := func(i int) { statuses[i] = a.get("/protected", token(i)).status }
	var wg sync.WaitGroup
	for i := range n {
		if !atOnce {
			send(i)
			continue
		}
		wg.Go(func() { send(i) })
	}
	wg.Wait()
	counts := map[int]int{}
	for _, status := range statuses {
		counts[status]++
	}
	return counts
}

const (
	forgers       = 8
	issuerLatency = 50 * time.Millisecond
	forgerPause   = 10 * time.Millisecond // between the tokens of one, so that it is they that count and not the load of two cores
)

// underFlood takes the median of good requests, alone and while clients forge kids.
func (p plan) underFlood() result {
	s, a, token := p.newWarmSite()
	defer s.close()
	var slow handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(issuerLatency)
		s.iss.Handler().ServeHTTP(w, r)
	})
	s.keys.Store(&slow)
	alone, bad := p.median(a, token)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range forgers {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				case <-time.After(forgerPause):
					a.get("/protected", forge(token, n*forgers+i))
				}
			}
		})
	}
	flooded, alsoBad := p.median(a, token)
	close(stop)
	wg.Wait()
	const noise = time.Millisecond
	ours := fmt.Sprintf("%s → %s", milliseconds(alone), milliseconds(flooded))
	return result{ours, bad+alsoBad == 0 && (flooded <= alone+noise && flooded < issuerLatency/2 || !p.timed)}
}

// median takes the median of the times of good requests; bad counts those that were
// not accepted.
func (p plan) median(a *api, token string) (median time.Duration, bad int) {
	var took []time.Duration
	for started := time.Now(); time.Since(started) < p.medians; time.Sleep(time.Millisecond) {
		got := a.get("/protected", token)
		if got.status != http.StatusOK {
			bad++
		}
		took = append(took, got.took)
	}
	slices.Sort(took)
	return took[len(took)/2], bad
}

// hanging sends forged tokens while the issuer hangs, and others meanwhile.
func (p plan) hanging() result {
	s, a, token := p.newWarmSite()
	defer s.close()
	must(0, s.iss.Fault(issuer.Fault{Name: "hang"}))
	before := s.fetches()
	const n = 4
	statuses := make(chan map[int]int, 1)
	go func() { statuses <- a.sendAll(n, true, func(n int) string { return forge(token, n) }) }()
	for s.fetches() == before { // they have brought the issuer to hang
		select {
		case counts := <-statuses:
			return result{fmt.Sprintf("the forged tokens caused no fetch, and got %v", counts), false}
		case <-time.After(time.Millisecond):
		}
	}
	public, good := a.get("/public", ""), a.get("/protected", token)
	waiting := len(statuses) == 0 // the forged tokens wait still
	holds := waiting && public.status == 200 && good.status == 200 && public.took < p.atOnce && good.took < p.atOnce
	ours := fmt.Sprintf("%s; %d after %s", milliseconds(public.took), good.status, milliseconds(good.took))
	return result{ours, (<-statuses)[http.StatusServiceUnavailable] == n && holds}
}

// firstRequests sends good tokens to an API that has no keys yet.
func (p plan) firstRequests() result {
	s := p.newSite()
	defer s.close()
	const n = 50
	statuses := s.newAPI().sendAll(n, true, func(int) string { return must(s.iss.Token()) })
	return result{fmt.Sprint(s.fetches()), s.fetches() == 1 && statuses[http.StatusOK] == n}
}

// outage sends a forged token while the keys are unavailable, and good ones after it.
func (p plan) outage() result {
	s, a, token := p.newWarmSite()
	defer s.close()
	must(0, s.iss.Fault(issuer.Fault{Name: "refused"}))
	status := a.get("/protected", forge(token, 0)).status
	statuses := a.sendAll(p.forged, false, func(int) string { return token })
	if n := statuses[http.StatusOK]; n < p.forged {
		return result{fmt.Sprintf("of %s good tokens %s are accepted", thousands(p.forged), thousands(n)), false}
	}
	return result{"nothing changes for them", status == http.StatusServiceUnavailable}
}

// badTokens sends what the guide's service accepts.
func (p plan) badTokens() result {
	s, a, _ := p.newWarmSite()
	defer s.close()
	all := badTokens(s.iss)
	var accepted []string
	for _, name := range []string{"aud-missing", "exp-missing", "crit-unknown", "kid-of-enc-key"} {
		if a.get("/protected", all[name]).status != http.StatusUnauthorized {
			accepted = append(accepted, name)
		}
	}
	if accepted != nil {
		return result{"not refused: " + strings.Join(accepted, ", "), false}
	}
	return result{"refused", true}
}

// badServers has the keys come in a huge document, and octet by octet.
func (p plan) badServers() result {
	s := p.newSite()
	defer s.close()
	token := must(s.iss.Token())
	const size = 20_000_000
	object := s.iss.JWKS()
	var huge handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		front, end := string(object[:len(object)-1])+`,"filler":"`, `"}`
		_, _ = io.WriteString(w, front+strings.Repeat("x", size-len(front)-len(end))+end) // an error: the reader has gone
	})
	s.keys.Store(&huge)
	big := s.newAPI().get("/protected", token)

	s.keys.Store(nil)
	must(0, s.iss.Fault(issuer.Fault{Name: "drip"}))
	drip := s.newAPI().get("/protected", token)
	ours := fmt.Sprintf("%s after %s; %.1f s in all", words[big.status], milliseconds(big.took), drip.took.Seconds())
	return result{ours, big.status == http.StatusServiceUnavailable && big.took < p.timeout &&
		drip.status == http.StatusServiceUnavailable && drip.took < p.timeout+time.Second}
}

var words = map[int]string{http.StatusServiceUnavailable: "refused", http.StatusOK: "kept"}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
