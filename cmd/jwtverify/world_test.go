package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// A world is what a story takes place in: a clock, a tenant with its keys, an API, and
// the tokens that were minted. Nothing of it is on the network, but for servers.
type world struct {
	env     map[string]string
	started time.Time // of the bubble
	clock   time.Time // when the story begins
	answers map[string]http.HandlerFunc
	faults  map[string]error // of the connection, by address; errHang: no answer at all
	secrets []string         // tokens that must not be printed
	pending []later

	terminal *os.File // where commands print; nil: the runner reads it
	live     *live    // nil: nothing is on the network
}

// A later is a change that is still to come.
type later struct {
	at   time.Time
	line string
}

const (
	storyIssuer   = "https://acme.eu.authaction.com"
	storyAudience = "https://api.acme.example"
	storyKeys     = storyIssuer + "/.well-known/jwks.json"
	storyAPI      = "http://127.0.0.1:9000/orders"
)

// A keyring makes the key of each kid once, and each signature: that takes a moment, and most
// stories are told several times.
type keyring struct {
	mu         sync.Mutex
	keys       map[string]*rsa.PrivateKey
	signatures map[string][]byte // by kid and text
}

var storyKeyring = keyring{keys: make(map[string]*rsa.PrivateKey), signatures: make(map[string][]byte)}

// storyKey returns the private key of a kid.
func storyKey(kid string) *rsa.PrivateKey {
	storyKeyring.mu.Lock()
	defer storyKeyring.mu.Unlock()
	return storyKeyring.key(kid)
}

func (k *keyring) key(kid string) *rsa.PrivateKey {
	if k.keys[kid] == nil {
		k.keys[kid] = jwktest.Must(issuer.GenerateKey())
	}
	return k.keys[kid]
}

// storySignature returns the signature of a text by the key of a kid (RFC 7518, section 3.3).
func storySignature(kid, text string) []byte {
	k := &storyKeyring
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.signatures[kid+" "+text] == nil {
		digest := sha256.Sum256([]byte(text))
		k.signatures[kid+" "+text] = jwktest.Must(rsa.SignPKCS1v15(nil, k.key(kid), crypto.SHA256, digest[:]))
	}
	return k.signatures[kid+" "+text]
}

func newWorld(t *testing.T) *world {
	w := &world{
		env:     make(map[string]string),
		started: time.Now(),
		clock:   time.Date(2026, 11, 23, 18, 32, 0, 0, time.UTC),
		answers: make(map[string]http.HandlerFunc),
		faults:  make(map[string]error),
	}
	for _, line := range []string{
		"answer " + storyKeys + " keys 2026-10 2026-11",
		"answer " + storyIssuer + metadataPath + ` text {"issuer":"` + storyIssuer + `","jwks_uri":"` + storyKeys + `"}`,
	} {
		if err := w.change(line); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) now() time.Time { return w.clock.Add(time.Since(w.started)) }

// path is where a file of the story is.
func (w *world) path(name string) string {
	if w.live != nil {
		return filepath.Join(w.live.dir, name)
	}
	return name
}

// session is a run of the command in this world.
func (w *world) session(stdin io.Reader, stdout, stderr io.Writer) *session {
	s := &session{env: func(name string) string { return w.env[name] }, stdin: stdin, stdout: stdout, stderr: stderr, now: w.now, transport: w}
	if w.live != nil {
		s.transport = nil
	}
	return s
}

func (w *world) keySource() jwtverify.KeySource {
	return jwtverify.HTTPKeySource{URL: storyKeys, Client: &http.Client{Transport: w}}
}

var errHang = errors.New("hangs")

// RoundTrip is the network of the world.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	for len(w.pending) > 0 && !w.now().Before(w.pending[0].at) {
		if err := w.change(w.pending[0].line); err != nil {
			return nil, err
		}
		w.pending = w.pending[1:]
	}
	address := r.URL.Scheme + "://" + r.URL.Host + r.URL.Path
	if err := w.faults[address]; err == errHang {
		<-r.Context().Done()
		return nil, r.Context().Err()
	} else if err != nil {
		return nil, err
	}
	handler := w.answers[address]
	if handler == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: r.URL.Hostname(), IsNotFound: true}}
	}
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Date", w.now().UTC().Format(http.TimeFormat))
	handler(recorder, r)
	response := recorder.Result()
	response.Request = r
	if end, err := time.Parse(time.RFC3339, response.Header.Get("Certificate")); err == nil {
		response.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{NotBefore: end.AddDate(0, 0, -90), NotAfter: end}}}
	}
	return response, nil
}

var errNoSuchWord = errors.New("no such word")

