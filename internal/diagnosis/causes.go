package diagnosis

import (
	"net/url"
	"slices"
	"strings"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/fetch"
	"example.com/jwtverify/internal/notjwt"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// The causes here are seen in the rest of the token, the keys and the settings. Each is a
// guess: it chooses words, and changes no verdict.

// shapeOf looks at what could not be read as a token.
func (k *Case) shapeOf(c *Check) (cause string) {
	shape := notjwt.Look(k.Token)
	if shape.Code == "" || k.Token == "" && c.Code != "token-parts" {
		return "" // a flaw within the parts; or no token is known
	}
	c.Code, c.Found = shape.Code, strings.TrimPrefix(strings.TrimPrefix(shape.Found, "has "), "is ")
	switch shape.Code {
	case "token-encrypted":
		c.Expected = "a signed JWT"
	case "token-wrapped":
		c.Expected = "the bare token, header.claims.signature"
	default:
		c.Expected = "three parts: header.claims.signature"
	}
	return shape.Cause
}

// claimedIssuer returns the issuer that the token names, which is not verified.
func (k *Case) claimedIssuer() string {
	if k.Signed || !k.isForeign() {
		return ""
	}
	return "; its iss (not verified) is " + quote.Text(k.Issuer, 100)
}

// isForeign reports whether the token names an issuer that is not configured.
func (k *Case) isForeign() bool { return k.Issuer != "" && !slices.Contains(k.Issuers, k.Issuer) }

// causeOfUnknownKey says why the set may have no key with the token's kid.
func (k *Case) causeOfUnknownKey(c *Check) string {
	c.Found += k.claimedIssuer()
	var thumbprints bool
	if c.Expected, _, thumbprints = strings.Cut(c.Expected, "; keys from PEM"); thumbprints {
		return "pem"
	}
	switch {
	case k.Unnamed:
		c.Expected = "a token without kid, or keys that have one: those of the issuer have no kid"
		return "no kid"
	case k.isForeign():
		return "other issuer"
	}
	return ""
}

// causeOfBadSignature tells why a signature may be bad.
func (k *Case) causeOfBadSignature(c *Check) string {
	switch {
	case k.headerHas("nonce"):
		c.Found += `; the header has a nonce`
		return "graph"
	case k.isForeign():
		c.Found += k.claimedIssuer()
		return "other issuer"
	}
	return ""
}

func (k *Case) headerHas(name string) bool {
	text, err := base64url.String(k.Header)
	return err == nil && hasMember(text, name)
}

// causeOfIssuer tells how the issuer of a token and one that was asked for differ, which
// of them it is, and by what code.
func (k *Case) causeOfIssuer(c *Check) (cause string) {
	for _, issuer := range k.Issuers {
		expected := quote.Text(issuer, 100)
		begin, _, wellKnown := strings.Cut(issuer, "/.well-known")
		switch {
		case fetch.SameButForm(k.Issuer, issuer):
			c.Code, c.Expected = "issuer-form", expected
			return ""
		case strings.Trim(issuer, settingMarks) == k.Issuer:
			c.Code, c.Expected = "issuer-form", expected
			return "quotes"
		case wellKnown && fetch.SameButForm(k.Issuer, begin):
			c.Code, c.Expected = "issuer-form", expected
			return "well-known"
		case strings.ContainsAny(issuer, "{}") || isEntra(issuer) && isShared(issuer) && isEntra(k.Issuer):
			c.Code, c.Expected = "issuer-form", expected
			return "template"
		case guid(issuer) != "" && strings.EqualFold(guid(issuer), guid(k.Issuer)) && isEntra(issuer) && isEntra(k.Issuer):
			c.Expected = expected
			return "entra"
		}
	}
	if k.TokenIssuer != "" && k.Issuer == k.TokenIssuer {
		return "access token issuer"
	}
	if f := k.Failures[Key]; f != nil && f.Keys != nil {
		if code, _, found := keysCode(f.Keys); code == "metadata-issuer" && strings.Contains(found, "issuer is "+quote.Text(k.Issuer, 100)+",") {
			return "metadata"
		}
	}
	got, err := url.Parse(k.Issuer)
	for _, issuer := range k.Issuers {
		want, errWant := url.Parse(issuer)
		if err != nil || errWant != nil || got.Host == "" || want.Host == "" {
			continue
		}
		switch {
		case strings.EqualFold(got.Host, want.Host) && strings.Trim(got.Path, "/") != strings.Trim(want.Path, "/"):
			return "path"
		case strings.Trim(want.Path, "/") != "" && strings.Trim(got.Path, "/") == strings.Trim(want.Path, "/"),
			strings.EqualFold(got.Hostname(), want.Hostname()) && got.Port() != want.Port():
			return "host"
		}
	}
	return ""
}

// settingMarks are characters that settings files and shells leave around a value.
const settingMarks = " \t\r\n\"'`<>"

// isEntra reports whether an issuer is one of Microsoft's clouds.
func isEntra(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	host := "." + strings.ToLower(u.Hostname())
	return slices.ContainsFunc([]string{".sts.windows.net", ".login.microsoftonline.com", ".login.windows.net", ".login.microsoft.com",
		".login.microsoftonline.us", ".sts.chinacloudapi.cn", ".login.partner.microsoftonline.cn", ".login.chinacloudapi.cn",
		".ciamlogin.com", ".b2clogin.com"}, func(known string) bool { return strings.HasSuffix(host, known) })
}

// isShared reports whether an address is shared by all tenants.
func isShared(issuer string) bool {
	u, err := url.Parse(issuer)
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(strings.Trim(strings.ToLower(u.Path), "/"), "/")
	return first == "common" || first == "organizations" || first == "consumers"
}

// guid returns the first GUID in a text, empty if there is none.
func guid(text string) string {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	for start := range max(len(text)-len(form)+1, 0) {
		if part := text[start : start+len(form)]; isLike(form, part) {
			return part
		}
	}
	return ""
}

// isLike reports whether a text of the length of a form has a hexadecimal digit where
// the form has x, and a hyphen elsewhere.
func isLike(form, text string) bool {
	for i := range len(form) {
		if hexDigit := strings.IndexByte("0123456789abcdefABCDEF", text[i]) >= 0; form[i] == '-' && text[i] != '-' || form[i] == 'x' && !hexDigit {
			return false
		}
	}
	return true
}

// claimTexts returns the claims that are strings, by name. The claims were read without
// error before.
func (k *Case) claimTexts() map[string]string {
	texts := make(map[string]string)
	var r strictjson.Reader
	r.Begin(k.Claims, strictjson.Usual)
	for name := range r.Object {
		if r.Kind() == '"' {
			texts[name], _ = r.String(name)
		} else {
			r.Skip()
		}
	}
	return texts
}

// clientClaims are those that name the client that a token was made for.
var clientClaims = [...]string{"client_id", "azp", "cid", "appid"}

// clientNamed returns the claim that names a client by one of the audiences, empty if none
// does.
func (k *Case) clientNamed(texts map[string]string) string {
	for _, name := range clientClaims {
		if slices.Contains(k.Audiences, texts[name]) {
			return name
		}
	}
	return ""
}

// causeOfNoAudience tells what a token without aud has instead.
func (k *Case) causeOfNoAudience(c *Check) string {
	texts := k.claimTexts()
	named := k.clientNamed(texts)
	if k.AudienceClaim != "" {
		c.Found = "neither aud nor " + k.AudienceClaim
		if named != "" {
			c.Found += "; " + named + " is " + quote.Text(texts[named], 100)
		}
		return "claim"
	}
	cause := "client"
	switch {
	case named == "client_id" || named == "azp":
		cause = named
	case named != "":
	case texts["client_id"] != "":
		named, cause = "client_id", "other client"
	case texts["azp"] != "":
		named, cause = "azp", "other client"
	default:
		c.Found = "nothing"
		return ""
	}
	c.Found = "no aud; " + named + " is " + quote.Text(texts[named], 100)
	return cause
}

// causeOfAudience tells how the audience of a token and those that were asked for differ,
// and by what code.
func (k *Case) causeOfAudience(c *Check) string {
	texts := k.claimTexts()
	differ := func(same func(aud, want string) bool) bool {
		return slices.ContainsFunc(k.Audience, func(aud string) bool {
			return slices.ContainsFunc(k.Audiences, func(want string) bool { return same(aud, want) })
		})
	}
	if k.ByClaim && k.AudienceClaim != "" {
		c.Found = k.AudienceClaim + ", in place of aud, is " + quote.List(k.Audience)
	}
	trimmed := func(want string) string { return strings.Trim(want, settingMarks) }
	switch named := k.clientNamed(texts); {
	case differ(sameButForm):
		c.Code = "audience-form"
	case differ(func(aud, want string) bool { return aud == trimmed(want) }):
		c.Code = "audience-form"
		return "quotes"
	case differ(func(aud, want string) bool {
		return slices.Contains(strings.FieldsFunc(want, func(c rune) bool { return strings.ContainsRune(settingMarks+",;|[]", c) }), aud)
	}):
		c.Code = "audience-form"
		return "list"
	case differ(func(aud, want string) bool {
		return sameButForm(withoutPrefix(aud, "api://"), withoutPrefix(want, "api://")) && guid(aud) != ""
	}):
		c.Code = "audience-form"
		return "api"
	case differ(func(aud, want string) bool {
		return want != aud && sameButForm(strings.TrimSuffix(want, "/.default"), aud)
	}):
		c.Code = "audience-form"
		return "scope"
	case hasMember(k.Claims, "nonce", "at_hash", "c_hash"), texts["token_use"] == "id", texts["typ"] == "ID":
		// OpenID Connect Core 1.0, section 2: what only ID tokens hold; and the claims by
		// which Cognito and Keycloak tell them.
		c.Code = "audience-id-token"
	case k.ByClaim:
		return "claim"
	case differ(func(aud, _ string) bool {
		return aud == "00000003-0000-0000-c000-000000000000" || aud == "00000002-0000-0000-c000-000000000000" || strings.Contains(aud, "graph.microsoft.com") || strings.Contains(aud, "graph.windows.net")
	}):
		return "graph"
	case differ(func(aud, _ string) bool { return strings.HasSuffix(strings.TrimSuffix(aud, "/"), "/userinfo") }) && len(k.Audience) == 1:
		return "userinfo"
	case len(k.Audience) == 1 && k.Audience[0] == "account":
		return "account"
	case named != "":
		c.Found += "; its " + named + " is " + quote.Text(texts[named], 100)
		return "client"
	}
	return ""
}

func withoutPrefix(text, prefix string) string {
	if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
		return text[len(prefix):]
	}
	return text
}

