package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/screen"
)

const issuerUsage = `  jwtverify issuer --expires-in 5m
  curl -s http://127.0.0.1:8180/oauth2/m2m/token -d grant_type=client_credentials -d client_id=app -d client_secret=any -d audience=orders

Answers at /.well-known/jwks.json and /.well-known/openid-configuration, and at POST
/oauth2/m2m/token (client_credentials) to JSON and forms. Any client id and any secret
will do, unless JWTVERIFY_CLIENT_SECRET says which. The keys are in memory only. Requests
are logged to stderr. One for another host than that of --listen is refused with 421.

Exit codes: 0 stopped by SIGTERM, 130 by Ctrl-C, 2 it could not start.
`

// An issuerPlan is what the flags of the command ask for.
type issuerPlan struct {
	listen      string
	config      issuer.Config
	rotateEvery time.Duration // 0: never
	fault       string
}

// issuer is the command of that name.
func (s *session) issuer(f *flags) func() (int, error) {
	plan := issuerPlan{config: issuer.Config{Audience: demoAudience, ClientSecret: s.env("JWTVERIFY_CLIENT_SECRET")}}
	f.set.StringVar(&plan.listen, "listen", "127.0.0.1:8180", "`ADDRESS`: where to serve; loopback only. Port 0 takes a free one")
	f.set.StringVar(&plan.config.Scope, "scope", "", "`\"a b\"`: scopes that are granted; without, whatever is asked for")
	f.set.StringVar(&plan.fault, "fault", "", "`"+strings.Join(issuer.FaultNames(), "|")+"`: what goes wrong with the keys and the discovery document")
	f.set.Func("expires-in", "`1h`: lifetime of the tokens: a duration, or a number of seconds", func(text string) (err error) {
		plan.config.Lifetime, err = lifetime(text)
		return err
	})
	f.set.Func("rotate-every", "`30s`: let the next key sign each time. An old key stays published while its tokens live, and at most 100 of them", func(text string) (err error) {
		if plan.rotateEvery, err = duration(text); err == nil && plan.rotateEvery < minRotateEvery {
			err = fmt.Errorf("want %v or more: it takes that long to make a key", minRotateEvery)
		}
		return err
	})
	return func() (int, error) { return 0, s.serveIssuer(plan) }
}

// lifetime reads a duration, or seconds as in expires_in (RFC 6749, section 5.1).
func lifetime(text string) (time.Duration, error) {
	if _, err := strconv.ParseUint(text, 10, 32); err == nil {
		text += "s"
	}
	d, err := duration(text)
	if err == nil && d < time.Second {
		err = errors.New("want 1s or more")
	}
	return d, err
}

// serveIssuer serves until somebody stops it. The error says why it could not start.
func (s *session) serveIssuer(plan issuerPlan) error {
	if plan.fault != "" && !slices.Contains(issuer.FaultNames(), plan.fault) {
		return fmt.Errorf("--fault is %s: want one of %s", screen.Quoted(plan.fault), strings.Join(issuer.FaultNames(), ", "))
	}
	ctx, stop := s.untilStopped()
	defer stop()
	log := newLog(s.stderr)
	listener, url, err := listenLoopback(plan.listen)
	if err != nil {
		return err
	}
	defer listener.Close() // for the errors below
	plan.config.URL = url
	iss, err := issuer.New(plan.config)
	if err != nil {
		return err
	}
	if plan.fault != "" {
		if err := iss.Fault(issuer.Fault{Name: plan.fault}); err != nil {
			return err
		}
		log.Printf("fault %s: the keys and the discovery document suffer from it, tokens do not", plan.fault)
	}
	clients := "any client id and secret"
	if plan.config.ClientSecret != "" {
		clients = "any client id, the secret of JWTVERIFY_CLIENT_SECRET"
	}
	if _, err := fmt.Fprintf(s.stdout, "issuer %s  (%s; memory only; stop with Ctrl-C)\n", iss.URL(), clients); err != nil {
		return err
	}
	if plan.rotateEvery > 0 {
		lifetime := cmp.Or(plan.config.Lifetime, issuer.Lifetime)
		go rotation{plan.rotateEvery, lifetime + tokenSlack, maxOldKeys}.run(ctx, iss, log)
	}
	// An answer that hangs ends when the server is stopped, not when its grace is over.
	context.AfterFunc(ctx, iss.Close)
	return serveUntil(ctx, newIssuerServer(iss, url, log), listener)
}

