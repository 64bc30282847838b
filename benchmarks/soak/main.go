// Command soak runs a service under bearer against an issuer that rotates its keys
// every 5 seconds, revokes them, and is down for 6 of every 40 seconds, while clients
// send good tokens, floods of unknown kids, bad tokens, and leave in the middle. It
// prints the figures, and exits 1 on a single wrong answer, or if memory or goroutines
// grow:
//
//	(cd benchmarks && go run ./soak -for 10m)
//
// All of it runs in this process, over HTTP on loopback, and ends by itself.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/issuer"
)

func main() {
	length := flag.Duration("for", time.Minute, "how long to run, at least 30s")
	flag.Parse()
	if flag.NArg() > 0 || *length < 30*time.Second {
		fmt.Fprintln(os.Stderr, "soak: want -for and 30s or more: the first good keys are certain after 12 s")
		os.Exit(2)
	}
	wrong, err := overHTTP(os.Stdout, *length)
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(2)
	}
	if wrong {
		os.Exit(1)
	}
}

// overHTTP sets the stage on loopback and runs the soak.
func overHTTP(out io.Writer, length time.Duration) (wrong bool, err error) {
	issuerListener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, err
	}
	iss, err := issuer.New(issuer.Config{URL: "http://" + issuerListener.Addr().String(), Audience: "https://api.example.com"})
	if err != nil {
		return false, err
	}
	issuerServer := &http.Server{Handler: iss.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go issuerServer.Serve(issuerListener) // until Close
	defer issuerServer.Close()
	defer iss.Close()

	api, cache, err := newAPI(iss, jwtverify.HTTPKeySource{URL: iss.KeysURL()})
	if err != nil {
		return false, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return false, err
	}
	server := &http.Server{Handler: api, ReadHeaderTimeout: 5 * time.Second}
	go server.Serve(listener) // until Close
	defer server.Close()

	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	client := &http.Client{Transport: transport}
	address := "http://" + listener.Addr().String() + "/protected"
	s := newSoak(iss, func(ctx context.Context, token string) (int, error) {
		request, err := http.NewRequestWithContext(ctx, "GET", address, nil)
		if err != nil {
			return 0, err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		response, err := client.Do(request)
		if err != nil {
			return 0, err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return response.StatusCode, err
	})

	ctx, cancel := context.WithTimeout(context.Background(), length)
	defer cancel()
	start := measure()
	warm := make(chan footprint, 1)
	go func() {
		time.Sleep(length / 4)
		warm <- measure()
	}()
	if err := s.run(ctx); err != nil {
		return false, err
	}
	transport.CloseIdleConnections()
	time.Sleep(time.Second) // the connections end, on both sides
	early, late := <-warm, measure()
	stats := cache.Stats()
	s.print(out, length)
	fmt.Fprintf(out, "fetches of the keys  %d, %d of them for unknown kids, %d failed\n", stats.Fetches, stats.Forced, stats.Failures)
	fmt.Fprintf(out, "heap                 %.1f MiB after a quarter of the time, %.1f MiB at the end\n", early.heap, late.heap)
	fmt.Fprintf(out, "goroutines           %d before, %d with the clients, %d after\n", start.goroutines, early.goroutines, late.goroutines)
	// The issuer, in the same process, keeps the keys and tokens that it has made.
	grown := late.heap > early.heap+4 || late.goroutines > start.goroutines
	if grown {
		fmt.Fprintln(out, "WRONG: heap or goroutines have grown")
	}
	return grown || s.wrong() > 0, nil
}

// newAPI is the service: the shortest intervals that a Cache may have, so that a minute
// shows what would take a day.
func newAPI(iss *issuer.Issuer, keys jwtverify.KeySource) (http.Handler, *jwtverify.Cache, error) {
	cache := &jwtverify.Cache{Source: keys, RefreshInterval: refreshInterval, Cooldown: time.Second, Timeout: time.Second}
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:        iss.URL(),
		Audiences:     []string{iss.Audience()},
		Keys:          cache,
		VerifiedCache: 1000,
	})
	if err != nil {
		return nil, nil, err
	}
	guard, err := bearer.New(bearer.Config{Verifier: verifier})
	if err != nil {
		return nil, nil, err
	}
	mux := guard.NewMux()
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) {
		token, _ := jwtverify.FromContext(r.Context())
		io.WriteString(w, token.Subject)
	})
	return mux, cache, nil
}

type footprint struct {
	heap       float64 // MiB that live
	goroutines int
}

func measure() footprint {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return footprint{float64(stats.HeapAlloc) / (1 << 20), runtime.NumGoroutine()}
}
