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
	"slices"
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

// has is a Check: a claim, or one of its elements, must be want.
func has(want string, path ...string) func(*jwtverify.Token) error {
	return func(token *jwtverify.Token) error {
		if found := token.Strings(path...); !slices.Contains(found, want) {
			return fmt.Errorf("%s is %q, want %q", strings.Join(path, "."), found, want)
		}
		return nil
	}
}

// present is a Check: a claim must be there, such as one that only access tokens have.
func present(path ...string) func(*jwtverify.Token) error {
	return func(token *jwtverify.Token) error {
		if token.Strings(path...) == nil {
			return fmt.Errorf("there is no %s: another kind of token", strings.Join(path, "."))
		}
		return nil
	}
}

// absent is a Check: none of these claims may be there, such as those of ID tokens.
func absent(names ...string) func(*jwtverify.Token) error {
	return func(token *jwtverify.Token) error {
		for _, name := range names {
			if token.Strings(name) != nil {
				return fmt.Errorf("there is a %s: another kind of token", name)
			}
		}
		return nil
	}
}

// all is a Check that runs several.
func all(checks ...func(*jwtverify.Token) error) func(*jwtverify.Token) error {
	return func(token *jwtverify.Token) error {
		for _, check := range checks {
			if err := check(token); err != nil {
				return err
			}
		}
		return nil
	}
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
		Check:     all(has(tenant, "tid"), present("azp")), // no ID tokens
	}

	token := verifyDocumented("Entra", config)
	fmt.Println(token.Strings("roles"))
	// Output: [orders.read]
}

// entraVersion1 is the Config for version 1.0 of the same tenant.
func entraVersion1() jwtverify.Config {
	const tenant = "8eaef023-2b34-4da1-9baa-8bc8c9d6a490"
	config := jwtverify.Config{
		Issuer:    "https://sts.windows.net/" + tenant + "/", // with the final slash
		Audiences: []string{"api://orders"},                  // what the client asked for
		Keys:      jwtverify.HTTPKeySource{URL: "https://login.microsoftonline.com/" + tenant + "/discovery/keys"},
		Check:     all(has(tenant, "tid"), present("appid")), // no ID tokens
	}
	return config
}

// notPending refuses a session whose user still has something to do, such as a second factor.
func notPending(token *jwtverify.Token) error {
	if slices.Contains(token.Strings("sts"), "pending") {
		return errors.New("the session is pending")
	}
	return nil
}

// Access tokens of AD FS, whose issuer is a name.
func Example_adfs() {
	config := jwtverify.Config{
		Issuer:    "http://adfs.example.com/adfs/services/trust", // only a name, although it is http
		Audiences: []string{"https://api.example.com"},           // the Web API's identifier
		Keys:      jwtverify.HTTPKeySource{URL: "https://adfs.example.com/adfs/discovery/keys"},
		Check:     present("appid"), // no ID tokens
	}

	token := verifyDocumented("AD FS", config)
	fmt.Println(token.Subject)
	// Output: a1B2c3
}

// Access tokens of an Azure AD B2C user flow.
func Example_b2c() {
	const tenant = "775527ff-9a37-4307-8b3d-cc311f58d925"
	config := jwtverify.Config{
		Issuer:    "https://shop.b2clogin.com/" + tenant + "/v2.0/", // with the final slash
		Audiences: []string{"6e74172b-be56-4843-9ff4-e66a39bb12e3"}, // the API's application id
		Keys:      jwtverify.HTTPKeySource{URL: "https://shop.b2clogin.com/shop.onmicrosoft.com/B2C_1_signin/discovery/v2.0/keys"},
		Check:     present("scp"), // no ID tokens
	}

	token := verifyDocumented("B2C", config)
	fmt.Println(token.Subject)
	// Output: 884408e1-2918-4cz0-b12d-3aa027d7563b
}