// newIssuerServer returns a server for an issuer. Of the times only that for the header
// is limited, since some faults are answers that take long.
func newIssuerServer(iss *issuer.Issuer, url string, log *log.Logger) *http.Server {
	return &http.Server{
		Handler:           withLog(ownHost(iss.Handler(), url), log),
		ErrorLog:          log,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    guide.MaxHeaderBytes,
	}
}

// ownHost lets requests for the host of url pass, and no others. A page in a browser of
// this machine could otherwise get tokens: its own name resolves to 127.0.0.1 whenever
// its owner wants that (DNS rebinding), and then the issuer is of its origin.
func ownHost(handler http.Handler, url string) http.Handler {
	own := strings.TrimPrefix(url, "http://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// RFC 9110, section 7.2: the port is left out where it is that of the scheme.
		if !strings.EqualFold(r.Host, own) && !strings.EqualFold(r.Host+":80", own) {
			http.Error(w, "this issuer is "+url, http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// listenLoopback opens an address that only this machine reaches, since whoever
// reaches the issuer gets any token. The URL is that of the issuer: its host is as it
// was given.
func listenLoopback(address string) (listener net.Listener, url string, err error) {
	host, _, err := net.SplitHostPort(address)
	if ip, notIP := netip.ParseAddr(host); err == nil && host != "localhost" && (notIP != nil || !ip.IsLoopback()) {
		return nil, "", fmt.Errorf("--listen is %s: want 127.0.0.1, [::1] or localhost, since whoever reaches this issuer gets any token", screen.Quoted(address))
	}
	if listener, err = listen(address); err != nil {
		return nil, "", err
	}
	if !isLoopback(listener.Addr()) {
		listener.Close()
		return nil, "", fmt.Errorf("--listen: localhost is %s here, want a loopback address", listener.Addr())
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return listener, "http://" + net.JoinHostPort(host, port), err
}

const (
	minRotateEvery = 100 * time.Millisecond
	tokenSlack     = 2 * time.Minute // for the leeway of verifiers
	maxOldKeys     = 100             // with a thousand, verifiers would not read the set
)

// A rotation says when keys come and go.
type rotation struct {
	every time.Duration
	keep  time.Duration // an old key stays published, so that its tokens live on
	most  int           // old keys
}

// run rotates until ctx ends.
func (r rotation) run(ctx context.Context, iss *issuer.Issuer, log *log.Logger) {
	type oldKey struct {
		kid   string
		until time.Time
	}
	var old []oldKey
	ticker := time.NewTicker(r.every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		before := iss.KeyID()
		kid, err := iss.Rotate()
		if err != nil {
			log.Printf("rotating: %v", err)
			continue
		}
		log.Printf("rotated: %s signs", kid)
		old = append(old, oldKey{before, time.Now().Add(r.keep)})
		for len(old) > r.most || len(old) > 0 && time.Now().After(old[0].until) {
			if err := iss.Revoke(old[0].kid); err != nil {
				log.Printf("withdrawing %s: %v", old[0].kid, err)
			} else {
				log.Printf("withdrawn: %s", old[0].kid)
			}
			old = old[1:]
		}
	}
}

// withLog logs each request with the status of its answer.
func withLog(handler http.Handler, log *log.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusWriter{ResponseWriter: w}
		defer func() { // some faults are a panic
			switch method, path := screen.Logged(r.Method), screen.Logged(r.URL.Path); status.code {
			case 0:
				log.Printf("%s %s no answer", method, path)
			case http.StatusMisdirectedRequest:
				log.Printf("%s %s %d for host %s", method, path, status.code, screen.Logged(r.Host))
			default:
				log.Printf("%s %s %d", method, path, status.code)
			}
		}()
		handler.ServeHTTP(status, r)
	})
}

// A statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController: some answers are flushed byte by byte.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
