package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/screen"
)

const discoverUsage = `  jwtverify discover https://tenant.example.com

Reads ISSUER/.well-known/openid-configuration (where that is not found, the address of
RFC 8414), compares its issuer with yours byte for byte, and shows where the keys are.
The keys themselves are not asked for: that is jwtverify jwks.

Exit codes: 0 the document is of this issuer, 1 it is of another or says nothing usable
about the keys, 2 usage, 3 it cannot be read.
`

// discover compares the issuer's metadata with the settings.
func (s *session) discover(f *flags) func() (int, error) {
	f.withIssuer().withJSON()
	return func() (int, error) { return s.readMetadata(f) }
}

func (s *session) readMetadata(f *flags) (int, error) {
	if err := f.takeArgument(func(string) string { return "issuer" }); err != nil {
		return 0, err
	}
	reader := &metadataReader{wire: wire{network: s.network(f), now: s.now}}
	set, err := s.settings(f, nil)
	if err == nil {
		set, err = set.discovered(reader)
	}
	if err != nil {
		return 0, err
	}

	once, result := retrieve(set)
	found := reader.metadata()
	r := &report{command: f.name, settings: set}
	switch {
	case errors.Is(once.err, errMetadataRead):
		r.headline = "the document is of issuer " + bare(set.issuer)
	case found != nil:
		r.verdict, r.class = rejected, "issuer"
		r.findings = []finding{found.differs(set, once.err)}
		r.decides = r.findings[0].Code
		r.headline = "the document is of another issuer"
		if r.decides == "issuer-form" {
			r.headline = "the document writes the issuer differently"
		}
		if found.Issuer == set.issuer {
			r.class, r.headline = "other", "the document says nothing usable about the keys"
		}
	default:
		retrieval, _ := keysFindings(set.words, nil, result)
		r.findings = []finding{retrieval}
		r.judged(nil, result.Err, s.now())
		r.headline = "the document cannot be read"
	}
	out := r.json(r.findings)
	out.Metadata = found
	return s.write(f, out, func(p palette) string { return r.metadataText(p, found) })
}

// discovered is s with the keys where the issuer's metadata say, whatever else says
// where they are.
func (s settings) discovered(reader *metadataReader) (settings, error) {
	if s.issuer == "" {
		return s, s.incomplete()
	}
	if err := checkAddress(s.words.of("{issuer}"), s.issuer); err != nil {
		return s, err
	}
	s.address = strings.TrimSuffix(s.issuer, "/") + metadataPath
	s.keys, s.source, s.noKeys = nil, nil, nil
	s, err := s.withSource(jwtverify.DiscoveryKeySource{Issuer: s.issuer, Client: &http.Client{Transport: reader}, Header: s.header})
	if err == nil {
		err = s.noKeys
	}
	return s, err
}

// A metadataReader is the way of a DiscoveryKeySource to the metadata, and no further:
// when it has found them good, it asks for the keys, and learns that it may stop.
type metadataReader struct {
	wire
}

var errMetadataRead = errors.New("the metadata are read")

func (m *metadataReader) RoundTrip(request *http.Request) (*http.Response, error) {
	if m.reply().status == http.StatusOK {
		return nil, errMetadataRead
	}
	return m.wire.RoundTrip(request)
}

// A jsonMetadata is what counts of the document.
type jsonMetadata struct {
	Document string `json:"document"` // its address
	Issuer   string `json:"issuer"`
	KeysURI  string `json:"jwks_uri"`
}

// metadata returns what was read, nil if that is no document.
func (m *metadataReader) metadata() *jsonMetadata {
	reply := m.reply()
	var members map[string]json.RawMessage // names in a map are compared exactly
	if reply.status != http.StatusOK || json.Unmarshal(reply.body, &members) != nil || members == nil {
		return nil
	}
	found := &jsonMetadata{Document: screen.Address(reply.url.String())}
	json.Unmarshal(members["issuer"], &found.Issuer)    // empty if it is no text
	json.Unmarshal(members["jwks_uri"], &found.KeysURI) // the same
	found.Issuer, found.KeysURI = screen.WithoutTokens(found.Issuer), screen.WithoutTokens(found.KeysURI)
	return found
}

// differs tells what is wrong with a document that was read.
func (m *jsonMetadata) differs(set settings, err error) finding {
	if m.Issuer == set.issuer {
		return failedCheck("metadata", "", "an issuer, and as jwks_uri the https address of its keys", err.Error(), "show what was found to the issuer's administrator: the document is wrong. Until it is corrected, pass the address of the keys to the other commands: --jwks-url URL")
	}
	// The library has seen why; here the document is what was asked for.
	code, cause := "metadata-issuer", ""
	var coded fetch.Diagnosed
	if errors.As(err, &coded) {
		code, cause, _ = coded.Diagnosis()
	}
	return failedCheck("issuer", code, screen.Quoted(set.issuer), screen.Quoted(m.Issuer), set.words.of(diagnosis.Of(code).For(cause).ForCommand()))
}

// metadataText is the report for people.
func (r *report) metadataText(p palette, found *jsonMetadata) string {
	word := map[verdict]string{accepted: "agrees", rejected: "differs", undetermined: "undetermined"}[r.verdict]
	lines := []string{p.paint(r.verdict.colour(), word) + ": " + r.headline}
	if r.decides != "" {
		lines[0] += " (" + r.decides + ")"
	}
	if found != nil {
		lines = append(lines, "  document  "+found.Document, "  issuer    "+screen.Quoted(found.Issuer), "  jwks_uri  "+screen.Quoted(found.KeysURI))
	}
	for _, f := range r.findings {
		lines = append(lines, details(f.Check, p, "  ")...)
	}
	return strings.Join(lines, "\n") + "\n"
}
