package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
)

const explainUsage = `jwtverify explain [flags] [TOKEN]: why is this token accepted or refused?

  jwtverify explain --issuer https://acme.eu.authaction.com --audience orders < token.txt
  curl … | jwtverify explain         (a token endpoint's answer is unwrapped)

Goes through the five items of the guide's troubleshooting list, says of each what was
expected, what was found and what to do next, and names the one that decides. The
verdict is that of jwtverify verify, always. The keys are retrieved once, even if the
token is damaged.

` + tokenUsage + trustUsage + `  --json             one JSON object on one line

` + domainUsage + verdictUsage

// explain is the command of that name.
func (s *session) explain(args []string) int {
	f := newFlags("explain").withTrust().withToken().withJSON()
	if err := f.parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(s.stderr, explainUsage)
		return int(accepted)
	} else if err != nil {
		return s.unchecked(f, settings{}, err)
	}
	wire := &wire{network: s.network(), now: s.now}
	settings, err := s.settings(f, wire)
	if err == nil {
		_, err = settings.verifier()
	}
	if err != nil {
		return s.explainNothing(f, settings, err)
	}
	raw, notes, err := s.readToken(f)
	if err != nil {
		return s.explainNothing(f, settings, err)
	}

	r := explainToken(settings, wire, raw, notes)
	if f.json {
		err = writeJSON(s.stdout, r.json(r.findings))
	} else {
		err = r.writeText(s.stdout, s.palette(s.stdout))
	}
	if err != nil {
		return s.fail(f.command, fmt.Errorf("writing the report: %w", err))
	}
	return int(r.verdict)
}

// explainNothing reports what is wrong with the settings or the input: also a report,
// since the guide's list begins with them.
func (s *session) explainNothing(f *flags, settings settings, err error) int {
	var p *problem
	if f.json || !errors.As(err, &p) {
		return s.unchecked(f, settings, err)
	}
	r := f.unchecked(settings, err)
	if err := r.writeText(s.stdout, s.palette(s.stdout)); err != nil {
		return s.fail(f.command, fmt.Errorf("writing the report: %w", err))
	}
	return int(none)
}

// explainToken judges a token by complete settings, and finds what there is to say
// about it, about the keys and about the clock.
func explainToken(settings settings, wire *wire, raw string, notes []string) *report {
	once, keys := retrieve(settings)
	retrieval, skipped := keysFindings(once.set, keys)
	// A Cache of its own, so that to this verifier what is remembered, even if it is an
	// error, is a first answer.
	settings.keys = &jwtverify.Cache{Source: once, Timeout: settings.timeout}
	verifier, err := settings.verifier()
	if err != nil { // the same settings have made one before
		return &report{command: "explain", settings: settings, verdict: none, headline: safe(err.Error())}
	}
	result := verifier.Explain(context.Background(), raw)

	r := &report{command: "explain", settings: settings, findings: findings(result, retrieval, skipped, notes), keys: keysAddress(settings, wire)}
	if result.Checks != nil && r.has("form", jwtverify.Pass) {
		r.kid, r.signatureBytes = look(raw)
	}
	if ahead := wire.reply().ahead; ahead.Abs() > maxClockSkew {
		r.findings = append(r.findings, clockNote(ahead, settings.now()))
	}
	r.judged(result.Token, result.Err, settings.now())
	return r
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
func findings(result *jwtverify.Report, retrieval finding, skipped []finding, notes []string) []finding {
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
		list = append(list, newFinding(c))
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
func keysFindings(set *jwtverify.KeySet, keys *jwtverify.Report) (retrieval finding, skipped []finding) {
	c := jwtverify.Check{Name: keysCheck, Status: jwtverify.Pass, Expected: "a key set", Trusted: true}
	if set != nil {
		c.Found = countedKeys(set)
	}
	for _, found := range keys.Checks {
		switch {
		case found.Code == "keys-skipped":
			found.Name = keysCheck
			skipped = append(skipped, newFinding(found))
		case isKeysFailure(found):
			c = found
			c.Name = keysCheck
		}
	}
	return newFinding(c), skipped
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
	total, plural := set.Len()+len(set.Skipped()), "s"
	if total == 1 {
		plural = ""
	}
	return fmt.Sprintf("%d key%s, %d usable", total, plural, set.Len())
}

// keysAddress tells where the keys came from.
func keysAddress(settings settings, wire *wire) string {
	_, discovered := settings.source.(jwtverify.DiscoveryKeySource)
	if reply := wire.reply(); discovered && reply.url != nil {
		return shownAddress(reply.url.String()) + ", as the issuer's metadata say"
	}
	return shownAddress(settings.address)
}

// look reads what a report shows of a well-formed token beside the checks: how it
// names its key, and the length of its signature.
func look(raw string) (kid string, signatureBytes int) {
	parts := strings.Split(raw, ".")
	var header map[string]json.RawMessage // names in a map are compared exactly
	text, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || json.Unmarshal(text, &header) != nil {
		return "", 0
	}
	kid = "no kid"
	if raw, has := header["kid"]; has {
		var name *string
		if json.Unmarshal(raw, &name) == nil && name != nil {
			kid = "kid " + quoted(*name)
		} else {
			kid = "kid is no text"
		}
	}
	return kid, base64.RawURLEncoding.DecodedLen(len(parts[2]))
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
