package main

import (
	"fmt"
	"strings"
	"time"

	"example.com/jwtverify"
)

// A provided token is one as a provider writes it: with all of the claims that its
// documentation shows, in that order. docs/issuers.md has what to set for each.
type provided struct {
	provider      string
	path          string // of the issuer, behind its host
	audienceClaim string
	claims        string // ISS, AUD, NOW and EXP stand for what is put in
}

// The second of Auth0 is the one that issuers are asked about most: two audiences and as
// many permissions as a role brings.
var providedTokens = []provided{
	{"AuthAction", "", "", `{"iss":"ISS","sub":"client-id@clients","aud":"AUD","iat":NOW,"exp":EXP,"client_id":"5a1dc0a5-8f5b-4f0e-9a3c-3c1f6b8a7d21","scope":"orders:read orders:write"}`},
	{"Auth0", "/", "", `{"iss":"ISS","sub":"auth0|5f7c8ec7c33c6c004bbafe82","aud":["AUD","https://tenant.eu.auth0.com/userinfo"],"iat":NOW,"exp":EXP,"scope":"openid profile email","azp":"Zk3Pq0bVtXw1nYc8Jm5RdLs2HfGu7EaT"}`},
	{"Auth0, 20 permissions", "/", "", `{"iss":"ISS","sub":"auth0|5f7c8ec7c33c6c004bbafe82","aud":["AUD","https://tenant.eu.auth0.com/userinfo"],"iat":NOW,"exp":EXP,` +
		`"scope":"openid profile email offline_access read:invoices write:invoices archive:invoices","azp":"Zk3Pq0bVtXw1nYc8Jm5RdLs2HfGu7EaT","permissions":[PERMISSIONS]}`},
	{"Okta", "/oauth2/default", "", `{"ver":1,"jti":"AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE","iss":"ISS","aud":"AUD","iat":NOW,"exp":EXP,"cid":"nmdP1fcyvdVO11AL7ECm","uid":"00ulthapbErVUwVJy4x6",` +
		`"scp":["openid","profile","orders:read"],"auth_time":NOW,"sub":"anna@example.com"}`},
	{"Entra", "/8eaef023-2b34-4da1-9baa-8bc8c9d6a490/v2.0", "", `{"aud":"AUD","iss":"ISS","iat":NOW,"nbf":NOW,"exp":EXP,"aio":"AXQAi/8TAAAAFm+E/QTG+gFnVxLjWdw8K+61AGrSOuMMF6ebaMj7XO3IbmD3fGmrOyD+NvZyGn2VaT/kDKXw4MIhrgGVq6Bn8wLXoT1LkIZ+FzQVkJPPLQOV4KcXqSlCVPDS/DiCDgE222TImMvWNaEMaUOTsIGvTQ==",` +
		`"azp":"6e74172b-be56-4843-9ff4-e66a39bb12e3","azpacr":"0","name":"Anna Example","oid":"690222be-ff1a-4d56-abd1-7e4f7d38e474","preferred_username":"anna@example.com","rh":"0.ASgA8V7v8A2cIUCvcv0BuiKIbuLwt2",` +
		`"roles":["Orders.Read","Orders.Write"],"scp":"access_as_user","sid":"001d3e5a-b2c9-4a80-9f1e-1b7f0c7e8d11","sub":"HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ","tid":"8eaef023-2b34-4da1-9baa-8bc8c9d6a490",` +
		`"uti":"fqiBqXLPj0eQa82S-IYFAA","ver":"2.0"}`},
	{"Keycloak", "/realms/shop", "", `{"exp":EXP,"iat":NOW,"auth_time":NOW,"jti":"onrtac:6e2b1f1e-2c6e-4a3a-b1f5-93f3a8f2c5b7","iss":"ISS","aud":["AUD","account"],"sub":"f4b4a1c0-6f3d-4d6f-8a2e-0d1c2b3a4f5e","typ":"Bearer","azp":"shop-web",` +
		`"sid":"9c0a7a52-5f1d-4c58-8f4d-0c5f6e7d8b9a","acr":"1","allowed-origins":["https://shop.example.com"],"realm_access":{"roles":["default-roles-shop","offline_access","uma_authorization"]},` +
		`"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}},"scope":"openid profile email","email_verified":true,"name":"Anna Example","preferred_username":"anna",` +
		`"given_name":"Anna","family_name":"Example","email":"anna@example.com"}`},
	{"Cognito", "/eu-west-1_aB3dEfGhI", "client_id", `{"sub":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee","cognito:groups":["buyers","staff"],"iss":"ISS","version":2,"client_id":"AUD","origin_jti":"d1e2f3a4-b5c6-4d7e-8f90-a1b2c3d4e5f6",` +
		`"event_id":"64f513be-32db-42b0-b78e-b02127b4f463","token_use":"access","scope":"openid orders/read","auth_time":NOW,"exp":EXP,"iat":NOW,"jti":"7e8f9a0b-1c2d-4e3f-a4b5-c6d7e8f9a0b1","username":"anna"}`},
}

