// Command metrics is an API that tells what it refuses, and how old its keys are: to
// Prometheus, to a log and to a readiness probe. alerts.yml says when to wake somebody.
//
//	AUTHACTION_DOMAIN=tenant.example.com AUTHACTION_AUDIENCE=https://api.example.com go -C examples/metrics run .
//
// The API is on port 8000; /metrics and /readyz are on 9090, which is for the cluster alone.
package main

import (
	"context"
	"crypto/rand"
	"log"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

func main() {
	issuer := "https://" + os.Getenv("AUTHACTION_DOMAIN")
	api, ops, err := newAPI(jwtverify.Config{
		Issuer:    issuer,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: issuer + "/.well-known/jwks.json"},
	}, slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.ListenAndServe("127.0.0.1:9090", ops)) }()
	log.Fatal(http.ListenAndServe("127.0.0.1:8000", api))
}

// newAPI returns the API, and what its operators ask.
func newAPI(config jwtverify.Config, logger *slog.Logger) (api, ops http.Handler, err error) {
	cache := &jwtverify.Cache{Source: config.Keys}
	config.Keys = cache // ours, to have its Stats
	verifier, err := jwtverify.New(config)
	if err != nil {
		return nil, nil, err
	}
	refusals := newRefusals(logger)
	guard, err := bearer.New(bearer.Config{Verifier: verifier, Reject: refusals.reject})
	if err != nil {
		return nil, nil, err
	}
	registry := prometheus.NewRegistry()
	for _, collector := range []prometheus.Collector{keysCollector{cache, config.Issuer}, refusals.total} {
		if err := registry.Register(collector); err != nil {
			return nil, nil, err
		}
	}

	mux := guard.NewMux()
	mux.HandleFunc("GET /protected", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("for you\n")) })

	probes := http.NewServeMux()
	probes.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	probes.HandleFunc("GET /readyz", ready(verifier, logger))
	return withRequestID(mux), probes, nil
}

// ready is for a readiness probe: without keys this replica can let nobody in. It asks
// the issuer only if there are none, and stays good in an outage while the last ones
// may be used. No liveness probe: to restart would throw those away.
func ready(verifier *jwtverify.Verifier, logger *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), time.Second) // shorter than the probe's timeout
		defer cancel()
		if err := verifier.Ready(ctx); err != nil {
			logger.WarnContext(ctx, "not ready", "reason", err)
			http.Error(w, "no keys", http.StatusServiceUnavailable)
		}
	}
}

type requestIDKey struct{}

// withRequestID names each request, to find in the log what a client tells of. It stands
// outside the guard, so that refusals have a name too. The client's own would be anybody's
// text: it is not taken.
func withRequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}
