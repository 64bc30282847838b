package main

import (
	"bufio"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify/internal/issuer"
)

// cpu measures the CPU time of this process for requests that verify a token, less that
// for the same bytes sent to /public, which ignores it. Beside it stands what RSA alone
// takes here and now: the load of a machine lengthens both.
func (p plan) cpu() (result, error) {
	s, a, token, err := p.newWarmSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	conn, err := net.Dial("tcp", a.host)
	if err != nil {
		return result{}, err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	get := func(path string) func() error {
		request := "GET " + path + " HTTP/1.1\r\nHost: " + a.host + "\r\nAuthorization: Bearer " + token + "\r\n\r\n"
		return func() error {
			if _, err := io.WriteString(conn, request); err != nil {
				return err
			}
			return readOK(reader)
		}
	}
	rsaAlone, err := bareRSA()
	if err != nil {
		return result{}, err
	}
	// On one processor: on another the scheduler would spin while the client waits, and
	// that is CPU time too.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	// The least of the rounds: the others were disturbed. Each is long enough for the
	// garbage collector to have its share.
	work := [...]func() error{get("/public"), get("/protected"), rsaAlone}
	least := [len(work)]time.Duration{time.Hour, time.Hour, time.Hour}
	for range p.rounds {
		for i, do := range work {
			cost, err := p.cpuOf(do)
			if errors.Is(err, errNoCPUTime) {
				return result{"not measured: " + err.Error(), !p.timed}, nil
			}
			if err != nil {
				return result{}, err
			}
			least[i] = min(least[i], cost)
		}
	}
	added := least[1] - least[0]
	ours := fmt.Sprintf("%d µs; RSA alone takes %d here", added.Microseconds(), least[2].Microseconds())
	return result{ours, added <= 45*time.Microsecond || !p.timed}, nil
}

// cpuOf is the CPU time that one of a round of calls takes.
func (p plan) cpuOf(do func() error) (time.Duration, error) {
	before, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for range p.requests {
		if err := do(); err != nil {
			return 0, err
		}
	}
	after, err := cpuTime()
	return (after - before) / time.Duration(p.requests), err
}

// bareRSA verifies a signature by crypto/rsa, with a key of the issuer's size.
func bareRSA() (func() error, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte("header.claims"))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	return func() error { return rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature) }, err
}

// readOK reads an answer of status 200 with a Content-Length.
func readOK(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("got %q, want status 200", line)
	}
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			for _, digit := range bytes.TrimSpace(value) {
				length = 10*length + int(digit-'0')
			}
		}
		if len(bytes.TrimSpace(line)) == 0 {
			_, err := r.Discard(length)
			return err
		}
	}
}

// forgedKids sends tokens with forged kids, one after the other and all together, and
// counts how often the keys were fetched.
func (p plan) forgedKids() (result, error) {
	s, err := p.newSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	var fetches []int
	holds := true
	for _, atOnce := range []bool{false, true} {
		a, token, err := s.newWarmAPI()
		if err != nil {
			return result{}, err
		}
		before := s.fetches()
		statuses, err := a.sendAll(p.forged, atOnce, func(n int) (string, error) { return forge(token, n) })
		if err != nil {
			return result{}, err
		}
		n := s.fetches() - before
		fetches = append(fetches, n)
		holds = holds && n == 1 && statuses[http.StatusUnauthorized] == p.forged
	}
	ours := fmt.Sprintf("%d and %d", fetches[0], fetches[1])
	if p.forged != whole.forged {
		ours += fmt.Sprintf(" for %d tokens", p.forged)
	}
	return result{ours, holds}, nil
}

// sendAll sends n tokens to /protected and counts the statuses.
func (a *api) sendAll(n int, atOnce bool, token func(int) (string, error)) (map[int]int, error) {
	statuses := make([]int, n)
	failures := make([]error, n)
	send := func(i int) {
		var raw string
		if raw, failures[i] = token(i); failures[i] == nil {
			statuses[i], failures[i] = a.status("/protected", raw)
		}
	}
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
	for i := range n {
		if failures[i] != nil {
			return nil, failures[i]
		}
		counts[statuses[i]]++
	}
	return counts, nil
}

