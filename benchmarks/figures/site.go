package main

import (
	"errors"
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

func (p plan) newSite() (*site, error) {
	s := &site{plan: p, client: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64}, // no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.iss, err = issuer.New(issuer.Config{URL: "http://" + listener.Addr().String(), Audience: audience})
	if err != nil {
		listener.Close()
		return nil, err
	}
	s.serve(&http.Server{Handler: http.HandlerFunc(s.answerKeys), ReadHeaderTimeout: time.Minute}, listener)
	return s, nil
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

func (s *site) newAPI() (*api, error) {
	handler, err := s.plan.newAPI(jwtverify.Config{
		Issuer:    s.iss.URL(),
		Audiences: []string{audience},
		Keys: &jwtverify.Cache{
			Source:  jwtverify.HTTPKeySource{URL: s.iss.KeysURL()},
			Timeout: s.timeout,
		},
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.serve(guide.NewServer(handler), listener)
	return &api{s, listener.Addr().String()}, nil
}

// newWarmAPI returns an API that knows the issuer's keys, and a good token.
func (s *site) newWarmAPI() (*api, string, error) {
	a, err := s.newAPI()
	if err != nil {
		return nil, "", err
	}
	token, err := s.iss.Token()
	if err != nil {
		return nil, "", err
	}
	switch status, err := a.status("/protected", token); {
	case err != nil:
		return nil, "", err
	case status != http.StatusOK:
		return nil, "", fmt.Errorf("the first good token got %d, want 200", status)
	}
	return a, token, nil
}

// newWarmSite returns a site with one API, warm.
func (p plan) newWarmSite() (*site, *api, string, error) {
	s, err := p.newSite()
	if err != nil {
		return nil, nil, "", err
	}
	a, token, err := s.newWarmAPI()
	if err != nil {
		s.close()
		return nil, nil, "", err
	}
	return s, a, token, nil
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

// ask sends a request with these values of Authorization.
func (a *api) ask(method, path string, authorization []string) (*http.Response, error) {
	request, err := http.NewRequest(method, "http://"+a.host+path, nil)
	if err != nil {
		return nil, err
	}
	if authorization != nil {
		request.Header["Authorization"] = authorization
	}
	response, err := a.site.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response, err
}

// status gets a path with a token, and returns the status of the answer.
func (a *api) status(path, token string) (int, error) {
	var authorization []string
	if token != "" {
		authorization = []string{"Bearer " + token}
	}
	response, err := a.ask(http.MethodGet, path, authorization)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}

// timed is status, and how long it took.
func (a *api) timed(path, token string) (int, time.Duration, error) {
	started := time.Now()
	status, err := a.status(path, token)
	return status, time.Since(started), err
}

// forge puts another kid into the header of a token. The signature does not matter: no
// verifier can check it.
func forge(token string, n int) (string, error) {
	_, rest, ok := strings.Cut(token, ".")
	if !ok {
		return "", errors.New("the issuer's token has no dot")
	}
	return encode(fmt.Appendf(nil, `{"alg":"RS256","kid":"forged-%d","typ":"JWT"}`, n)) + "." + rest, nil
}