// Session tokens of Clerk, which have no aud.
func Example_clerk() {
	config := jwtverify.Config{
		Issuer:        "https://clerk.example.com",         // the Frontend API URL
		Audiences:     []string{"https://app.example.com"}, // the origin of the application
		AudienceClaim: "azp",                               // session tokens have no aud
		Keys:          jwtverify.HTTPKeySource{URL: "https://clerk.example.com/.well-known/jwks.json"},
		Check:         all(present("sid"), notPending),
	}

	token := verifyDocumented("Clerk", config)
	fmt.Println(token.Subject)
	// Output: user_2NNEqL2nrIRdJ194ndJqAHwEfxC
}

// inMesh sends requests as http, since the mesh encrypts them on their way.
type inMesh struct{ next http.RoundTripper }

func (m inMesh) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.URL.Scheme = "http"
	return m.next.RoundTrip(request)
}

// insideACluster is the Config for an issuer whose keys are next door.
func insideACluster() jwtverify.Config {
	config := jwtverify.Config{
		Issuer:    "https://id.example.com/realms/shop", // as in the tokens
		Audiences: []string{"orders-api"},
		Keys: jwtverify.HTTPKeySource{
			URL:    "https://keycloak:8080/realms/shop/protocol/openid-connect/certs",
			Client: &http.Client{Transport: inMesh{http.DefaultTransport}},
		},
	}
	return config
}

// Access tokens of an Amazon Cognito user pool, which have no aud.
func Example_cognito() {
	const pool = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_aB3dEfGhI"
	config := jwtverify.Config{
		Issuer:        pool,
		Audiences:     []string{"57cbishk4j24pabc1234567890"}, // the app client's id
		AudienceClaim: "client_id",                            // access tokens have no aud
		Keys:          jwtverify.HTTPKeySource{URL: pool + "/.well-known/jwks.json"},
		Check:         has("access", "token_use"), // no ID tokens
	}

	token := verifyDocumented("Cognito", config)
	fmt.Println(token.Subject, token.Strings("token_use"))
	// Output: aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee [access]
}

// Access tokens of a Keycloak realm.
func Example_keycloak() {
	config := jwtverify.Config{
		Issuer:    "https://id.example.com/realms/shop",
		Audiences: []string{"orders-api"},
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://id.example.com/realms/shop"},
		Check:     has("Bearer", "typ"), // no ID tokens
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
		Check:     has("example.com", "hd"), // only one Workspace domain
	}

	token := verifyDocumented("Google", config)
	fmt.Println(token.Subject)
	// Output: 10769150350006150715113082367
}

// googleIssuers accepts both names that Google uses, with keys that are fetched once.
func googleIssuers(keys *jwtverify.Cache) (*jwtverify.Issuers, error) {
	var verifiers []*jwtverify.Verifier
	for _, name := range []string{"https://accounts.google.com", "accounts.google.com"} {
		verifier, err := jwtverify.New(jwtverify.Config{
			Issuer:    name,
			Audiences: []string{"1234987819200.apps.googleusercontent.com"},
			Keys:      keys,
			Check:     has("example.com", "hd"),
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

// What a pod knows about its cluster.
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

// ID tokens of GitHub Actions, as the identity of a job.
func Example_gitHubActions() {
	config := jwtverify.Config{
		Issuer:    "https://token.actions.githubusercontent.com",
		Audiences: []string{"https://deploy.example.com"}, // what the job asks for
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://token.actions.githubusercontent.com"},
		Check:     all(has("octo-org/octo-repo", "repository"), has("refs/heads/main", "ref"), has("workflow_dispatch", "event_name")),
	}

	token := verifyDocumented("GitHub Actions", config)
	fmt.Println(token.Subject)
	// Output: repo:octo-org/octo-repo:environment:prod
}

// ID tokens of GitLab CI/CD, as the identity of a job.
func Example_gitLab() {
	config := jwtverify.Config{
		Issuer:    "https://gitlab.com",
		Audiences: []string{"https://deploy.example.com"}, // aud in id_tokens of .gitlab-ci.yml
		Keys:      jwtverify.DiscoveryKeySource{Issuer: "https://gitlab.com"},
		Check:     all(has("my-group/my-project", "project_path"), has("refs/heads/main", "ref_path"), has("true", "ref_protected")),
	}

	token := verifyDocumented("GitLab", config)
	fmt.Println(token.Subject)
	// Output: project_path:my-group/my-project:ref_type:branch:ref:main
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
