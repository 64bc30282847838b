package jwtverify

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// Limits on key sets.
const (
	maxKeySetBytes = 512 << 10 // about 1,200 RSA keys of 2048 bits
	maxKeys        = 1_024     // far above any issuer's set
	maxKeyIDBytes  = 256       // far above any kid: a thumbprint has 43
	maxSameKeyID   = 4         // signature checks that one token may cost
)

// A Key is an RSA public key that was found fit to verify RS256: 2048 to 8192
// bits, an odd exponent of at least 3, not meant for anything but signatures.
// The zero Key is not usable. Keys can be compared with ==, which tells whether
// they are the same key of the same key set; a refresh that brings a key again
// keeps it the same.
type Key struct {
	id  string
	pub *rsa.PublicKey // never changed, never handed out
}

// NewKey returns a Key from a copy of pub, for providers that hand out a key and
// its kid by other ways than a JWK Set. The kid is what the tokens carry in their
// header, at most 256 bytes; with an empty kid the key serves tokens without kid.
// The error says why pub is not fit for RS256.
func NewKey(pub *rsa.PublicKey, kid string) (Key, error) {
	if pub == nil || pub.N == nil {
		return Key{}, errors.New("jwtverify: NewKey needs an RSA public key, got nil")
	}
	if len(kid) > maxKeyIDBytes || !utf8.ValidString(kid) {
		return Key{}, fmt.Errorf("jwtverify: NewKey needs a kid of valid UTF-8 and at most %d bytes, got %s", maxKeyIDBytes, quote.Text(kid, 64))
	}
	if reason := unfit(pub.N, int64(pub.E)); reason != "" {
		return Key{}, fmt.Errorf("jwtverify: the key with kid %s is not fit for RS256: %s", quote.Text(kid, 64), reason)
	}
	return Key{id: kid, pub: &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}}, nil
}

// ID returns the key's kid, empty if it has none.
func (k Key) ID() string { return k.id }

// Bits returns the size of the modulus in bits, 0 for the zero Key.
func (k Key) Bits() int {
	if k.pub == nil {
		return 0
	}
	return k.pub.N.BitLen()
}

// name is how messages call the key, such as `key "2026-10"`.
func (k Key) name() string {
	if k.id == "" {
		return "the key without kid"
	}
	return "key " + quote.Text(k.id, 64)
}

// A material is equal for two keys with the same kid, modulus and exponent.
type material struct {
	id, n string
	e     int
}

func (k Key) material() material { return material{k.id, string(k.pub.N.Bytes()), k.pub.E} }

// A KeySet is the set of keys that an issuer publishes: those fit for RS256, and
// for each of the others the reason why it was skipped. It never changes, and is
// safe for concurrent use. As a [KeySource] it is the source that always returns
// itself: for keys that are known in advance and never rotate.
type KeySet struct {
	keys    []Key
	byID    map[string][]Key // keys without kid are not in it
	skipped []error

	refreshAfter time.Duration // hint to the Cache; 0: none
	thumbprints  bool          // the kids were computed by us, for keys from PEM
	wantedKeyID  string        // what a token's kid should have been, for messages

	origin origin
}

// origin is what a source has to remember of the set that it returned. Sources
// have no state of their own; the Cache hands the set in use back to them.
type origin struct {
	savedAt      time.Time // by the wall clock: when it was true; zero: when it was fetched
	url, etag    string    // where it came from over HTTP, to ask for changes only
	issuer       string    // whose metadata named the url
	discoveredAt time.Time // when that metadata was read
}

// A SkippedKeyError tells why a key of a set is not used. The rest of the set
// is: issuers publish keys for encryption, for other algorithms and with
// mistakes beside the good ones.
type SkippedKeyError struct {
	Index  int    // position in the set, from 0
	KeyID  string // its kid, as found; empty if it has none
	Reason string // such as `use is "enc", want "sig"`
}

func (e *SkippedKeyError) Error() string {
	if e.KeyID == "" {
		return fmt.Sprintf("key %d is not used: %s", e.Index, e.Reason)
	}
	return fmt.Sprintf("key %d with kid %s is not used: %s", e.Index, quote.Text(e.KeyID, 64), e.Reason)
}

