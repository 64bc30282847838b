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
	"testing"
	"testing/synctest"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/coreos/go-oidc/v3/oidc"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/httprc/v3"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"example.com/jwtverify"
)

// The key sets of an issuer that rotates and fails, as each library fetches them with
// the settings that it comes with. All is in fake time (testing/synctest), where a day
// passes at once, and without a network: the figures are the same in every run.

const (
	keysURL = issuerName + "/.well-known/jwks.json"
	newKid  = "2026-11"

	settled = time.Hour + time.Second // of traffic, before anything happens
	step    = 10 * time.Second        // between two tokens of it
	day     = 24 * time.Hour
	week    = 7 * day
)

// A fetching opens a library's own key set behind a URL. What it starts ends with ctx.
type fetching func(ctx context.Context, client *http.Client) (verify, error)

func fetchOurs(ctx context.Context, client *http.Client) (verify, error) {
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: issuerName, Audiences: []string{audience},
		Keys: jwtverify.HTTPKeySource{URL: keysURL, Client: client},
	})
	if err != nil {
		return nil, err
	}
	return verifying(ctx, verifier), nil
}

func fetchKeyfunc(ctx context.Context, client *http.Client) (verify, error) {
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{keysURL}, keyfunc.Override{Client: client})
	if err != nil {
		return nil, err
	}
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{"RS256"}),
		golangjwt.WithIssuer(issuerName), golangjwt.WithAudience(audience))
	return func(token string) (string, error) {
		var claims golangjwt.RegisteredClaims
		_, err := parser.ParseWithClaims(token, &claims, keys.Keyfunc)
		return claims.Subject, err
	}, nil
}

func fetchGoOIDC(ctx context.Context, client *http.Client) (verify, error) {
	ctx = oidc.ClientContext(ctx, client)
	verifier := oidc.NewVerifier(issuerName, oidc.NewRemoteKeySet(ctx, keysURL), &oidc.Config{ClientID: audience})
	return verifyingID(ctx, verifier), nil
}

func fetchJWX(ctx context.Context, client *http.Client) (verify, error) {
	cache, err := jwk.NewCache(ctx, httprc.NewClient())
	if err != nil {
		return nil, err
	}
	if err := cache.Register(ctx, keysURL, jwk.WithHTTPClient(client)); err != nil {
		return nil, err
	}
	keys, err := cache.CachedSet(keysURL)
	if err != nil {
		return nil, err
	}
	return func(token string) (string, error) {
		t, err := jwt.ParseString(token, jwt.WithKeySet(keys), jwt.WithIssuer(issuerName), jwt.WithAudience(audience))
		if err != nil {
			return "", err
		}
		subject, _ := t.Subject()
		return subject, nil
	}, nil
}

// A remote is an issuer whose key set is fetched: a round tripper in memory.
type remote struct {
	old, new *issuer // old signs with signingKid, new with newKid

	mu      sync.Mutex // for the rest: libraries fetch in goroutines of their own
	served  []byte
	down    bool
	fetches int
}

var errDown = errors.New("connection refused")

func (r *remote) RoundTrip(request *http.Request) (*http.Response, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fetches++
	if r.down {
		return nil, errDown
	}
	response, err := inMemory(r.served).RoundTrip(request)
	response.Header.Set("Cache-Control", "max-age=300")
	return response, err
}

func (r *remote) serve(keys ...publicKey) {
	jwks, err := keySetJSON(keys)
	if err != nil {
		panic(err) // public keys are always JSON
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.served = jwks
}

func (r *remote) goDown() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down = true
}

func (r *remote) requests() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetches
}

func (r *remote) oldKey() publicKey { return publicKey{signingKid, &r.old.private.PublicKey} }
func (r *remote) newKey() publicKey { return publicKey{newKid, &r.new.private.PublicKey} }

func (r *remote) oldToken() string { return lasting(r.old, signingKid) }
func (r *remote) newToken() string { return lasting(r.new, newKid) }

// lasting is a token that is good for longer than any story is watched.
func lasting(is *issuer, kid string) string {
	claims := goodClaims().with("exp", fmt.Sprint(time.Now().Add(30*24*time.Hour).Unix()))
	return is.sign(goodHeader().with("kid", fmt.Sprintf("%q", kid)).text(), claims.text())
}

func madeUp(i int) string {
	return unsigned(goodHeader().with("kid", fmt.Sprintf(`"made-up-%d"`, i)).text(), goodClaims().text())
}

// tell runs a story in fake time: the library has verified a token of the old key, and
// an hour has passed.
func tell(t *testing.T, fetch fetching, story func(t *testing.T, r *remote, verify verify)) {
	t.Helper()
	old, next := testIssuer(), nextIssuer()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &remote{old: old, new: next}
		r.serve(r.oldKey())
		verify, err := fetch(ctx, &http.Client{Transport: r})
		if err != nil {
			t.Fatal(err)
		}
		token := r.oldToken()
		for start := time.Now(); time.Since(start) < settled; time.Sleep(step) {
			if _, err := verify(token); err != nil {
				t.Fatalf("a good token is refused: %v", err)
			}
		}
		story(t, r, verify)
	})
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

