package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/local"
	"example.com/jwtverify/internal/screen"
)

// A report is what a command found: for people as text, for scripts as JSON.
type report struct {
	command  string
	verdict  verdict
	class    string // of the error, as in JSON; empty: none
	headline string // behind the verdict, without the code
	decides  string // code
	settings settings
	findings []finding
	token    *jwtverify.Token // nil unless accepted
	keys     string           // where they came from
}

// A finding is a check with its place in the guide's list.
type finding struct {
	item int
	jwtverify.Check
}

const maxFoundBytes = 200

// Names of checks that the library does not have.
const (
	keysCheck  = "keys"  // retrieving the keys
	clockCheck = "clock" // this machine's clock
)

// The five items of the guide's troubleshooting list.
var itemNames = [...]string{1: "settings", 2: "RS256", 3: "keys", 4: "time", 5: "audience"}

// itemOf is the item to which a check belongs. The issuer is among the settings: a
// token of another issuer and a domain that is wrong look the same.
func itemOf(check string) int {
	switch check {
	case "settings", "issuer":
		return 1
	case "form", "algorithm", "type":
		return 2
	case keysCheck, "key", "signature":
		return 3
	case "audience":
		return 5
	}
	return 4 // claims, not-before, expiry, the clock, and how an API takes its token
}

// isKeysFailure reports whether a check says that the keys are unavailable: it stands
// where the key is looked for, and its code is not one about the key of a token.
func isKeysFailure(c jwtverify.Check) bool {
	return c.Name == "key" && c.Status == jwtverify.Fail && diagnosis.Of(c.Code).Check != "key"
}

// newFinding makes a check fit to be shown, where the settings are not known.
func newFinding(c jwtverify.Check) finding { return words{}.finding(c) }

// finding makes a check fit to be shown: with the library's advice in the words of the
// command.
func (w words) finding(c jwtverify.Check) finding {
	known := diagnosis.Of(c.Code)
	for _, a := range known.Advice {
		if a.Next == c.Next {
			c.Next = w.of(a.ForCommand())
			break
		}
	}
	c.Expected, c.Found, c.Next = screen.Line(c.Expected), screen.Cut(screen.Line(c.Found), maxFoundBytes), screen.Line(c.Next)
	// A damaged part of the token is one of its form, whichever step has found it.
	return finding{itemOf(cmp.Or(known.Check, c.Name)), c}
}

// failedCheck is a check of the command's own.
func failedCheck(name, code, expected, found, next string) finding {
	return newFinding(jwtverify.Check{
		Name: name, Status: jwtverify.Fail, Code: code, Expected: expected, Found: found, Next: next, Trusted: true,
	})
}

// judged puts the verdict of a verification into the report.
func (r *report) judged(t *jwtverify.Token, err error, now time.Time) {
	r.verdict, r.class = judge(err)
	r.decides = deciding(r.findings).Code
	switch {
	case r.verdict == accepted:
		r.token, r.decides = t, ""
		r.headline = describe(t, now)
	case r.decides != "":
		r.headline = diagnosis.Of(r.decides).Sentence
	default: // no failure of the library is without a code
		r.headline = local.Reason(err)
	}
}

// deciding returns the first check that failed, an empty one if there is none.
func deciding(findings []finding) finding {
	for _, f := range findings {
		if f.Status == jwtverify.Fail {
			return f
		}
	}
	return finding{}
}

// unchecked makes a report of why nothing was checked.
func (f *flags) unchecked(err error) *report {
	r := &report{command: f.name, verdict: none, headline: screen.Line(err.Error()), settings: f.inUse}
	var p *problem
	if errors.As(err, &p) {
		r.headline, r.decides = screen.Line(p.text), p.code
		name := "settings"
		if p.code == "token-missing" {
			name = "form"
			if f.inUse.incomplete() == nil {
				r.findings = append(r.findings, newFinding(jwtverify.Check{
					Name: "settings", Status: jwtverify.Pass, Trusted: true,
					Found: f.inUse.shown(),
				}))
			}
		}
		r.findings = append(r.findings, failedCheck(name, p.code, p.expected, p.found, p.next()))
		return r
	}
	// A slip on the command line has no code.
	next := f.command + " -h shows the flags"
	r.findings = []finding{failedCheck("settings", "", "", strings.TrimSuffix(err.Error(), "; "+next), next)}
	return r
}

// line is the verdict in one line.
func (r *report) line(p palette) string {
	text := p.verdict(r.verdict) + ": " + r.headline
	if r.decides != "" {
		text += " (" + r.decides + ")"
	}
	return text
}

// short is the verdict and the check that decides.
func (r *report) short(p palette) string {
	lines := append([]string{r.line(p)}, details(deciding(r.findings).Check, p, "  ")...)
	return strings.Join(lines, "\n") + "\n"
}

