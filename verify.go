// Package jwtverify answers one question: may this JWT access token be trusted,
// here, now?
//
//	verifier, err := jwtverify.New(jwtverify.Config{
//		Issuer:    "https://tenant.example.com",
//		Audiences: []string{"https://api.example.com"},
//	})
//	…
//	token, err := verifier.Verify(ctx, raw)
//
// [Verifier.Verify] checks, in this order: the form, the algorithm (RS256 and
// nothing else), the type, the signature by a key of the issuer, then the claims
// iss, aud, nbf and exp, and what Config.Check asks for. There is no option to skip one of them, and no way to read
// claims that were not verified.
//
// # Errors
//
// An error means one of two things, and they are never mixed up:
//
//   - errors.Is(err, [ErrInvalid]): the token is not to be trusted. HTTP 401. A
//     narrower error such as [ErrExpired] tells why.
//   - errors.Is(err, [ErrKeysUnavailable]): the issuer's keys cannot be had at the
//     moment, and nothing is known about the token. HTTP 503.
//
// [Verifier.Explain] tells a person what each step expected and found, and what to do.
//
// # Several issuers
//
// A Verifier is for one issuer. [NewIssuers] makes several of them one, which asks the
// Verifier of the issuer that a token names, and keeps them apart otherwise.
//
// # Keys
//
// Without Config.Keys they are where the issuer's metadata say ([DiscoveryKeySource]).
// Any other [KeySource] says where they are: [HTTPKeySource], [FileKeySource],
// a fixed [*KeySet], or a function of your own ([KeySourceFunc]). A [Cache] around it,
// which [New] adds if you don't, asks it at the first token, refreshes before the
// keys are too old, asks at once (but not too often) for a kid that is new, and goes
// on with the last good keys while the source is down.
//
// The package is strict with what anyone can send, tolerant with what only the issuer
// writes, as far as no two readers could disagree about the key. A token is good in one form
// alone. In a key, zero octets in front of n and e and padding behind them change nothing,
// and a member that is null, "" or an empty array says nothing. A token without kid may
// name its key by x5t or x5t#S256, which decide no more than kid does.
//
// # Words
//
// A token is a JWT in the form of a compact JWS: header.claims.signature (RFC 7515,
// RFC 7519). A key is a JWK, keys come in a JWK Set (RFC 7517), and a token names its
// key by kid.
//
// A Verifier is safe for concurrent use. The package keeps no global state, logs
// nothing, starts goroutines only for fetches, and needs the standard library alone.
package jwtverify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/diagnosis"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/memo"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/settings"
)

const (
	defaultLeeway = time.Minute
	maxLeeway     = 10 * time.Minute
)

// Config says which tokens a [Verifier] trusts. Issuer and Audiences are required; there
// is no option that turns a check off.
type Config struct {
	// Issuer is the exact iss of the tokens, compared byte for byte, such as
	// "https://tenant.example.com". A final slash counts.
	Issuer string

	// Audiences are the names of this service, at least one. The aud of a token
	// must hold at least one of them, compared byte for byte: a token made for
	// another service must not work here.
	Audiences []string

	// Keys is where the issuer's keys come from; nil means the issuer's own metadata,
	// by a [DiscoveryKeySource] with Issuer, which must be an https address then. A
	// source that is neither a [*Cache] nor a [*KeySet] is wrapped in a Cache with the
	// defaults.
	Keys KeySource

	// Type is the required typ of the token's header, such as "at+jwt", compared
	// ignoring case and a prefix "application/". Empty: typ may be absent, JWT or
	// at+jwt; "" and JOSE count as absent.
	Type string

	// AudienceClaim is a claim that is judged in place of aud in tokens without
	// aud: "client_id" or "azp", for issuers that have no aud in access tokens.
	// Empty: aud is required.
	AudienceClaim string

	// Leeway is the difference between the clocks of issuer and verifier that is
	// allowed on exp and nbf, at most 10 minutes. 0 means one minute; a negative
	// value means none.
	Leeway time.Duration

	// Now returns the time by which tokens are judged; nil means [time.Now]. It
	// has no effect on when keys are refreshed.
	Now func() time.Time

	// VerifiedCache is how many verified tokens are remembered, at most 1,000,000; 0
	// means none. A token that comes again is then accepted without its signature
	// being computed anew, while the key that made it is in the set; its times are
	// judged each time. The token itself is not kept, only a hash. The memory is at
	// most 8 KiB for each of them, usually 2, and 8 bytes of that are taken at once.
	VerifiedCache int

	// Check is the caller's own check, such as of a claim that tells access tokens from
	// ID tokens; nil means none. It is called last, each time that a token is good
	// otherwise, a remembered one too, and by several goroutines at once. An error
	// refuses the token as [ErrClaims], quoted and cut at 100 bytes; [errors.Is] finds
	// the error itself, unless it matches [ErrInvalid] or [ErrKeysUnavailable]. So does
	// a panic. It is given a copy of the token, and decides by that alone: what it
	// asked elsewhere would make an outage there a bad token.
	Check func(*Token) error
}

