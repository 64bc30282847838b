package conformance_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"example.com/jwtverify/issuertest"
)

func TestTokensOfGoLibraries(t *testing.T) {
	table := newTable("Tokens of Go libraries", "library", "good, accepted", "bad, refused", "not made")
	for _, library := range []struct {
		module string
		jwks   func(mintKeys) ([]byte, error)
		mint   func(mintKeys, mintCase) (string, error)
	}{
		{"github.com/golang-jwt/jwt/v5", jwksOfGoJOSE, mintGolangJWT}, // it writes no JWK Set
		{"github.com/go-jose/go-jose/v4", jwksOfGoJOSE, mintGoJOSE},
		{"github.com/lestrrat-go/jwx/v3", jwksOfJWX, mintJWX},
	} {
		keys := newMintKeys(t)
		m := minted{library: "`" + library.module + "`", tokens: make(map[string]string), refused: make(map[string]error)}
		var err error
		if m.jwks, err = library.jwks(keys); err != nil {
			t.Fatal(err)
		}
		for _, c := range mintCases {
			token, err := library.mint(keys, c)
			if err != nil {
				m.refused[c.Name] = err
				continue
			}
			m.tokens[c.Name] = token
		}
		judgeMinted(t, table, m)
	}
	table.compare(t)
}

// key is the key for an alg, as Go programs hold it.
func (k mintKeys) key(alg string) crypto.PrivateKey {
	switch alg {
	case "ES256":
		return k.ec256
	case "ES384":
		return k.ec384
	case "EdDSA":
		return k.ed25519
	case "HS256", "HS512":
		return k.secret
	default:
		return k.rsa
	}
}

func mintGolangJWT(keys mintKeys, c mintCase) (string, error) {
	token := golangjwt.NewWithClaims(golangjwt.GetSigningMethod(c.Alg), golangjwt.MapClaims(c.Claims))
	if c.Typ != "" {
		token.Header["typ"] = c.Typ
	}
	if c.Kid != "" {
		token.Header["kid"] = c.Kid
	}
	if c.Alg == "none" {
		return token.SignedString(golangjwt.UnsafeAllowNoneSignatureType)
	}
	return token.SignedString(keys.key(c.Alg))
}

func mintGoJOSE(keys mintKeys, c mintCase) (string, error) {
	options := new(jose.SignerOptions)
	if c.Typ != "" {
		options = options.WithType(jose.ContentType(c.Typ))
	}
	if c.Kid != "" {
		options = options.WithHeader("kid", c.Kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(c.Alg), Key: keys.key(c.Alg)}, options)
	if err != nil {
		return "", err
	}
	return josejwt.Signed(signer).Claims(c.Claims).Serialize()
}

func jwksOfGoJOSE(keys mintKeys) ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &keys.rsa.PublicKey, KeyID: "key-1", Algorithm: "RS256", Use: "sig"},
	}})
}

func mintJWX(keys mintKeys, c mintCase) (string, error) {
	token := jwxjwt.New()
	for name, value := range c.Claims {
		if _, isText := value.(string); isText && name == "exp" {
			return "", errors.New("it makes a number of it")
		}
		if err := token.Set(name, value); err != nil {
			return "", err
		}
	}
	header := jws.NewHeaders()
	for name, value := range map[string]string{"typ": c.Typ, "kid": c.Kid} {
		if value == "" {
			continue
		}
		if err := header.Set(name, value); err != nil {
			return "", err
		}
	}
	if c.Alg == "none" {
		signed, err := jwxjwt.Sign(token, jwxjwt.WithInsecureNoSignature())
		return string(signed), err
	}
	alg, ok := jwa.LookupSignatureAlgorithm(c.Alg)
	if !ok {
		return "", errors.New("no such algorithm")
	}
	signed, err := jwxjwt.Sign(token, jwxjwt.WithKey(alg, keys.key(c.Alg), jws.WithProtectedHeaders(header)))
	return string(signed), err
}

func jwksOfJWX(keys mintKeys) ([]byte, error) {
	key, err := jwk.Import(&keys.rsa.PublicKey)
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]any{"kid": "key-1", "use": "sig", "alg": jwa.RS256()} {
		if err := key.Set(name, value); err != nil {
			return nil, err
		}
	}
	set := jwk.NewSet()
	if err := set.AddKey(key); err != nil {
		return nil, err
	}
	return json.Marshal(set)
}

// The other way round: the peers accept the tokens of issuertest by its own set, which
// has a key for encryption and an EC key in it too, before and after a rotation. Of its
// bad tokens they accept all together only what the table of differences has.
func TestTokensOfIssuertest(t *testing.T) {
	// In a bubble, whose clock starts in the year 2000, the issuer's can be set to the
	// time of these tests.
	synctest.Test(t, func(t *testing.T) {
		iss := issuertest.New(t, issuertest.WithURL(issuerURL), issuertest.WithAudience(audience))
		iss.Advance(time.Unix(now, 0).Sub(iss.Now()))
		check := func(name, token string) {
			t.Helper()
			if names, refusals := accept(iss.JWKS(), token); len(names) != len(peers) {
				t.Errorf("the token %s is accepted by %v alone: %v", name, names, refusals)
			}
		}
		before := iss.Token()
		check("as it comes", before)
		check("with more claims", iss.Token(issuertest.Claims{"nbf": now, "scope": "a b", "aud": []string{"x", audience}, "name": "Zoë <&> 😀"}))
		iss.Rotate()
		check("from before a rotation", before)
		check("from after a rotation", iss.Token())

		shared := 0
		for _, bad := range iss.BadTokens() {
			names, _ := accept(iss.JWKS(), bad.Token)
			if len(names) != len(peers) {
				continue
			}
			shared++
			s := sampleOf(bad.Token, iss.JWKS())
			if ours := judgeSet(t, s); len(explain(t, s, ours)) == 0 {
				t.Errorf("all peers accept the bad token %s, which is refused here as %s", bad.Name, ours)
			}
		}
		if shared == 0 {
			t.Error("no bad token is accepted by all peers: look whether they judge at all")
		}
	})
}

// sampleOf takes a token apart, as far as that goes.
func sampleOf(token string, set []byte) sample {
	segments := strings.SplitN(token, ".", 3)
	text := func(i int) string {
		if i >= len(segments) {
			return ""
		}
		data, _ := base64.RawURLEncoding.DecodeString(segments[i]) // up to where it is none
		return string(data)
	}
	return sample{token: token, set: string(set), header: text(0), claims: text(1)}
}
