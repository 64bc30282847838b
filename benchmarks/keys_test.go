package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/auth0/go-jwt-middleware/v3/core"
	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"example.com/jwtverify"
)

// The key sets of an issuer that rotates and fails, as each library fetches them with
// the settings that it comes with. All is in fake time (testing/synctest), where a day
// passes at once, and without a network: the figures are the same in every run.

const (
	newKid = "2026-11"

	settled = time.Hour + time.Second // of traffic, before anything happens
	step    = 10 * time.Second        // between two tokens of it
	day     = 24 * time.Hour
	week    = 7 * day
)

// A fetching opens a library's own key set behind a URL. What it starts ends with ctx.
type fetching func(ctx context.Context, client *http.Client) verify

// The others have no function that fetches a key set.
var fetchers = []struct {
	name string
	open fetching
}{
	{ours, func(_ context.Context, client *http.Client) verify {
		return verifier(jwtverify.Config{Keys: jwtverify.HTTPKeySource{URL: keysURL, Client: client}})
	}},
	{"golang-jwt + keyfunc", func(ctx context.Context, client *http.Client) verify {
		return golangJWT(must(keyfunc.NewDefaultOverrideCtx(ctx, []string{keysURL}, keyfunc.Override{Client: client})))
	}},
	{"go-oidc", func(ctx context.Context, client *http.Client) verify {
		ctx = oidc.ClientContext(ctx, client)
		return goOIDC(ctx, oidc.NewRemoteKeySet(ctx, keysURL))
	}},
	{"jwx", func(ctx context.Context, client *http.Client) verify {
		cache := must(jwk.NewCache(ctx, httprc.NewClient()))
		must(0, cache.Register(ctx, keysURL, jwk.WithHTTPClient(client)))
		return jwxWith(jwt.WithKeySet(must(cache.CachedSet(keysURL))))
	}},
	{"auth0/go-jwt-middleware", func(_ context.Context, client *http.Client) verify { return auth0Fetching(client) }},
	{"hashicorp/cap", func(ctx context.Context, client *http.Client) verify {
		return capFetching(oidc.ClientContext(ctx, client), true)
	}},
}

// A story is a row of the table of fetched keys.
type story struct {
	name string
	cell func(t *testing.T, open fetching) string
}

var stories = []story{
	{"a key is added: its tokens are accepted after", func(t *testing.T, open fetching) string {
		return mark(tell(t, open, (*remote).untilAdded), day)
	}},
	{"1,000 unknown `kid`s in 100 s: requests to the issuer", func(t *testing.T, open fetching) string {
		return count(tell(t, open, (*remote).flood))
	}},
	{"a key is added right after these: its tokens are accepted after", func(t *testing.T, open fetching) string {
		return mark(tell(t, open, func(r *remote, t *testing.T) time.Duration {
			r.flood(t)
			return r.untilAdded(t)
		}), day)
	}},
	{"a key is withdrawn: its tokens are accepted for", func(t *testing.T, open fetching) string {
		var longest time.Duration
		for range 12 { // of the moments between two fetches, one is near the worst
			longest = max(longest, tell(t, open, func(r *remote, _ *testing.T) time.Duration {
				token := r.oldToken()
				r.serve(r.newKey())
				return until(day, step, func() bool { return !r.accepts(token) })
			}))
		}
		return mark(longest, day)
	}},
	{"the issuer is down: tokens of known keys are accepted for", func(t *testing.T, open fetching) string {
		return mark(tell(t, open, func(r *remote, _ *testing.T) time.Duration {
			r.down.Store(true)
			token := r.oldToken()
			return until(week, time.Minute, func() bool { return !r.accepts(token) })
		}), week)
	}},
	{"the issuer is down: a program can tell the error from that of a forged signature", func(t *testing.T, open fetching) string {
		return yes(tell(t, open, func(r *remote, t *testing.T) bool { return r.outageIsToldApart(t, forge(r.oldToken())) }))
	}},
	{"the issuer is down: a program can tell the error from that of an unknown `kid`", func(t *testing.T, open fetching) string {
		return yes(tell(t, open, func(r *remote, t *testing.T) bool { return r.outageIsToldApart(t, madeUp(0)) }))
	}},
}