// A Verifier verifies the tokens of one issuer. It is made by [New], cannot be
// changed, is safe for concurrent use, and needs no Close.
type Verifier struct {
	issuer        string
	audiences     []string
	types         []string // Config.Type, by itself
	audienceClaim string
	leeway        time.Duration
	now           func() time.Time
	check         func(*Token) error // nil: none

	set   *KeySet // fixed keys, or
	cache *Cache  // keys that are kept fresh

	verified  *memo.Table[verifiedToken] // nil: none are remembered
	remembers int                        // how many at most
}

// New returns a Verifier, or an error that names the field of the Config that is
// missing or unsafe and says what to write. It does no I/O: the keys are loaded
// by the first [Verifier.Verify] or by [Verifier.Ready].
func New(config Config) (*Verifier, error) {
	v, err := newVerifier(config)
	if err != nil {
		return nil, fmt.Errorf("jwtverify: %w", err)
	}
	return v, nil
}

func newVerifier(config Config) (*Verifier, error) {
	flaw := cmp.Or(settings.Issuer("Config.Issuer", config.Issuer), settings.Audiences("Config.Audiences", config.Audiences), settings.Type("Config.Type", config.Type))
	switch {
	case flaw != nil:
		return nil, flaw
	case config.AudienceClaim != "" && config.AudienceClaim != "client_id" && config.AudienceClaim != "azp":
		return nil, fmt.Errorf(`Config.AudienceClaim is %s: want "client_id", "azp", or nothing to require aud`, quote.Text(config.AudienceClaim, 100))
	case config.VerifiedCache < 0 || config.VerifiedCache > maxVerifiedCache:
		return nil, fmt.Errorf("Config.VerifiedCache is %d: want 0 to remember no tokens, or at most %d", config.VerifiedCache, maxVerifiedCache)
	case config.Leeway > maxLeeway:
		return nil, fmt.Errorf("Config.Leeway is %v: want at most %v, a longer one keeps expired tokens alive", config.Leeway, maxLeeway)
	}
	v := &Verifier{
		issuer:        config.Issuer,
		audiences:     slices.Clone(config.Audiences),
		types:         []string{config.Type},
		audienceClaim: config.AudienceClaim,
		leeway:        max(cmp.Or(config.Leeway, defaultLeeway), 0),
		now:           config.Now,
		check:         config.Check,
		verified:      newVerifiedTokens(config.VerifiedCache),
		remembers:     config.VerifiedCache,
	}
	if v.now == nil {
		v.now = time.Now
	}
	if config.Keys == nil {
		config.Keys = DiscoveryKeySource{Issuer: config.Issuer}
		if checkSource(config.Keys) != nil {
			return nil, fmt.Errorf(`Config.Keys is nil, and Config.Issuer is %s, which is no https address that leads to keys: set Config.Keys to where they are, such as jwtverify.HTTPKeySource{URL: "https://tenant.example.com/.well-known/jwks.json"}`, quote.Text(config.Issuer, 100))
		}
	}
	err := checkSource(config.Keys)
	if err == nil {
		err = checkNames(config.Keys)
	}
	if err != nil {
		return nil, fmt.Errorf("Config.Keys: %w", err)
	}
	switch keys := config.Keys.(type) {
	case *KeySet:
		if keys.Len() == 0 {
			return nil, fmt.Errorf("Config.Keys can verify nothing: %w", keys.noUsableKey())
		}
		v.set = keys
	case *Cache:
		v.cache = keys
	default:
		v.cache = &Cache{Source: keys}
	}
	return v, nil
}

// Ready returns nil if tokens can be verified, without any I/O if there are keys
// already; otherwise it loads them. Call it at the start of a program to fail
// early, or behind a readiness probe, on a route that needs no token. It stays nil in
// an outage while there are keys to go on with, and after a failure returns that without
// asking again until it is time. Its error matches [ErrKeysUnavailable]. ctx bounds the
// waiting.
func (v *Verifier) Ready(ctx context.Context) error {
	switch {
	case v.isZero():
		return errZeroVerifier
	case v.set != nil:
		return nil
	}
	return v.cache.ready(ctx)
}

func (v *Verifier) isZero() bool { return v == nil || v.set == nil && v.cache == nil }