const (
	forgers       = 8
	issuerLatency = 50 * time.Millisecond
	forgerPause   = 10 * time.Millisecond // between the tokens of one, so that it is they that count and not the load of two cores
)

// underFlood takes the median of good requests, alone and while clients forge kids.
func (p plan) underFlood() (result, error) {
	s, a, token, err := p.newWarmSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	var slow handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(issuerLatency)
		s.iss.Handler().ServeHTTP(w, r)
	})
	s.keys.Store(&slow)
	alone, bad, err := p.median(a, token)
	if err != nil {
		return result{}, err
	}
	stop := make(chan struct{})
	failures := make([]error, forgers)
	var wg sync.WaitGroup
	for i := range forgers {
		wg.Go(func() {
			for n := 0; failures[i] == nil; n++ {
				select {
				case <-stop:
					return
				case <-time.After(forgerPause):
				}
				var raw string
				if raw, failures[i] = forge(token, n*forgers+i); failures[i] == nil {
					_, failures[i] = a.status("/protected", raw)
				}
			}
		})
	}
	flooded, alsoBad, err := p.median(a, token)
	close(stop)
	wg.Wait()
	for _, failure := range failures {
		if err == nil {
			err = failure
		}
	}
	const noise = time.Millisecond
	ours := fmt.Sprintf("%s → %s", milliseconds(alone), milliseconds(flooded))
	return result{ours, bad+alsoBad == 0 && (flooded <= alone+noise && flooded < issuerLatency/2 || !p.timed)}, err
}

// median takes the median of the times of good requests; bad counts those that were
// not accepted.
func (p plan) median(a *api, token string) (median time.Duration, bad int, err error) {
	var took []time.Duration
	for started := time.Now(); time.Since(started) < p.medians; time.Sleep(time.Millisecond) {
		status, d, err := a.timed("/protected", token)
		if err != nil {
			return 0, 0, err
		}
		if status != http.StatusOK {
			bad++
		}
		took = append(took, d)
	}
	slices.Sort(took)
	return took[len(took)/2], bad, nil
}

// hanging sends forged tokens while the issuer hangs, and others meanwhile.
func (p plan) hanging() (result, error) {
	s, a, token, err := p.newWarmSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	if err := s.iss.Fault(issuer.Fault{Name: "hang"}); err != nil {
		return result{}, err
	}
	before := s.fetches()
	const n = 4
	statuses := make(chan map[int]int, 1)
	failed := make(chan error, 1)
	go func() {
		counts, err := a.sendAll(n, true, func(n int) (string, error) { return forge(token, n) })
		statuses <- counts
		failed <- err
	}()
	for s.fetches() == before { // they have brought the issuer to hang
		time.Sleep(time.Millisecond)
		select {
		case counts := <-statuses:
			return result{fmt.Sprintf("the forged tokens caused no fetch, and got %v", counts), false}, <-failed
		default:
		}
	}
	publicStatus, public, err := a.timed("/public", "")
	if err != nil {
		return result{}, err
	}
	goodStatus, good, err := a.timed("/protected", token)
	if err != nil {
		return result{}, err
	}
	var counts map[int]int
	select {
	case counts = <-statuses:
	default:
	}
	atOnce := counts == nil // the forged tokens wait still
	if counts == nil {
		counts = <-statuses
	}
	if err := <-failed; err != nil {
		return result{}, err
	}
	ours := fmt.Sprintf("%s; %d after %s", milliseconds(public), goodStatus, milliseconds(good))
	holds := atOnce && publicStatus == 200 && goodStatus == 200 && public < p.atOnce && good < p.atOnce && counts[http.StatusServiceUnavailable] == n
	return result{ours, holds}, nil
}