// change changes the world as a line of a story says:
//
//	clock 2026-11-23T18:32:00Z             what time it is
//	mint FILE …                            a token, see mint
//	file FILE keys KID…                    a file with a JWK Set
//	file FILE pem KID                      or with a key as PEM
//	file FILE ca                           or with the certificate of a CA
//	answer URL keys KID… [Name:value]      what is at an address: a JWK Set
//	answer URL text TEXT                   a text
//	answer URL STATUS [Name:value]         a status
//	answer URL half                        half a JWK Set
//	answer URL large                       more than anybody reads
//	answer URL … Certificate:TIME          over TLS, by a certificate that lasts so long
//	later 90s answer …                     the same, when so much time has passed
//	answer URL dns, refused, tls, hangs    no answer
//	wants URL Name:value                   401 there without this header
//	api FAULT                              an API at http://127.0.0.1:9000/orders
//	logged N TEXT                          waits until the server %N has logged that
func (w *world) change(line string) error {
	words := strings.Fields(line)
	if len(words) < 2 {
		return errNoSuchWord
	}
	switch words[0] {
	case "clock":
		clock, err := time.Parse(time.RFC3339, words[1])
		w.clock = clock
		return err
	case "mint":
		return w.mint(words[1], strings.TrimSpace(strings.TrimPrefix(line, "mint "+words[1])))
	case "file":
		data := keySet(words[3:])
		if words[2] == "pem" {
			der, err := x509.MarshalPKIXPublicKey(&storyKey(words[3]).PublicKey)
			if err != nil {
				return err
			}
			data = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		} else if words[2] == "ca" {
			der, err := x509.CreateCertificate(rand.Reader, new(x509.Certificate), new(x509.Certificate), &storyKey("ca").PublicKey, storyKey("ca"))
			if err != nil {
				return err
			}
			data = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		}
		return os.WriteFile(w.path(words[1]), data, 0o600)
	case "later":
		after, err := time.ParseDuration(words[1])
		w.pending = append(w.pending, later{w.now().Add(after), strings.TrimPrefix(line, "later "+words[1]+" ")})
		return err
	case "answer":
		_, text, _ := strings.Cut(line, words[1]+" ")
		return w.answer(words[1], words[2], text, words[3:])
	case "wants":
		answer := w.answers[words[1]]
		name, value, _ := strings.Cut(words[2], ":")
		w.answers[words[1]] = func(out http.ResponseWriter, r *http.Request) {
			if r.Header.Get(name) != value {
				out.WriteHeader(http.StatusUnauthorized)
				return
			}
			answer(out, r)
		}
		return nil
	case "logged":
		return w.logged(words[1], strings.Join(words[2:], " "))
	case "api":
		w.answers[storyAPI] = w.api(words[1])
		return nil
	}
	return errNoSuchWord
}

func (w *world) answer(address, kind, text string, words []string) error {
	delete(w.faults, address)
	var header []string
	for len(words) > 0 && strings.Contains(words[len(words)-1], ":") && kind != "text" {
		header = append(header, words[len(words)-1])
		words = words[:len(words)-1]
	}
	body, status := []byte(nil), http.StatusOK
	switch kind {
	case "keys":
		body = keySet(words)
	case "half":
		body = keySet([]string{"2026-10"})
		body = body[:len(body)/2]
	case "text":
		body = []byte(strings.TrimPrefix(text, "text "))
	case "large":
		body = bytes.Repeat([]byte(" "), 1<<20)
	case "dns":
		delete(w.answers, address)
		return nil
	case "refused":
		w.faults[address] = &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 443}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
		return nil
	case "tls":
		w.faults[address] = x509.UnknownAuthorityError{}
		return nil
	case "hangs":
		w.faults[address] = errHang
		return nil
	default:
		var err error
		if status, err = strconv.Atoi(kind); err != nil {
			return errNoSuchWord
		}
	}
	w.answers[address] = func(out http.ResponseWriter, _ *http.Request) {
		if json.Valid(body) {
			out.Header().Set("Content-Type", "application/json")
		} else {
			out.Header().Set("Content-Type", "text/html")
		}
		for _, line := range header {
			name, value, _ := strings.Cut(line, ":")
			if ahead, err := time.ParseDuration(value); name == "Date" && err == nil {
				value = w.now().Add(ahead).UTC().Format(http.TimeFormat)
			}
			out.Header().Set(name, value)
		}
		out.WriteHeader(status)
		out.Write(body)
	}
	return nil
}

