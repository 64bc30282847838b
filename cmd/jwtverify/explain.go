package main

import (
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/screen"
)

const explainUsage = `  jwtverify explain --issuer https://tenant.example.com --audience https://api.example.com < token.txt
  curl … | jwtverify explain

Goes through settings, RS256, keys, time and audience, the five items of AuthAction's
troubleshooting list. Says of each what was expected, what was found and what to do next,
and names the one that decides. The verdict is that of jwtverify verify. The keys are
retrieved once, even if the token is damaged. Without an issuer or an audience it judges all else, accepts nothing,
and shows the command line that judges the token in full.
A token endpoint's answer is unwrapped.

` + tokenUsage + domainUsage + verdictUsage

// explain is the command of that name.
func (s *session) explain(f *flags) func() (int, error) {
	f.withTrust().withToken().withJSON()
	return func() (int, error) {
		wire := &wire{network: s.network(f), now: s.now}
		settings, err := s.settings(f, wire)
		if err != nil {
			return 0, err
		}
		raw, notes, err := s.readToken(f)
		if err != nil {
			return 0, err
		}
		r, err := f.explainToken(settings, wire, raw, notes)
		if err != nil {
			return 0, err
		}
		return s.write(f, r.json(r.findings), r.text)
	}
}

// explainToken judges a token, and finds what there is to say about it, about the keys and
// about the clock. Without an issuer or an audience it judges all else. The error is one of
// the settings.
func (f *flags) explainToken(settings settings, wire *wire, raw string, notes []string) (*report, error) {
	settings.words.token = glanceAt(raw)
	r := &report{command: f.name, settings: settings}
	assumed, missing := settings.assuming()
	if err := assumed.incomplete(); err != nil {
		return nil, err
	}
	once, keys := retrieve(assumed)
	retrieval, skipped := keysFindings(settings.words, once.set, keys)
	// A Cache of its own, so that to this verifier what is remembered, even if it is an
	// error, is a first answer.
	assumed.keys = &jwtverify.Cache{Source: once, Timeout: settings.timeout}
	verifier, err := assumed.verifier()
	if err != nil {
		return nil, err
	}
	result := verifier.Explain(context.Background(), raw)
	if settings.source == nil {
		retrieval = newFinding(jwtverify.Check{Name: keysCheck, Status: jwtverify.Skip, Trusted: true})
	}
	r.keys = keysAddress(settings, wire)
	r.findings = findings(settings.words, result, retrieval, skipped, notes)
	if ahead := wire.reply().ahead; ahead.Abs() > maxClockSkew {
		r.findings = append(r.findings, clockNote(ahead, settings.now()))
	}
	if missing == nil {
		r.judged(result.Token, result.Err, settings.now())
		return r, nil
	}
	r.unassume()
	decides := result.Err == nil || settings.source == nil && errors.Is(result.Err, jwtverify.ErrKeysUnavailable) || deciding(r.findings).Code == ""
	unset := newFinding(jwtverify.Check{
		Name: "settings", Status: jwtverify.Note, Code: missing.code, Expected: missing.expected, Found: missing.found, Trusted: true,
		Next: "if this is your issuer and your API: " + f.nextCommand(settings),
	})
	if err = result.Err; decides {
		unset.Status, err = jwtverify.Fail, missing
	}
	if !errors.Is(err, jwtverify.ErrInvalid) { // else it can never be good
		r.findings = slices.Insert(r.findings, 0, unset)
	}
	r.judged(nil, err, settings.now())
	if result.Err == nil {
		r.headline = "all else is good, but " + r.headline
	}
	return r, nil
}

