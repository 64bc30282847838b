// Package interop lets two independent JWT libraries judge what issuertest makes: were
// it only read by jwtverify, both could share a mistake.
package interop

import (
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

var shapes = map[string]issuertest.Option{
	"AuthAction": issuertest.AuthAction(),
	"Auth0":      issuertest.Auth0(),
	"Entra":      issuertest.Entra(),
	"Cognito":    issuertest.Cognito(),
	"Keycloak":   issuertest.Keycloak(),
	"Okta":       issuertest.Okta(),
	"Google":     issuertest.Google(),
	"RFC9068":    issuertest.RFC9068(),
}

// A library verifies a token by a key document, with issuer and, unless it is empty,
// audience.
type library func(document []byte, issuer, audience, token string) error

var libraries = map[string]library{"golang-jwt": golangJWT, "go-jose": goJose}

// golangJWT is github.com/golang-jwt/jwt. It has no reader for key documents.
func golangJWT(document []byte, issuer, audience, token string) error {
	var set struct {
		Keys []struct{ Kty, Kid, Use, N, E string }
	}
	if err := json.Unmarshal(document, &set); err != nil {
		return err
	}
	options := []jwt.ParserOption{jwt.WithValidMethods([]string{"RS256"}), jwt.WithIssuer(issuer), jwt.WithExpirationRequired(), jwt.WithIssuedAt()}
	if audience != "" {
		options = append(options, jwt.WithAudience(audience))
	}
	_, err := jwt.Parse(token, func(t *jwt.Token) (any, error) {
		for _, key := range set.Keys {
			if key.Kid != t.Header["kid"] || key.Kty != "RSA" || key.Use != "sig" {
				continue
			}
			n, err1 := base64.RawURLEncoding.DecodeString(key.N)
			e, err2 := base64.RawURLEncoding.DecodeString(key.E)
			if err1 != nil || err2 != nil {
				return nil, fmt.Errorf("n: %v, e: %v", err1, err2)
			}
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
		}
		return nil, fmt.Errorf("no key of the kid")
	}, options...)
	return err
}

// goJose is github.com/go-jose/go-josejwt. It checks certificates and their thumbprints
// against the keys too.
func goJose(document []byte, issuer, audience, token string) error {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		return err
	}
	parsed, err := josejwt.ParseSigned(token, []jose.SignatureAlgorithm{"RS256"})
	if err != nil {
		return err
	}
	keys := set.Key(parsed.Headers[0].KeyID)
	if len(keys) != 1 || !keys[0].Valid() || keys[0].Use != "sig" {
		return fmt.Errorf("%d keys of the kid", len(keys))
	}
	var claims josejwt.Claims
	if err := parsed.Claims(keys[0].Key, &claims); err != nil {
		return err
	}
	expected := josejwt.Expected{Issuer: issuer, Time: time.Now()}
	if audience != "" {
		expected.AnyAudience = josejwt.Audience{audience}
	}
	if claims.Expiry == nil {
		return fmt.Errorf("no exp")
	}
	return claims.ValidateWithLeeway(expected, time.Minute)
}

func document(t *testing.T, iss *issuertest.Issuer) []byte {
	t.Helper()
	response, err := iss.Client().Get(iss.Config().Keys.(jwtverify.HTTPKeySource).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return data
}

func TestOtherLibrariesAcceptGoodTokens(t *testing.T) {
	for shapeName, shape := range shapes {
		t.Run(shapeName, func(t *testing.T) {
			iss := issuertest.New(t, shape)
			audience := iss.Audience()
			if iss.Config().AudienceClaim != "" {
				audience = "" // no aud to look at
			}
			before := iss.Token()
			iss.Rotate()
			for name, library := range libraries {
				for when, token := range map[string]string{"before": before, "after": iss.Token()} {
					if err := library(document(t, iss), iss.URL(), audience, token); err != nil {
						t.Errorf("%s, %s a rotation: %v", name, when, err)
					}
				}
			}
		})
	}
}

// What is wrong with a bad token is really wrong: others see it as well. They are laxer
// in form, so that only these reasons are compared.
func TestOtherLibrariesRefuseBadTokens(t *testing.T) {
	iss := issuertest.New(t)
	reasons := []error{
		jwtverify.ErrUnsupported, jwtverify.ErrUnknownKey, jwtverify.ErrSignature,
		jwtverify.ErrIssuer, jwtverify.ErrAudience, jwtverify.ErrExpired, jwtverify.ErrNotYetValid,
	}
	// golang-jwt knows no crit; go-jose knows b64, which is harmless where it is true.
	lax := map[string][]string{"golang-jwt": {"crit-unknown", "crit-b64"}, "go-jose": {"crit-b64"}}
	keys := document(t, iss)
	for _, bad := range iss.BadTokens() {
		if !slices.Contains(reasons, bad.Err) {
			continue
		}
		for name, library := range libraries {
			err := library(keys, iss.URL(), iss.Audience(), bad.Token)
			if want := slices.Contains(lax[name], bad.Name); (err == nil) != want {
				t.Errorf("%s accepts %s: %v (%v), want %v", name, bad.Name, err == nil, err, want)
			}
		}
	}
}
