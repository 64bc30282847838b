package diagnosis

import (
	"cmp"
	"net/url"
	"strings"
)

// Provider is who an issuer is likely to be, by the form of its name; empty: nobody knows.
func Provider(issuer string) string {
	u, err := url.Parse(strings.ToLower(issuer))
	if err != nil {
		return ""
	}
	host, path := "."+cmp.Or(u.Hostname(), u.Path)+"/", u.Path+"/"
	for _, known := range providers {
		if strings.Contains(host, known.part) || known.part[0] == '/' && strings.Contains(path, known.part) {
			return known.name
		}
	}
	return ""
}

var providers = [...]struct{ part, name string }{
	{".authaction.com/", "AuthAction"}, {".auth0.com/", "Auth0"}, {".okta.com/", "Okta"}, {".oktapreview.com/", "Okta"},
	{".login.microsoftonline.com/", "Microsoft Entra ID"}, {".sts.windows.net/", "Microsoft Entra ID, version 1.0"},
	{".b2clogin.com/", "Azure AD B2C"}, {".ciamlogin.com/", "Microsoft Entra External ID"}, {"/adfs/", "AD FS"},
	{".cognito-idp.", "Amazon Cognito"}, {".accounts.google.com/", "Google"}, {".securetoken.google.com/", "Firebase"},
	{".clerk.accounts.dev/", "Clerk"}, {".token.actions.githubusercontent.com/", "GitHub Actions"}, {".gitlab.com/", "GitLab"},
	{".kubernetes.default.svc", "Kubernetes"}, {".oidc.eks.", "Kubernetes (EKS)"}, {".container.googleapis.com/", "Kubernetes (GKE)"},
	{".supabase.co/", "Supabase"}, {".onelogin.com/", "OneLogin"}, {".pingone.", "PingOne"}, {".appleid.apple.com/", "Apple"}, {"/realms/", "Keycloak"},
}