// ParseKeySet reads a JWK Set (RFC 7517, section 5), a single JWK or PEM (PUBLIC
// KEY, RSA PUBLIC KEY, CERTIFICATE), at most 512 KiB and 1,024 keys. The data
// itself tells which of them it is. A key from PEM gets its thumbprint (RFC 7638,
// SHA-256) as kid; use [NewKey] where the provider has a kid of its own. Of a
// certificate only the key counts: it is trusted because you put it there,
// whatever its dates and issuer.
//
// A key that is not fit for RS256 is skipped, and [KeySet.Skipped] says why; a
// set may therefore have no usable key. ParseKeySet returns an error, and no
// KeySet, if the data is not valid JSON or PEM, has no keys array, exceeds a
// limit, or is a private key: those must not lie where public keys are read.
func ParseKeySet(data []byte) (*KeySet, error) {
	set, _, err := parseKeySet(data)
	if err != nil {
		return nil, fmt.Errorf("jwtverify: key set %w", err)
	}
	return set, nil
}

// parseKeySet also returns the member "saved", by which StoredKeySource dates its
// own files. The errors complete a sentence that begins with what was read.
func parseKeySet(data []byte) (set *KeySet, saved string, err error) {
	if len(data) > maxKeySetBytes {
		return nil, "", fmt.Errorf("is larger than %d bytes", maxKeySetBytes)
	}
	start := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(start) == 0:
		return nil, "", errors.New("is empty, want a JWK Set, a JWK or PEM")
	case start[0] == '{':
		return parseJWKSet(string(data))
	case bytes.HasPrefix(start, []byte("-----BEGIN")):
		set, err = parsePEM(start)
		return set, "", err
	case start[0] == '<':
		return nil, "", errors.New("is not one: got HTML, not a key set; check the address")
	}
	first, _ := utf8.DecodeRune(start)
	return nil, "", fmt.Errorf("begins with %s, want { of a JWK Set or JWK, or -----BEGIN of PEM", quote.Text(string(first), 8))
}

// parseJWKSet reads a JWK Set, or a single JWK as a set of one.
func parseJWKSet(text string) (set *KeySet, saved string, err error) {
	set = &KeySet{}
	hasKeys := false
	var single jwk
	var r strictjson.Reader
	r.Begin(text, generalLimits)
	for name := range r.Object {
		switch {
		case name == "keys" && r.Kind() != '[':
			return nil, "", fmt.Errorf("is not one: %w", r.WrongType(name, "an array of keys"))
		case name == "keys":
			hasKeys = true
			for index := range r.Array {
				if index == maxKeys {
					return nil, "", fmt.Errorf("has more than %d keys", maxKeys)
				}
				set.addJWK(index, readJWK(&r))
			}
		case name == "saved" && r.Kind() == '"':
			saved, _ = r.String(name)
		default:
			// RFC 7517, section 5: members that are not understood MUST be
			// ignored, unless this turns out to be a single JWK.
			single.readMember(&r, name)
		}
	}
	if err := r.End(); err != nil {
		return nil, "", err
	}
	switch {
	case hasKeys:
		return set, saved, nil
	case single.kty == "" && single.problem == "":
		return nil, "", errors.New(`has no "keys" array, nor is it a JWK with "kty"`)
	case single.private != "":
		return nil, "", fmt.Errorf("is a private key (it has %q): publish the public half only, and replace the key if this file was readable by others", single.private)
	}
	set.addJWK(0, single)
	return set, "", nil
}

// A jwk is one key as read, not yet judged.
type jwk struct {
	kty, kid, use, alg, n, e  string
	hasUse, hasAlg, hasKeyOps bool
	verifies                  bool   // key_ops holds "verify"
	private                   string // a member that only private or symmetric keys have
	problem                   string // the first member of a wrong type
}

