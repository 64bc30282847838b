package diagnosis

import "cmp"

// A Code is what is known of a diagnosis. Codes are never renamed and never used for
// anything else; their words may improve.
type Code struct {
	Name     string
	Check    string // the step that comes to it, or what the command calls its own check
	Behind   string // the error of the library; "exit 2": nothing was checked; "note": the verdict does not depend on it; "probe": an API does not behave; "watch": an issuer does not
	When     string // it is found
	Sentence string // the first line of a report that it decides
	Advice   []Advice
}

// An Advice says what to do.
type Advice struct {
	Cause    string // that was seen; empty: the usual advice for the code
	Expected string // where the error does not say it, or not in full
	Next     string // as the library says it, which knows no flag and no variable; empty: it never does
	Command  string // as the command says it; empty: as the library does
}

// Of returns what is known of a code: nothing, if there is none of that name.
func Of(code string) Code {
	for _, c := range Codes {
		if c.Name == code {
			return c
		}
	}
	return Code{}
}

// For returns the advice for a cause; for an empty one the usual advice.
func (c Code) For(cause string) Advice {
	for _, a := range c.Advice {
		if a.Cause == cause {
			return a
		}
	}
	return Advice{}
}

// ForCommand returns the words of the command.
func (a Advice) ForCommand() string { return cmp.Or(a.Command, a.Next) }

