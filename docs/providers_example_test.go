package docs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/jwtverify"
)

// verifyDocumented verifies a token as the provider's documentation shows it. The
// provider's addresses are answered in memory.
func verifyDocumented(name string, config jwtverify.Config) *jwtverify.Token {
	config, raw := inMemory(config), documentedToken(name)

	verifier, err := jwtverify.New(config)
	if err != nil {
		log.Fatal(err)
	}
	token, err := verifier.Verify(context.Background(), raw)
	if err != nil {
		log.Fatal(err)
	}
	return token
}

// Access tokens of AuthAction, by the settings of its guides.
func Example_authAction() {
	os.Setenv("AUTHACTION_DOMAIN", "tenant.eu.authaction.com")
	os.Setenv("AUTHACTION_AUDIENCE", "https://api.example.com")
	defer os.Unsetenv("AUTHACTION_DOMAIN")
	defer os.Unsetenv("AUTHACTION_AUDIENCE")

	domain := os.Getenv("AUTHACTION_DOMAIN") // such as tenant.eu.authaction.com
	config := jwtverify.Config{
		Issuer:    "https://" + domain,
		Audiences: []string{os.Getenv("AUTHACTION_AUDIENCE")},
		Keys:      jwtverify.HTTPKeySource{URL: "https://" + domain + "/.well-known/jwks.json"},
	}

	token := verifyDocumented("AuthAction", config)
	fmt.Println(token.Subject)
	// Output: client-id@clients
}

// Access tokens of Auth0.
func Example_auth0() {
	config := jwtverify.Config{
		Issuer:    "https://tenant.eu.auth0.com/", // with the final slash
		Audiences: []string{"https://api.example.com"},
		Keys:      jwtverify.HTTPKeySource{URL: "https://tenant.eu.auth0.com/.well-known/jwks.json"},
	}

	token := verifyDocumented("Auth0", config)
	fmt.Println(token.Subject, token.Audience)
	// Output: auth0|6553da60a54af58e29493993 [https://api.example.com https://tenant.eu.auth0.com/userinfo]
}

// Access tokens of an Okta custom authorization server.
func Example_okta() {
	config := jwtverify.Config{
		Issuer:    "https://dev-123456.okta.com/oauth2/default",
		Audiences: []string{"api://default"},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://dev-123456.okta.com/oauth2/default"},
	}

	token := verifyDocumented("Okta", config)
	fmt.Println(token.Subject)
	// Output: user@example.com
}

// Access tokens of one Microsoft Entra tenant, version 2.0.
func Example_entra() {
	const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	config := jwtverify.Config{
		Issuer:    "https://login.microsoftonline.com/" + tenant + "/v2.0",
		Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, // the API's client id
		Keys:      jwtverify.HTTPKeySource{URL: "https://login.microsoftonline.com/" + tenant + "/discovery/v2.0/keys"},
	}

	token := verifyDocumented("Entra", config)
	var claims struct {
		Roles []string `json:"roles"`
	}
	if err := token.Claims(&claims); err != nil {
		log.Fatal(err)
	}
	fmt.Println(claims.Roles)
	// Output: [orders.read]
}

// entraVersion1 is the Config for version 1.0 of the same tenant.
func entraVersion1() jwtverify.Config {
	const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	config := jwtverify.Config{
		Issuer:    "https://sts.windows.net/" + tenant + "/", // with the final slash
		Audiences: []string{"api://orders"},                  // what the client asked for
		Keys:      jwtverify.HTTPKeySource{URL: "https://login.microsoftonline.com/" + tenant + "/discovery/keys"},
	}
	return config
}

// isAccessToken reports whether a token of Cognito is one. An ID token has the same
// issuer, and the same app client as its aud.
func isAccessToken(token *jwtverify.Token) bool {
	var claims map[string]any
	return token.Claims(&claims) == nil && claims["token_use"] == "access"
}

// Access tokens of an Amazon Cognito user pool, which have no aud.
func Example_cognito() {
	const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3dEfGhI"
	config := jwtverify.Config{
		Issuer:        pool,
		Audiences:     []string{"57cbishk4j24pabc1234567890"}, // the app client's id
		AudienceClaim: "client_id",                            // access tokens have no aud
		Keys:          jwtverify.HTTPKeySource{URL: pool + "/.well-known/jwks.json"},
	}

	token := verifyDocumented("Cognito", config)
	fmt.Println(token.Subject, isAccessToken(token))
	// Output: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee true
}

// Access tokens of a Keycloak realm.
func Example_keycloak() {
	config := jwtverify.Config{
		Issuer:    "https://id.example.com/realms/shop",
		Audiences: []string{"orders-api"},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://id.example.com/realms/shop"},
	}

	token := verifyDocumented("Keycloak", config)
	fmt.Println(token.Subject)
	// Output: 36fa0f91-f94d-4a0c-afed-6b7d952e47da
}

// ID tokens of Google, for a backend of the client that asked for them.
func Example_google() {
	config := jwtverify.Config{
		Issuer:    "https://accounts.google.com",
		Audiences: []string{"1234987819200.apps.googleusercontent.com"}, // the client id
		Keys:      jwtverify.HTTPKeySource{URL: "https://www.googleapis.com/oauth2/v3/certs"},
	}

	token := verifyDocumented("Google", config)
	fmt.Println(token.Subject)
	// Output: 10769150350006150715113082367
}

