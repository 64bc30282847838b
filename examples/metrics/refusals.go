package main

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
)

// refusals counts and logs what a guard refuses.
type refusals struct {
	total  *prometheus.CounterVec
	logger *slog.Logger
}

func newRefusals(logger *slog.Logger) *refusals {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "api_refusals_total",
		Help: "Requests that were refused, by the error code of RFC 6750, or no_token, unavailable, client_gone.",
	}, []string{"code"})
	for _, code := range []string{"no_token", "invalid_request", "invalid_token", "insufficient_scope", "unavailable", "client_gone"} {
		total.WithLabelValues(code) // from the start, or the first of its kind raises no alert
	}
	return &refusals{total, logger}
}

// reject is the guard's hook. It has no say in what is refused, and keeps the body. The
// reason has no part of a token in it, and what comes from outside is quoted.
func (f *refusals) reject(r *http.Request, rejection bearer.Rejection) (string, []byte) {
	code := code(rejection)
	f.total.WithLabelValues(code).Inc()
	level := slog.LevelInfo // a client's mistake
	if code == "unavailable" {
		level = slog.LevelError
	}
	f.logger.Log(r.Context(), level, "request refused",
		"request_id", r.Context().Value(requestIDKey{}), "code", code, "status", rejection.Status,
		"method", r.Method, "path", r.URL.Path, "reason", rejection.Err)
	return "", nil
}

// code is one of few: a label with text from a token would fill the memory of Prometheus.
func code(rejection bearer.Rejection) string {
	var keys *jwtverify.KeysUnavailableError
	switch {
	case rejection.Code != "":
		return rejection.Code
	case rejection.Status == http.StatusUnauthorized:
		return "no_token"
	case errors.As(rejection.Err, &keys) && keys.Reason == "caller":
		return "client_gone" // it did not wait for the keys: no outage
	}
	return "unavailable"
}
