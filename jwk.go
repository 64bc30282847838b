package jwtverify

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/notkeys"
	"example.com/jwtverify/internal/quote"
)

// Limits on key sets.
const (
	maxKeySetBytes = jwk.MaxBytes
	maxKeys        = jwk.MaxKeys
	maxKeyIDBytes  = jwk.MaxIDBytes
	maxSameKeyBits = jwk.MaxKeyBits // of all keys with one kid and size: no token costs more than a check by the largest key
)

// A Key is an RSA public key that is fit to verify RS256: 2048 to 8192 bits, an
// odd exponent of at least 3, and meant for signatures only. The zero Key is
// not usable. Compare keys with ==: it reports whether they are the same key of
// the same key set. A key stays the same when a refresh returns it again.
type Key struct {
	names jwk.Names
	pub   *rsa.PublicKey // never changed, never handed out
}

// NewKey returns a Key made from a copy of pub, for providers that publish a key
// and its kid in another form than a JWK Set. The kid is that of the tokens'
// header, at most 256 bytes. A key with an empty kid verifies tokens without kid.
// The error says why pub is not fit for RS256.
func NewKey(pub *rsa.PublicKey, kid string) (Key, error) {
	if pub == nil || pub.N == nil {
		return Key{}, errors.New("jwtverify: NewKey needs an RSA public key, got nil")
	}
	if len(kid) > maxKeyIDBytes || !utf8.ValidString(kid) {
		return Key{}, fmt.Errorf("jwtverify: NewKey needs a kid of valid UTF-8 and at most %d bytes, got %s", maxKeyIDBytes, quote.Text(kid, 64))
	}
	if reason := jwk.Unfit(pub.N, int64(pub.E)); reason != "" {
		return Key{}, fmt.Errorf("jwtverify: the key with kid %s is not fit for RS256: %s", quote.Text(kid, 64), reason)
	}
	return Key{jwk.Names{ID: kid}, &rsa.PublicKey{N: new(big.Int).Set(pub.N), E: pub.E}}, nil
}

// ID returns the key's kid, empty if it has none.
func (k Key) ID() string { return k.names.ID }

// Bits returns the size of the modulus in bits, 0 for the zero Key.
func (k Key) Bits() int {
	if k.pub == nil {
		return 0
	}
	return k.pub.N.BitLen()
}

// name is the key's name in messages, such as `key "2026-10"`.
func (k Key) name() string {
	if k.names.ID == "" {
		return "the key without kid"
	}
	return "key " + quote.Text(k.names.ID, 64)
}

// Two keys with the same names, modulus and exponent have equal material.
type material struct {
	names jwk.Names
	n     string
	e     int
}

func (k Key) material() material { return material{k.names, string(k.pub.N.Bytes()), k.pub.E} }

// A KeySet is the set of keys that an issuer publishes: those fit for RS256, and
// for each other key the reason why it was skipped. It never changes, and is
// safe for concurrent use. It is also a [KeySource] that always returns itself,
// for keys that are known in advance and never rotate.
type KeySet struct {
	keys    []Key
	byID    map[string][]Key    // without the keys that have no kid
	byX5t   map[[2]string][]Key // by "x5t" or "x5t#S256", and its value
	skipped []error

	thumbprints bool   // the kids are thumbprints that we computed, for keys from PEM
	wanted      string // a kid of the set, written once for the errors: unknown kids may come often

	origin origin // where it came from; only sources and the Cache use it
}

// origin is what a source must remember about the set that it returned. Sources have
// no state of their own; the Cache hands the set in use back to them.
type origin struct {
	refreshAfter time.Duration // hint to the Cache; 0: none
	savedAt      time.Time     // of a stored copy, by the wall clock; zero: it is none
	age          time.Duration // how old it was when it was fetched, from an HTTP cache on the way
	url, etag    string        // of the HTTP response, for conditional requests
	issuer       string        // whose metadata named the url
	tokenIssuer  string        // the iss of its access tokens, if they have another
	discoveredAt time.Time     // when that metadata was read
}

// A SkippedKeyError says why a key of a set is not used. The other keys are:
// issuers publish keys for encryption, for other algorithms and with mistakes
// among the good ones.
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
// KEY, RSA PUBLIC KEY, CERTIFICATE), at most 512 KiB and 1,024 keys. It recognises
// the form from the data. PEM may have lost its line ends and may have a byte order
// mark; JSON may not. A key from PEM gets its thumbprint (RFC 7638, SHA-256) as
// kid; use [NewKey] if the provider has its own kid. From a certificate only the
// key is used. Its dates and issuer are ignored: you trust the key because you put
// it there.
//
// A key that is not fit for RS256 is skipped, and [KeySet.Skipped] says why. So
// a set may have no usable key. ParseKeySet returns an error, and no KeySet, if
// the data is not valid JSON or PEM, has no keys array, exceeds a limit, or is
// a private key. A private key must never be stored where public keys are read.
func ParseKeySet(data []byte) (*KeySet, error) {
	set, err := parseKeySet(data, jwk.Parse)
	if err != nil {
		return nil, fmt.Errorf("jwtverify: key set %w", err)
	}
	return set, nil
}

// parseKeySet is ParseKeySet without the prefix, and with a parser of package jwk.
func parseKeySet(data []byte, parse func([]byte) (*jwk.Set, error)) (*KeySet, error) {
	read, err := parse(data)
	if err != nil {
		return nil, notkeys.Explain(data, err)
	}
	return keySetOf(read), nil
}

