package main

import (
	"net/http"
	"slices"
	"strings"
)

const (
	protocols      = "Sec-Websocket-Protocol" // as Go spells it
	protocolPrefix = "bearer."
	// No other site, and no other subdomain, can set a cookie of this prefix.
	cookieName = "__Host-token"
)

// fromBrowser moves the token of a browser to Authorization, where the guard looks.
//
// Origin comes first: any site can open a WebSocket to this server, the browser sends
// its user's cookies with it, and the same-origin policy does not hold for WebSockets.
// A request without Origin comes from no browser: there a cookie counts for nothing,
// and the token is in Authorization.
//
// Where there are several tokens, nobody knows which counts. They all go to
// Authorization, and the guard answers 400.
func fromBrowser(origins []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := r.Header.Values("Origin")
		if len(from) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		if len(from) > 1 || !slices.Contains(origins, from[0]) {
			http.Error(w, "not from this site", http.StatusForbidden)
			return
		}
		r = r.Clone(r.Context())
		tokens := takeProtocols(r.Header)
		cookies := takeCookies(r)
		if len(tokens) == 0 { // a script that names a token means that one
			tokens = cookies
		}
		for _, token := range tokens {
			r.Header.Add("Authorization", "Bearer "+token)
		}
		next.ServeHTTP(w, r)
	})
}

// takeProtocols returns the tokens among the subprotocols, and removes them: they must
// not be chosen, nor stand in a log.
func takeProtocols(header http.Header) (tokens []string) {
	var others []string
	for _, name := range strings.Split(strings.Join(header.Values(protocols), ","), ",") {
		name = strings.TrimSpace(name)
		if token, found := strings.CutPrefix(name, protocolPrefix); found {
			tokens = append(tokens, token)
		} else if name != "" {
			others = append(others, name)
		}
	}
	header.Del(protocols)
	if others != nil {
		header.Set(protocols, strings.Join(others, ", "))
	}
	return tokens
}

// takeCookies returns the tokens among the cookies, and removes them.
func takeCookies(r *http.Request) (tokens []string) {
	all := r.Cookies()
	r.Header.Del("Cookie")
	for _, cookie := range all {
		if cookie.Name == cookieName {
			tokens = append(tokens, cookie.Value)
		} else {
			r.AddCookie(cookie)
		}
	}
	return tokens
}
