// Package jwk reads RSA public keys from a JWK Set (RFC 7517, section 5), a single JWK
// or PEM, and checks whether they are fit for RS256. It does no I/O.
//
// Each key has either a public key that is fit, or the Reason why it is not; one bad key
// does not affect the others. Only an unreadable text, or a private key, is an error.
// Private members are never read, so no message can show one. JSON must pass package
// strictjson, in UTF-8 without a byte order mark. PEM may have a byte order mark, may be
// in UTF-16, and may have lost its line ends. A key does not keep the document in memory.
package jwk

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/charset"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// Limits on key sets.
const (
	MaxBytes   = 512 << 10 // about 1,200 RSA keys of 2048 bits
	MaxKeys    = 1_024     // far above any issuer's set
	MaxIDBytes = 256       // far above any kid: a thumbprint has 43
	minKeyText = 360       // of a fit JWK, in bytes: its modulus alone has 342 characters
)

// A Key is one key of the document, in its position.
type Key struct {
	Names
	Public *rsa.PublicKey // nil: the key is not used, for this
	Reason string
}

// Names are the names by which a token can select its key: those in its header are
// compared with those of the JWK. The certificate's thumbprints (RFC 7517, sections 4.8
// and 4.9) are only compared as text.
type Names struct {
	ID      string `json:"kid,omitempty"`
	X5t     string `json:"x5t,omitempty"`
	X5tS256 string `json:"x5t#S256,omitempty"`
}

// Certificate is the thumbprint of the key's certificate, for messages; empty if there is
// none.
func (n Names) Certificate() string {
	switch {
	case n.X5tS256 != "":
		return "x5t#S256 " + quote.Text(n.X5tS256, 64)
	case n.X5t != "":
		return "x5t " + quote.Text(n.X5t, 64)
	}
	return ""
}

const shownIDs = 5 // in a message

// Wanted adds a kid to the text that says what the kid of a token should have been, unless
// that names enough: before are named already.
func Wanted(text string, before int, id string) string {
	switch {
	case before == 0:
		return "one of the issuer's keys (" + quote.Text(id, 64) + ")"
	case before < shownIDs:
		return strings.TrimSuffix(text, ")") + ", " + quote.Text(id, 64) + ")"
	case before == shownIDs:
		return strings.TrimSuffix(text, ")") + ", …)"
	}
	return text
}

// OfThumbprints stands behind that text where the kids are thumbprints.
const OfThumbprints = "; keys from PEM have their RFC 7638 thumbprint as kid, use NewKey to give them the issuer's"

// A Set is the result of reading a document.
type Set struct {
	Keys        []Key
	Thumbprints bool // the IDs were computed (RFC 7638), for keys from PEM
	Stored      Stored
}

// Stored is what a stored copy of a set says about itself: when it was valid (RFC 3339),
// and where it came from. In other documents these members have no meaning.
type Stored struct {
	Saved  string `json:"saved"`
	Source string `json:"source,omitempty"`
}

// MarshalStored returns the stored copy of a set of usable keys, which Parse reads
// back.
func MarshalStored(keys []Key, stored Stored) ([]byte, error) {
	type member struct {
		Type string `json:"kty"`
		Names
		Modulus  string `json:"n"`
		Exponent string `json:"e"`
	}
	set := struct {
		Keys []member `json:"keys"`
		Stored
	}{Stored: stored}
	for _, key := range keys {
		n, e := Members(key.Public)
		set.Keys = append(set.Keys, member{"RSA", key.Names, n, e})
	}
	return json.Marshal(set)
}

// Parse reads keys. It recognises their form from the data. The errors complete a
// sentence that begins with the name of what was read.
func Parse(data []byte) (*Set, error) { return parse(data, true) }

// ParseJSON is Parse for a JWK Set or a JWK: PEM is refused before any of it is decoded.
func ParseJSON(data []byte) (*Set, error) { return parse(data, false) }

