package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"example.com/jwtverify"
	"example.com/jwtverify/bearer"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/local"
	"example.com/jwtverify/internal/screen"
)

const serveUsage = `  jwtverify serve --issuer http://127.0.0.1:8180 --audience https://api.example.com
  AUTHACTION_DOMAIN=acme.eu.authaction.com AUTHACTION_AUDIENCE=https://api.example.com jwtverify serve

GET /public answers everybody, GET /protected who sends a good token as Authorization:
Bearer. All else needs a token too. Why a token was refused is logged to stderr. The keys
are retrieved for the first token; while they are unavailable, tokens get 503.

` + domainUsage + `Exit codes: 0 stopped by SIGTERM, 130 by Ctrl-C, 2 it could not start.
`

// serve is the command of that name.
func (s *session) serve(f *flags) func() (int, error) {
	f.withTrust()
	address := f.set.String("listen", "127.0.0.1:8000", "`ADDRESS`: where to serve, over plain http. Port 0 takes a free one. Beyond this machine put something that speaks TLS in front")
	return func() (int, error) { return 0, s.serveGuide(f, *address) }
}

// serveGuide serves until somebody stops it. The error says why it could not start.
func (s *session) serveGuide(f *flags, address string) error {
	settings, err := s.settings(f, nil)
	if err != nil {
		return err
	}
	verifier, err := settings.verifier()
	if err != nil {
		return err
	}
	log := local.Log(s.stderr)
	if cache, ok := settings.keys.(*jwtverify.Cache); ok {
		cache.OnLoad = func(keys *jwtverify.KeySet, err error) { logKeys(log, keys, err) }
	}
	api, err := guide.New(verifier, func(r *http.Request, rejection bearer.Rejection) {
		local.LogRefusal(log, r, rejection)
	})
	if err != nil {
		return err
	}
	ctx, stop := s.untilStopped()
	defer stop()
	listener, err := local.Listen(address)
	if err != nil {
		return err
	}
	server := guide.NewServer(api)
	server.ErrorLog = log
	log.Printf("tokens of %s for %s, keys from %s", screen.Quoted(settings.issuer), quotedList(settings.audiences), screen.Quoted(screen.Address(settings.address)))
	if !local.IsLoopback(listener.Addr()) {
		log.Print("this is plain http, beyond this machine: whoever sees a token on its way can use it")
	}
	if _, err := fmt.Fprintf(s.stdout, "api http://%s  (GET /public, GET /protected; stop with Ctrl-C)\n", listener.Addr()); err != nil {
		listener.Close()
		return err
	}
	return local.Serve(ctx, server, listener)
}

// logKeys logs the outcome of a retrieval.
func logKeys(log *log.Logger, keys *jwtverify.KeySet, err error) {
	if err != nil {
		log.Printf("keys unavailable: %s", local.Reason(err))
		return
	}
	log.Printf("keys retrieved: %s, and %d skipped", quotedKids(keys), len(keys.Skipped()))
}

// quotedKids lists the usable keys of a set.
func quotedKids(set *jwtverify.KeySet) string {
	var kids []string
	for key := range set.All() {
		kids = append(kids, key.ID())
	}
	return quotedList(kids)
}

// quotedList is a list of texts from outside, the first of them if there are many.
func quotedList(texts []string) string {
	const most = 8
	var list []string
	for _, text := range texts[:min(len(texts), most)] {
		list = append(list, screen.Quoted(text))
	}
	if n := len(texts) - most; n > 0 {
		list = append(list, fmt.Sprintf("%d more", n))
	}
	return strings.Join(list, ", ")
}

// untilStopped returns a context that ends with Ctrl-C or SIGTERM. A second one is not
// waited for: it ends the process.
func (s *session) untilStopped() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(cmp.Or(s.ctx, context.Background()))
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case got := <-signals:
			s.interrupted.Store(got == os.Interrupt)
			cancel()
		case <-ctx.Done():
		}
		signal.Stop(signals)
	}()
	return ctx, cancel
}