// keySet is the JWK Set of some kids: encryption, elliptic, weak and nameless are what
// their names say. A=B is the key B under the kid A, and A/enc the key A for encryption.
func keySet(kids []string) []byte {
	set := struct {
		Keys []map[string]string `json:"keys"`
	}{[]map[string]string{}}
	for _, kid := range kids {
		if kid == "elliptic" {
			set.Keys = append(set.Keys, map[string]string{"kty": "EC", "kid": kid, "use": "sig", "alg": "ES256", "crv": "P-256"})
			continue
		}
		kid, use, _ := strings.Cut(kid, "/")
		kid, named, renamed := strings.Cut(kid, "=")
		key := storyKey(kid)
		if renamed {
			key = storyKey(named)
		}
		jwk := map[string]string{
			"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
			"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}
		if use != "" {
			jwk["use"] = use
		}
		switch kid {
		case "encryption":
			jwk["use"], jwk["alg"] = "enc", "RSA-OAEP-256"
		case "nameless":
			delete(jwk, "kid")
		case "weak": // half a modulus: nobody signs with it
			half := key.N.Bytes()[:128]
			half[127] |= 1
			jwk["n"] = base64.RawURLEncoding.EncodeToString(half)
		}
		set.Keys = append(set.Keys, jwk)
	}
	data, err := json.Marshal(set)
	if err != nil {
		panic(err)
	}
	return data
}

// mint writes a token into a file. The default is a good one; the words change it:
//
//	header JSON, claims JSON        members put over the default ones, null takes one
//	                                away; "now+1h" is a time
//	header-text T, claims-text T    exactly this text, up to the end of the line
//	key KID                         another key than 2026-10 signs, and is named
//	by KID                          another key signs
//	fill N                          a claim of N bytes
//	unsigned, flip, cut N           no signature; one bit of it turned; N bytes less
//	wrap                            a line break inside
//	bearer, quotes, answer          what stands around it
func (w *world) mint(file, text string) error {
	header := map[string]any{"alg": "RS256", "kid": "2026-10", "typ": "JWT"}
	claims := map[string]any{
		"iss": storyIssuer, "aud": storyAudience, "sub": "m2m", "client_id": "m2m",
		"iat": w.now().Add(-2 * time.Minute).Unix(), "exp": w.now().Add(58 * time.Minute).Unix(), "jti": "7h6c0w2x",
	}
	headerText, claimsText, signer := "", "", ""
	var spoil []func(token string) string
	for text != "" {
		var word string
		word, text, _ = strings.Cut(text, " ")
		argument, _, _ := strings.Cut(text, " ")
		number, _ := strconv.Atoi(argument)
		skip := len(argument)
		switch word {
		case "header", "claims":
			var members map[string]any
			decoder := json.NewDecoder(strings.NewReader(text))
			decoder.UseNumber()
			if err := decoder.Decode(&members); err != nil {
				return err
			}
			target := header
			if word == "claims" {
				target = claims
			}
			for name, value := range members {
				target[name] = w.instant(value)
				if value == nil {
					delete(target, name)
				}
			}
			skip = int(decoder.InputOffset())
		case "header-text":
			headerText, skip = text, len(text)
		case "claims-text":
			claimsText, skip = text, len(text)
		case "key":
			signer, header["kid"] = argument, argument
		case "by":
			signer = argument
		case "fill":
			claims["fill"] = strings.Repeat("x", number)
		default:
			change, arguments, err := spoilt(word, number)
			if err != nil {
				return err
			}
			if arguments == 0 {
				skip = 0
			}
			spoil = append(spoil, change)
		}
		text = strings.TrimSpace(text[skip:])
	}
	if signer == "" {
		signer = "2026-10"
	}
	encode := base64.RawURLEncoding.EncodeToString
	if headerText == "" {
		headerText = mustJSON(header)
	}
	if claimsText == "" {
		claimsText = mustJSON(claims)
	}
	signed := encode([]byte(headerText)) + "." + encode([]byte(claimsText))
	token := signed + "." + encode(storySignature(signer, signed))
	w.secrets = append(w.secrets, token)
	for _, change := range spoil {
		token = change(token)
	}
	w.secrets = append(w.secrets, token)
	return os.WriteFile(w.path(file), []byte(token+"\n"), 0o600)
}

func mustJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// instant turns "now+1h" into Unix seconds.
func (w *world) instant(value any) any {
	text, _ := value.(string)
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		if distance, err := time.ParseDuration(rest); err == nil {
			return w.now().Add(distance).Unix()
		}
	}
	return value
}