// assuming completes settings by what the token says of itself, so that all else can be
// judged. What nobody has set is returned: no token is accepted without it.
func (s settings) assuming() (assumed settings, missing *problem) {
	token := s.words.token
	assumed = s
	errors.As(s.incomplete(), &missing)
	if s.issuer == "" {
		if assumed.issuer = token.claims.text("iss"); s.source == nil {
			assumed.source, assumed.keys = anyKeys, anyKeys
		}
	}
	if len(s.audiences) == 0 {
		assumed.audiences = token.audiences()
		if client, claim := token.client(); claim == s.claim && token.claims["aud"] == nil {
			assumed.audiences = []string{client}
		}
	}
	if s.issuer != "" && len(s.audiences) > 0 {
		return s, nil
	}
	// A name that New would not take is as good as any: it is not judged.
	with := assumed
	if with.audiences = []string{"any"}; s.issuer == "" && with.try() != nil {
		assumed.issuer = "any"
	}
	if with = assumed; len(s.audiences) == 0 && with.try() != nil {
		assumed.audiences = []string{"any"}
	}
	return assumed, missing
}

func (s settings) try() error {
	s.keys = anyKeys
	_, err := s.verifier()
	return err
}

// unassume takes back what was judged by what the token says itself, and shows it.
func (r *report) unassume() {
	token := r.settings.words.token
	if r.settings.issuer == "" {
		r.findings = slices.DeleteFunc(r.findings, func(f finding) bool { return f.Name == "settings" })
	}
	show := func(f *finding, format string, args ...any) {
		f.Status, f.Code, f.Expected, f.Next = jwtverify.Skip, "", "", ""
		f.Found = screen.Cut(screen.Line(fmt.Sprintf(format, args...)), maxFoundBytes)
	}
	for i := range r.findings {
		switch f := &r.findings[i]; {
		case f.Name == "issuer" && r.settings.issuer == "" && f.Code != "issuer-missing":
			iss := token.claims.text("iss")
			show(f, "iss %s", screen.Quoted(iss))
			if provider := diagnosis.Provider(iss); provider != "" {
				f.Found += ", probably of " + provider
			}
		case f.Name == "audience" && len(r.settings.audiences) == 0 && f.Code != "audience-missing":
			show(f, "aud [%s]", quotedList(token.audiences()))
		case f.Name == "not-before" && f.Status == jwtverify.Pass:
			for name, t := range token.times() {
				if name == "iat" {
					show(f, "issued %s", diagnosis.FromNow(t, r.settings.now()))
				}
			}
		}
	}
}

// nextCommand is the command line that judges the token in full, with what the token says
// of itself in the place of what nobody has set.
func (f *flags) nextCommand(s settings) string {
	words := []string{f.command}
	if s.issuer == "" {
		words = append(words, s.words.of("--issuer {iss}"))
	}
	f.set.Visit(func(given *flag.Flag) {
		if value := given.Value.String(); value != "" && value != "true" && given.Name != "token-file" {
			words = append(words, "--"+given.Name, typed(value, "…"))
		}
	})
	for _, audience := range f.audiences {
		words = append(words, "--audience", typed(audience, "…"))
	}
	if client, _ := s.words.token.client(); len(s.audiences) == 0 && s.words.token.claims["aud"] == nil && client != "" {
		words = append(words, s.words.of("--audience {client} --audience-claim {client claim}"))
	} else if len(s.audiences) == 0 {
		words = append(words, s.words.of("--audience {aud}"))
	}
	if f.tokenFile != "" {
		return strings.Join(append(words, "--token-file", typed(f.tokenFile, "…")), " ")
	}
	return strings.Join(append(words, "< token.txt"), " ")
}

// retrieve asks for the keys, once, and returns what can be asked again for the same
// answer, and a report on the keys alone.
func retrieve(settings settings) (*onceSource, *jwtverify.Report) {
	once := &onceSource{source: settings.source}
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: "any", Audiences: []string{"any"},
		Keys: &jwtverify.Cache{Source: once, Timeout: settings.timeout},
	})
	if err != nil { // settings have tried the same source and timeout
		return once, &jwtverify.Report{Err: err}
	}
	return once, verifier.Explain(context.Background(), anyToken)
}

// anyToken is well-formed, so that a verifier asks for the keys. No issuer has its kid.
var anyToken = func() string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256","kid":"jwtverify explain"}`)) + "." + encode([]byte(`{}`)) + "."
}()

