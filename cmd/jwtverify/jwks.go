package main

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/screen"
)

const jwksUsage = `  jwtverify jwks https://tenant.example.com/.well-known/jwks.json
  jwtverify jwks --issuer https://tenant.example.com
  jwtverify jwks keys.json

Lists the keys of an address, of a file, or of an issuer, whose discovery document says
where they are. Without any of them AUTHACTION_DOMAIN does.

Exit codes: 0 at least one key is usable for RS256, 2 usage, 3 no usable key set.
`

// jwks lists the keys of a set, each usable or why not.
func (s *session) jwks(f *flags) func() (int, error) {
	f.withKeys().withJSON()
	return func() (int, error) { return s.listKeys(f) }
}

func (s *session) listKeys(f *flags) (int, error) {
	err := f.takeArgument(func(argument string) string {
		if strings.Contains(argument, "://") {
			return "jwks-url"
		}
		return "jwks-file"
	})
	if err != nil {
		return 0, err
	}
	wire := &wire{network: s.network(f), now: s.now}
	settings, err := s.settings(f, wire)
	if err == nil && settings.source == nil {
		err = settings.noKeys
	}
	if err != nil {
		return 0, err
	}

	once, result := retrieve(settings)
	retrieval, skipped := keysFindings(settings.words, once.set, result)
	r := &report{command: f.name, settings: settings, findings: append([]finding{retrieval}, skipped...)}
	if retrieval.Status == jwtverify.Fail {
		r.judged(nil, result.Err, s.now())
	}
	var keys []jsonKey
	if once.set != nil {
		keys = listed(once.set, document(settings, wire))
	}
	out := r.json(r.findings)
	out.KeySet = keys
	return s.write(f, out, func(p palette) string { return r.keysText(p, once.set, keys) })
}

// document returns the text that a set was read from.
func document(settings settings, wire *wire) []byte {
	path, isFile := settings.source.(jwtverify.FileKeySource)
	if !isFile {
		return wire.reply().body
	}
	data, err := os.ReadFile(string(path)) // a small one: the library has read it before
	if err != nil {
		return nil
	}
	return data
}

// A jsonKey is a key as published.
type jsonKey struct {
	KeyID  string `json:"kid"`
	Type   string `json:"kty"`
	Alg    string `json:"alg"`
	Use    string `json:"use"`
	Bits   int    `json:"bits"` // of an RSA modulus
	Usable bool   `json:"usable"`
	Reason string `json:"reason"` // why it is not usable

	material string // of the public key, to be compared
}

// listed puts together what the library judged of each key, in the order of the set,
// and what the document says of it.
func listed(set *jwtverify.KeySet, document []byte) (keys []jsonKey) {
	published := publishedKeys(document)
	add := func(id string, bits int, reason string) {
		key := jsonKey{KeyID: screen.WithoutTokens(id), Bits: bits, Usable: reason == "", Reason: screen.Line(reason)}
		if key.Usable {
			key.Type = "RSA"
		}
		if index := len(keys); index < len(published) {
			p := published[index]
			key.Type, key.Alg, key.Use = p.shown("kty"), p.shown("alg"), p.shown("use")
			key.material = fmt.Sprintf("%s %s %s %s %s", p["kty"], p["n"], p["e"], p["x"], p["y"])
			if bits == 0 {
				key.Bits = p.bits()
			}
		}
		keys = append(keys, key)
	}
	why := make(map[int]*jwtverify.SkippedKeyError)
	for _, err := range set.Skipped() {
		var key *jwtverify.SkippedKeyError
		if errors.As(err, &key) {
			why[key.Index] = key
		}
	}
	passOver := func() {
		for key := why[len(keys)]; key != nil; key = why[len(keys)] {
			add(key.KeyID, 0, key.Reason)
		}
	}
	for key := range set.All() {
		passOver()
		add(key.ID(), key.Bits(), "")
	}
	passOver()
	return keys
}

// A publishedKey holds the members of a JWK. Names in a map are compared exactly.
type publishedKey map[string]json.RawMessage

// publishedKeys returns the keys of a JWK Set or a single JWK; none for PEM.
func publishedKeys(document []byte) (keys []publishedKey) {
	var members publishedKey
	if json.Unmarshal(document, &members) != nil {
		return nil
	}
	list, isSet := members["keys"]
	if !isSet {
		return []publishedKey{members}
	}
	var elements []json.RawMessage
	if json.Unmarshal(list, &elements) != nil {
		return nil
	}
	for _, element := range elements {
		var key publishedKey
		json.Unmarshal(element, &key) // nil if it is no object
		keys = append(keys, key)
	}
	return keys
}

func (k publishedKey) text(name string) (text string) {
	json.Unmarshal(k[name], &text) // empty if it is no text
	return text
}

// shown is a member as the output has it.
func (k publishedKey) shown(name string) string { return screen.WithoutTokens(k.text(name)) }

func (k publishedKey) bits() int {
	modulus, err := base64.RawURLEncoding.DecodeString(k.text("n"))
	if err != nil {
		return 0
	}
	return new(big.Int).SetBytes(modulus).BitLen()
}

// keysText lists the keys for people, behind them why none is usable.
func (r *report) keysText(p palette, set *jwtverify.KeySet, keys []jsonKey) string {
	var text strings.Builder
	if set != nil {
		fmt.Fprintf(&text, "%d of %d keys are usable for RS256\n", set.Len(), len(keys))
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
		if len(keys) > 0 {
			fmt.Fprintln(table, "\tkid\tkty\talg\tuse\tbits\tfor RS256")
		}
		for i, key := range keys {
			id, bits, verdict := "–", "–", "usable"
			if key.KeyID != "" {
				id = screen.Quoted(key.KeyID)
			}
			if key.Bits > 0 {
				bits = strconv.Itoa(key.Bits)
			}
			if !key.Usable {
				verdict = "skipped: " + key.Reason
			}
			fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", i, id, orDash(key.Type), orDash(key.Alg), orDash(key.Use), bits, verdict)
		}
		table.Flush()
	}
	if r.verdict == accepted {
		return text.String()
	}
	return text.String() + r.short(p)
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return screen.Line(screen.Cut(text, 64))
}