func accepts(verify verify, token string) bool {
	_, err := verify(token)
	return err == nil
}

// A story is one row of the table of fetched keys.
type story struct {
	name string
	cell func(t *testing.T, fetch fetching) string
}

var stories = []story{
	{"a key is added: its tokens are accepted after", func(t *testing.T, fetch fetching) (cell string) {
		tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
			r.serve(r.oldKey(), r.newKey())
			token := r.newToken()
			cell = mark(until(day, time.Second, func() bool { return accepts(verify, token) }), day)
		})
		return cell
	}},
	{"1,000 made-up `kid`s in 100 s: requests to the issuer", func(t *testing.T, fetch fetching) (cell string) {
		tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
			cell = count(flood(t, r, verify))
		})
		return cell
	}},
	{"a key is added right after these: its tokens are accepted after", func(t *testing.T, fetch fetching) (cell string) {
		tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
			flood(t, r, verify)
			r.serve(r.oldKey(), r.newKey())
			token := r.newToken()
			cell = mark(until(day, time.Second, func() bool { return accepts(verify, token) }), day)
		})
		return cell
	}},
	{"a key is withdrawn: its tokens are accepted for", func(t *testing.T, fetch fetching) string {
		var longest time.Duration
		for range 12 { // of the moments between two fetches, one is near the worst
			tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
				token := r.oldToken()
				r.serve(r.newKey())
				longest = max(longest, until(day, step, func() bool { return !accepts(verify, token) }))
			})
		}
		return mark(longest, day)
	}},
	{"the issuer is down: tokens of known keys are accepted for", func(t *testing.T, fetch fetching) (cell string) {
		tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
			r.goDown()
			token := r.oldToken()
			cell = mark(until(week, time.Minute, func() bool { return !accepts(verify, token) }), week)
		})
		return cell
	}},
	{"the issuer is down: a program can tell the error from that of a forged token", func(t *testing.T, fetch fetching) (cell string) {
		tell(t, fetch, func(t *testing.T, r *remote, verify verify) {
			var forged, outage []error
			fail := func(list *[]error, token string) {
				_, err := verify(token)
				if err == nil {
					t.Fatal("a token without a known key is accepted")
				}
				*list = append(*list, err)
				time.Sleep(time.Second)
			}
			token := r.oldToken()
			for i := range 20 {
				fail(&forged, madeUp(i))
			}
			fail(&forged, forge(token))
			time.Sleep(settled)
			r.goDown()
			token = r.newToken()
			for range 20 {
				fail(&outage, token)
			}
			cell = yes(toldApart(outage, forged))
		})
		return cell
	}},
}

// flood sends what costs nothing to make, ten a second, and counts the requests.
func flood(t *testing.T, r *remote, verify verify) (fetches int) {
	t.Helper()
	before := r.requests()
	for i := range 1000 {
		if accepts(verify, madeUp(i)) {
			t.Fatal("a made-up token is accepted")
		}
		time.Sleep(100 * time.Millisecond)
	}
	return r.requests() - before
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// toldApart reports whether a program can tell some kind of error from all others: by a
// value that errors.Is finds, or an exported type that errors.As finds, in each of some
// and in none of the others.
func toldApart(some, others []error) bool {
	for _, node := range nodes(some[0]) {
		is := func(err error) bool { return errors.Is(err, node) }
		kind := reflect.TypeOf(node)
		as := func(err error) bool {
			return errors.As(err, reflect.New(kind).Interface())
		}
		if all(some, is) && none(others, is) || exported(kind) && all(some, as) && none(others, as) {
			return true
		}
	}
	return false
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

func all(errs []error, holds func(error) bool) bool {
	for _, err := range errs {
		if !holds(err) {
			return false
		}
	}
	return true
}

func none(errs []error, holds func(error) bool) bool {
	return all(errs, func(err error) bool { return !holds(err) })
}

// keyTable has a column for each library that fetches keys.
func keyTable(t *testing.T) string {
	t.Helper()
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // keyfunc logs each failed fetch
	header := []string{"what happens"}
	for _, l := range libraries {
		if l.fetch != nil {
			header = append(header, l.name)
		}
	}
	rows := [][]string{header}
	for _, s := range stories {
		row := []string{s.name}
		for _, l := range libraries {
			if l.fetch != nil {
				row = append(row, s.cell(t, l.fetch))
			}
		}
		rows = append(rows, row)
	}
	return table(rows)
}

// The harness: errors that differ in text alone are not told apart, others are.
func TestErrorsAreToldApartByValueOrType(t *testing.T) {
	sentinel := errors.New("a")
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
	} {
		if got := toldApart(test.some, test.others); got != test.want {
			t.Errorf("%s: got %v, want %v", test.name, got, test.want)
		}
	}
}