var errZeroVerifier error = &KeysUnavailableError{RetryAfter: minRetryAfter, Reason: "failing", Err: errors.New("the Verifier was not made by New")}

// Verify returns the token if it may be trusted: it is a JWT in compact form with
// an RS256 signature of a known key, from the configured issuer, for one of the
// configured audiences, not expired, and valid already. Otherwise the Token is
// nil and the error tells what was expected and what was found; the first of
// these that fails, in this order:
//
//   - [ErrMalformed]: not three base64url segments, too long, or not strict JSON
//     with claims of the right types (RFC 7515, RFC 7519)
//   - [ErrUnsupported]: encrypted, alg is not RS256, crit is present, or typ is
//     another kind of token
//   - [ErrUnknownKey]: the set in use has no usable key of this kid, and a fresh look has
//     confirmed that, or [Cache.Cooldown] allows none yet
//   - [ErrSignature]: the key did not make this signature
//   - [ErrMalformed] again, for the claims: nothing of them is read before the
//     signature is good
//   - [ErrIssuer], [ErrAudience], [ErrNotYetValid], [ErrExpired]
//   - [ErrClaims]: Config.Check refused it
//
// All of them match [ErrInvalid]: refuse the token (HTTP 401). An error that
// matches [ErrKeysUnavailable] instead says nothing about the token: the keys to
// judge it could not be had (HTTP 503). Its form, algorithm and type were found
// good.
//
// The token is the bare text, without "Bearer " and without space or a line end around it.
//
// ctx bounds the time that Verify waits for keys, and nothing else: with a known
// key it is not looked at, and a fetch goes on for other callers when it ends.
// A nil ctx is one that never ends.
func (v *Verifier) Verify(ctx context.Context, token string) (*Token, error) {
	if v.isZero() {
		return nil, errZeroVerifier
	}
	hash := uint64(0)
	if v.verified != nil && len(token) <= maxTokenBytes {
		hash = memo.Hash(token)
		if t, err, done := v.remembered(ctx, token, hash); done {
			return t, err
		}
	}
	var found trace
	if _, err := v.verify(ctx, token, &found); err != nil {
		return nil, err
	}
	v.remember(token, hash, found.header.query(), found.key, found.token)
	return found.token, nil
}

// A trace is what verify found of a token, as far as it came.
type trace struct {
	parts    tokenParts
	header   header
	set      *KeySet  // nil: the keys were not looked at, or not to be had
	key      Key      // that made the signature; zero: none has
	token    *Token   // nil: the claims were not read
	audience []string // to be judged
	now      time.Time
}

// A step of verify: see [diagnosis.Step] for their order.
type step = diagnosis.Step

// verify is the one judge of tokens. It ends with the first step that fails, and returns
// which one that was; diagnosis.Steps if none did.
func (v *Verifier) verify(ctx context.Context, token string, found *trace) (failed step, err error) {
	if found.parts, err = split(token); err != nil {
		return diagnosis.Form, err
	}
	if failed, err := found.headerSteps(v.types); err != nil {
		return failed, err
	}

	// The form of the rest comes before the key: no fetch for what can never be
	// a token, and never "unavailable" as the answer to it. The claims are only
	// decoded here, not read.
	var room [jwk.MaxKeyBits / 8]byte
	signature, err := base64url.Append(room[:0], found.parts.signature)
	if err != nil {
		return diagnosis.Signature, malformed("signature", err)
	}
	query := found.header.query()
	set, keys, arrived := v.knownKeys(query)
	if keys == nil {
		if err := base64url.Check(found.parts.claims); err != nil {
			return diagnosis.Claims, malformed("claims", err)
		}
		set, keys, err = v.keys(ctx, query, arrived)
	}
	if found.set = set; err != nil {
		return diagnosis.Key, err
	}
	claims, err := base64url.String(found.parts.claims)
	if err != nil {
		return diagnosis.Claims, malformed("claims", err)
	}
	if found.key, err = checkSignature(keys, found.parts.signed, signature); err != nil {
		if err = v.tryNewerKeys(ctx, keys, arrived, signature, found, err); err != nil {
			return diagnosis.Signature, err
		}
	}

	// From here on the issuer vouches for what is read.
	if err := v.claimsStep(claims, found); err != nil {
		return diagnosis.Claims, err
	}
	if err := checkIssuer(found.token, v.issuer); err != nil {
		return diagnosis.Issuer, err
	}
	if err := checkAudience(found.token, found.audience, v.audiences, v.audienceClaim); err != nil {
		return diagnosis.Audience, err
	}
	if err := checkNotBefore(found.token, found.now, v.leeway); err != nil {
		return diagnosis.NotBefore, err
	}
	if err := checkExpiry(found.token, found.now, v.leeway); err != nil {
		return diagnosis.Expiry, err
	}
	if v.check != nil {
		if err := checkOwn(found.token, v.check); err != nil {
			return diagnosis.OwnCheck, err
		}
	}
	return diagnosis.Steps, nil
}

