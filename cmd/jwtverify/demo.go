package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/issuer"
)

const demoUsage = `jwtverify demo: the whole story in one run, without settings

  jwtverify demo

Starts an issuer on a free port of 127.0.0.1, verifies good and bad tokens by its keys,
rotates the keys, and stops the issuer. Each verdict is compared with the one foretold;
exit 0 only if all agree.
`

// demo is the command of that name.
func (s *session) demo(args []string) int {
	const command = "jwtverify demo"
	switch {
	case len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help"):
		fmt.Fprint(s.stderr, demoUsage)
		return int(accepted)
	case len(args) > 0:
		return s.fail(command, fmt.Errorf("got %s, want no arguments; %s -h says what it does", quoted(args[0]), command))
	}
	t := &story{w: s.stdout, palette: s.palette(s.stdout), started: time.Now()}
	if err := t.tell(); err != nil {
		return s.fail(command, err)
	}
	return int(t.end())
}

// A story is told to a reader and checked against what was foretold.
type story struct {
	w io.Writer
	palette
	started     time.Time
	told, wrong int
}

const demoAudience = "https://api.example.com"

// tell tells the whole story. The error means that the stage could not be set up.
func (t *story) tell() error {
	ctx := context.Background()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("a port on 127.0.0.1 for the issuer: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second}
	defer server.Close()
	iss, err := issuer.New(issuer.Config{URL: "http://" + listener.Addr().String(), Audience: demoAudience})
	if err != nil {
		listener.Close()
		return err
	}
	server.Handler = iss.Handler()
	go server.Serve(listener) // until Close

	fmt.Fprintf(t.w, "%s\n\n", t.paint(bold, "jwtverify demo: an issuer and two APIs in this process, over real HTTP"))
	fmt.Fprintf(t.w, "  issuer    %s\n  keys      %s\n  audience  %s\n", iss.URL(), iss.URL()+issuer.KeysPath, iss.Audience())

	api, err := newDemoAPI(iss)
	if err != nil {
		return err
	}
	// It loads the keys now and is left alone until the issuer is down.
	second, err := newDemoAPI(iss)
	if err != nil {
		return err
	}
	t.chapter("The APIs load the issuer's keys", "Keys for other uses stand beside, and are passed over.")
	for _, a := range []*demoAPI{api, second} {
		if err := a.verifier.Ready(ctx); err != nil {
			return err
		}
	}
	t.keys(ctx, api, iss.KeyID())

	t.chapter("A good token, and four that are not", "The signature is checked before a single claim is read.")
	good, err := iss.Token()
	if err != nil {
		return err
	}
	t.expect(api, "good", good, nil)
	past := time.Now().Add(-2 * time.Hour)
	expired, err := iss.Token(issuer.Claims{"iat": past.Unix(), "exp": past.Add(time.Hour).Unix()})
	if err != nil {
		return err
	}
	t.expect(api, "expired", expired, jwtverify.ErrExpired)
	other, err := iss.Token(issuer.Claims{"aud": "https://billing.example.com"})
	if err != nil {
		return err
	}
	t.expect(api, "for another audience", other, jwtverify.ErrAudience)
	t.expect(api, "altered: sub is admin", withSubject(good, "admin"), jwtverify.ErrSignature)
	unsigned, err := iss.Sign(issuer.Claims{"alg": "none"}, issuer.Claims{"iss": iss.URL(), "aud": demoAudience, "exp": time.Now().Add(time.Hour).Unix()})
	if err != nil {
		return err
	}
	t.expect(api, "unsigned: alg is none", unsigned[:strings.LastIndexByte(unsigned, '.')+1], jwtverify.ErrUnsupported)

	t.chapter("The issuer rotates its keys", "A key that was announced costs no request; one that was not, a single one.")
	if _, err := iss.Rotate(); err != nil {
		return err
	}
	announced, err := iss.Token()
	if err != nil {
		return err
	}
	t.expect(api, "by "+iss.KeyID()+", announced", announced, nil)
	t.requests(api, 1, 0)
	for range 2 {
		if _, err := iss.Rotate(); err != nil {
			return err
		}
	}
	unannounced, err := iss.Token()
	if err != nil {
		return err
	}
	t.expect(api, "by "+iss.KeyID()+", never announced", unannounced, nil)
	t.requests(api, 2, 1)
	t.expect(api, "by the first key, still published", good, nil)

	t.chapter("The issuer goes down", "The second API has the keys from the start. An outage is never a bad token.")
	if err := server.Close(); err != nil {
		return fmt.Errorf("stopping the issuer: %w", err)
	}
	t.expect(second, "of a known key", announced, nil)
	t.expect(second, "of a key never fetched", unannounced, jwtverify.ErrKeysUnavailable)
	t.expect(second, "of a known key, once more", good, nil)
	t.expect(second, "expired, of a known key", expired, jwtverify.ErrExpired)
	return nil
}

// A demoAPI is what an API has of this library.
type demoAPI struct {
	cache    *jwtverify.Cache
	verifier *jwtverify.Verifier
}

func newDemoAPI(iss *issuer.Issuer) (*demoAPI, error) {
	cache := &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: iss.URL() + issuer.KeysPath}}
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer:    iss.URL(),
		Audiences: []string{iss.Audience()},
		Keys:      cache,
	})
	return &demoAPI{cache, verifier}, err
}