// firstRequests sends good tokens to an API that has no keys yet.
func (p plan) firstRequests() (result, error) {
	s, err := p.newSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	a, err := s.newAPI()
	if err != nil {
		return result{}, err
	}
	const n = 50
	statuses, err := a.sendAll(n, true, func(int) (string, error) { return s.iss.Token() })
	if err != nil {
		return result{}, err
	}
	return result{fmt.Sprint(s.fetches()), s.fetches() == 1 && statuses[http.StatusOK] == n}, nil
}

// outage sends a forged token while the keys cannot be had, and good ones after it.
func (p plan) outage() (result, error) {
	s, a, token, err := p.newWarmSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	if err := s.iss.Fault(issuer.Fault{Name: "refused"}); err != nil {
		return result{}, err
	}
	forged, err := forge(token, 0)
	if err != nil {
		return result{}, err
	}
	status, err := a.status("/protected", forged)
	if err != nil {
		return result{}, err
	}
	statuses, err := a.sendAll(p.forged, false, func(int) (string, error) { return token, nil })
	if err != nil {
		return result{}, err
	}
	if n := statuses[http.StatusOK]; n < p.forged {
		return result{fmt.Sprintf("of %s good tokens %s are accepted", thousands(p.forged), thousands(n)), false}, nil
	}
	return result{"nothing changes for them", status == http.StatusServiceUnavailable}, nil
}

// badTokens sends what the guide's service accepts.
func (p plan) badTokens() (result, error) {
	s, a, _, err := p.newWarmSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	all, err := s.iss.BadTokens()
	if err != nil {
		return result{}, err
	}
	names := []string{"aud-missing", "exp-missing", "crit-unknown", "kid-of-enc-key"}
	var accepted []string
	refused := 0
	for _, b := range all {
		if !slices.Contains(names, b.Name) {
			continue
		}
		switch status, err := a.status("/protected", b.Token); {
		case err != nil:
			return result{}, err
		case status == http.StatusUnauthorized:
			refused++
		default:
			accepted = append(accepted, b.Name)
		}
	}
	if refused < len(names) {
		return result{"not refused: " + strings.Join(accepted, ", "), false}, nil
	}
	return result{"refused", true}, nil
}

// badServers has the keys come in a huge document, and octet by octet.
func (p plan) badServers() (result, error) {
	s, err := p.newSite()
	if err != nil {
		return result{}, err
	}
	defer s.close()
	token, err := s.iss.Token()
	if err != nil {
		return result{}, err
	}
	const size = 20_000_000
	object := s.iss.JWKS()
	var huge handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		const member, end = `,"filler":"`, `"}`
		front := string(object[:len(object)-1]) + member
		for _, part := range []string{front, strings.Repeat("x", size-len(front)-len(end)), end} {
			if _, err := io.WriteString(w, part); err != nil {
				return // refused: the reader has gone
			}
		}
	})
	s.keys.Store(&huge)
	a, err := s.newAPI()
	if err != nil {
		return result{}, err
	}
	hugeStatus, hugeTook, err := a.timed("/protected", token)
	if err != nil {
		return result{}, err
	}

	s.keys.Store(nil)
	if err := s.iss.Fault(issuer.Fault{Name: "drip"}); err != nil {
		return result{}, err
	}
	if a, err = s.newAPI(); err != nil {
		return result{}, err
	}
	dripStatus, dripTook, err := a.timed("/protected", token)
	if err != nil {
		return result{}, err
	}
	ours := fmt.Sprintf("%s after %s; %.1f s in all", words[hugeStatus], milliseconds(hugeTook), dripTook.Seconds())
	holds := hugeStatus == http.StatusServiceUnavailable && hugeTook < p.timeout &&
		dripStatus == http.StatusServiceUnavailable && dripTook < p.timeout+time.Second
	return result{ours, holds}, nil
}

var words = map[int]string{http.StatusServiceUnavailable: "refused", http.StatusOK: "kept"}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
