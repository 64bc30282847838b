package issuer

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"example.com/jwtverify"
)

// A BadToken is a token that must be refused, and the error that Verify returns.
type BadToken struct {
	Name  string
	Token string
	Err   error // one of jwtverify's errors, such as ErrAudience
}

// BadTokens returns about a hundred tokens that must be refused, newly made. Each
// is a good token except for one thing, and signed by the right key unless its name
// says otherwise. Times are wrong by an hour, more than any sensible leeway.
func (iss *Issuer) BadTokens() ([]BadToken, error) {
	attacker, err := attackerKey()
	if err != nil {
		return nil, err
	}
	iss.mu.Lock()
	key, next := iss.signing, iss.announced
	iss.mu.Unlock()
	made := iss.Now()
	f := &forge{iss: iss, key: key, next: next, attacker: attacker}
	f.good = f.signed(f.header(), f.claims())
	f.malformed()
	f.unsupported()
	f.unknownKey()
	f.signature()
	f.issuer()
	f.audience()
	f.times()
	if f.err != nil {
		return nil, fmt.Errorf("bad tokens: %w", f.err)
	}
	iss.mu.Lock()
	iss.recent = recentTokens{f.made, made, key, next}
	iss.mu.Unlock()
	return f.made, nil
}

// recentTokens are the bad tokens that were made last.
type recentTokens struct {
	tokens    []BadToken
	made      time.Time // by the issuer's clock
	key, next *rsaKey
}

// RecentBadTokens is BadTokens, but may return what that has returned less than a minute
// ago, while the keys of that time are published: signing them all takes 0.1 s, and some
// APIs are tested with one issuer, one after the other.
func (iss *Issuer) RecentBadTokens() ([]BadToken, error) {
	now := iss.Now()
	iss.mu.Lock()
	r := iss.recent
	recent := r.tokens != nil && now.Sub(r.made).Abs() < time.Minute && !r.key.revoked && !r.next.revoked
	iss.mu.Unlock()
	if recent {
		return r.tokens, nil
	}
	return iss.BadTokens()
}

// A forge makes bad tokens. Its methods do nothing after the first error.
type forge struct {
	iss                 *Issuer
	key, next, attacker *rsaKey
	good                string
	made                []BadToken
	err                 error
}

func (f *forge) add(reason error, name, token string) {
	f.made = append(f.made, BadToken{name, token, reason})
}

func (f *forge) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// header is the JSON of a good header with changes; a nil value removes a member.
func (f *forge) header(changes ...Claims) []byte {
	return f.json(merged(append([]Claims{f.iss.header(f.key)}, changes...)...))
}

// claims is the JSON of good claims with changes.
func (f *forge) claims(changes ...Claims) []byte { return f.json(f.iss.claims(changes...)) }

func (f *forge) json(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		f.fail(err)
	}
	return data
}

// signed is a token by the right key.
func (f *forge) signed(header, claims []byte) string { return f.signedBy(f.key, header, claims) }

func (f *forge) signedBy(key *rsaKey, header, claims []byte) string {
	return f.signedText(key, encode(header)+"."+encode(claims))
}

// signedText is a signed token of the given segments, unchanged.
func (f *forge) signedText(key *rsaKey, text string) string {
	digest := sha256.Sum256([]byte(text))
	return text + "." + encode(f.pkcs1(key, crypto.SHA256, digest[:]))
}

// pkcs1 signs a digest, or with hash 0 any other bytes.
func (f *forge) pkcs1(key *rsaKey, hash crypto.Hash, digest []byte) []byte {
	signature, err := rsa.SignPKCS1v15(nil, key.private, hash, digest)
	if err != nil {
		f.fail(err)
	}
	return signature
}

// withHeader and withClaims are good tokens with one change.
func (f *forge) withHeader(changes Claims) string { return f.signed(f.header(changes), f.claims()) }
func (f *forge) withClaims(changes Claims) string { return f.signed(f.header(), f.claims(changes)) }