// causeOfType tells what a token of another typ may be.
func causeOfType(typ string) string {
	switch typ, _ = strings.CutPrefix(strings.ToLower(typ), "application/"); typ {
	case "id_token", "id", "idt+jwt", "id+jwt":
		return "id"
	case "logout+jwt", "secevent+jwt", "dpop+jwt", "rt+jwt", "refresh", "refresh+jwt", "refresh_token", "client-authentication+jwt", "oauth-authz-req+jwt", "token-introspection+jwt", "entity-statement+jwt", "kb+jwt", "dc+sd-jwt", "vc+jwt", "jwe":
		return "" // the usual advice: it is another kind of token for certain
	}
	return "unusual"
}

// causeOfEmpty tells what is wrong with a set without usable key, by the reasons for its
// keys.
func causeOfEmpty(reasons []string) string {
	some := func(words ...string) bool {
		return slices.ContainsFunc(reasons, func(reason string) bool { return containsAny(reason, words...) })
	}
	all := func(words ...string) bool {
		return !slices.ContainsFunc(reasons, func(reason string) bool { return !containsAny(reason, words...) })
	}
	switch {
	case len(reasons) == 0:
		return "none"
	case some("private key"):
		return "private"
	case some("base64", "padding", "stray bits"):
		return "base64"
	case some(" bits, want at least"):
		return "short"
	case all("kty is ", "alg is ", "use is "):
		return "algorithm"
	}
	return ""
}

func containsAny(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// causeOfTLS tells what is wrong with a connection, by the texts of crypto/tls and
// crypto/x509.
func causeOfTLS(text string) string {
	has := func(words ...string) bool { return containsAny(text, words...) }
	switch {
	case has("certificate required", "tls: bad certificate", "tls: unknown certificate", "alert(116)"):
		return "client certificate"
	case has("unknown authority", "not trusted", "unknown certificate authority"):
		return "authority"
	case has("expired or is not yet valid"):
		return "expired"
	case has("certificate is valid for", "not valid for any names", "doesn't contain any IP SANs", "certificate is not valid", "cannot validate certificate for"):
		return "name"
	case has("HTTP response to HTTPS client", "first record does not look like a TLS handshake"):
		return "http"
	case has("handshake failure"):
		return "handshake"
	case has("protocol version", "no mutual cipher", "insufficient security"):
		return "version"
	}
	return ""
}