// withSubject puts another sub into the claims and leaves the signature: what a thief
// of privileges would do.
func withSubject(token, subject string) string {
	parts := strings.Split(token, ".")
	var claims map[string]any
	if text, err := base64.RawURLEncoding.DecodeString(parts[1]); err != nil || json.Unmarshal(text, &claims) != nil {
		return "" // no token of ours; refused as malformed, which is not foretold
	}
	claims["sub"] = subject
	text, _ := json.Marshal(claims) // it was JSON before
	parts[1] = base64.RawURLEncoding.EncodeToString(text)
	return strings.Join(parts, ".")
}

func (t *story) chapter(title, text string) {
	fmt.Fprintf(t.w, "\n%s\n%s\n", t.paint(bold, title), t.paint(dim, text))
}

// keys lists the keys of the set.
func (t *story) keys(ctx context.Context, api *demoAPI, signing string) {
	set, err := api.cache.Keys(ctx)
	if !t.check(err == nil && set.Len() == 2 && len(set.Skipped()) == 2, "2 keys for RS256, 2 passed over", "another set") {
		return
	}
	for key := range set.All() {
		use := "announced: it will sign after the next rotation"
		if key.ID() == signing {
			use = "signs"
		}
		t.detail(fmt.Sprintf("%s, %d bits, %s", key.ID(), key.Bits(), use))
	}
	for _, skipped := range set.Skipped() {
		t.detail(safe(skipped.Error()))
	}
}

// requests compares how often an API has asked the issuer.
func (t *story) requests(api *demoAPI, fetches, forced uint64) {
	stats := api.cache.Stats()
	t.check(stats.Fetches == fetches && stats.Forced == forced,
		fmt.Sprintf("the API has asked the issuer %s, %d of that for an unknown kid", times(fetches), forced),
		fmt.Sprintf("%s, %d of that for an unknown kid", times(stats.Fetches), stats.Forced))
}

func times(n uint64) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// expect verifies a token and compares the verdict and its class with those of want.
func (t *story) expect(api *demoAPI, what, raw string, want error) {
	token, err := api.verifier.Verify(context.Background(), raw)
	v, class := judge(err)
	wantVerdict, wantClass := judge(want)
	status := map[verdict]int{accepted: 200, rejected: 401, undetermined: 503}[v]
	said := v.String()
	if v == undetermined && errors.Is(err, jwtverify.ErrKeysUnavailable) {
		said = "unavailable"
	}
	headline := fmt.Sprintf("%s  %-34s %s",
		t.paint(v.colour(), fmt.Sprintf("%d %-11s", status, said)), what, t.paint(dim, shownToken(raw)))
	t.check(v == wantVerdict && class == wantClass, headline, strings.TrimSpace(v.String()+" "+class)+"; foretold: "+strings.TrimSpace(wantVerdict.String()+" "+wantClass))
	if v == accepted {
		t.detail(fmt.Sprintf("%s, by %s", describe(token, time.Now()), token.KeyID))
		return
	}
	t.detail(reason(err))
}

// check tells one thing that was foretold, or what came instead.
func (t *story) check(ok bool, text, instead string) bool {
	t.told++
	if ok {
		fmt.Fprintf(t.w, "  %s %s\n", t.paint(green, "✓"), text)
		return true
	}
	t.wrong++
	fmt.Fprintf(t.w, "  %s %s\n", t.paint(red, "✗"), text)
	t.detail("not as foretold: " + instead)
	return false
}

// detail tells the reason, in lines that fit a terminal of 80 columns.
func (t *story) detail(text string) {
	const width, indent = 74, "      "
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			fmt.Fprintln(t.w, t.paint(dim, indent+line))
			line = "  "
		} else if line != "" {
			line += " "
		}
		line += word
	}
	fmt.Fprintln(t.w, t.paint(dim, indent+line))
}

func (t *story) end() verdict {
	summary := fmt.Sprintf("%d of %d as foretold, in %.1fs", t.told-t.wrong, t.told, time.Since(t.started).Seconds())
	if t.wrong > 0 {
		fmt.Fprintf(t.w, "\n%s\n", t.paint(red, summary))
		return rejected
	}
	fmt.Fprintf(t.w, "\n%s\n", t.paint(green, summary))
	return accepted
}
