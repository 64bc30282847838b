package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/guide"
	"example.com/jwtverify/internal/issuer"
)

type handler = http.Handler

const audience = "https://api.example.com"

// A site is an issuer and APIs that trust it, each on a port of its own, and a client.
type site struct {
	plan
	iss     *issuer.Issuer
	keys    atomic.Pointer[handler] // in place of the issuer's own key document; nil: that
	client  *http.Client
	servers []*http.Server
}

func (p plan) newSite() *site {
	s := &site{plan: p, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64}, // no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}}
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	s.iss = must(issuer.New(issuer.Config{URL: "http://" + listener.Addr().String(), Audience: audience}))
	s.serve(&http.Server{Handler: http.HandlerFunc(s.answerKeys), ReadHeaderTimeout: time.Minute}, listener)
	return s
}

func (s *site) answerKeys(w http.ResponseWriter, r *http.Request) {
	if own := s.keys.Load(); own != nil {
		(*own).ServeHTTP(w, r)
		return
	}
	s.iss.Handler().ServeHTTP(w, r)
}

func (s *site) serve(server *http.Server, listener net.Listener) {
	server.ErrorLog = log.New(io.Discard, "", 0)
	s.servers = append(s.servers, server)
	go server.Serve(listener) // until close
}

func (s *site) close() {
	s.iss.Close()
	s.client.CloseIdleConnections()
	for _, server := range s.servers {
		server.Close()
	}
}

// An api is the guide's API with keys of its own: none, before the first token.
type api struct {
	site *site
	host string
}

func (s *site) newAPI() *api {
	handler := s.plan.newAPI(jwtverify.Config{
		Issuer:    s.iss.URL(),
		Audiences: []string{audience},
		Keys:      &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: s.iss.KeysURL()}, Timeout: s.timeout},
	})
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	s.serve(guide.NewServer(handler), listener)
	return &api{s, listener.Addr().String()}
}

// newWarmAPI returns an API that knows the issuer's keys, and a good token.
func (s *site) newWarmAPI() (*api, string) {
	a, token := s.newAPI(), must(s.iss.Token())
	a.get("/protected", token) // what is not right with it will show
	return a, token
}

// newWarmSite returns a site with one API, warm.
func (p plan) newWarmSite() (*site, *api, string) {
	s := p.newSite()
	a, token := s.newWarmAPI()
	return s, a, token
}

// fetches is how often the keys were asked for.
func (s *site) fetches() (n int) {
	for _, request := range s.iss.Requests() {
		if request.Path == issuer.KeysPath {
			n++
		}
	}
	return n
}

// An answer has the status 0 if there was none.
type answer struct {
	status    int
	challenge string
	retry     bool // it says when to come again
	took      time.Duration
}

// ask sends a request with these values of Authorization.
func (a *api) ask(method, path string, authorization []string) answer {
	request := must(http.NewRequest(method, "http://"+a.host+path, nil))
	request.Header["Authorization"] = authorization
	started := time.Now()
	response, err := a.site.client.Do(request)
	if err != nil {
		return answer{}
	}
	defer response.Body.Close()
	if _, err = io.Copy(io.Discard, response.Body); err != nil {
		return answer{}
	}
	return answer{response.StatusCode, response.Header.Get("WWW-Authenticate"), response.Header.Get("Retry-After") != "", time.Since(started)}
}

func (a *api) get(path, token string) answer {
	return a.ask(http.MethodGet, path, []string{"Bearer " + token})
}

// forge puts another kid into the header of a token. The signature does not matter: no
// verifier can check it.
func forge(token string, n int) string {
	header := fmt.Appendf(nil, `{"alg":"RS256","kid":"forged-%d","typ":"JWT"}`, n)
	return base64.RawURLEncoding.EncodeToString(header) + token[strings.IndexByte(token, '.'):]
}