// claimsStep reads the claims, as they will be judged.
func (v *Verifier) claimsStep(claims string, found *trace) (err error) {
	if found.token, found.audience, err = readClaims(claims, v.audienceClaim); err != nil {
		return err
	}
	found.token.Type, found.token.KeyID, found.now = found.header.typ, found.key.ID(), v.now()
	return nil
}

// headerSteps reads the header and makes the steps that need nothing else. types are the
// Config.Type of one verifier, or of several.
func (found *trace) headerSteps(types []string) (failed step, err error) {
	if found.header, err = readHeader(found.parts.header); err != nil {
		return diagnosis.Form, err
	}
	if err := checkAlgorithm(&found.header); err != nil {
		return diagnosis.Algorithm, err
	}
	if err := checkType(&found.header, types); err != nil {
		return diagnosis.Type, err
	}
	if err := checkKeyID(&found.header); err != nil {
		return diagnosis.Key, err
	}
	return diagnosis.Steps, nil
}

// tryNewerKeys looks for another key of the token's kid where those known have not made
// the signature: some issuers make a key at each start, and give all of them the same kid.
// It returns err if there is none.
func (v *Verifier) tryNewerKeys(ctx context.Context, tried []Key, arrived time.Time, signature []byte, found *trace, err error) error {
	if v.cache == nil || len(signature) < jwk.MinKeyBits/8 {
		return err
	}
	query := found.header.query()
	query.tried = tried
	newer, _ := v.cache.find(ctx, query, arrived)
	if len(newer.keys) == 0 {
		return err
	}
	found.set = newer.set
	found.key, err = checkSignature(newer.keys, found.parts.signed, signature)
	return err
}

// knownKeys returns the keys that may have signed the token, and their set, if the set is
// fresh and has the kid, as it nearly always is. Otherwise there are no keys, and v.keys has
// the answer, which for keys of a Cache depends on when the caller arrived.
func (v *Verifier) knownKeys(query keyQuery) (set *KeySet, keys []Key, arrived time.Time) {
	if set = v.set; set == nil {
		arrived = time.Now()
		if set = v.cache.fresh(arrived); set == nil {
			return nil, nil, arrived
		}
	}
	keys, _ = set.find(query)
	return set, keys, arrived
}

// keys returns the keys that may have signed the token, at least one, and the set
// that they, or the lack of them, come from.
func (v *Verifier) keys(ctx context.Context, query keyQuery, arrived time.Time) (set *KeySet, keys []Key, err error) {
	asOf := "" // fixed keys have no age
	if set = v.set; set != nil {
		keys, _ = set.find(query)
	} else {
		answer, err := v.cache.find(ctx, query, arrived)
		if err != nil {
			return nil, nil, err
		}
		set, keys = answer.set, answer.keys
		asOf = ", as of " + answer.age.Round(time.Second).String() + " ago"
	}
	if len(keys) == 0 {
		return set, nil, unknownKey(set, query, asOf)
	}
	return set, keys, nil
}

// unknownKey is the error where a set has no key for a token; asOf says how old the set is.
func unknownKey(set *KeySet, q keyQuery, asOf string) error {
	if x5t := q.names.Certificate(); x5t != "" {
		return &invalidError{kind: ErrUnknownKey, code: "kid-missing", found: fmt.Sprintf("token has no kid, and none of the %d usable keys has its %s", set.Len(), x5t), want: "a key that has it", asOf: asOf}
	}
	if !q.hasKid {
		return &invalidError{kind: ErrUnknownKey, code: "kid-missing", found: fmt.Sprintf("token has no kid, and the key set has %d usable keys", set.Len()), want: "a kid, or a set of one key", asOf: asOf}
	}
	for _, err := range set.skipped {
		if skipped := err.(*SkippedKeyError); skipped.KeyID == q.names.ID && q.names.ID != "" {
			return &invalidError{kind: ErrUnknownKey, code: "key-unusable", found: skipped.Error(), asOf: asOf}
		}
	}
	if len(set.byID) == 0 {
		return &invalidError{kind: ErrUnknownKey, code: "kid-unknown", found: "the issuer's keys have no kid, the token has one: " + quote.Text(q.names.ID, 64), want: "a key with that kid", asOf: asOf}
	}
	return &invalidError{kind: ErrUnknownKey, code: "kid-unknown", subject: "kid is", found: quote.Text(q.names.ID, 64), want: jwk.Wanted(set.shownIDs, set.thumbprints), asOf: asOf}
}