// text is the verdict and what was found, in the order of the guide's list.
func (r *report) text(p palette) string {
	var b strings.Builder
	b.WriteString(r.line(p) + "\n")
	doubtful := false
	for item := 1; item < len(itemNames); item++ {
		lines := r.itemLines(item, p, &doubtful)
		if len(lines) == 0 {
			lines = []string{p.paint(screen.Dim, "– not checked")}
		}
		guide := r.settings.words.guide()
		if item == 4 && guide {
			lines = append(lines, p.paint(screen.Dim, "– Authorization header: not visible here; try: jwtverify probe URL --token-file FILE"))
		}
		for i, line := range lines {
			label := strings.Repeat(" ", 12)
			switch {
			case i == 0 && guide:
				label = fmt.Sprintf("%d %-10s", item, itemNames[item])
			case i == 0:
				label = fmt.Sprintf("%-12s", itemNames[item])
			}
			b.WriteString(label + line + "\n")
		}
	}
	for _, f := range r.findings {
		if r.isAside(f) {
			b.WriteString(p.paint(screen.Dim, "note: this token needs none of these keys: "+f.Found+" (keys-skipped)") + "\n")
		}
	}
	if doubtful {
		b.WriteString(p.paint(screen.Dim, doubt+" read from claims that are not verified") + "\n")
	}
	return b.String()
}

// isAside reports whether a finding stands behind the items: skipped keys are no alarm beside
// a token that is good.
func (r *report) isAside(f finding) bool { return r.verdict == accepted && f.Code == "keys-skipped" }

const doubt = "(?)"

// itemLines returns the lines of an item; doubtful is set if one of them was read
// from claims that are not verified.
func (r *report) itemLines(item int, p palette, doubtful *bool) (lines []string) {
	decider := -1
	for i, f := range r.findings {
		if f.Status == jwtverify.Fail && decider < 0 && r.verdict != accepted {
			decider = i
		}
		if f.item != item || r.isAside(f) {
			continue
		}
		mark, text := "", ""
		switch f.Status {
		case jwtverify.Pass:
			mark, text = p.paint(screen.Green, "✓"), r.passed(f)
		case jwtverify.Skip:
			mark, text = p.paint(screen.Dim, "–"), f.Found
			if f.Name == "signature" && !r.failed("key") {
				text = p.paint(screen.Dim, "signature: not checked")
			}
		case jwtverify.Note:
			mark, text = p.paint(screen.Yellow, "–"), p.paint(screen.Yellow, f.Code)
		case jwtverify.Fail:
			mark, text = p.paint(screen.Red, "✗"), p.paint(screen.Red, f.Code)
		}
		if text == "" {
			continue
		}
		if !f.Trusted && (f.Status != jwtverify.Skip || f.Found != "") && f.item != 2 {
			text += " " + doubt
			*doubtful = true
		}
		if i == decider {
			text += "   (decides)"
		}
		lines = append(lines, mark+" "+text)
		if f.Status == jwtverify.Fail || f.Status == jwtverify.Note {
			lines = append(lines, details(f.Check, p, "  ")...)
		}
	}
	return lines
}

// details are the lines below a failure or a note.
func details(c jwtverify.Check, p palette, indent string) (lines []string) {
	for _, detail := range [...]struct{ label, text string }{
		{"expected", c.Expected}, {"found", c.Found}, {"next", c.Next},
	} {
		if detail.text != "" {
			lines = append(lines, fmt.Sprintf("%s%s  %s", indent, p.paint(screen.Dim, fmt.Sprintf("%-8s", detail.label)), detail.text))
		}
	}
	return lines
}

// passed says what was found good; nothing where another line says it already.
func (r *report) passed(f finding) string {
	switch f.Name {
	case "settings":
		return r.settings.shown()
	case "form":
		text := f.Found
		if r.has("algorithm", jwtverify.Pass) {
			text += "; RS256"
		}
		return text + "; " + r.settings.words.token.kid()
	case keysCheck:
		return r.keys + ": " + f.Found
	case "signature":
		by, named := strings.CutPrefix(r.settings.words.token.kid(), "kid ")
		if !named {
			by = "the only key"
		}
		return fmt.Sprintf("signature by %s, %d bytes", by, r.settings.words.token.signatureBytes)
	case "expiry":
		return "expires " + f.Found
	case "audience":
		return f.Found
	}
	return ""
}

func (r *report) failed(name string) bool { return r.has(name, jwtverify.Fail) }

func (r *report) has(name string, status jwtverify.Status) bool {
	for _, f := range r.findings {
		if f.Name == name && f.Status == status {
			return true
		}
	}
	return false
}

// bare shows a setting without the quotes that it does not need.
func bare(s string) string {
	if q := screen.Quoted(s); q != `"`+s+`"` || strings.ContainsAny(s, " ,") {
		return q
	}
	return s
}

// shown is what is trusted, as far as it is set.
func (s settings) shown() string {
	text := "issuer " + bare(s.issuer)
	if len(s.audiences) > 0 {
		text += ", audience " + bareList(s.audiences)
	}
	return text
}

func bareList(list []string) string {
	var out []string
	for _, s := range list {
		out = append(out, bare(s))
	}
	return strings.Join(out, ", ")
}
