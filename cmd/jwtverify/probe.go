package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/probe"
	"example.com/jwtverify/internal/screen"
)

const probeUsage = `  jwtverify probe https://api.example.com/orders --token-file token.txt
  jwtverify probe http://127.0.0.1:8000/protected < token.txt

Sends requests without a token, with a malformed and with an unsigned one; with a token
also that token altered, twice, with "bearer" in lower case, and as it is, and at last
none again. Each answer is compared with what RFC 6750 asks for. A status of success
counts as accepted only if the answer is the one that the good token gets, since some
APIs refuse in the body. Nothing is changed on the server as far as GET and HEAD change
nothing; no body is shown, no redirect followed.

The token is sent to the host of URL only, over https or to this machine. The settings of
jwtverify verify (--issuer, --audience, AUTHACTION_…) are not needed. If they are there, a
token that the API refuses is verified here too.

Exit codes: 0 the API behaves, 1 it does not, 2 usage, 3 no connection, or answers that
do not tell.
`

// probe is the command of that name.
func (s *session) probe(f *flags) func() (int, error) {
	f.withTrust().withToken().withJSON()
	query := f.set.Bool("query", false, "send the token in ?access_token= too: it lands in the server's logs")
	allowHTTP := f.set.Bool("allow-http", false, "send it over plain http to another machine, such as a host inside a cluster: whoever sees it on its way can use it")
	method := f.set.String("method", http.MethodGet, "`GET|HEAD`: the method of the requests; HEAD shows less")
	return func() (int, error) { return s.probeGiven(f, *query, *allowHTTP, *method) }
}

func (s *session) probeGiven(f *flags, query, allowHTTP bool, method string) (int, error) {
	target, err := f.target(allowHTTP)
	if err == nil && method != http.MethodGet && method != http.MethodHead {
		err = fmt.Errorf("--method is %s: want GET or HEAD, which change nothing on the server", screen.Quoted(method))
	}
	if err != nil {
		return 0, err
	}
	set, err := s.settings(f, nil)
	if err != nil {
		return 0, err
	}
	raw, notes, err := s.readProbeToken(f)
	if err != nil {
		return 0, err
	}
	if !f.json {
		s.printNotes(notes)
	}
	trusted, _ := set.verifier() // without settings nobody judges the token here
	p := &probe.Prober{
		Target: target, Method: method, Network: s.network(f), Timeout: cmp.Or(set.timeout, 5*time.Second), Now: s.now,
		Token: raw, Trusted: trusted, Issuer: set.issuer, Audiences: set.audiences,
	}
	answers, err := p.Run(query)
	var notWhole *probe.NotWholeError
	if errors.As(err, &notWhole) {
		err = &problem{text: "the token is not a whole JWT", code: "token-parts", expected: "a token with a signature, which can be altered", found: notWhole.Found}
	}
	if err != nil {
		return 0, err
	}
	r := &report{command: f.name, settings: set}
	for _, answer := range answers {
		r.findings = append(r.findings, newFinding(answer.Outcome))
	}
	r.probed()
	return s.write(f, r.json(r.findings), func(colours palette) string { return r.probeText(colours, answers) })
}

// target takes the URL out of the arguments. The token goes there: it is https or this
// machine, unless plain http is allowed.
func (f *flags) target(allowHTTP bool) (*url.URL, error) {
	if len(f.args) == 0 {
		return nil, fmt.Errorf("there is no URL: want the address of an API that asks for a token; %s -h shows an example", f.command)
	}
	address := f.args[0]
	f.args = f.args[1:]
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%s is not an address that begins with https:// and a host", screen.Quoted(screen.Address(address)))
	case u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%s has a user name or a fragment (#…): want an address alone", screen.Quoted(screen.Address(address)))
	}
	if allowHTTP {
		return u, checkPlaceholder("the URL", address)
	}
	err = checkAddress("the URL", address)
	var insecure *problem
	if errors.As(err, &insecure) && insecure.code == "config-insecure-url" {
		insecure.cause = "probe"
	}
	return u, err
}

// readProbeToken returns the token, empty if there is none: then fewer requests are
// made.
func (s *session) readProbeToken(f *flags) (token string, notes []string, err error) {
	asked := f.given["token-file"] || len(f.args) > 0
	switch {
	case len(f.args) > 1 || len(f.args) == 1 && f.args[0] != "-":
		return "", nil, errors.New("there is an argument behind the URL: want the token on stdin or in --token-file, an argument shows in the list of processes")
	case !asked && screen.IsTerminal(s.stdin):
		return "", nil, nil
	}
	text, err := s.readInput(f)
	if err != nil || !asked && strings.TrimSpace(text) == "" {
		return "", nil, err
	}
	return clean(text)
}

// probed puts the verdict into the report: the gravest finding decides, and the table of
// codes has them in that order.
func (r *report) probed() {
	gravest := len(diagnosis.Codes)
	passed, unclear := false, false
	for _, f := range r.findings {
		rank := slices.IndexFunc(diagnosis.Codes[:], func(c diagnosis.Code) bool { return c.Name == f.Code })
		if f.Status == jwtverify.Fail && rank >= 0 {
			gravest = min(gravest, rank)
		}
		passed = passed || f.Status == jwtverify.Pass
		unclear = unclear || f.Code == "probe-unclear"
	}
	r.verdict, r.class = undetermined, "other"
	switch {
	case gravest < len(diagnosis.Codes):
		r.verdict, r.decides, r.headline = rejected, diagnosis.Codes[gravest].Name, diagnosis.Codes[gravest].Sentence
	case deciding(r.findings).Status == jwtverify.Fail: // one without a code
		r.headline = "the API does not answer"
	case unclear:
		r.headline = diagnosis.Of("probe-unclear").Sentence
	case !passed:
		r.headline = "not one answer tells how this API takes tokens"
	default:
		r.verdict, r.class, r.headline = accepted, "", "the API refuses what it must refuse"
	}
}

// probeText is the verdict and a line for each answer, with what is wrong below it, each
// advice once.
func (r *report) probeText(c palette, answers []probe.Answer) string {
	lines, told := []string{r.line(c)}, make(map[string]bool)
	for i, f := range r.findings {
		status := "–"
		if answers[i].Status != 0 {
			status = strconv.Itoa(answers[i].Status)
		}
		shown := cmp.Or(f.Code, answers[i].Challenge)
		lines = append(lines, strings.TrimRight(fmt.Sprintf("%s %-23s  %-3s  %s", c.mark(f.Status), f.Name, status, shown), " "))
		if f.Status == jwtverify.Pass || told[f.Next] {
			continue
		}
		told[f.Next] = true
		if f.Found == status {
			f.Found = "" // it stands in the line already
		}
		lines = append(lines, details(f.Check, c, "    ")...)
	}
	return strings.Join(lines, "\n") + "\n"
}

// mark stands before a finding.
func (p palette) mark(status jwtverify.Status) string {
	switch status {
	case jwtverify.Pass:
		return p.paint(screen.Green, "✓")
	case jwtverify.Fail:
		return p.paint(screen.Red, "✗")
	}
	return p.paint(screen.Yellow, "–")
}