func keySetOf(read *jwk.Set) *KeySet {
	set := &KeySet{thumbprints: read.Thumbprints}
	for index, key := range read.Keys {
		set.addFound(index, Key{key.Names, key.Public}, key.Reason)
	}
	return set
}

// addFound adds a key found in the data. With a reason it is added to the skipped ones.
func (s *KeySet) addFound(index int, key Key, reason string) {
	if reason == "" && tooMany(s.byID[key.ID()], key) {
		reason = fmt.Sprintf("the keys of this kid and size have more than %d bits together", maxSameKeyBits)
	}
	if reason != "" {
		s.skipped = append(s.skipped, &SkippedKeyError{Index: index, KeyID: key.ID(), Reason: reason})
		return
	}
	s.add(key)
}

// tooMany reports whether a token would cost too much if its kid or x5t had one more key.
// Keys of another size than the signature are not tried.
func tooMany(known []Key, key Key) bool {
	bits := key.Bits()
	for _, same := range known {
		if same.pub.Size() == key.pub.Size() {
			bits += same.Bits()
		}
	}
	return bits > maxSameKeyBits
}

func (s *KeySet) add(key Key) {
	s.keys = append(s.keys, key)
	if s.byID == nil {
		s.byID, s.byX5t = make(map[string][]Key), make(map[[2]string][]Key)
	}
	if id := key.ID(); id != "" {
		if s.byID[id] == nil {
			s.wanted = jwk.Wanted(s.wanted, len(s.byID), id)
		}
		s.byID[id] = append(s.byID[id], key)
	}
	for _, x5t := range [...][2]string{{"x5t", key.names.X5t}, {"x5t#S256", key.names.X5tS256}} {
		if x5t[1] != "" && !tooMany(s.byX5t[x5t], key) {
			s.byX5t[x5t] = append(s.byX5t[x5t], key)
		}
	}
}

// NewKeySet returns a set of the given keys, in this order, for keys that do not
// come from a JWK Set. It returns an error for no key, for a zero Key, for more
// than 1,024 keys, and for keys with one kid and size that have more than 8192
// bits together.
func NewKeySet(keys ...Key) (*KeySet, error) {
	if len(keys) == 0 || len(keys) > maxKeys {
		return nil, fmt.Errorf("jwtverify: NewKeySet needs 1 to %d keys, got %d", maxKeys, len(keys))
	}
	set := &KeySet{}
	for i, key := range keys {
		if key.pub == nil {
			return nil, fmt.Errorf("jwtverify: key %d of NewKeySet is the zero Key: make it with NewKey", i)
		}
		if tooMany(set.byID[key.ID()], key) {
			return nil, fmt.Errorf("jwtverify: NewKeySet got keys with kid %s and of one size that have more than %d bits together", quote.Text(key.ID(), 64), maxSameKeyBits)
		}
		set.add(key)
	}
	return set, nil
}

func (s *KeySet) name() string { return "a fixed key set" }

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

// A keyQuery is what a token says about the key that signed it.
type keyQuery struct {
	names  jwk.Names // with a kid the others are ignored
	hasKid bool      // the kid may still be empty; such a key is unknown
	any    bool      // no token: any key will do
	tried  []Key     // keys that did not make the signature
}

// find returns the keys that may have made the signature, nil if there are none. known
// reports whether the set answers the query. For any it always does, without keys.
func (s *KeySet) find(q keyQuery) (keys []Key, known bool) {
	switch {
	case q.any:
		return nil, true
	case q.hasKid:
		keys = s.byID[q.names.ID]
	default:
		// RFC 7515, sections 4.1.7 and 4.1.8: some issuers, such as AD FS, name the
		// certificate of the key instead.
		if keys = s.byX5t[[2]string{"x5t#S256", q.names.X5tS256}]; keys == nil {
			keys = s.byX5t[[2]string{"x5t", q.names.X5t}]
		}
		if keys == nil && len(s.keys) == 1 {
			// Section 4.1.4 leaves kid optional. Without it several keys would have to
			// be tried in turn, so the set must have exactly one.
			keys = s.keys
		}
	}
	if q.tried != nil {
		keys = slices.DeleteFunc(slices.Clone(keys), func(key Key) bool { return slices.Contains(q.tried, key) })
	}
	return keys, len(keys) > 0
}

// keeping returns the set with the Keys of old where both have the same key,
// and reports whether the two sets differ in any key. So what is remembered
// about a key survives a refresh that confirms it.
func (s *KeySet) keeping(old *KeySet) (kept *KeySet, changed bool) {
	if old == nil {
		return s, true
	}
	before := make(map[material][]Key, len(old.keys))
	for _, key := range old.keys {
		before[key.material()] = append(before[key.material()], key)
	}
	copied := *s
	copied.keys, copied.byID, copied.byX5t, copied.wanted = nil, nil, nil, ""
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

// noUsableKey is the error for a set without a usable key. It says why each was
// skipped.
func (s *KeySet) noUsableKey() error {
	if len(s.skipped) == 0 {
		return errors.New("the key set is empty")
	}
	var reasons []string
	for _, skipped := range s.skipped {
		reasons = append(reasons, skipped.Error())
	}
	if len(reasons) > 4 {
		reasons = append(reasons[:3], fmt.Sprintf("and %d more", len(reasons)-3))
	}
	return fmt.Errorf("the key set has no key usable for RS256: %s", strings.Join(reasons, "; "))
}
