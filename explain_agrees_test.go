package jwtverify_test

import (
	"context"
	"flag"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/issuertest"
)

var everything = flag.Bool("everything", false, "combine every fault with every shape of an issuer")

// Every bad token and a good one × the shape of every known provider × every fault of
// an issuer × settings: Verify and Explain say the same. With the issuer in good
// health it is also what the list of bad tokens says. Without -everything most faults are
// combined with the default shape alone: they act on keys, and shapes differ in claims.
func TestExplainAgreesUnderEveryFault(t *testing.T) {
	t.Parallel()
	faults := []string{
		"", "status-404", "status-429", "status-500", "status-503", "html", "slow", "hang", "drip", "truncated", "oversized",
		"redirect", "redirect-http", "refused", "tls", "empty", "null", "array", "malformed-sibling", "wrong-issuer",
	}
	shapes := map[string]func() issuertest.Option{
		"AuthAction": issuertest.AuthAction, "Auth0": issuertest.Auth0, "Entra": issuertest.Entra, "Cognito": issuertest.Cognito,
		"Keycloak": issuertest.Keycloak, "Okta": issuertest.Okta, "Google": issuertest.Google, "RFC9068": issuertest.RFC9068,
	}
	settings := map[string]func(*jwtverify.Config){
		"as the issuer gives them": func(*jwtverify.Config) {},
		"of another API": func(c *jwtverify.Config) {
			c.Issuer, c.Audiences = "https://other.test", []string{"https://other.test"}
		},
		"of another typ":          func(c *jwtverify.Config) { c.Type, c.Leeway = "at+jwt", 10*time.Minute },
		"by a discovery document": nil, // needs the issuer, see below
	}
	if testing.Short() {
		faults = []string{"", "status-503"}
		shapes = map[string]func() issuertest.Option{"AuthAction": issuertest.AuthAction}
	}
	for shapeName, shape := range shapes {
		t.Run(shapeName, func(t *testing.T) {
			t.Parallel()
			iss := issuertest.New(t, shape())
			// Signed once: each bubble begins at the same time.
			var tokens []issuertest.BadToken
			synctest.Test(t, func(*testing.T) {
				tokens = append(iss.BadTokens(), issuertest.BadToken{Name: "good", Token: iss.Token()})
			})
			for _, fault := range faults {
				if !*everything && shapeName != "AuthAction" && fault != "" && fault != "status-503" {
					continue
				}
				for settingsName, change := range settings {
					t.Run(fault+", settings "+settingsName, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							verifiers := func() (pair [2]*jwtverify.Verifier) {
								now := iss.Now() // the same for both, however long they wait
								for i := range pair {
									config := iss.Config()
									config.Now = func() time.Time { return now }
									if change != nil {
										change(&config)
									} else {
										config.Keys = jwtverify.DiscoveryKeySource{Issuer: config.Issuer, Client: iss.Client()}
									}
									var err error
									if pair[i], err = jwtverify.New(config); err != nil {
										t.Fatal(err)
									}
								}
								return pair
							}
							tokens := tokens
							if fault != "" {
								// What no key is needed for says the same under any fault.
								tokens = slices.DeleteFunc(slices.Clone(tokens), func(bad issuertest.BadToken) bool {
									return bad.Err == jwtverify.ErrMalformed && bad.Name != "exp-missing" || bad.Err == jwtverify.ErrUnsupported && bad.Name != "alg-none"
								})
							}
							for _, bad := range tokens {
								// Each with keys in hand when the fault sets in, and without.
								for _, warm := range []bool{true, false} {
									pair := verifiers()
									iss.Fault(issuertest.Fault{})
									for _, v := range pair {
										if warm {
											v.Ready(t.Context())
										}
									}
									iss.Fault(issuertest.Fault{Name: fault})
									var report *jwtverify.Report
									var token *jwtverify.Token
									var err error
									limit, cancel := context.WithTimeout(t.Context(), time.Minute)
									token, err = pair[0].Verify(limit, bad.Token)
									report = pair[1].Explain(limit, bad.Token)
									cancel()
									checkReport(t, report, token, err, bad.Token)
									if fault == "" && settingsName == "as the issuer gives them" {
										checkVerdict(t, token, err, bad.Err)
									}
									if t.Failed() {
										t.Fatalf("bad token %s, warm %v", bad.Name, warm)
									}
								}
							}
							iss.Fault(issuertest.Fault{})
							time.Sleep(time.Minute) // what still hangs ends
						})
					})
				}
			}
		})
	}
}