// readJWK reads one element of keys. Whatever is wrong with it becomes its
// problem, so that it breaks no other key, except when the text cannot be read on.
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
	var err error
	switch name {
	case "kty":
		k.kty, err = r.String(name)
	case "kid":
		k.kid, err = r.String(name)
	case "use":
		k.use, err = r.String(name)
		k.hasUse = true
	case "alg":
		k.alg, err = r.String(name)
		k.hasAlg = true
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

func (k *jwk) readKeyOps(r *strictjson.Reader) error {
	k.hasKeyOps = true
	if r.Kind() != '[' {
		return r.WrongType("key_ops", "an array of strings")
	}
	var wrong error
	for range r.Array {
		operation, err := r.String("key_ops")
		if err != nil {
			wrong = err
		}
		k.verifies = k.verifies || operation == "verify"
	}
	return wrong
}

// addJWK judges a key and adds it to the keys, or to those skipped.
func (s *KeySet) addJWK(index int, k jwk) {
	pub, reason := k.judge()
	// A copy: what is kept of a key must not keep the whole document.
	s.addFound(index, Key{id: strings.Clone(k.kid), pub: pub}, reason)
}

// addFound adds a key as found in the data: to those skipped if there is a reason.
func (s *KeySet) addFound(index int, key Key, reason string) {
	if reason == "" && len(s.byID[key.id]) == maxSameKeyID {
		reason = fmt.Sprintf("%d keys have this kid already", maxSameKeyID)
	}
	if reason != "" {
		s.skipped = append(s.skipped, &SkippedKeyError{Index: index, KeyID: key.id, Reason: reason})
		return
	}
	s.add(key)
}

func (s *KeySet) add(key Key) {
	s.keys = append(s.keys, key)
	if len(s.keys) <= shownKeyIDs+1 {
		s.wantedKeyID = s.want()
	}
	if key.id == "" {
		return
	}
	if s.byID == nil {
		s.byID = make(map[string][]Key)
	}
	s.byID[key.id] = append(s.byID[key.id], key)
}

const shownKeyIDs = 5 // in a message

// want is what a token's kid should have been. Tokens with unknown kids may be many: it
// is ready before they come.
func (s *KeySet) want() string {
	var kids []string
	for _, key := range s.keys[:min(len(s.keys), shownKeyIDs)] {
		kids = append(kids, quote.Text(key.id, 64))
	}
	if len(s.keys) > shownKeyIDs {
		kids = append(kids, "…")
	}
	want := "one of the issuer's keys (" + strings.Join(kids, ", ") + ")"
	if s.thumbprints {
		want += "; keys from PEM have their RFC 7638 thumbprint as kid, use NewKey to give them the issuer's"
	}
	return want
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
	case k.hasUse && k.use != "sig":
		return nil, fmt.Sprintf("use is %s, want \"sig\"", quote.Text(k.use, 64))
	case k.hasAlg && k.alg != "RS256":
		return nil, fmt.Sprintf("alg is %s, want \"RS256\"", quote.Text(k.alg, 64))
	case k.hasKeyOps && !k.verifies:
		return nil, "key_ops lacks \"verify\""
	case len(k.kid) > maxKeyIDBytes: // no token can name it
		return nil, fmt.Sprintf("kid has %d bytes, want at most %d", len(k.kid), maxKeyIDBytes)
	}
	// RFC 7518, sections 2 and 6.3.1: big-endian, in the least number of bytes.
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
	if reason := unfit(modulus, exponent.Int64()); reason != "" {
		return nil, reason
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, ""
}

func (k jwk) integer(name, text string) (value *big.Int, problem string) {
	if text == "" {
		return nil, fmt.Sprintf("it has no %q", name)
	}
	var room [maxKeyBits / 8]byte
	data, err := base64url.Append(room[:0], text)
	if err != nil {
		return nil, fmt.Sprintf("%q %s", name, err)
	}
	if data[0] == 0 {
		return nil, fmt.Sprintf("%q has a leading zero byte", name)
	}
	return new(big.Int).SetBytes(data), ""
}

// parsePEM reads every block of a PEM file (RFC 7468).
func parsePEM(data []byte) (*KeySet, error) {
	// pem.Decode passes over a block that is damaged or has no end, as if it were
	// not there. A file that is half written must not lose keys in silence.
	begins := bytes.Count(data, []byte("-----BEGIN"))
	set := &KeySet{thumbprints: true}
	for index := range begins {
		if index == maxKeys {
			return nil, fmt.Errorf("has more than %d keys", maxKeys)
		}
		var block *pem.Block
		block, data = pem.Decode(data)
		if block == nil {
			return nil, fmt.Errorf("has %d PEM blocks, of which %d can be read: the file is cut off or damaged", begins, index)
		}
		if strings.Contains(block.Type, "PRIVATE KEY") {
			return nil, errors.New("holds a private key: keep only the public half here, and replace the key if this file was readable by others")
		}
		key, reason := keyFromPEM(block)
		set.addFound(index, key, reason)
	}
	return set, nil
}

func keyFromPEM(block *pem.Block) (key Key, reason string) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		return Key{}, fmt.Sprintf("the PEM block is %s, want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE", quote.Text(block.Type, 64))
	}
	if err != nil {
		return Key{}, fmt.Sprintf("the PEM block %s cannot be parsed: %v", block.Type, err)
	}
	pub, ok := public.(*rsa.PublicKey)
	if !ok {
		return Key{}, fmt.Sprintf("the key in the PEM block %s is not RSA", block.Type)
	}
	if reason := unfit(pub.N, int64(pub.E)); reason != "" {
		return Key{}, reason
	}
	return Key{id: thumbprint(pub), pub: pub}, ""
}