func parse(data []byte, alsoPEM bool) (*Set, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("is larger than %d bytes", MaxBytes)
	}
	text, flaw := charset.Decode(data)
	start := strings.TrimLeft(text, " \t\r\n")
	switch {
	case start == "":
		return nil, errors.New("is empty, want a JWK Set, a JWK or PEM")
	case strings.HasPrefix(start, "-----BEGIN") && !alsoPEM:
		return nil, errors.New("is PEM, which is taken from a file: want a JWK Set or a JWK")
	case strings.HasPrefix(start, "-----BEGIN"):
		return parsePEM(relined(start))
	case start[0] == '<':
		return nil, errors.New("is not one: got HTML, not a key set; check the address")
	case flaw != "":
		return nil, errors.New(flaw)
	case start[0] == '{':
		return parseJWKSet(text)
	case strings.HasPrefix(start, "\x1f\x8b"):
		return nil, errors.New("is compressed with gzip, want it unpacked")
	}
	first, _ := utf8.DecodeRuneInString(start)
	return nil, fmt.Errorf("begins with %s, want { of a JWK Set or JWK, or -----BEGIN of PEM", quote.Text(string(first), 8))
}

// parseJWKSet reads a JWK Set, or a single JWK as a set of one.
func parseJWKSet(text string) (*Set, error) {
	set := &Set{}
	hasKeys := false
	var single jwk
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
	for name := range r.Object {
		switch {
		case name == "keys" && r.Kind() != '[':
			return nil, fmt.Errorf("is not one: %w", r.WrongType(name, "an array of keys"))
		case name == "keys":
			hasKeys = true
			set.Keys = make([]Key, 0, min(len(text)/minKeyText+1, MaxKeys))
			for index := range r.Array {
				if index == MaxKeys {
					return nil, fmt.Errorf("has more than %d keys", MaxKeys)
				}
				set.Keys = append(set.Keys, readJWK(&r).judged())
			}
		case name == "saved" && r.Kind() == '"':
			set.Stored.Saved, _ = r.String(name)
		case name == "source" && r.Kind() == '"':
			set.Stored.Source, _ = r.String(name)
		default:
			// RFC 7517, section 5: members that are not understood MUST be
			// ignored, unless this turns out to be a single JWK.
			single.readMember(&r, name)
		}
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	switch {
	case hasKeys:
		return set, nil
	case single.kty == "" && single.problem == "":
		return nil, errors.New(`has no "keys" array, nor is it a JWK with "kty"`)
	case single.private != "":
		return nil, fmt.Errorf("is a private key (it has %q): publish the public half only, and replace the key if this file was readable by others", single.private)
	}
	set.Keys = append(set.Keys, single.judged())
	return set, nil
}

// A jwk is one key as read, not yet checked.
type jwk struct {
	Names
	kty, use, alg, n, e string
	forOthers           bool   // key_ops lacks "verify"
	private             string // a member that only private or symmetric keys have
	problem             string // the first member of a wrong type
}

// readJWK reads one element of keys. Any flaw becomes its problem, so that it does
// not affect other keys, unless nothing more can be read.
func readJWK(r *strictjson.Reader) (k jwk) {
	flaw := r.Contained(func() {
		if r.Kind() == '{' {
			for name := range r.Object {
				k.readMember(r, name)
			}
		} else {
			k.problem = "it is " + r.TypeName() + ", want an object"
			r.Skip()
		}
	})
	if flaw != nil {
		k.problem = flaw.Error()
	}
	return k
}

func (k *jwk) readMember(r *strictjson.Reader, name string) {
	switch name {
	case "kid", "use", "alg", "key_ops", "d", "p", "q", "dp", "dq", "qi", "oth", "k":
		// Some issuers write each field of an object, even if it is empty.
		if r.IsEmpty() {
			r.Skip()
			return
		}
	}
	var err error
	switch name {
	case "kty":
		k.kty, err = r.String(name)
	case "kid":
		k.ID, err = r.String(name)
	case "x5t":
		k.X5t = readThumbprint(r)
	case "x5t#S256":
		k.X5tS256 = readThumbprint(r)
	case "use":
		k.use, err = r.String(name)
	case "alg":
		k.alg, err = r.String(name)
	case "key_ops":
		err = k.readKeyOps(r)
	case "n":
		k.n, err = r.String(name)
	case "e":
		k.e, err = r.String(name)
	case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
		// RFC 7518, sections 6.3.2 and 6.4: never read, so never shown.
		k.private = name
		r.Skip()
	default:
		r.Skip()
	}
	if err != nil && k.problem == "" {
		k.problem = err.Error()
	}
}

// readThumbprint reads an optional name. A name that no token can have is treated as absent.
func readThumbprint(r *strictjson.Reader) string {
	text, _ := r.String("") // empty if it is not a string
	if len(text) > MaxIDBytes {
		return ""
	}
	return text
}

func (k *jwk) readKeyOps(r *strictjson.Reader) error {
	if r.Kind() != '[' {
		return r.WrongType("key_ops", "an array of strings")
	}
	k.forOthers = true
	var wrong error
	for range r.Array {
		operation, err := r.String("key_ops")
		if err != nil {
			wrong = err
		}
		k.forOthers = k.forOthers && operation != "verify"
	}
	return wrong
}

// judged returns the key, or why it is not used.
func (k jwk) judged() Key {
	pub, reason := k.judge()
	// Copy the text: a key must not keep the whole document in memory.
	k.ID, k.X5t, k.X5tS256 = strings.Clone(k.ID), strings.Clone(k.X5t), strings.Clone(k.X5tS256)
	return Key{k.Names, pub, reason}
}

// judge returns the public key, or the reason why it must not verify RS256.
func (k jwk) judge() (pub *rsa.PublicKey, reason string) {
	switch {
	case k.kty != "" && k.kty != "RSA":
		return nil, fmt.Sprintf("kty is %s, want \"RSA\"", quote.Text(k.kty, 64))
	case k.private != "":
		return nil, fmt.Sprintf("it is a private key: it has %q", k.private)
	case k.problem != "":
		return nil, k.problem
	case k.kty == "":
		return nil, "it has no kty, want \"RSA\""
	// RFC 7517, sections 4.2 to 4.4: what the key is meant for.
	case k.use != "" && k.use != "sig":
		return nil, fmt.Sprintf("use is %s, want \"sig\"", quote.Text(k.use, 64))
	case k.alg != "" && k.alg != "RS256":
		return nil, fmt.Sprintf("alg is %s, want \"RS256\"", quote.Text(k.alg, 64))
	case k.forOthers:
		return nil, "key_ops lacks \"verify\""
	case len(k.ID) > MaxIDBytes: // no token can name it
		return nil, fmt.Sprintf("kid has %d bytes, want at most %d", len(k.ID), MaxIDBytes)
	}
	modulus, problem := k.integer("n", k.n)
	if problem != "" {
		return nil, problem
	}
	exponent, problem := k.integer("e", k.e)
	if problem != "" {
		return nil, problem
	}
	if !exponent.IsInt64() {
		return nil, fmt.Sprintf("the exponent has %d bits, want at most 31", exponent.BitLen())
	}
	if reason := Unfit(modulus, exponent.Int64()); reason != "" {
		return nil, reason
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, ""
}

// integer reads a big-endian number (RFC 7518, sections 2 and 6.3.1). Zero octets in
// front and padding behind are forbidden there, but common, and the number is the same.
func (k jwk) integer(name, text string) (value *big.Int, problem string) {
	text = strings.TrimRight(text, "=")
	if text == "" {
		return nil, fmt.Sprintf("it has no %q", name)
	}
	var room [MaxKeyBits / 8]byte
	data, err := base64url.Append(room[:0], text)
	if err != nil {
		if base64url.Check(strings.NewReplacer("+", "-", "/", "_").Replace(text)) == nil {
			return nil, fmt.Sprintf("%q is in standard base64 (+ and /), want base64url, which has - and _ instead", name)
		}
		return nil, fmt.Sprintf("%q %s", name, err)
	}
	return new(big.Int).SetBytes(data), ""
}

// Thumbprint returns the hash of the required members in lexicographic order,
// without white space (RFC 7638, section 3).
func Thumbprint(pub *rsa.PublicKey) string {
	n, e := Members(pub)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Members returns n and e of a JWK.
func Members(pub *rsa.PublicKey) (n, e string) {
	encode := base64.RawURLEncoding.EncodeToString
	return encode(pub.N.Bytes()), encode(big.NewInt(int64(pub.E)).Bytes())
}