// keyTable has a column for each library that fetches keys.
func keyTable(t *testing.T) string {
	t.Helper()
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // keyfunc logs each failed fetch
	rows := [][]string{{"what happens"}}
	for _, f := range fetchers {
		rows[0] = append(rows[0], f.name)
	}
	for _, s := range stories {
		row := []string{s.name}
		for _, f := range fetchers {
			row = append(row, s.cell(t, f.open))
		}
		rows = append(rows, row)
	}
	return table(rows)
}

var nextIssuer = sync.OnceValue(newIssuer)

// A remote is an issuer whose key set a library fetches: a round tripper in memory.
type remote struct {
	old, new *issuer // old signs with signingKid, new with newKid
	verify   verify  // of the library

	// Libraries fetch in goroutines of their own.
	served  atomic.Pointer[[]byte]
	down    atomic.Bool
	fetches atomic.Int64
}

func (r *remote) RoundTrip(request *http.Request) (*http.Response, error) {
	r.fetches.Add(1)
	if r.down.Load() {
		return nil, errors.New("connection refused")
	}
	response, err := inMemory(*r.served.Load()).RoundTrip(request)
	response.Header.Set("Cache-Control", "max-age=300")
	return response, err
}

func (r *remote) serve(keys ...publicKey) {
	jwks := keySetJSON(keys)
	r.served.Store(&jwks)
}

func (r *remote) oldKey() publicKey { return publicKey{signingKid, &r.old.private.PublicKey} }
func (r *remote) newKey() publicKey { return publicKey{newKid, &r.new.private.PublicKey} }

func (r *remote) oldToken() string { return lasting(r.old, signingKid) }
func (r *remote) newToken() string { return lasting(r.new, newKid) }

// lasting is a token that is good for longer than any story is watched.
func lasting(is *issuer, kid string) string {
	claims := goodClaims().with("exp", fmt.Sprint(time.Now().Add(30*day).Unix()))
	return is.sign(goodHeader().with("kid", fmt.Sprintf("%q", kid)).text(), claims.text())
}

func madeUp(i int) string {
	return unsigned(goodHeader().with("kid", fmt.Sprintf(`"unknown-%d"`, i)), goodClaims().text())
}

func (r *remote) accepts(token string) bool {
	_, err := r.verify(token)
	return err == nil
}

// tell runs a story in fake time: the library has verified tokens of the old key for an
// hour.
func tell[T any](t *testing.T, open fetching, story func(*remote, *testing.T) T) (result T) {
	t.Helper()
	r := &remote{old: testIssuer(), new: nextIssuer()}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r.serve(r.oldKey())
		r.verify = open(ctx, &http.Client{Transport: r})
		token := r.oldToken()
		if until(settled, step, func() bool { return !r.accepts(token) }) < settled {
			t.Fatal("a good token is refused")
		}
		result = story(r, t)
	})
	return result
}

// until asks again and again, a step apart, and returns how long it took: limit, if it
// took that or longer.
func until(limit, step time.Duration, done func() bool) time.Duration {
	start := time.Now()
	for time.Since(start) < limit && !done() {
		time.Sleep(step)
	}
	return time.Since(start)
}

// untilAdded adds a key, and returns how long its tokens are refused.
func (r *remote) untilAdded(*testing.T) time.Duration {
	r.serve(r.oldKey(), r.newKey())
	token := r.newToken()
	return until(day, time.Second, func() bool { return r.accepts(token) })
}

// flood sends what costs nothing to make, ten a second, and counts the requests.
func (r *remote) flood(t *testing.T) int {
	t.Helper()
	before := r.fetches.Load()
	for i := range 1000 {
		if r.accepts(madeUp(i)) {
			t.Fatal("a forged token is accepted")
		}
		time.Sleep(100 * time.Millisecond)
	}
	return int(r.fetches.Load() - before)
}

// outageIsToldApart compares the errors of a bad token, while the issuer answers, with those
// of a good one whose key is new, while it is down.
func (r *remote) outageIsToldApart(t *testing.T, bad string) bool {
	t.Helper()
	fail := func(token string) error {
		_, err := r.verify(token)
		if err == nil {
			t.Fatal("a token without a known key is accepted")
		}
		time.Sleep(time.Second)
		return err
	}
	var refused []error
	for len(refused) < 20 {
		refused = append(refused, fail(bad))
	}
	known := r.oldToken()
	until(settled, step, func() bool { return !r.accepts(known) })
	r.down.Store(true)
	var outage []error
	for token := r.newToken(); len(outage) < 20; {
		outage = append(outage, fail(token))
	}
	return toldApart(outage, refused)
}