// thumbprint is RFC 7638, section 3: the hash of the required members in
// lexicographic order, without white space.
func thumbprint(pub *rsa.PublicKey) string {
	n, e := encodedMembers(pub)
	sum := sha256.Sum256([]byte(`{"e":"` + e + `","kty":"RSA","n":"` + n + `"}`))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func encodedMembers(pub *rsa.PublicKey) (n, e string) {
	encode := base64.RawURLEncoding.EncodeToString
	return encode(pub.N.Bytes()), encode(big.NewInt(int64(pub.E)).Bytes())
}

// NewKeySet returns the set of the given keys, in this order: for keys that come
// from elsewhere than a JWK Set. It returns an error for no key, a zero Key, more
// than 1,024 keys, or more than 4 with the same kid.
func NewKeySet(keys ...Key) (*KeySet, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("jwtverify: NewKeySet needs 1 to %d keys, got %d", maxKeys, len(keys))
	}
	set := &KeySet{}
	for i, key := range keys {
		if key.pub == nil {
			return nil, fmt.Errorf("jwtverify: key %d of NewKeySet is the zero Key: make it with NewKey", i)
		}
		if len(set.byID[key.id]) == maxSameKeyID {
			return nil, fmt.Errorf("jwtverify: NewKeySet got more than %d keys with kid %s", maxSameKeyID, quote.Text(key.id, 64))
		}
		set.add(key)
	}
	return set, nil
}

// Keys returns the set itself: a KeySet is a [KeySource] that never changes.
func (s *KeySet) Keys(context.Context) (*KeySet, error) {
	if s == nil {
		return nil, errors.New("jwtverify: the *KeySet is nil")
	}
	return s, nil
}

// All yields the usable keys in the order of the set.
func (s *KeySet) All() iter.Seq[Key] { return slices.Values(s.keys) }

// Len returns the number of usable keys.
func (s *KeySet) Len() int { return len(s.keys) }

// Skipped returns a [*SkippedKeyError] for each key that is not used, in the order
// of the set.
func (s *KeySet) Skipped() []error { return slices.Clone(s.skipped) }

// WithRefreshAfter returns a copy of the set with a hint to the [Cache] that it
// should be refreshed when it is d old, 10 seconds to 24 hours; a d outside is
// moved to the nearer bound. For a source of your own that knows how long its
// keys are good; [Cache.RefreshInterval], if set, still bounds it.
func (s *KeySet) WithRefreshAfter(d time.Duration) *KeySet {
	hinted := *s
	hinted.refreshAfter = min(max(d, minRefreshInterval), maxRefreshInterval)
	return &hinted
}

// A keyQuery is what a token says of the key that signed it.
type keyQuery struct {
	kid    string
	hasKid bool // kid may be empty all the same: such a key is unknown
	any    bool // no token: any key will do
}

// find returns the keys that may have signed, nil if there is none, and whether
// that is an answer (any is answered by no key).
func (s *KeySet) find(q keyQuery) (keys []Key, known bool) {
	switch {
	case q.any:
		return nil, true
	case q.hasKid:
		keys = s.byID[q.kid]
	case len(s.keys) == 1:
		// RFC 7515, section 4.1.4 leaves kid optional. Several keys would have
		// to be tried in turn, so that only one of them is a clear answer.
		keys = s.keys
	}
	return keys, len(keys) > 0
}

// keeping returns the set with the keys of old wherever both have the same one,
// and whether the two differ in any key. What is remembered about a key thus
// survives the refresh that confirms it.
func (s *KeySet) keeping(old *KeySet) (kept *KeySet, changed bool) {
	if old == nil {
		return s, true
	}
	before := make(map[material][]Key, len(old.keys))
	for _, key := range old.keys {
		before[key.material()] = append(before[key.material()], key)
	}
	copied := *s
	copied.keys, copied.byID = nil, nil
	changed = len(s.keys) != len(old.keys)
	for _, key := range s.keys {
		same := before[key.material()]
		if len(same) == 0 {
			changed = true
			copied.add(key)
			continue
		}
		before[key.material()] = same[1:]
		copied.add(same[0])
	}
	return &copied, changed
}

// noUsableKey is the error for a set without usable key: why each was skipped.
func (s *KeySet) noUsableKey() error {
	if len(s.skipped) == 0 {
		return errors.New("the key set is empty")
	}
	reasons := make([]string, 0, 4)
	for i, skipped := range s.skipped {
		if i == 3 && len(s.skipped) > 4 {
			reasons = append(reasons, fmt.Sprintf("and %d more", len(s.skipped)-i))
			break
		}
		reasons = append(reasons, skipped.Error())
	}
	return fmt.Errorf("the key set has no key usable for RS256: %s", strings.Join(reasons, "; "))
}