// googleIssuers takes both names that Google goes by, with keys that are fetched once.
func googleIssuers(keys *jwtverify.Cache) (*jwtverify.Issuers, error) {
	var verifiers []*jwtverify.Verifier
	for _, name := range []string{"https://accounts.google.com", "accounts.google.com"} {
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    name,
			Audiences: []string{"1234987819200.apps.googleusercontent.com"},
			Keys:      keys,
		})
		if err != nil {
			return nil, err
		}
		verifiers = append(verifiers, verifier)
	}
	return jwtverify.NewIssuers(verifiers...)
}

// ID tokens of Firebase Authentication.
func Example_firebase() {
	const project = "shop-1234"
	config := jwtverify.Config{
		Issuer:    "https://securetoken.google.com/" + project,
		Audiences: []string{project},
		Keys:      jwtverify.HTTPKeySource{URL: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"},
	}

	token := verifyDocumented("Firebase", config)
	fmt.Println(token.Subject)
	// Output: ZvA7Kk2
}

// bearerFile adds the token in a file to each request, and reads the file each time:
// Kubernetes replaces it before it expires.
type bearerFile struct {
	path string
	next http.RoundTripper
}

func (b bearerFile) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(b.path)
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return b.next.RoundTrip(request)
}

// kubernetesKeys are the keys of the cluster's API server, read as a pod does: with the
// CA and the service account's token in dir.
func kubernetesKeys(apiServer, dir string) (jwtverify.KeySource, error) {
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.crt holds no certificate")
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, // one request every five minutes
	}
	return jwtverify.HTTPKeySource{
		URL:    apiServer + "/openid/v1/jwks",
		Client: &http.Client{Transport: bearerFile{filepath.Join(dir, "token"), transport}},
	}, nil
}

// What a pod has of the cluster it runs in.
const (
	apiServer         = "https://kubernetes.default.svc"
	serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// Service account tokens of a Kubernetes cluster, for a service inside it.
func Example_kubernetes() {
	apiServer, serviceAccountDir, stop := pretendCluster(apiServer, serviceAccountDir)
	defer stop()

	keys, err := kubernetesKeys(apiServer, serviceAccountDir)
	if err != nil {
		log.Fatal(err)
	}
	config := jwtverify.Config{
		Issuer:    "https://kubernetes.default.svc.cluster.local", // --service-account-issuer of the cluster
		Audiences: []string{"https://orders.shop.svc"},            // audience of the projected token
		Keys:      keys,
	}

	token := verifyDocumented("Kubernetes", config)
	fmt.Println(token.Subject)
	// Output: system:serviceaccount:shop:frontend
}

// pretendCluster stands for the API server at an address and for the files in dir: one
// on loopback, and a temporary folder.
func pretendCluster(apiServer, serviceAccountDir string) (address, dir string, stop func()) {
	if !strings.HasPrefix(apiServer, "https://") {
		log.Fatalf("%s is no address of an API server", apiServer)
	}
	tb := new(testing.T) // for the shared keys
	kid := providers(tb)["Kubernetes"].header["kid"].(string)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer service-account-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, marshal(tb, keySet(published(tb, 0, kid, nil))))
	}))
	root, err := os.MkdirTemp("", "jwtverify")
	if err != nil {
		log.Fatal(err)
	}
	dir = filepath.Join(root, serviceAccountDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{
		"token":  "service-account-token\n",
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			log.Fatal(err)
		}
	}
	return server.URL, dir, func() {
		server.Close()
		os.RemoveAll(root)
	}
}

// isOurRelease reports whether a job of our repository's main branch holds the token.
// Any workflow of anybody can ask for one with our aud.
func isOurRelease(token *jwtverify.Token) bool {
	var claims map[string]any
	return token.Claims(&claims) == nil &&
		claims["repository"] == "octo-org/octo-repo" &&
		claims["ref"] == "refs/heads/main" &&
		claims["event_name"] == "workflow_dispatch"
}

// ID tokens of GitHub Actions, as the identity of a job.
func Example_gitHubActions() {
	config := jwtverify.Config{
		Issuer:    "https://token.actions.githubusercontent.com",
		Audiences: []string{"https://deploy.example.com"}, // what the job asks for
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://token.actions.githubusercontent.com"},
	}

	token := verifyDocumented("GitHub Actions", config)
	fmt.Println(token.Subject, isOurRelease(token))
	// Output: repo:octo-org/octo-repo:environment:prod true
}

// isOurPipeline reports whether a job of our project's protected main branch holds the
// token. Any project's job can ask for one with our aud.
func isOurPipeline(token *jwtverify.Token) bool {
	var claims map[string]any
	return token.Claims(&claims) == nil &&
		claims["project_path"] == "my-group/my-project" &&
		claims["ref_path"] == "refs/heads/main" &&
		claims["ref_protected"] == "true" // a text
}

// ID tokens of GitLab CI/CD, as the identity of a job.
func Example_gitLab() {
	config := jwtverify.Config{
		Issuer:    "https://gitlab.com",
		Audiences: []string{"https://deploy.example.com"}, // aud in id_tokens of .gitlab-ci.yml
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://gitlab.com"},
	}

	token := verifyDocumented("GitLab", config)
	fmt.Println(token.Subject, isOurPipeline(token))
	// Output: project_path:my-group/my-project:ref_type:branch:ref:main true
}

// JWT-SVIDs of a SPIRE server, by its OIDC discovery provider.
func Example_spiffe() {
	config := jwtverify.Config{
		Issuer:    "https://oidc.example.org",              // jwt_issuer of the SPIRE server
		Audiences: []string{"spiffe://example.org/orders"}, // what the workload asks for
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://oidc.example.org"},
	}

	token := verifyDocumented("SPIFFE", config)
	fmt.Println(token.Subject)
	// Output: spiffe://example.org/shop
}