// Codes are all codes, in the order of the checks. What stands in braces is filled in:
// {host}, {timeout}, {limit} and {part}; by the command, in its own words, what the settings
// in use are called, {issuer}, {audience} and {keys}, how to set them, {set issuer} and
// {set audience}, {token request}, and of the token {iss}, {aud}, {typ}, {client} and the
// {client claim} that names it.
var Codes = [...]Code{
	{"config-domain-missing", "settings", "exit 2", "there is neither a domain nor an issuer (jwtverify explain reads the token all the same: exit 3)", "no issuer is set", []Advice{
		{Next: "make the Verifier with New, and Issuers with NewIssuers", Command: "{set issuer}"},
		{Cause: "keys", Command: "{set issuer}; or pass --jwks-url or --jwks-file"},
	}},
	{"config-domain-form", "settings", "exit 2", "the domain has a scheme, a slash, a path, a space or a quote in it", "the domain is no bare host name",
		[]Advice{{Command: `remove "https://", slashes, spaces and quotes`}}},
	{"config-placeholder", "settings", "exit 2", "a setting still holds your-authaction-…", "a setting is still the sample of the guide", []Advice{{Command: "copy it from the dashboard"}}},
	{"config-audience-missing", "settings", "exit 2", "the audience is unset or empty (jwtverify explain checks all else: exit 3)", "no audience is set", []Advice{{Command: "{set audience}; it cannot be skipped"}}},
	{"config-insecure-url", "settings", "exit 2", "plain http beyond this machine", "the address is plain http", []Advice{
		{Command: "use https; where that is not to be had, fetch the key set into a file and pass --jwks-file"},
		{Cause: "probe", Command: "use https; for a host inside a cluster pass --allow-http: whoever sees the token on its way can use it"},
		{Cause: "issuer", Command: "if iss in the tokens begins with http:// (AD FS has such names), keep --issuer and pass --jwks-url with the https address of the keys too; otherwise use https"},
	}},
	{"issuer-missing", "issuer", "ErrIssuer", "the token has no iss", "the token names no issuer", []Advice{{Next: "this is not an access token of the issuer: send that"}}},
	{"issuer-form", "issuer", "ErrIssuer", "iss, or the issuer in the metadata, differs from that in the settings by a final slash, by case, by the scheme or by what was added to it only", "the issuer is written differently in the settings", []Advice{
		{Next: "make the issuer in the settings equal to the token's iss, byte for byte", Command: "make {issuer} equal to the token's iss, byte for byte, if this is your issuer: pass --issuer {iss}"},
		{Cause: "metadata", Expected: "an issuer as its metadata have it", Next: "correct the issuer in the settings: make it equal to the issuer in the metadata, byte for byte; trying again does not help",
			Command: "correct {issuer}: make it equal to the issuer in the metadata, byte for byte; trying again does not help"},
		{Cause: "well-known", Expected: "an issuer, not the address of its metadata", Next: "remove /.well-known/ and all behind it from the issuer in the settings", Command: "remove /.well-known/ and all behind it from {issuer}"},
		{Cause: "quotes", Next: "remove the quotes, spaces or line ends around the issuer in the settings", Command: "remove the quotes, spaces or line ends around {issuer}"},
		{Cause: "template", Expected: "the issuer of one tenant", Next: "the issuer in the settings is a template, or an address for all tenants: set the tenant's own issuer, with its ID where the template has braces, or in place of common",
			Command: "{issuer} is a template, or an address for all tenants: pass the tenant's own issuer, with its ID where the template has braces, or in place of common"},
	}},
	{"issuer-mismatch", "issuer", "ErrIssuer", "iss is another issuer", "the token is of another issuer", []Advice{
		{Next: "the token is of another tenant, or the issuer in the settings is wrong", Command: "get a token of this issuer; or {issuer} is wrong: if the token's iss is your issuer, pass --issuer {iss}"},
		{Cause: "entra", Next: "this is the same tenant, by version 1.0 of its tokens in place of 2.0, or the other way round: set requestedAccessTokenVersion in the manifest of the API's app registration (2, or null for 1.0), or set this iss as the issuer",
			Command: "this is the same tenant, by version 1.0 of its tokens in place of 2.0, or the other way round: set requestedAccessTokenVersion in the manifest of the API's app registration (2, or null for 1.0), or pass --issuer {iss}"},
		{Cause: "access token issuer", Next: "this is the name that the issuer's metadata give as access_token_issuer: set it as the issuer, and the jwks_uri of the metadata as the address of the keys",
			Command: "this is the name that the issuer's metadata give as access_token_issuer: pass --issuer {iss}, and the jwks_uri of the metadata as --jwks-url"},
		{Cause: "metadata", Next: "this is the issuer that the metadata name: set it as the issuer, and the jwks_uri of the metadata as the address of the keys", Command: "this is the issuer that the metadata name: pass --issuer {iss}, and the jwks_uri of the metadata as --jwks-url"},
		{Cause: "path", Next: "the host is the same, but not the path: compare the realm, the tenant or the authorization server in both; if this token is the right one, set its iss as the issuer",
			Command: "the host is the same, but not the path: compare the realm, the tenant or the authorization server in both; if this token is the right one, pass --issuer {iss}"},
		{Cause: "host", Next: "the issuer has several names (a custom domain, an inner and an outer address): request the token at the name in the settings, or set this iss as the issuer",
			Command: "the issuer has several names (a custom domain, an inner and an outer address): request the token at the name in {issuer}, or pass --issuer {iss}"},
	}},
	{"metadata-issuer", "issuer", "ErrKeysUnavailable", "the metadata at the issuer's address name another issuer", "the metadata are of another issuer", []Advice{
		{Expected: "the metadata of this issuer", Next: "set the issuer to the one in the metadata, if its tokens have that as iss, and take the keys from the jwks_uri of the metadata (Azure AD B2C has its metadata elsewhere than under its issuer)",
			Command: "pass the issuer in the metadata as --issuer, if its tokens have that as iss, and the jwks_uri of the metadata as --jwks-url (Azure AD B2C has its metadata elsewhere than under its issuer); jwtverify discover shows both"},
		{Cause: "template", Expected: "the metadata of one tenant", Next: "the issuer in the metadata is a template, which no token has: set the tenant's own issuer, with its ID where the template has braces",
			Command: "the issuer in the metadata is a template, which no token has: pass the tenant's own issuer as --issuer, with its ID where the template has braces"},
	}},

	{"token-missing", "form", "exit 2", "the input is empty", "there is no token", []Advice{{Command: "pipe the token endpoint's answer in: curl … | jwtverify explain"}}},
	{"token-cleaned", "form", "note", "a prefix, quotes, JSON or space around the token was removed", "something around the token was removed", []Advice{{Command: "store and send it bare"}}},
	{"token-long", "form", "ErrMalformed", "the token is over the size limit", "the token is too long", []Advice{{Next: "ask the issuer for fewer claims"}}},
	{"token-opaque", "form", "ErrMalformed", "the token does not begin with a header: it is a random text, a word, or the name of a file or variable", "this is no JWT", []Advice{
		{Next: "this is an opaque token, which its issuer alone can read: request one with the audience of this API, or have the issuer introspect it", Command: `this is an opaque token, which its issuer alone can read: request one with "audience" for this API, or ask the issuer about it (introspection)`},
		{Cause: "word", Next: "the program that sends this has no token: see why its request for one failed, and send nothing without one"},
		{Cause: "variable", Next: "put the token in place of the variable: it was not set, or stands in quotes or in a file where nothing is put in"},
		{Cause: "file", Next: "send what is in the file, not its name", Command: "pass the name by --token-file"},
	}},
	{"token-wrapped", "form", "ErrMalformed", "there is a token, and something around it: a word, a header, quotes, another token, one more base64", "something stands around the token", []Advice{
		{Next: "send the token alone"},
		{Cause: "scheme", Next: `remove the word before the token, such as the scheme "Bearer" and the space behind it`},
		{Cause: "header", Next: `remove the name of the header before the token, and the scheme "Bearer": keep what stands behind them`},
		{Cause: "name", Next: `remove the name and the "=" before the token, and what begins with & behind it`},
		{Cause: "quotes", Next: "remove the quotes around the token"},
		{Cause: "space", Next: "remove the space or line end around the token"},
		{Cause: "behind", Next: "remove what stands behind the token"},
		{Cause: "json", Next: "take the token out of the JSON text: it is the value of access_token"},
		{Cause: "address", Next: "take the token out of the address, and send it in the header Authorization: a token in an address ends up in logs"},
		{Cause: "joined", Next: "send one token: two header fields, or two lines of a file, were joined"},
		{Cause: "base64", Next: "decode the base64 once: the data of a Kubernetes Secret are encoded", Command: "decode the base64 once, as by base64 -d: the data of a Kubernetes Secret are encoded"},
	}},
	{"token-encrypted", "form", "ErrUnsupported", "the token has five parts, and the header of an encrypted one", "the token is encrypted", []Advice{
		{Next: "switch off token encryption for this API at the issuer"},
		{Cause: "dir", Next: `the issuer made this token for itself, since no API was named: add "audience" (or "resource", or a scope of this API) to the token request`},
	}},
	{"token-parts", "form", "ErrMalformed", "the token has another number of parts than three, or an empty one", "the token is not whole", []Advice{
		{Next: "copy the token again, whole"},
		{Cause: "empty", Next: "send a token: this is an empty text"},
		{Cause: "shortened", Next: "get the token from where it is issued: a log or a dashboard shows a part of it alone"},
		{Cause: "header alone", Next: "copy the token again up to its end: a double click often selects no further than the first dot"},
		{Cause: "unsigned", Next: "copy the third part too, the signature; if the issuer sends none, the token is unsigned, and nobody may trust it"},
	}},
	{"token-base64", "form", "ErrMalformed", "there is padding, +, /, space or a line break in the token, or loose bits at the end of a part", "the token is damaged",
		[]Advice{{Next: "copy the token again, and look for line breaks and other changes on its way"}}},
	{"token-json", "form", "ErrMalformed", "the header or the claims are not one JSON object, or have a member twice", "the token does not hold what a token holds",
		[]Advice{{Expected: "one JSON object in the {part}, in valid UTF-8, with no member twice", Next: "the issuer, or a proxy on the way, damaged the token: get a new one"}}},
	{"json-limits", "form", "ErrMalformed", "the header or the claims have too many bytes, members or levels", "there is too much in the token", []Advice{{Next: "ask the issuer for less"}}},
	{"alg-none", "algorithm", "ErrUnsupported", `alg is "none", in any case`, "the token is not signed", []Advice{{Next: "this token is not signed: trust nothing that comes from its source"}}},
	{"alg-hmac", "algorithm", "ErrUnsupported", "alg is HS256, HS384 or HS512", "the token is signed with a shared secret, not with RS256",
		[]Advice{{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard"}}},
	{"alg-other", "algorithm", "ErrUnsupported", "alg is absent, no text, or another than RS256", "the token is not signed with RS256", []Advice{
		{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard"},
		{Cause: "no alg", Next: "this is no token of an issuer, since its header has no alg (a session cookie has this form too): send the access token"},
	}},
	{"type-form", "type", "ErrMalformed", "typ is no text", "the token's typ is not one", []Advice{{Next: "tell the issuer: a typ is a text, such as JWT or at+jwt"}}},
	{"type-mismatch", "type", "ErrUnsupported", "typ is that of another kind of token", "this is another kind of token", []Advice{
		{Next: "send the access token, not another kind of token"},
		{Cause: "id", Next: "this is an ID token, which is for the client that logged somebody in: send the access token"},
		{Cause: "unusual", Next: "send the access token; if this is one, and the issuer gives all of them this typ, set Config.Type to it", Command: "send the access token; if this is one, and the issuer gives all of them this typ, pass --type {typ} (Config.Type in a program)"},
		{Cause: "absent", Next: "have the issuer set this typ in its access tokens, or leave Config.Type empty", Command: "have the issuer set this typ in its access tokens, or leave --type out"},
	}},
	{"header-critical", "type", "ErrUnsupported", "the header has crit", "the token uses an extension that is unknown here",
		[]Advice{{Expected: "no critical extension", Next: "the issuer uses an extension that is unknown here: have it switched off"}}},

	{"keys-dns", "keys", "ErrKeysUnavailable", "the name of the key server does not resolve", "the issuer's name does not resolve",
		[]Advice{{Expected: "an address of {host}", Next: "check the spelling of the domain, and the network"}}},
	{"keys-connect", "keys", "ErrKeysUnavailable", "the connection is refused, or the server or a proxy cannot be reached", "the issuer cannot be reached",
		[]Advice{
			{Expected: "a connection to {host}", Next: "check firewall and proxy"},
			{Cause: "proxy", Next: "check the proxy in the variables HTTPS_PROXY and NO_PROXY: it does not answer"},
			{Cause: "source", Expected: "keys from the key source", Next: "see what the error says: it is of a key source or transport of the program's own"},
		}},
	{"keys-tls", "keys", "ErrKeysUnavailable", "the certificate or the handshake is not good", "the connection to the issuer is not secure", []Advice{
		{Expected: "a valid certificate of {host}", Next: "check the bundle of trusted certificates, and the clock"},
		{Cause: "authority", Next: "if the certificate is of a private CA (a company's, a cluster's, a proxy's that reads TLS), name the file with the CA's certificate in the variable SSL_CERT_FILE, or in the RootCAs of a Client's Transport; otherwise this is not the issuer",
			Command: "if the certificate is of a private CA (a company's, a cluster's, a proxy's that reads TLS), pass --cacert FILE with the CA's certificate; otherwise this is not the issuer"},
		{Cause: "client certificate", Expected: "a connection without a client certificate", Next: "this server wants a certificate of the client (mutual TLS): give the key source a Client whose Transport has one, or take the address of the keys that is public",
			Command: "this server wants a certificate of the client (mutual TLS): use the address of the keys that is public, in --jwks-url, or save the set and pass --jwks-file"},
		{Cause: "expired", Next: "set this machine's clock; if it is right, the certificate has expired: tell who runs the server"},
		{Cause: "name", Next: "use the host name that the certificate is for: the found text shows it; an alias or an IP address is not enough"},
		{Cause: "http", Next: "this port speaks plain http, not https: correct the port of the address"},
		{Cause: "handshake", Next: "the server refuses the handshake: it wants a certificate of the client (a Client whose Transport has one), or a TLS version or cipher that Go does not offer: use TLS 1.2 or newer there",
			Command: "the server refuses the handshake: it wants a certificate of the client, or a TLS version or cipher that Go does not offer: save the set and pass --jwks-file, or have the server take TLS 1.2 or newer"},
		{Cause: "version", Next: "server and client have no TLS version or cipher in common: have the server enable TLS 1.2 or newer"},
	}},
	{"keys-timeout", "keys", "ErrKeysUnavailable", "the keys did not come within the limit", "the issuer's keys did not come in time",
		[]Advice{{Expected: "an answer within {timeout}", Next: "try again; check the route to {host}"}}},
	{"keys-status", "keys", "ErrKeysUnavailable", "the answer has another status than 200", "the issuer answers with an error",
		[]Advice{
			{Expected: "status 200", Next: "see what this status means at this server, and check the address of the keys", Command: "see what this status means at this server, and check {keys}"},
			{Cause: "404", Next: "404: nothing is at this address: correct the host and the path of the keys, as the issuer's documentation or the jwks_uri of its metadata have them",
				Command: "404: nothing is at this address: correct {keys}, as the issuer's documentation or the jwks_uri of its metadata have them"},
			{Cause: "metadata 404", Next: "404: the issuer has no metadata there: correct the path of the issuer in the settings (a realm, a tenant, an old part such as /auth), or name the address of its keys",
				Command: "404: the issuer has no metadata there: correct the path of {issuer} (a realm, a tenant, an old part such as /auth), or pass --jwks-url with the address of its keys"},
			{Cause: "400", Next: "400: the server does not understand the request: check the address of the keys, its port and query; some servers say so if they want a client certificate"},
			{Cause: "401", Next: "401: this server wants credentials: set them in Header or Client of the key source, or use the public address of the keys",
				Command: "401: this server wants credentials: pass them as --header 'Name: value', or pass the public address of the keys as --jwks-url"},
			{Cause: "403", Next: "403: this server refuses this client: have the firewall or bot protection in front of it let the User-Agent and the address of this machine through; or it wants credentials, in Header or Client of the key source",
				Command: "403: this server refuses this client: have the firewall or bot protection in front of it let the User-Agent 'jwtverify' and the address of this machine through; or it wants credentials: pass them as --header 'Name: value'"},
			{Cause: "header", Next: "the metadata name another host than the issuer's, and the Header goes to the issuer's own host alone: use an HTTPKeySource with the address of the keys and the Header, if that host may see it",
				Command: "the metadata name another host than the issuer's, and --header goes to the issuer's own host alone: pass the address of the keys as --jwks-url too, if that host may see the header"},
			{Cause: "405", Next: "405: this address takes no GET: it is that of something else, such as the token endpoint: correct the address of the keys", Command: "405: this address takes no GET: it is that of something else, such as the token endpoint: correct {keys}"},
			{Cause: "406", Next: "406: this server offers no JSON at this address: correct the address of the keys, or have the server send application/json", Command: "406: this server offers no JSON at this address: correct {keys}, or have the server send application/json"},
			{Cause: "407", Next: "407: the proxy wants credentials: set them in the variable HTTPS_PROXY, or name the host in NO_PROXY"},
			{Cause: "429", Next: "429: the server is asked too often: wait as long as Retry-After says, share one Cache among all that need these keys, and have the server's limit raised",
				Command: "429: the server is asked too often: wait as long as Retry-After says; where many processes ask, have the server's limit raised"},
			{Cause: "5xx", Next: "5xx: the server, or a proxy before it, has a fault of its own: try again later, and tell who runs it if it lasts"},
		}},
	{"keys-redirect", "keys", "ErrKeysUnavailable", "the answer is a redirect, which is not followed", "the address of the keys is not their final one", []Advice{
		{Expected: "status 200", Next: "use the final URL as the address of the keys", Command: "use the final URL in --jwks-url, if it is the issuer's"},
		{Cause: "login", Next: "this address sends people to log in: it is not public. Use the public address of the keys, or have the proxy that asks for the login let it through",
			Command: "this address sends people to log in: it is not public. Use the public address of the keys in --jwks-url, or have the proxy that asks for the login let it through"},
	}},
	{"keys-not-json", "keys", "ErrKeysUnavailable", "HTML or other text came, or JSON that is cut off or no key set", "what came is no key set", []Advice{
		{Expected: "a JWK Set", Next: `another document stands where the keys should: look at it, and check the address or file of the keys`, Command: "another document stands where the keys should: look at it, and check {keys}"},
		{Cause: "html", Next: "this is a web page, such as a login page or that of a proxy: look at it in a browser, and correct the address or file of the keys", Command: "this is a web page, such as a login page or that of a proxy: look at it in a browser, and correct {keys}"},
		{Cause: "xml", Next: "this is XML, such as the error of a bucket, or metadata of SAML: use the address of the JWK Set", Command: "this is XML, such as the error of a bucket, or metadata of SAML: pass the address of the JWK Set as --jwks-url"},
		{Cause: "empty", Next: "the answer or file is empty: try again later, or look for what should have written it"},
		{Cause: "cut off", Next: "the document ends in its middle: fetch or write it again, whole; write a file beside it first, and rename that"},
		{Cause: "certificates", Next: `this is a map of certificates, as Google has it at one of its addresses: use the address of the JWK Set beside it (for Firebase …/service_accounts/v1/jwk/…, for Google …/oauth2/v3/certs)`,
			Command: "this is a map of certificates, as Google has it at one of its addresses: pass the address of the JWK Set beside it as --jwks-url (for Firebase …/service_accounts/v1/jwk/…, for Google …/oauth2/v3/certs)"},
		{Cause: "metadata", Expected: "a JWK Set, or the metadata of this issuer", Next: "these are the issuer's metadata: use the address in their jwks_uri as that of the keys, or a DiscoveryKeySource; without a jwks_uri, have the issuer publish one",
			Command: "these are the issuer's metadata: pass the address in their jwks_uri as --jwks-url, or the issuer as --issuer without it; jwtverify discover shows what they say"},
		{Cause: "metadata html", Expected: "the metadata of this issuer", Next: "a web page is where the metadata should be: check the issuer in the settings, or name the address of its keys", Command: "a web page is where the metadata should be: check {issuer}, or pass --jwks-url"},
		{Cause: "metadata xml", Expected: "the metadata of this issuer", Next: "XML is where the metadata should be: check the issuer in the settings, or name the address of its keys", Command: "XML is where the metadata should be: check {issuer}, or pass --jwks-url"},
		{Cause: "jwks_uri", Expected: "metadata with the https address of the keys in jwks_uri", Next: "the metadata name no address of the keys that is safe to use: tell the issuer, or name the https address of its keys", Command: "the metadata name no address of the keys that is safe to use: tell the issuer, or pass --jwks-url with the https address of its keys"},
		{Cause: "error", Next: "the server answers with an error or a message, under status 200: ask for the address of the keys, its query and its path, where the issuer documents it", Command: "the server answers with an error or a message, under status 200: compare {keys}, its path and its query, with the issuer's documentation"},
		{Cause: "token", Next: "this is the answer of the token endpoint: use the address of the keys, which stands as jwks_uri in the metadata", Command: "this is the answer of the token endpoint: pass the address of the keys as --jwks-url, which stands as jwks_uri in the metadata"},
		{Cause: "list", Next: `the keys are in a bare array: have the issuer publish an object with the array in "keys", or read it in a KeySourceFunc`, Command: `the keys are in a bare array: have the issuer publish an object with the array in "keys", or save it in this form and pass --jwks-file`},
		{Cause: "nested", Next: "the key set may stand within that member: have the issuer publish the set alone, or take it out in a KeySourceFunc", Command: "the key set may stand within that member: have the issuer publish the set alone, or save it and pass --jwks-file"},
		{Cause: "signed", Next: "a set in a JWT cannot be read: use the issuer's plain JWK Set; if this is a token, it does not belong here", Command: "a set in a JWT cannot be read: use the issuer's plain JWK Set; if this is a token, pass it by --token-file"},
		{Cause: "ssh", Next: "convert the key to PEM (PKCS8), or use the issuer's JWK Set"},
		{Cause: "private", Next: "keep only the public half here, and have the key replaced if others could read this"},
	}},
	{"keys-size", "keys", "ErrKeysUnavailable", "the document is over the size limit", "what came is too large for a key set",
		[]Advice{{Expected: "at most {limit} bytes", Next: "check the address of the keys: this is no usual key set", Command: "check {keys}: this is no usual key set"}}},
	{"keys-empty", "keys", "ErrKeysUnavailable", "no key of the set is usable for RS256", "the issuer publishes no key for RS256",
		[]Advice{
			{Expected: "one usable RS256 key or more", Next: "check the address of the keys, or tell the issuer that it publishes no key for RS256"},
			{Cause: "none", Next: "the set is empty: check the realm or tenant in the address of the keys; an issuer that has just started may have none yet"},
			{Cause: "base64", Next: "the address is right, but the issuer writes its keys in the wrong base64: have it use base64url without padding (- and _, no + / =), or make the key by NewKey",
				Command: "the address is right, but the issuer writes its keys in the wrong base64: have it use base64url without padding (- and _, no + / =), or correct a copy and pass --jwks-file"},
			{Cause: "short", Next: "the issuer's keys are too short for RS256: have it make one of 2048 bits or more"},
			{Cause: "algorithm", Next: "the issuer signs with another algorithm than RS256: set RS256 at the issuer for this API, if it can; its keys are for something else"},
			{Cause: "private", Next: "the set holds private keys: have the issuer publish the public halves alone, and replace the keys if others could read them"},
		}},
	{"keys-file", "keys", "ErrKeysUnavailable", "the file of --jwks-file is not there or cannot be read", "the file with the keys cannot be read",
		[]Advice{{Expected: "a file with a JWK Set, a JWK or PEM", Next: "check the path", Command: "check the path in --jwks-file"}}},
	{"keys-held", "keys", "ErrKeysUnavailable", "no attempt is made now, since the last one failed or too many wait (in a long-lived process only)", "the issuer is not asked at the moment",
		[]Advice{{Expected: "a retrieval of the keys", Next: "wait that long, and see why the retrieval before failed"}}},
	{"keys-skipped", "keys", "note", "some keys of the set were passed over", "some keys were passed over",
		[]Advice{{Next: "harmless, if yours is not among them", Command: "harmless if yours is not among them; jwtverify jwks shows all"}}},
	{"kid-form", "key", "ErrMalformed", "kid is no text, or over 256 bytes", "the token's kid is not one", []Advice{{Next: "tell the issuer: a kid is a short text"}}},
	{"kid-missing", "key", "ErrUnknownKey", "the token has no kid, and several keys are usable", "the token does not name its key", []Advice{{Next: "have the issuer set kid in its tokens"}}},
	{"kid-unknown", "key", "ErrUnknownKey", "kid is not in the set after a refresh (keys from PEM have their thumbprint as kid)", "the issuer has no key of this kid", []Advice{
		{Next: "the token is of another tenant, or its key was withdrawn: get a new token, and check the issuer"},
		{Cause: "pem", Next: "keys from PEM have their thumbprint (RFC 7638) as kid, which the issuer's tokens do not name: make the key by NewKey with the token's kid, or use the issuer's JWK Set",
			Command: "keys from PEM have their thumbprint (RFC 7638) as kid, which the issuer's tokens do not name: use its JWK Set"},
		{Cause: "no kid", Next: "the issuer's keys have no kid, and the token has one: tell the issuer, or make the key by NewKey with the token's kid", Command: "the issuer's keys have no kid, and the token has one: tell the issuer, or add the kid to a copy of the set and pass --jwks-file"},
		{Cause: "other issuer", Next: "the token says that it is of another issuer or environment: send one of the issuer in the settings, or set that issuer and the address of its keys",
			Command: "the token says that it is of another issuer or environment: get one of this issuer, or pass --issuer {iss}, with its keys"},
	}},
	{"key-unusable", "key", "ErrUnknownKey", "the key of this kid is not RSA, not for signatures, for another algorithm, under 2048 bits or otherwise unfit", "the token's key is not fit for RS256",
		[]Advice{{Expected: "an RSA key for RS256 signatures", Next: "tell the issuer: its key is not fit for RS256 signatures"}}},
	{"signature-length", "signature", "ErrSignature", "the signature is missing, or not as long as the key's modulus", "the signature has the wrong length",
		[]Advice{{Next: "the token was cut off: copy it again, whole"}}},
	{"signature-bad", "signature", "ErrSignature", "the signature has the right length and was not made by this key", "the signature is not the issuer's",
		[]Advice{
			{Next: "the token was altered, or it is of another environment whose key has the same kid: get a new token"},
			{Cause: "graph", Next: "a nonce in the header is the sign of a token for Microsoft Graph, which nobody else can verify: request a token for this API, by a scope such as api://CLIENT-ID/.default"},
			{Cause: "other issuer", Next: "the token says that it is of another issuer or environment, whose key has the same kid: send one of the issuer in the settings"},
		}},

	{"claim-case", "claims", "ErrMalformed", "a claim has the name of a registered one but for case", "a claim is spelled almost right", []Advice{{Next: "the issuer must spell the claim exactly"}}},
	{"claim-type", "claims", "ErrMalformed", "a registered claim has the wrong JSON type", "a claim has the wrong type", []Advice{{Next: "tell the issuer: a claim has the wrong JSON type"}}},
	{"expiry-missing", "claims", "ErrMalformed", "the token has no exp", "the token never expires",
		[]Advice{{Expected: "exp, the time at which the token expires", Next: "the issuer must limit the life of its tokens"}}},
	{"time-milliseconds", "claims", "ErrMalformed", "a time is beyond the year 9999", "a time is in milliseconds", []Advice{{Next: "the issuer wrote milliseconds: it must write seconds"}}},
	{"sender-constrained", "claims", "note", "the token has a cnf claim", "the token is bound to its client's key",
		[]Advice{{Next: "this token is bound to its client's key (DPoP or mutual TLS): check the proof, or it is taken for a plain one", Command: "this token needs DPoP or mutual TLS: package bearer refuses it unless told how to check the proof"}}},
	{"not-before", "not-before", "ErrNotYetValid", "nbf lies ahead by more than the leeway", "the token is not valid yet",
		[]Advice{{Next: "wait, or set the clocks of this machine and the issuer", Command: "wait; if the wait makes no sense, see clock-skew"}}},
	{"issued-ahead", "not-before", "note", "iat lies ahead by more than the leeway", "the token was issued in the future",
		[]Advice{{Next: "set the clocks of this machine and the issuer", Command: "see clock-skew"}}},
	{"expired", "expiry", "ErrExpired", "exp is past by the leeway or more", "the token has expired", []Advice{{Next: "get a new token"}}},
	{"claims-refused", "check", "ErrClaims", "Config.Check of the program refuses a token that is good otherwise", "the program's own check refuses the token",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "send a token of the kind that this check asks for; or change Config.Check, if this one is to be accepted"}}},
	{"check-panicked", "check", "ErrClaims", "Config.Check of the program panicked", "the program's own check panicked",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "correct Config.Check: no token must make it panic, whatever claims it lacks"}}},
	{"clock-skew", "clock", "note", "the key server's clock differs from this machine's by over 60 seconds", "this machine's clock differs from the issuer's",
		[]Advice{{Command: "set this machine's clock"}}},

	{"audience-missing", "audience", "ErrAudience", "the token has no aud", "the token is for no audience",
		[]Advice{
			{Next: `add "audience" to the token request`, Command: `add "audience" to {token request}`},
			{Cause: "client_id", Next: `this issuer names the client in place of an audience, and it is one of those in the settings: set Config.AudienceClaim to "client_id"`, Command: "this issuer names the client in place of an audience, and it is one of yours: pass --audience-claim client_id (Config.AudienceClaim in a program)"},
			{Cause: "azp", Next: `this issuer names the client in place of an audience, and it is one of those in the settings: set Config.AudienceClaim to "azp"`, Command: "this issuer names the client in place of an audience, and it is one of yours: pass --audience-claim azp (Config.AudienceClaim in a program)"},
			{Cause: "client", Next: "the audience in the settings is that of the client: have the issuer set aud for this API in its access tokens"},
			{Cause: "other client", Next: `add "audience" to the token request; if this issuer never sets aud, put the clients that may call into the audiences, and the claim that names them into Config.AudienceClaim`,
				Command: `add "audience" to {token request}; if this issuer never sets aud, pass --audience {client} --audience-claim {client claim}`},
			{Cause: "claim", Next: "the token has neither aud nor the claim of Config.AudienceClaim: have the issuer set one of them; some leave azp out where a server asked for the token", Command: "the token has neither aud nor the claim of --audience-claim: have the issuer set one of them; some leave azp out where a server asked for the token"},
		}},
	{"audience-form", "audience", "ErrAudience", "aud differs from the audience by a final slash, by case, by a prefix or by what was added to it only", "the audience is written differently in the token", []Advice{
		{Next: "make the audience in the settings equal to the API's identifier at the issuer, byte for byte", Command: "make {audience} equal to the token's aud, byte for byte, if this is your API: pass --audience {aud}"},
		{Cause: "quotes", Next: "remove the quotes, spaces or line ends around the audience in the settings", Command: "remove the quotes, spaces or line ends around {audience}"},
		{Cause: "list", Next: "the audience in the settings is a list in one text, joined by comma or space, or has a comment behind it: make each audience an element of its own", Command: "the audience is a list in one text, joined by comma or space, or has a comment behind it: pass --audience once for each"},
		{Cause: "api", Next: "Microsoft's tokens of version 1.0 have api:// before the client ID in aud, those of 2.0 the bare ID: put this aud into the audiences too", Command: "Microsoft's tokens of version 1.0 have api:// before the client ID in aud, those of 2.0 the bare ID: pass --audience once for each"},
		{Cause: "scope", Next: "the audience in the settings is a scope: remove /.default from it", Command: "the audience is a scope: remove /.default from {audience}"},
	}},
	{"audience-id-token", "audience", "ErrAudience", "aud is another, and there is a nonce or at_hash", "this is an ID token", []Advice{{Next: "this is an ID token: send the access token"}}},
	{"audience-mismatch", "audience", "ErrAudience", "aud is another audience", "the token is for another audience",
		[]Advice{
			{Next: "ask for this audience in the token request, or correct the audience in the settings", Command: "ask for this audience in {token request}; if the token's aud is your API, pass --audience {aud}"},
			{Cause: "graph", Next: "this token is for Microsoft Graph: request one for this API, by a scope such as api://CLIENT-ID/.default"},
			{Cause: "userinfo", Next: `this token is for the issuer's own userinfo endpoint: add "audience" to the token request`},
			{Cause: "account", Next: "aud is account, which Keycloak sets where it is told nothing else: add an audience mapper for this API to the client or a client scope"},
			{Cause: "client", Next: "the audience in the settings is the client that asked for the token, not the API: set the API's own name, and have the issuer put it into aud; or this is an ID token's setting, and the token an access token",
				Command: "the audience in the settings is the client that asked for the token, not the API: pass --audience {aud}, if that is the API's own name, or have the issuer put it into aud"},
			{Cause: "claim", Next: "the claim of Config.AudienceClaim is judged in place of aud, and it is another: the token is of another client; put that into the audiences if it may call", Command: "the claim of --audience-claim is judged in place of aud, and it is another: the token is of another client; pass --audience {client} too if it may call"},
		}},

	{"watch-key-new", "keys", "note", "the issuer publishes a key that was not there before", "a key has appeared",
		[]Advice{{Command: "nothing to do if it does not sign before the verifiers have asked for the keys again, which takes their refresh interval"}}},
	{"watch-key-gone", "keys", "note", "the issuer does not publish a key any more", "a key has vanished",
		[]Advice{{Command: "nothing to do if its last token has expired: a verifier refuses the others as soon as it asks for the keys again"}}},
	{"watch-keys-replaced", "keys", "watch", "every usable key is one that was not there the last time", "all keys were replaced at once",
		[]Advice{{Command: "have the issuer publish the next key before it signs, and keep the old one while its tokens live: verifiers refuse what their copy of the keys does not have"}}},
	{"watch-key-changed", "keys", "watch", "the issuer publishes another key under the same kid", "a kid names another key than before",
		[]Advice{{Command: "have the issuer give each key a kid of its own (RFC 7517, section 4.5): verifiers that hold the old key refuse new tokens, others the old ones"}}},
	{"watch-key-unusable", "keys", "watch", "a key that was usable is not any more", "a key has stopped being usable",
		[]Advice{{Command: "tell the issuer what changed: tokens that this key signed are refused"}}},
	{"watch-cache", "keys", "note", "a cache on the way gave the keys, and may not keep them until the next request", "an answer out of a cache is about to expire",
		[]Advice{{Command: "nothing to do if the cache asks the issuer again then: until it does, no change at the issuer can be seen"}}},
	{"watch-certificate", "keys", "watch", "the certificate of the server expires in less than two weeks, or than a fifth of its lifetime", "the certificate is about to expire",
		[]Advice{{Command: "have it renewed: once it has expired, no verifier gets the keys"}}},

	// What decides for probe is the first of these: the gravest comes first.
	{"probe-open", "no header", "probe", "a request without token gets what the good token gets", "the API answers without a token", []Advice{{Command: "protect this path; see which routes are public"}}},
	{"probe-none-accepted", "unsigned (alg none)", "probe", "a token without signature was accepted", "the API accepts tokens that nobody signed",
		[]Advice{{Command: "accept RS256 alone, whatever the token's header says"}}},
	{"probe-tampered-accepted", "signature altered", "probe", "a token with a broken signature was accepted", "the API does not check the signature", []Advice{
		{Command: "check the signature by the issuer's keys"},
		{Cause: "malformed", Command: "verify the token, not only that there is one"},
	}},
	{"probe-cached", "no header again", "probe", "a cache answered to one client what was meant for another: the answer to the good token to a request without, or a refusal to the good token", "a cache gives one client the answer to another",
		[]Advice{{Command: "send Cache-Control: private with each answer to a token and with each refusal, let no cache on the way override it (RFC 9111, section 3.5), and empty that cache"}}},
	{"probe-query-accepted", "token in the query only", "probe", "a token in the query was accepted", "the API takes the token from the URL", []Advice{{Command: "read the Authorization header only"}}},
	{"probe-two-headers-accepted", "two headers", "probe", "a request with two Authorization headers was accepted", "the API accepts two Authorization headers",
		[]Advice{{Command: "refuse a request with more than one Authorization header"}}},
	{"probe-outage-as-401", "unchanged token", "probe", "the token was refused while the issuer's keys are unavailable", "the API takes an outage for a bad token",
		[]Advice{{Expected: "503: an outage says nothing about the token", Command: "answer 503 with Retry-After while the issuer's keys are unavailable, so that clients keep their tokens"}}},
	{"probe-header-lost", "unchanged token", "probe", "the good token gets the very answer of a request without Authorization, and so do all others", "the Authorization header does not seem to reach the API", []Advice{
		{Command: "see whether a proxy or gateway on the way removes Authorization, or uses it up itself: let it pass the header on; if the header arrives, jwtverify explain with this API's settings tells why the token is refused"}}},
	{"probe-all-forbidden", "unchanged token", "probe", "every token gets 403, the good one and the forged", "the API answers 403 to every token",
		[]Advice{{Expected: "401 to the forged tokens, and no refusal of the good one", Command: "find out who answers 403 before the token is looked at: a firewall, a list of addresses, a rule of the gateway; a token that is not valid gets 401"}}},
	{"probe-good-refused", "unchanged token", "probe", "the token was refused as it is", "the API refuses the token",
		[]Advice{{Command: "find out why: jwtverify explain with this API's settings"}}},
	{"probe-scheme", "lower-case scheme", "probe", "the good token is taken behind Bearer and refused behind bearer", "the API refuses bearer in lower case",
		[]Advice{{Command: "compare the scheme ignoring case"}}},
	{"probe-login", "no header", "probe", "a redirect came in place of a refusal", "the API sends clients to a login page", []Advice{
		{Command: "answer 401 with WWW-Authenticate: Bearer: a client of an API cannot log in at a page; if that is the API's new address, probe that"}}},
	{"probe-challenge-status", "no header", "probe", "WWW-Authenticate: Bearer came with a status that it does not belong to", "the challenge has a wrong status", []Advice{
		{Expected: "invalid_request with 400, insufficient_scope with 403, every other challenge with 401", Command: "give each challenge its status (RFC 6750, section 3.1): clients get a new token after 401 alone"}}},
	{"probe-no-challenge", "no header", "probe", "a 401 came without WWW-Authenticate: Bearer", "the API does not say how to authenticate",
		[]Advice{{Expected: "401 with a challenge, WWW-Authenticate: Bearer", Command: "send WWW-Authenticate: Bearer with each 401 (RFC 6750, section 3)"}}},
	{"probe-unclear", "no header", "note", "a request that must be refused gets a status of success, and there is no answer to a good token to compare it with", "a success cannot be told from a refusal in the body", []Advice{
		{Command: "give a good token by --token-file: only what it gets tells whether this is accepted, or refused in the body"},
		{Cause: "HEAD", Command: "probe with --method GET: an answer to HEAD has no body to compare"},
	}},
	{"probe-status", "no header", "note", "a status came that says nothing", "a status came that says nothing", []Advice{
		{Command: "nobody got in, but this is not how an API refuses a token: see whether path and method are right"},
		{Cause: "refused in the body", Command: "this API seems to refuse in the body, under a status of success, as GraphQL does: have it answer 401 before it runs anything, or see by its tests that it refuses"},
		{Cause: "not refused", Command: "the token is not refused, but this status tells no more: probe a path that answers 200"},
		{Cause: "rejected here", Command: "probe again with a good token: jwtverify explain tells why this is none"},
	}},
}