// text is the claims set of a token that is good now.
func (p provided) text() string {
	var permissions []string
	for _, what := range []string{"invoices", "orders", "payments", "customers", "reports"} {
		for _, verb := range []string{"read", "create", "update", "delete"} {
			permissions = append(permissions, fmt.Sprintf("%q", verb+":"+what+"-for-every-tenant"))
		}
	}
	now := time.Now()
	return strings.NewReplacer(
		"ISS", issuerName+p.path, "AUD", audience, "PERMISSIONS", strings.Join(permissions, ","),
		"NOW", fmt.Sprint(now.Add(-time.Minute).Unix()), "EXP", fmt.Sprint(now.Add(24*time.Hour).Unix()),
	).Replace(p.claims)
}

func (p provided) token(is *issuer) string { return is.sign(goodHeader().text(), p.text()) }

// open is the verify of ours, told what docs/issuers.md says.
func (p provided) open(is *issuer) verify {
	return verifying(jwtverify.Config{
		Issuer: issuerName + p.path, Audiences: []string{audience}, AudienceClaim: p.audienceClaim, Leeway: leeway,
		Keys: must(jwtverify.ParseKeySet(is.jwks)),
	})
}

// A providedCost is what one such token costs, beside the floor of the same token.
type providedCost struct {
	provided
	claimsBytes, tokenBytes    int
	floor, ratio, count, bytes float64
}

func measureProvided(is *issuer, e effort) (costs []providedCost) {
	var loads []load
	for _, p := range providedTokens {
		token := p.token(is)
		call := judging(p.open(is), token)
		loads = append(loads, load{name: "floor of " + p.provider, call: floor(is, token)}, load{name: p.provider, call: call})
		count, bytes := allocations(call)
		costs = append(costs, providedCost{provided: p, claimsBytes: len(p.text()), tokenBytes: len(token), count: count, bytes: bytes})
	}
	all := e.run(loads...)
	for i := range costs {
		costs[i].floor, costs[i].ratio = all[2*i].nanos(), all[2*i+1].over(all[2*i])
	}
	return costs
}

func providedTable(costs []providedCost) string {
	rows := [][]string{{"token of", "claims", "token", "floor", "Verify ÷ floor", "allocations", "bytes"}}
	for _, c := range costs {
		rows = append(rows, []string{c.provider, thousands(c.claimsBytes) + " bytes", thousands(c.tokenBytes) + " bytes", micros(c.floor),
			fmt.Sprintf("%.3f", c.ratio), fmt.Sprintf("%.0f", c.count), thousands(int(c.bytes))})
	}
	return table(rows)
}

// providedTarget is the dearest of them.
func providedTarget(costs []providedCost) target {
	dearest := costs[0]
	for _, c := range costs[1:] {
		if c.ratio > dearest.ratio {
			dearest = c
		}
	}
	return atMost("the dearest provider's token ÷ its floor", dearest.ratio, 1.05, 1.03, dearest.provider)
}
