// Package jwtverify answers one question: may this JWT access token be trusted,
// here and now?
//
//	verifier, err := jwtverify.New(jwtverify.Config{
//		Issuer:    "https://tenant.example.com",
//		Audiences: []string{"https://api.example.com"},
//	})
//	…
//	token, err := verifier.Verify(ctx, raw)
//
// [Verifier.Verify] checks, in this order: the form, the algorithm (RS256 and nothing else),
// the type, the signature by a key of the issuer, the claims iss, aud, nbf and exp, and last
// Config.Check, if it is set. No option skips a check, and nothing returns claims that were not
// verified.
//
// # Errors
//
// There are two kinds of error, and no error is both:
//
//   - errors.Is(err, [ErrInvalid]): the token must not be trusted. Answer HTTP
//     401. A narrower error such as [ErrExpired] says why.
//   - errors.Is(err, [ErrKeysUnavailable]): the issuer's keys are unavailable, so
//     that nothing is known about the token. Answer HTTP 503.
//
// [Verifier.Explain] tells a person what each step expected and found, and what to do.
//
// # Several issuers
//
// A Verifier trusts one issuer. [NewIssuers] combines several Verifiers: each token is
// verified by the Verifier of the issuer that it names, with the keys and settings of
// that issuer alone.
//
// # Keys
//
// If Config.Keys is nil, the issuer's metadata say where its keys are
// ([DiscoveryKeySource]). Other sources are [HTTPKeySource], [FileKeySource], a fixed
// [*KeySet], or a function of your own ([KeySourceFunc]). [New] puts a [Cache] around
// the source, unless you did. The Cache fetches the keys for the first token and
// refreshes them before they are too old. It fetches at once, but not too often, when
// a token names an unknown kid. While the source is down, it keeps using the last good
// keys.
//
// The package is strict with what anyone can send: a token is accepted in one form only. It
// is tolerant with what only the issuer writes, as long as all readers agree about the key.
// In a JWK it ignores zero octets in front of n and e and padding behind them, and treats a
// member that is null, "" or an empty array as absent. A token without kid may name its key
// by x5t or x5t#S256; like kid, these only select a key.
//
// # Words
//
// A token is a JWT in the form of a compact JWS: header.claims.signature (RFC 7515,
// RFC 7519). A key is a JWK; a JWK Set holds several (RFC 7517). A token names its
// key by kid.
//
// A Verifier is safe for concurrent use. The package keeps no global state, logs
// nothing, starts goroutines only for fetches, and needs only the standard library.
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

// Config says which tokens a [Verifier] trusts. Issuer and Audiences are required. No
// option turns a check off.
type Config struct {
	// Issuer is the exact iss of the tokens, compared byte for byte, such as
	// "https://tenant.example.com". A final slash makes a difference.
	Issuer string

	// Audiences are the names of this service, at least one. The aud of a token
	// must hold at least one of them, compared byte for byte. Otherwise a token
	// for another service would work here.
	Audiences []string

	// Keys is where the issuer's keys come from. nil means the issuer's own metadata:
	// a [DiscoveryKeySource] with Issuer, which must then be an https address. A
	// source that is neither a [*Cache] nor a [*KeySet] is wrapped in a Cache with the
	// defaults.
	Keys KeySource

	// Type is the required typ of the token's header, such as "at+jwt". Case and
	// a prefix "application/" are ignored. If Type is empty, typ may be absent,
	// JWT or at+jwt; "" and JOSE are treated as absent.
	Type string

	// AudienceClaim is the claim that is checked instead of aud in tokens
	// without aud: "client_id" or "azp", for issuers whose access tokens have
	// no aud. Empty: aud is required.
	AudienceClaim string

	// Leeway is how far the clocks of issuer and verifier may differ: it is
	// allowed on exp and nbf. 0 means one minute, a negative value none; the
	// most is 10 minutes.
	Leeway time.Duration

	// Now returns the current time for the checks of exp and nbf; nil means
	// [time.Now]. It does not change when keys are refreshed.
	Now func() time.Time

	// VerifiedCache is how many verified tokens are remembered, at most 1,000,000; 0
	// means none. When a remembered token comes again, its signature is not computed
	// again, as long as the key that made it is still in the set. Its times are
	// checked each time. The token itself is not kept, only a hash of it. The memory
	// is at most 8 KiB for each token, usually 2; 8 bytes of that are allocated at
	// once.
	VerifiedCache int

	// Check is the caller's own check, such as of a claim that tells access tokens from
	// ID tokens; nil means none. It is called last, for each token that has passed all
	// other checks, remembered tokens too, and by several goroutines at once. If it
	// returns an error or panics, the token is refused with [ErrClaims]. The text is
	// quoted and cut at 100 bytes; [errors.Is] finds the error itself, unless it
	// matches [ErrInvalid] or [ErrKeysUnavailable]. Check gets a copy of the token and
	// must decide by that alone: if it asked another service, an outage there would
	// look like a bad token.
	Check func(*Token) error
}