func spoilt(word string, n int) (change func(string) string, arguments int, err error) {
	dot := func(token string) int { return strings.LastIndexByte(token, '.') }
	switch word {
	case "unsigned":
		return func(token string) string { return token[:dot(token)+1] }, 0, nil
	case "flip":
		return func(token string) string {
			signature, _ := base64.RawURLEncoding.DecodeString(token[dot(token)+1:])
			signature[0] ^= 1
			return token[:dot(token)+1] + base64.RawURLEncoding.EncodeToString(signature)
		}, 0, nil
	case "cut":
		return func(token string) string { return token[:len(token)-n] }, 1, nil
	case "wrap":
		return func(token string) string { return token[:64] + "\n" + token[64:] }, 0, nil
	case "bearer":
		return func(token string) string { return "Bearer " + token }, 0, nil
	case "quotes":
		return func(token string) string { return `"` + token + `"` }, 0, nil
	case "answer":
		return func(token string) string {
			return `{"access_token":"` + token + `","token_type":"Bearer","expires_in":3600}`
		}, 0, nil
	}
	return nil, 0, errNoSuchWord
}

// api returns an API with one of the faults that probe looks for, or without.
func (w *world) api(fault string) http.HandlerFunc {
	set, err := jwtverify.ParseKeySet(keySet([]string{"2026-10", "2026-11"}))
	if err != nil {
		panic(err)
	}
	verifier, err := jwtverify.New(jwtverify.Config{Issuer: storyIssuer, Audiences: []string{storyAudience}, Keys: set, Now: w.now})
	if err != nil {
		panic(err)
	}
	verified := func(token string) bool { _, err := verifier.Verify(context.Background(), token); return err == nil }
	kept := false // by a cache, once the good token came
	return func(out http.ResponseWriter, r *http.Request) {
		refuse := func(status int, code string) {
			challenge := `Bearer realm="api"`
			if code != "" {
				challenge += `, error="` + code + `"`
			}
			if fault != "no-challenge" {
				out.Header().Set("WWW-Authenticate", challenge)
			}
			out.WriteHeader(status)
		}
		values := r.Header.Values("Authorization")
		if token := r.URL.Query().Get("access_token"); fault == "query" && token != "" {
			values = []string{"Bearer " + token}
		}
		switch {
		case fault == "open":
			io.WriteString(out, "secret orders")
			return
		case fault == "redirect":
			http.Redirect(out, r, "https://login.acme.example/?then="+r.Header.Get("Authorization"), http.StatusFound)
			return
		case fault == "moved":
			http.Redirect(out, r, "https://api.acme.example/v2/orders", http.StatusPermanentRedirect)
			return
		case fault == "graphql":
			if _, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); len(values) == 1 && verified(token) {
				io.WriteString(out, `{"data":{"orders":[]}}`)
			} else {
				io.WriteString(out, `{"errors":[{"message":"not logged in"}]}`)
			}
			return
		case fault == "lost":
			refuse(http.StatusUnauthorized, "")
			return
		case fault == "blocked", fault == "wrong-status" && len(values) == 0:
			if fault == "blocked" {
				out.WriteHeader(http.StatusForbidden)
				return
			}
			refuse(http.StatusForbidden, "")
			return
		case fault == "cached" && kept:
			out.Header().Set("Age", "3")
			io.WriteString(out, "secret orders")
			return
		case fault == "echo": // sends back what it got
			out.Header().Set("WWW-Authenticate", "Bearer error_description="+strconv.Quote(r.Header.Get("Authorization")))
			out.WriteHeader(http.StatusUnauthorized)
			return
		case len(values) == 0:
			if fault == "forbidden" {
				out.WriteHeader(http.StatusForbidden)
				return
			}
			refuse(http.StatusUnauthorized, "")
			return
		case len(values) > 1 && fault != "two-headers":
			refuse(http.StatusBadRequest, "invalid_request")
			return
		}
		scheme, token, _ := strings.Cut(values[0], " ")
		if scheme != "Bearer" && (fault == "case" || !strings.EqualFold(scheme, "Bearer")) {
			refuse(http.StatusUnauthorized, "")
			return
		}
		_, err := verifier.Verify(context.Background(), token)
		code := ""
		for _, c := range verifier.Explain(context.Background(), token).Checks {
			if c.Status == jwtverify.Fail {
				code = c.Code
				break
			}
		}
		switch {
		case fault == "refusing", fault == "scope" && err == nil:
		case err == nil, fault == "none" && code == "alg-none", fault == "tampered" && code == "signature-bad":
			kept = true
			io.WriteString(out, "secret orders")
			return
		}
		if fault == "scope" && err == nil {
			refuse(http.StatusForbidden, "insufficient_scope")
			return
		}
		refuse(http.StatusUnauthorized, "invalid_token")
	}
}
