package diagnosis_test

import (
	"testing"

	"example.com/jwtverify/internal/diagnosis"
)

func TestProvider(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://acme.eu.authaction.com":                                        "AuthAction",
		"https://acme.eu.auth0.com/":                                            "Auth0",
		"HTTPS://DEV-123456.OKTA.COM/oauth2/default":                            "Okta",
		"https://login.microsoftonline.com/common/v2.0":                         "Microsoft Entra ID",
		"https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12Cd34E": "Amazon Cognito",
		"http://keycloak:8080/realms/shop":                                      "Keycloak",
		"http://adfs.corp.example/adfs/services/trust":                          "AD FS",
		"https://accounts.google.com":                                           "Google",
		"accounts.google.com":                                                   "Google", // once its iss
		"https://kubernetes.default.svc.cluster.local":                          "Kubernetes",

		"https://notauth0.com/":               "",
		"https://auth0.com.evil.example/":     "",
		"https://evil.example/?x=.auth0.com/": "",
		"https://evil.example/.auth0.com/":    "",
		"acme":                                "",
		"":                                    "",
		"%":                                   "",
	} {
		if got := diagnosis.Provider(issuer); got != want {
			t.Errorf("%s: got %q, want %q", issuer, got, want)
		}
	}
}