// A onceSource asks its source once and goes on to say the same.
type onceSource struct {
	source jwtverify.KeySource
	once   sync.Once
	set    *jwtverify.KeySet
	err    error
}

func (o *onceSource) Keys(ctx context.Context) (*jwtverify.KeySet, error) {
	o.once.Do(func() { o.set, o.err = o.source.Keys(ctx) })
	return o.set, o.err
}

// findings puts together what was found about the token and about the keys, in the
// order of Verify: the first failure is the one that decides.
func findings(w words, result *jwtverify.Report, retrieval finding, skipped []finding, notes []string) []finding {
	var list []finding
	for _, c := range result.Checks {
		switch {
		case c.Code == "keys-skipped":
			continue // from keys, where it always is
		case isKeysFailure(c):
			c = jwtverify.Check{Name: "key", Status: jwtverify.Skip, Trusted: true}
		}
		if c.Name == "key" && c.Status != jwtverify.Note {
			list = append(list, retrieval)
			list = append(list, skipped...)
		}
		list = append(list, w.finding(c))
		if c.Name == "form" {
			list = append(list, cleanedNotes(notes)...)
		}
	}
	// What is wrong with the keys does not decide where the token was refused before
	// they were asked for, as for the form of its signature.
	if !errors.Is(result.Err, jwtverify.ErrKeysUnavailable) && retrieval.Status == jwtverify.Fail {
		list = slices.DeleteFunc(list, func(f finding) bool { return f.Name == keysCheck && f.Status == jwtverify.Fail })
		decider := slices.IndexFunc(list, func(f finding) bool { return f.Status == jwtverify.Fail })
		key := slices.IndexFunc(list, func(f finding) bool { return f.Name == "key" })
		list = slices.Insert(list, max(decider+1, key), retrieval)
	}
	return list
}

// keysFindings tells from a report on any token whether there are keys.
func keysFindings(w words, set *jwtverify.KeySet, keys *jwtverify.Report) (retrieval finding, skipped []finding) {
	c := jwtverify.Check{Name: keysCheck, Status: jwtverify.Pass, Expected: "a key set", Trusted: true}
	if set != nil {
		c.Found = countedKeys(set)
	}
	for _, found := range keys.Checks {
		switch {
		case found.Code == "keys-skipped":
			found.Name = keysCheck
			skipped = append(skipped, w.finding(found))
		case isKeysFailure(found):
			c = found
			c.Name = keysCheck
		}
	}
	return w.finding(c), skipped
}

func cleanedNotes(notes []string) (list []finding) {
	for _, note := range notes {
		list = append(list, newFinding(jwtverify.Check{
			Name: "form", Status: jwtverify.Note, Code: "token-cleaned",
			Expected: "the bare token", Found: note, Trusted: true,
		}))
	}
	return list
}

func countedKeys(set *jwtverify.KeySet) string {
	return fmt.Sprintf("%s, %d usable", quote.Count(set.Len()+len(set.Skipped()), "key"), set.Len())
}

// keysAddress tells where the keys came from.
func keysAddress(settings settings, wire *wire) string {
	_, discovered := settings.source.(jwtverify.DiscoveryKeySource)
	if reply := wire.reply(); discovered && reply.url != nil {
		return screen.Address(reply.url.String()) + ", as the issuer's metadata say"
	}
	return screen.Address(settings.address)
}

const maxClockSkew = time.Minute

func clockNote(ahead time.Duration, now time.Time) finding {
	direction := "behind"
	if ahead < 0 {
		direction = "ahead"
	}
	return newFinding(jwtverify.Check{
		Name: clockCheck, Status: jwtverify.Note, Code: "clock-skew",
		Expected: "the time of the key server, " + now.Add(ahead).UTC().Format(time.RFC3339),
		Found:    fmt.Sprintf("%s: this machine's clock is %s %s", now.UTC().Format(time.RFC3339), diagnosis.Rounded(ahead.Abs()), direction),
		Trusted:  true,
	})
}