// split returns the good token as header.claims and signature.
func (f *forge) split() (signed string, signature []byte) {
	i := strings.LastIndexByte(f.good, '.')
	signature, err := base64.RawURLEncoding.DecodeString(f.good[i+1:])
	if err != nil {
		f.fail(err)
	}
	return f.good[:i], signature
}

func (f *forge) malformed() {
	add := func(name, token string) { f.add(jwtverify.ErrMalformed, name, token) }
	signed, signature := f.split()
	header, claims, _ := strings.Cut(signed, ".")
	now := f.iss.Now()

	add("empty", "")
	add("space", " ")
	add("two-parts", signed)
	add("four-parts", f.good+"."+encode(signature))
	add("empty-header", f.signedText(f.key, "."+claims))
	add("empty-payload", f.signedText(f.key, header+"."))
	// A text of 3n+1 bytes has padding, and bits to spare in its last character.
	spare := f.claims()
	for len(spare)%3 != 1 {
		spare = append(spare, ' ')
	}
	add("padding", f.signedText(f.key, header+"."+base64.URLEncoding.EncodeToString(spare)))
	add("standard-alphabet", f.signedText(f.key, header+"."+base64.RawStdEncoding.EncodeToString(f.claims(Claims{"note": "~~~~~???????"}))))
	loose := []byte(encode(spare))
	loose[len(loose)-1]++ // of A, Q, g or w, the 4 that leave the last 4 bits empty
	add("loose-bits", f.signedText(f.key, header+"."+string(loose)))
	add("newline-inside", f.signedText(f.key, header+"."+claims[:len(claims)/2]+"\n"+claims[len(claims)/2:]))
	add("bearer-prefix", "Bearer "+f.good)

	add("header-not-json", f.signed([]byte("RS256"), f.claims()))
	add("header-array", f.signed(bracketed(f.header()), f.claims()))
	add("header-trailing-data", f.signed(append(f.header(), "{}"...), f.claims()))
	add("header-duplicate-alg", f.signed(withMember(f.header(), `"alg":"RS256"`), f.claims()))
	add("payload-not-json", f.signed(f.header(), []byte("sub=m2m")))
	add("payload-array", f.signed(f.header(), bracketed(f.claims())))
	exp := fmt.Sprintf(`"exp":%d`, now.Add(time.Hour).Unix())
	add("payload-duplicate-exp", f.signed(f.header(), withMember(f.claims(), exp)))
	add("payload-bad-utf8", f.signed(f.header(), withMember(f.claims(), "\"note\":\"\xff\"")))

	add("exp-missing", f.withClaims(Claims{"exp": nil}))
	add("exp-text", f.withClaims(Claims{"exp": fmt.Sprint(now.Add(time.Hour).Unix())}))
	add("exp-null", f.withClaims(Claims{"exp": json.RawMessage("null")}))
	add("exp-huge", f.withClaims(Claims{"exp": json.Number("1e400")}))
	add("exp-milliseconds", f.withClaims(Claims{"exp": now.Add(time.Hour).UnixMilli()}))
	add("nbf-text", f.withClaims(Claims{"nbf": fmt.Sprint(now.Unix())}))
	add("iss-number", f.withClaims(Claims{"iss": 1}))
	add("aud-number", f.withClaims(Claims{f.audienceClaim(): 1}))
	add("aud-mixed", f.withClaims(Claims{f.audienceClaim(): []any{f.iss.Audience(), 1}}))
	add("sub-number", f.withClaims(Claims{"sub": 1}))

	add("too-long", f.withClaims(Claims{"note": strings.Repeat("long ", 16<<10/5)}))
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	add("deep-json", f.withClaims(Claims{"note": json.RawMessage(deep)}))
	// RFC 7515, section 7.2.2.
	add("json-serialization", string(f.json(struct {
		Payload   string `json:"payload"`
		Protected string `json:"protected"`
		Signature string `json:"signature"`
	}{claims, header, encode(signature)})))
	add("kid-number", f.withHeader(Claims{"kid": 1}))
	add("kid-too-long", f.withHeader(Claims{"kid": strings.Repeat("k", 257)}))
	add("claim-EXP", f.withClaims(Claims{"EXP": now.Add(time.Hour).Unix()}))
}

