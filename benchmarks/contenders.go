package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"runtime/debug"
	"strings"

	"example.com/jwtverify"
)

// A verify judges a token: RS256, the key by its kid, the signature, exp, nbf, iss
// and aud. It returns the subject.
type verify func(token string) (subject string, err error)

// A contender is a library with the code that one writes around it.
type contender struct {
	name    string   // as the tables call it
	modules []string // whose versions count; none for ours

	// open returns the verify for an issuer. Where the library leaves a check to
	// its caller, or to an option, it is made only if all is set. Without it one
	// sees what the library does when it is told the issuer, the audience, the
	// keys and the algorithm, and nothing more.
	open func(is *issuer, all bool) (verify, error)

	// added says what open adds to the library's own calls.
	added string
}

const ours = "jwtverify"

var contenders = []contender{
	{ours, nil, openOurs, "nothing"},
	{"cristalhq/jwt", []string{"github.com/cristalhq/jwt/v5"}, openCristalhq, "the key set and its look-up, leeway; that exp is there"},
	{"golang-jwt + keyfunc", []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"}, openGolangJWT, "the option that exp is required"},
	{"pascaldekloe/jwt", []string{"github.com/pascaldekloe/jwt"}, openPascaldekloe, "iss; that aud and exp are there; that the kid is one of the set"},
	{"go-jose", []string{"github.com/go-jose/go-jose/v4"}, openGoJose, "that exp is there"},
	{"go-oidc", []string{"github.com/coreos/go-oidc/v3"}, openGoOIDC, "nothing; its leeway is fixed, none for exp and 5 minutes for nbf"},
	{"jwx", []string{"github.com/lestrrat-go/jwx/v3"}, openJWX, "that alg is RS256 in the header too; the option that exp is required"},
}

func openOurs(is *issuer, _ bool) (verify, error) {
	set, err := jwtverify.ParseKeySet(is.jwks)
	if err != nil {
		return nil, err
	}
	// Not the set itself: behind a source New puts a Cache, as in production.
	source := jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil })
	verifier, err := jwtverify.New(jwtverify.Config{
		Issuer: issuerName, Audiences: []string{audience}, Keys: source, Leeway: leeway,
	})
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}, nil
}

// The floor is what no library can do without: decode the claims and the signature,
// hash, and let crypto/rsa verify. It parses nothing and checks no claim.
func floor(is *issuer, token string) func() error {
	pub := &is.private.PublicKey
	return func() error {
		first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
		if _, err := base64.RawURLEncoding.DecodeString(token[first+1 : last]); err != nil {
			return err
		}
		signature, err := base64.RawURLEncoding.DecodeString(token[last+1:])
		if err != nil {
			return err
		}
		digest := sha256.Sum256([]byte(token[:last]))
		return rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature)
	}
}

// version returns the versions of the contender's modules in this program.
func (c contender) version() string {
	var versions []string
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, path := range c.modules {
			for _, module := range info.Deps {
				if module.Path == path {
					versions = append(versions, module.Version)
				}
			}
		}
	}
	return strings.Join(versions, " + ")
}
