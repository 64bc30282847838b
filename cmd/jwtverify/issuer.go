package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify/internal/demo"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/local"
	"example.com/jwtverify/internal/screen"
)

const issuerUsage = `  jwtverify issuer --expires-in 5m
  curl -s http://127.0.0.1:8180/oauth2/m2m/token -d grant_type=client_credentials -d client_id=app -d client_secret=any -d audience=https://api.example.com

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
	plan := issuerPlan{config: issuer.Config{Audience: demo.Audience, ClientSecret: s.env("JWTVERIFY_CLIENT_SECRET")}}
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
	log := local.Log(s.stderr)
	listener, url, err := local.ListenLoopback(plan.listen)
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
	if plan.config.ClientSecret == "" {
		// With the audience of the README's program.
		fmt.Fprintf(s.stderr, "in another terminal, a token for an audience of yours, and a call of an API with it:\n%s%s\n", demo.TokenCommand(url, "https://api.example.com"),
			`curl -i http://127.0.0.1:8000/protected -H "Authorization: Bearer $TOKEN"; echo "$TOKEN" > token.txt`)
	}
	if plan.rotateEvery > 0 {
		lifetime := cmp.Or(plan.config.Lifetime, issuer.Lifetime)
		go local.Rotation{Every: plan.rotateEvery, Keep: lifetime + tokenSlack, Most: maxOldKeys}.Run(ctx, iss, log)
	}
	// An answer that hangs ends when the server is stopped, not when its grace is over.
	context.AfterFunc(ctx, iss.Close)
	return local.Serve(ctx, local.IssuerServer(iss, url, log), listener)
}

const (
	minRotateEvery = 100 * time.Millisecond
	tokenSlack     = 2 * time.Minute // for the leeway of verifiers
	maxOldKeys     = 100             // with a thousand, verifiers would not read the set
)