func bracketed(object []byte) []byte { return fmt.Appendf(nil, "[%s]", object) }

// withMember puts a member in front of the others of an object, even one with the same
// name.
func withMember(object []byte, member string) []byte {
	return fmt.Appendf(nil, "{%s,%s", member, object[1:])
}

func (f *forge) unsupported() {
	add := func(name, token string) { f.add(jwtverify.ErrUnsupported, name, token) }

	add("alg-none", f.withHeader(Claims{"alg": "none"}))
	add("alg-None", f.withHeader(Claims{"alg": "None"}))
	add("alg-none-no-signature", f.text(Claims{"alg": "none"})+".")

	// The public key is used as the secret of an HMAC. An attacker needs no more if
	// the token chooses the algorithm (RFC 8725, section 2.1).
	der, err := x509.MarshalPKIXPublicKey(&f.key.private.PublicKey)
	if err != nil {
		f.fail(err)
	}
	for _, secret := range []struct {
		name  string
		bytes []byte
	}{
		{"alg-HS256-public-pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})},
		{"alg-HS256-public-der", der},
		{"alg-HS256-empty", nil},
	} {
		text := f.text(Claims{"alg": "HS256"})
		mac := hmac.New(sha256.New, secret.bytes)
		mac.Write([]byte(text))
		add(secret.name, text+"."+encode(mac.Sum(nil)))
	}

	// Real signatures of other algorithms, by keys that the issuer publishes.
	text := f.text(Claims{"alg": "RS384"})
	long := sha512.Sum384([]byte(text))
	add("alg-RS384", text+"."+encode(f.pkcs1(f.key, crypto.SHA384, long[:])))
	text = f.text(Claims{"alg": "PS256"})
	digest := sha256.Sum256([]byte(text))
	pss, err := rsa.SignPSS(rand.Reader, f.key.private, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	if err != nil {
		f.fail(err)
	}
	add("alg-PS256", text+"."+encode(pss))
	text = f.text(Claims{"alg": "ES256", "kid": ellipticKeyID})
	digest = sha256.Sum256([]byte(text))
	add("alg-ES256", text+"."+encode(f.es256(digest[:])))

	add("alg-missing", f.withHeader(Claims{"alg": nil}))
	add("alg-lower-case", f.withHeader(Claims{"alg": "rs256"}))
	add("alg-array", f.withHeader(Claims{"alg": []string{"RS256"}}))
	add("crit-unknown", f.withHeader(Claims{"crit": []string{"example"}, "example": true}))
	add("crit-b64", f.withHeader(Claims{"crit": []string{"b64"}, "b64": true}))
	jwe := encode(f.json(Claims{"alg": "RSA-OAEP", "enc": "A256GCM", "kid": f.iss.encryption.jwk.Kid}))
	for _, size := range []int{256, 12, 400, 16} { // key, vector, ciphertext, tag
		part := make([]byte, size)
		rand.Read(part)
		jwe += "." + encode(part)
	}
	add("jwe-five-parts", jwe)
}

// text is what a signature covers, for a good token with changes in the header.
func (f *forge) text(header Claims) string {
	return encode(f.header(header)) + "." + encode(f.claims())
}

// es256 signs as RFC 7518, section 3.4 has it: R and S, of 32 bytes each.
func (f *forge) es256(digest []byte) []byte {
	r, s, err := ecdsa.Sign(rand.Reader, f.iss.elliptic, digest)
	if err != nil {
		f.fail(err)
		return nil
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature
}

func (f *forge) unknownKey() {
	add := func(name, token string) { f.add(jwtverify.ErrUnknownKey, name, token) }

	for _, kid := range []struct{ name, kid string }{
		{"kid-unknown", "key-of-yesteryear"},
		{"kid-empty", ""},
		{"kid-path", "../../dev/null"},
		{"kid-sql", "x' UNION SELECT 'secret"},
	} {
		add(kid.name, f.withHeader(Claims{"kid": kid.kid}))
	}
	encryption := f.iss.encryption
	add("kid-of-enc-key", f.signedBy(encryption, f.header(Claims{"kid": encryption.jwk.Kid}), f.claims()))
	add("kid-of-ec-key", f.withHeader(Claims{"kid": ellipticKeyID}))
	byAttacker := func(changes Claims) string {
		return f.signedBy(f.attacker, f.header(Claims{"kid": attackerKeyID}, changes), f.claims())
	}
	add("kid-never-published", byAttacker(nil))
	add("kid-missing-two-keys", f.withHeader(Claims{"kid": nil, "x5t": nil})) // x5t would also select a key

	// The attacker sends the key in the token.
	jwk := f.attacker.jwk
	jwk.Kid = attackerKeyID
	add("jwk-in-header", byAttacker(Claims{"jwk": jwk}))
	add("jku-in-header", byAttacker(Claims{"jku": "https://attacker.test" + KeysPath}))
	add("x5u-in-header", byAttacker(Claims{"x5u": "https://attacker.test/certificate.pem"}))
	certificate, err := selfSigned(f.attacker.private)
	if err != nil {
		f.fail(err)
	}
	add("x5c-in-header", byAttacker(Claims{"x5c": []string{base64.StdEncoding.EncodeToString(certificate)}}))
}

func (f *forge) signature() {
	add := func(name, token string) { f.add(jwtverify.ErrSignature, name, token) }
	signed, signature := f.split()
	with := func(signature []byte) string { return signed + "." + encode(signature) }

	add("signature-empty", signed+".")
	flipped := bytes.Clone(signature)
	flipped[len(flipped)/2] ^= 1
	add("signature-bit", with(flipped))
	add("signature-zero", with(make([]byte, len(signature))))
	add("signature-short", with(signature[:len(signature)-1]))
	add("signature-long", with(append(bytes.Clone(signature), 0)))
	add("signature-plus-modulus", f.plusModulus())

	other := f.signed(f.header(), f.claims(Claims{"sub": "admin"}))
	add("signature-of-other-token", signed+other[strings.LastIndexByte(other, '.'):])
	header, _, _ := strings.Cut(signed, ".")
	add("payload-swapped", header+"."+encode(f.claims(Claims{"sub": "admin"}))+"."+encode(signature))
	add("header-swapped", encode(f.json(f.iss.header(f.next)))+f.good[len(header):])
	add("attacker-key-same-kid", f.signedBy(f.attacker, f.header(), f.claims()))
	jwk := f.attacker.jwk
	jwk.Kid = f.key.jwk.Kid
	add("jwk-same-kid", f.signedBy(f.attacker, f.header(Claims{"jwk": jwk}), f.claims()))

	// The signed block is that of RFC 8017, section 9.2, except for a detail that
	// a lenient reader ignores.
	digest := sha256.Sum256([]byte(signed))
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	noNull := []byte{0x30, 0x2f, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x04, 0x20}
	add("pkcs1-no-null", with(f.pkcs1(f.key, 0, append(noNull, digest[:]...))))
	garbage := make([]byte, keyBits/8-11) // all but the shortest padding that is allowed
	rand.Read(garbage)
	copy(garbage, append(prefix, digest[:]...))
	add("pkcs1-garbage-tail", with(f.pkcs1(f.key, 0, garbage)))
	short := sha1.Sum([]byte(signed))
	sha1Prefix := []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}
	add("sha1-digest-info", with(f.pkcs1(f.key, 0, append(sha1Prefix, short[:]...))))
}

// plusModulus is a token whose signature s is given as s + n, which is the same number
// modulo n (RFC 8017, section 8.2.2 refuses it by RSAVP1). It makes tokens until the
// sum has the length of a signature, which happens soon for most keys.
func (f *forge) plusModulus() string {
	for tries := 0; ; tries++ {
		token := f.signed(f.header(), f.claims())
		i := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[i+1:])
		if err != nil {
			f.fail(err)
		}
		sum := new(big.Int).SetBytes(signature)
		sum.Add(sum, f.key.private.N)
		if sum.BitLen() <= keyBits || tries == 100 {
			return token[:i+1] + encode(sum.Bytes())
		}
	}
}

func (f *forge) issuer() {
	add := func(name string, iss any) {
		f.add(jwtverify.ErrIssuer, name, f.withClaims(Claims{"iss": iss}))
	}
	iss := f.iss.URL()

	add("iss-missing", nil)
	add("iss-other", "https://another-"+f.iss.base.Host)
	add("iss-slash", withOrWithoutSlash(iss))
	scheme, rest, _ := strings.Cut(iss, "://")
	other := "http"
	if scheme == "http" {
		other = "https"
	}
	add("iss-http", other+"://"+rest)
	add("iss-case", strings.ToUpper(iss))
	add("iss-prefix", iss+".attacker.test")
	add("iss-empty", "")
}

func withOrWithoutSlash(s string) string {
	if bare, has := strings.CutSuffix(s, "/"); has {
		return bare
	}
	return s + "/"
}

// audienceClaim is the claim with the audience of a good token.
func (f *forge) audienceClaim() string {
	if _, has := f.iss.claims()["aud"]; has || f.iss.shape.audienceClaim == "" {
		return "aud"
	}
	return f.iss.shape.audienceClaim
}

func (f *forge) audience() {
	audience := f.iss.Audience()
	add := func(name string, changes Claims) {
		f.add(jwtverify.ErrAudience, name, f.withClaims(changes))
	}
	claim := f.audienceClaim()

	add("aud-missing", Claims{"aud": nil, claim: nil, f.iss.shape.audienceClaim: nil})
	add("aud-other", Claims{claim: "another-" + audience})
	// An aud that is there is checked, even if another claim may replace it.
	add("aud-empty-list", Claims{"aud": []string{}})
	add("aud-slash", Claims{claim: withOrWithoutSlash(audience)})
	if other := otherCase(audience); other != audience { // otherwise it has no letter
		add("aud-case", Claims{claim: other})
	}
	add("aud-prefix", Claims{claim: audience + ".attacker.test"})
	add("aud-joined", Claims{claim: audience + " another-" + audience})

	// An ID token (OpenID Connect Core 1.0, section 2) is for the client that
	// requested it.
	add("id-token", Claims{
		"client_id": nil, "scope": nil, "scp": nil,
		"aud":       "client-of-" + audience,
		"token_use": f.idTokenUse(),
		"nonce":     rand.Text(),
		"at_hash":   encode([]byte(rand.Text())[:16]),
	})
}

// idTokenUse is the claim that distinguishes Cognito's tokens.
func (f *forge) idTokenUse() any {
	if _, has := f.iss.claims()["token_use"]; has {
		return "id"
	}
	return nil
}

func otherCase(s string) string {
	if upper := strings.ToUpper(s); upper != s {
		return upper
	}
	return strings.ToLower(s)
}

func (f *forge) times() {
	now := f.iss.Now()
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	expired := func(ago time.Duration, changes Claims) string {
		old := Claims{"iat": at(-ago - time.Hour), "exp": at(-ago)}
		if _, has := f.iss.claims()["nbf"]; has {
			old["nbf"] = old["iat"]
		}
		return f.signed(f.header(), f.claims(old, changes))
	}
	add := func(name, token string) { f.add(jwtverify.ErrExpired, name, token) }

	add("expired", expired(time.Hour, nil))
	add("expired-long-ago", expired(10*365*24*time.Hour, nil))
	add("exp-zero", f.withClaims(Claims{"exp": 0}))
	add("exp-negative", f.withClaims(Claims{"exp": -1}))
	add("expired-and-wrong-scope", expired(time.Hour, Claims{"scope": nil, "scp": nil, "permissions": nil, "roles": nil}))
	f.add(jwtverify.ErrNotYetValid, "nbf-future", f.withClaims(Claims{"nbf": at(time.Hour), "exp": at(2 * time.Hour)}))
}