// A Verifier verifies the tokens of one issuer. It is made by [New], never
// changes, is safe for concurrent use, and needs no Close.
type Verifier struct {
	issuer        string
	audiences     []string
	types         []string // only Config.Type
	audienceClaim string
	leeway        time.Duration
	now           func() time.Time
	check         func(*Token) error // nil: none

	set   *KeySet // fixed keys, or nil
	cache *Cache  // keys that are kept fresh, or nil

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

// Ready returns nil if tokens can be verified. If there are keys already, it does no
// I/O; otherwise it loads them. Call it when a program starts, to fail early, or in a
// readiness probe, on a route that needs no token. During an outage it returns nil as
// long as the last good keys may be used. After a failed fetch it returns that error
// again until the next fetch is due. Its error matches [ErrKeysUnavailable]. ctx bounds
// the wait.
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
// an RS256 signature by a known key, from the configured issuer, for one of the
// configured audiences, not expired, and already valid. Otherwise the Token is
// nil, and the error says what was expected and what was found. It is the error
// of the first check that fails, in this order:
//
//   - [ErrMalformed]: not three base64url segments, too long, or not strict JSON
//     with claims of the right types (RFC 7515, RFC 7519)
//   - [ErrUnsupported]: encrypted, alg is not RS256, crit is present, or typ is
//     another kind of token
//   - [ErrUnknownKey]: the set in use has no usable key with this kid, and a new fetch
//     has confirmed that or [Cache.Cooldown] does not allow one yet
//   - [ErrSignature]: the key did not make this signature
//   - [ErrMalformed] again, for the claims: they are read only after the
//     signature has been verified
//   - [ErrIssuer], [ErrAudience], [ErrNotYetValid], [ErrExpired]
//   - [ErrClaims]: Config.Check refused it
//
// All of them match [ErrInvalid]: refuse the token (HTTP 401). An error that
// matches [ErrKeysUnavailable] says nothing about the token: the keys to verify
// it are unavailable (HTTP 503). Its form, algorithm and type have passed.
//
// The token is the bare text, without "Bearer " and without space or a line end around it.
//
// ctx bounds only the time that Verify waits for keys. With a known key it is
// not looked at. A fetch goes on for other callers when ctx ends. A nil ctx
// never ends.
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

// A trace is what verify has found out about a token, up to the step that failed.
type trace struct {
	parts    tokenParts
	header   header
	set      *KeySet  // nil: the keys were not looked up, or are unavailable
	key      Key      // that made the signature; zero: none did
	token    *Token   // nil: the claims were not read
	audience []string // to be checked
	now      time.Time
}

// A step of verify: see [diagnosis.Step] for their order.
type step = diagnosis.Step

// verify is the only code that decides about tokens. It stops at the first step that
// fails and returns that step, or diagnosis.Steps if none failed.
func (v *Verifier) verify(ctx context.Context, token string, found *trace) (failed step, err error) {
	if found.parts, err = split(token); err != nil {
		return diagnosis.Form, err
	}
	if failed, err := found.headerSteps(v.types); err != nil {
		return failed, err
	}

	// Check the form of the rest before looking for the key: what can never be
	// a token must cause no fetch, and must not be answered by "unavailable".
	// The claims are only decoded here, not read.
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

	// From here on, what is read was signed by the issuer.
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
	if err := checkOwn(found.token, v.check); err != nil {
		return diagnosis.OwnCheck, err
	}
	return diagnosis.Steps, nil
}

// claimsStep reads the claims and notes the time by which they are checked.
func (v *Verifier) claimsStep(claims string, found *trace) (err error) {
	if found.token, found.audience, err = readClaims(claims, v.audienceClaim); err != nil {
		return err
	}
	found.token.Type, found.token.KeyID, found.now = found.header.typ, found.key.ID(), v.now()
	return nil
}

// headerSteps reads the header and runs the steps that need only the header. types are
// the Config.Type of one verifier, or of several.
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

// tryNewerKeys looks for another key with the token's kid when the known ones did not make
// the signature: some issuers make a new key at each start and give it the same kid. It
// returns err if there is no other key.
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
// fresh and has the kid: nearly always. Otherwise it returns no keys, and v.keys must be
// asked; for keys of a Cache, its answer depends on when the caller arrived.
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
// that was searched.
func (v *Verifier) keys(ctx context.Context, query keyQuery, arrived time.Time) (set *KeySet, keys []Key, err error) {
	var age time.Duration
	if set = v.set; set != nil {
		keys, _ = set.find(query)
	} else {
		answer, err := v.cache.find(ctx, query, arrived)
		if err != nil {
			return nil, nil, err
		}
		set, keys = answer.set, answer.keys
		age = answer.age
	}
	if len(keys) == 0 {
		refusal := unknownKey(set, query)
		refusal.age, refusal.hasAge = age, v.set == nil // fixed keys have no age
		return set, nil, refusal
	}
	return set, keys, nil
}

// unknownKey is the refusal when a set has no key for a token.
func unknownKey(set *KeySet, q keyQuery) *invalidError {
	if x5t := q.names.Certificate(); x5t != "" {
		return &invalidError{kind: ErrUnknownKey, code: "kid-missing", found: fmt.Sprintf("token has no kid, and none of the %d usable keys has its %s", set.Len(), x5t), want: "a key that has it"}
	}
	if !q.hasKid {
		return &invalidError{kind: ErrUnknownKey, code: "kid-missing", found: fmt.Sprintf("token has no kid, and the key set has %d usable keys", set.Len()), want: "a kid, or a set of one key"}
	}
	for _, err := range set.skipped {
		if skipped := err.(*SkippedKeyError); skipped.KeyID == q.names.ID && q.names.ID != "" {
			return &invalidError{kind: ErrUnknownKey, code: "key-unusable", found: skipped.Error()}
		}
	}
	if len(set.byID) == 0 {
		return &invalidError{kind: ErrUnknownKey, code: "kid-unknown", found: "the issuer's keys have no kid, the token has one: " + quote.Text(q.names.ID, 64), want: "a key with that kid"}
	}
	want := set.wanted
	if set.thumbprints {
		want += jwk.OfThumbprints
	}
	return &invalidError{kind: ErrUnknownKey, code: "kid-unknown", subject: "kid is", found: quote.Text(q.names.ID, 64), want: want}
}
