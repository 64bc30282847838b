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
	imports []string // the packages that a program imports to verify tokens

	// open returns the verify for an issuer. Where the library leaves a check to
	// its caller, or to an option, it is made only if all is set. Without it one
	// sees what the library does when it is told the issuer, the audience, the
	// keys and the algorithm, and nothing more.
	open func(is *issuer, all bool) verify

	// added says what open adds to the library's own calls.
	added string
}

const ours = "jwtverify"

var contenders = []contender{
	{ours, []string{"example.com/jwtverify"}, openOurs, "nothing"},
	{"cristalhq/jwt", []string{"github.com/cristalhq/jwt/v5"}, openCristalhq, "the key set and its look-up, leeway; that exp is there"},
	{"golang-jwt + keyfunc", []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/keyfunc/v3"}, openGolangJWT, "the option that exp is required"},
	{"pascaldekloe/jwt", []string{"github.com/pascaldekloe/jwt"}, openPascaldekloe, "iss; that aud and exp are there; that the kid is one of the set"},
	{"go-jose", []string{"github.com/go-jose/go-jose/v4", "github.com/go-jose/go-jose/v4/jwt"}, openGoJose, "that exp is there"},
	{"go-oidc", []string{"github.com/coreos/go-oidc/v3/oidc"}, openGoOIDC, "nothing; its leeway is fixed, none for exp and 5 minutes for nbf"},
	{"jwx", []string{"github.com/lestrrat-go/jwx/v3/jwa", "github.com/lestrrat-go/jwx/v3/jwk", "github.com/lestrrat-go/jwx/v3/jws", "github.com/lestrrat-go/jwx/v3/jwt"},
		openJWX, "that alg is RS256 in the header too; the option that exp is required"},
	{"auth0/go-jwt-middleware", []string{"github.com/auth0/go-jwt-middleware/v3/jwks", "github.com/auth0/go-jwt-middleware/v3/validator"}, openAuth0, "that exp is there"},
	{"hashicorp/cap", []string{"github.com/hashicorp/cap/jwt"}, openCap, "that exp is there"},
	{"tink", []string{"github.com/tink-crypto/tink-go/v2/jwt"}, openTink, "nothing; typ has to be JWT, or to be ignored"},
}

// version returns the versions of the contender's modules in this program.
func (c contender) version() string {
	var versions []string
	info, _ := debug.ReadBuildInfo()
	seen := make(map[string]bool)
	for _, path := range c.imports {
		for _, module := range info.Deps {
			if module.Replace == nil && !seen[module.Path] && strings.HasPrefix(path+"/", module.Path+"/") {
				seen[module.Path] = true
				versions = append(versions, module.Version)
			}
		}
	}
	return strings.Join(versions, " + ")
}

func names() []string {
	var list []string
	for _, c := range contenders {
		list = append(list, c.name)
	}
	return list
}

// openAll opens all contenders, in their order.
func openAll(is *issuer, all bool) []verify {
	var verifies []verify
	for _, c := range contenders {
		verifies = append(verifies, c.open(is, all))
	}
	return verifies
}

func judging(verify verify, token string) func() error {
	return func() error {
		_, err := verify(token)
		return err
	}
}

func openOurs(is *issuer, _ bool) verify {
	set := must(jwtverify.ParseKeySet(is.jwks))
	// Not the set itself: behind a source New puts a Cache, as in production.
	return verifier(jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, nil })})
}

// remembering is openOurs with a memory of verified tokens.
func remembering(is *issuer, entries int) verify {
	return verifier(jwtverify.Config{Keys: must(jwtverify.ParseKeySet(is.jwks)), VerifiedCache: entries})
}

func verifier(config jwtverify.Config) verify {
	config.Issuer, config.Audiences, config.Leeway = issuerName, []string{audience}, leeway
	return verifying(config)
}

func verifying(config jwtverify.Config) verify {
	verifier := must(jwtverify.New(config))
	ctx := context.Background()
	return func(token string) (string, error) {
		t, err := verifier.Verify(ctx, token)
		if err != nil {
			return "", err
		}
		return t.Subject, nil
	}
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
