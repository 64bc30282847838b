package issuertest_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A recorder stands for the testing.TB of a test that may fail.
type recorder struct {
	testing.TB // nil: only what is below can be called

	mu       sync.Mutex
	texts    []string
	fatal    bool
	cleanups []func()
}

func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	r.fatal = true
	runtime.Goexit()
}

func (r *recorder) Cleanup(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cleanups = append(r.cleanups, f)
}

func (r *recorder) text() string { return strings.Join(r.texts, "\n") }

// A relay stands for the TB of an issuer that several tests use in turn.
type relay struct {
	testing.TB
	to testing.TB
}

func (r *relay) Helper()                           {}
func (r *relay) Cleanup(f func())                  { r.to.Cleanup(f) }
func (r *relay) Fatalf(format string, args ...any) { r.to.Fatalf(format, args...) }

// record runs a test of its own, to its end, and returns what it has said.
func record(test func(tb testing.TB)) *recorder {
	r := &recorder{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(r)
	}()
	<-done
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
	return r
}