func yes(b bool) string { return map[bool]string{true: "yes", false: "no"}[b] }

// mark says a time by the next mark, since intervals are jittered on purpose. What is
// over it by less than two steps is due to the steps.
func mark(took, limit time.Duration) string {
	if took >= limit {
		return map[time.Duration]string{day: "more than a day", week: "more than a week"}[limit]
	}
	if took == 0 {
		return "at once"
	}
	for _, m := range []struct {
		at   time.Duration
		text string
	}{
		{10 * time.Second, "10 s"}, {time.Minute, "1 min"}, {5 * time.Minute, "5 min"}, {15 * time.Minute, "15 min"},
		{time.Hour, "1 h"}, {day, "24 h"},
	} {
		if took < m.at+min(2*step, m.at/10) {
			return m.text
		}
	}
	return "a week"
}

// count says a number as it is if it is none or a power of ten, others by the next
// one: whether a routine fetch falls among those for unknown kids is chance.
func count(n int) string {
	power := 1
	for power < n {
		power *= 10
	}
	if n == 0 || n == power {
		return thousands(n)
	}
	return "less than " + thousands(power)
}

// toldApart reports whether a program can tell some kind of error from all others: by a
// value that errors.Is finds, or an exported type that errors.As finds, with its Code if it
// has one, in each of some and in none of the others.
func toldApart(some, others []error) bool {
	separates := func(found func(error) bool) bool {
		for _, err := range some {
			if !found(err) {
				return false
			}
		}
		for _, err := range others {
			if found(err) {
				return false
			}
		}
		return true
	}
	for _, node := range nodes(some[0]) {
		kind := reflect.TypeOf(node)
		if separates(func(err error) bool { return errors.Is(err, node) }) ||
			exported(kind) && separates(func(err error) bool {
				found := reflect.New(kind)
				return errors.As(err, found.Interface()) && codeOf(found.Elem()) == codeOf(reflect.ValueOf(node))
			}) {
			return true
		}
	}
	return false
}

// codeOf is the Code of an error that is a struct, or points to one; "" if it has none.
func codeOf(err reflect.Value) string {
	err = reflect.Indirect(err)
	if err.Kind() != reflect.Struct || err.FieldByName("Code").Kind() != reflect.String {
		return ""
	}
	return err.FieldByName("Code").String()
}

func exported(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name() != "" && strings.ToUpper(t.Name()[:1]) == t.Name()[:1]
}

// nodes are an error and all that it wraps.
func nodes(err error) []error {
	list := []error{err}
	switch wrapper := err.(type) {
	case interface{ Unwrap() error }:
		if inner := wrapper.Unwrap(); inner != nil {
			list = append(list, nodes(inner)...)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range wrapper.Unwrap() {
			list = append(list, nodes(inner)...)
		}
	}
	return list
}

// Errors that differ in text alone are not told apart, others are.
func TestErrorsAreToldApartByValueOrType(t *testing.T) {
	sentinel := errors.New("a")
	coded := func(code string) error { return &core.ValidationError{Code: code} }
	for _, test := range []struct {
		name         string
		some, others []error
		want         bool
	}{
		{"the same value in both", []error{sentinel, sentinel}, []error{sentinel}, false},
		{"texts alone", []error{errors.New("down"), errors.New("down")}, []error{errors.New("forged")}, false},
		{"a wrapped value", []error{fmt.Errorf("b: %w", sentinel), fmt.Errorf("c: %w", sentinel)}, []error{errors.New("b")}, true},
		{"a value in some of the outages only", []error{sentinel, errors.New("x")}, []error{errors.New("b")}, false},
		{"an exported type", []error{&jwtverify.KeysUnavailableError{}, &jwtverify.KeysUnavailableError{}}, []error{sentinel}, true},
		{"another code in the same type", []error{coded("down"), coded("down")}, []error{coded("forged")}, true},
		{"the same code in the same type", []error{coded("bad"), coded("bad")}, []error{coded("bad")}, false},
	} {
		if got := toldApart(test.some, test.others); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
