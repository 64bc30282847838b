package diagnosis

import "cmp"

// A Code is what is known about a diagnosis. Codes are never renamed and never used
// for anything else; their words may improve.
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

// Of returns what is known about a code, or nothing if there is no code of that name.
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
// {host}, {timeout}, {limit} and {part}. The command fills in its own words: what the
// settings in use are called, {issuer}, {audience} and {keys}; how to set them,
// {set issuer} and {set audience}; {token request}; and of the token {iss}, {aud}, {typ},
// {client} and the {client claim} that names it.
//
// An advice is for somebody who is on call and has read no RFC: it says what to type, which
// setting to change, or whom to ask. One thought a sentence.
var Codes = [...]Code{
	{"config-domain-missing", "settings", "exit 2", "the settings name no issuer: there is no --issuer, and neither ISSUER nor AUTHACTION_DOMAIN is set (jwtverify explain reads the token all the same: exit 3)", "no issuer is set", []Advice{
		{Next: "make the Verifier with New, and Issuers with NewIssuers", Command: "{set issuer}"},
		{Cause: "keys", Command: "{set issuer}. Or say where the keys are: pass --jwks-url or --jwks-file"},
	}},
	{"config-domain-form", "settings", "exit 2", "the domain has a scheme, a slash, a path, a space or a quote in it", "the domain is not a bare host name",
		[]Advice{{Command: `write the host name alone: remove "https://", slashes, spaces and quotes`}}},
	{"config-placeholder", "settings", "exit 2", "a setting still holds your-authaction-…", "a setting is still the sample of the guide",
		[]Advice{{Command: "put your own value in its place: AuthAction's dashboard shows the tenant's domain and the API's identifier"}}},
	{"config-audience-missing", "settings", "exit 2", "the audience is unset or empty (jwtverify explain checks all else: exit 3)", "no audience is set",
		[]Advice{{Command: "{set audience}. It cannot be left out"}}},
	{"config-insecure-url", "settings", "exit 2", "plain http beyond this machine", "the address is plain http", []Advice{
		{Command: "write https:// in the address. If it is that of the keys, and the server has no https, save the set over a network that you trust (curl -o keys.json ADDRESS), and pass --jwks-file keys.json"},
		{Cause: "probe", Command: "write https:// in the address. For a host inside a cluster, pass --allow-http: whoever sees the token on its way can use it"},
		{Cause: "issuer", Command: "write https:// in {issuer}, unless iss in the tokens begins with http:// too (that of AD FS does). Then keep {issuer}, and pass the https address of the keys as --jwks-url"},
	}},
	{"issuer-missing", "issuer", "ErrIssuer", "the token has no iss", "the token names no issuer",
		[]Advice{{Next: "the token does not say who issued it: send the access token, as the issuer's token endpoint returns it"}}},
	{"issuer-form", "issuer", "ErrIssuer", "iss, or the issuer in the metadata, differs from that in the settings by a final slash, by case, by the scheme or by what was added to it only", "the issuer is written differently in the settings", []Advice{
		{Next: "set the issuer in the settings (Config.Issuer) to the token's iss, byte for byte: a final slash counts, and so does upper or lower case",
			Command: "the issuer must equal the token's iss byte for byte: a final slash counts, and so does upper or lower case. If this is your issuer, {issuer} is wrong: pass --issuer {iss}"},
		{Cause: "metadata", Expected: "an issuer as its metadata have it", Next: "set the issuer in the settings (Config.Issuer) to the issuer in the metadata, byte for byte: a final slash counts, and so does upper or lower case. Trying again does not help",
			Command: "pass the issuer in the metadata as --issuer, byte for byte: a final slash counts, and so does upper or lower case. Trying again does not help"},
		{Cause: "well-known", Expected: "an issuer, not the address of its metadata", Next: "remove /.well-known/ and all behind it from the issuer in the settings (Config.Issuer)", Command: "remove /.well-known/ and all behind it from {issuer}"},
		{Cause: "quotes", Next: "remove the quotes, spaces or line ends around the issuer in the settings (Config.Issuer)", Command: "remove the quotes, spaces or line ends around {issuer}"},
		{Cause: "template", Expected: "the issuer of one tenant", Next: "the issuer in the settings is for many tenants: a template with braces, or an address with common in it. Set Config.Issuer to the tenant's own issuer, with the tenant's ID in that place",
			Command: "{issuer} is for many tenants: a template with braces, or an address with common in it. Pass the tenant's own issuer, with the tenant's ID in that place"},
	}},
	{"issuer-mismatch", "issuer", "ErrIssuer", "iss is another issuer", "the token is of another issuer", []Advice{
		{Next: "if the issuer that was found is the one that you trust, set the issuer in the settings (Config.Issuer) to it. If not, the token is of another tenant or environment: get one from the issuer in the settings",
			Command: "if you do not trust the issuer that was found, the token is of another tenant or environment: get one from the issuer that was expected. If you do, {issuer} is wrong: pass --issuer {iss}"},
		{Cause: "entra", Next: "this is the same tenant, but Microsoft's tokens of version 1.0 have another issuer than those of version 2.0. Set requestedAccessTokenVersion in the manifest of the API's app registration (2, or null for 1.0), or set Config.Issuer to this iss",
			Command: "this is the same tenant, but Microsoft's tokens of version 1.0 have another issuer than those of version 2.0. Set requestedAccessTokenVersion in the manifest of the API's app registration (2, or null for 1.0), or pass --issuer {iss}"},
		{Cause: "access token issuer", Next: "the issuer's metadata give this name as access_token_issuer, as those of AD FS do. Set Config.Issuer to it, and Config.Keys to an HTTPKeySource with the jwks_uri of the metadata",
			Command: "the issuer's metadata give this name as access_token_issuer, as those of AD FS do. Run jwtverify discover --issuer ISSUER with the issuer that is set now. Then pass --issuer {iss} with the jwks_uri that it shows as --jwks-url"},
		{Cause: "metadata", Next: "the metadata at the address in the settings name this issuer too. Set Config.Issuer to it, and Config.Keys to an HTTPKeySource with the jwks_uri of the metadata",
			Command: "the metadata at the address in the settings name this issuer too. Run jwtverify discover --issuer ISSUER with the issuer that is set now. Then pass --issuer {iss} with the jwks_uri that it shows as --jwks-url"},
		{Cause: "path", Next: "the host is the same, and the path is not: this is another realm, tenant or authorization server. Get a token from the one in the settings, or set Config.Issuer to this iss if it is the right one",
			Command: "the host is the same, and the path is not: this is another realm, tenant or authorization server. Get a token from the one in the settings, or pass --issuer {iss} if that is the right one"},
		{Cause: "host", Next: "the issuer seems to have several names, such as a custom domain, or an inner and an outer address. Request the token at the address in the settings, or set Config.Issuer to this iss",
			Command: "the issuer seems to have several names, such as a custom domain, or an inner and an outer address. Request the token at the address in {issuer}, or pass --issuer {iss}"},
	}},
	{"metadata-issuer", "issuer", "ErrKeysUnavailable", "the metadata at the issuer's address name another issuer", "the metadata are of another issuer", []Advice{
		{Expected: "the metadata of this issuer", Next: "if iss in the tokens is the issuer in the metadata, set Config.Issuer to that, and Config.Keys to an HTTPKeySource with the jwks_uri of the metadata. Azure AD B2C needs this. If the tokens have another iss, Config.Issuer is the address of somebody else: correct it",
			Command: "if iss in the tokens is the issuer in the metadata, pass that as --issuer, and the jwks_uri of the metadata as --jwks-url. Azure AD B2C needs this. To see both, run jwtverify discover --issuer ISSUER. If the tokens have another iss, {issuer} is the address of somebody else: correct it"},
		{Cause: "template", Expected: "the metadata of one tenant", Next: "this address is for many tenants: the issuer in its metadata is a template, which no token has. Set Config.Issuer to the tenant's own issuer, with the tenant's ID in place of the braces",
			Command: "this address is for many tenants: the issuer in its metadata is a template, which no token has. Pass the tenant's own issuer as --issuer, with the tenant's ID in place of the braces"},
	}},

	{"token-missing", "form", "exit 2", "the input is empty", "there is no token", []Advice{{Command: "put the token into a file and pass --token-file FILE, or pipe the token endpoint's answer in: curl … | jwtverify explain"}}},
	{"token-cleaned", "form", "note", "a prefix, quotes, JSON or space around the token was removed", "something around the token was removed",
		[]Advice{{Command: "store and send the token alone: an API refuses it with this around it"}}},
	{"token-long", "form", "ErrMalformed", "the token is over the size limit", "the token is too long",
		[]Advice{{Next: "the token holds too much, such as a long list of groups: ask the issuer's administrator for fewer claims"}}},
	{"token-opaque", "form", "ErrMalformed", "the token does not begin with a header: it is a random text, a word, or the name of a file or variable", "this is not a JWT", []Advice{
		{Next: "this is an opaque token: a random text, which its issuer alone can read. Request one for this API, by audience, resource or scope in the token request. If the issuer has no others, ask its introspection endpoint about the token",
			Command: `this is an opaque token: a random text, which its issuer alone can read. Request one for this API, by "audience", "resource" or "scope" in the token request. If the issuer has no others, ask its introspection endpoint about the token`},
		{Cause: "word", Next: "the program that sends this has no token: look in its log for the token request that failed, and have it send nothing without a token"},
		{Cause: "variable", Next: "the name of a variable was sent, not its value. Set the variable, and do not put it in single quotes, or in a file where no variables are replaced"},
		{Cause: "file", Next: "this is the name of a file: send what is in the file", Command: "this is the name of a file: pass it as --token-file"},
	}},
	{"token-wrapped", "form", "ErrMalformed", "there is a token, and something around it: a word, a header, quotes, another token, one more base64", "something stands around the token", []Advice{
		{Next: "send the token alone"},
		{Cause: "scheme", Next: `remove the word before the token, such as the scheme "Bearer", and the space behind it`},
		{Cause: "header", Next: `remove the name of the header before the token, and the scheme "Bearer". Keep what stands behind them`},
		{Cause: "name", Next: `remove the name and the "=" before the token, and what begins with & behind it`},
		{Cause: "quotes", Next: "remove the quotes around the token"},
		{Cause: "space", Next: "remove the space or line end around the token"},
		{Cause: "behind", Next: "remove what stands behind the token"},
		{Cause: "json", Next: "take the token out of the JSON text: it is the value of access_token"},
		{Cause: "address", Next: "take the token out of the address, and send it in the header Authorization. A token in an address ends up in logs"},
		{Cause: "joined", Next: "send one token alone: two header fields, or two lines of a file, were joined"},
		{Cause: "base64", Next: "decode the base64 once: the data of a Kubernetes Secret are encoded", Command: "decode the base64 once, as by base64 -d token.txt: the data of a Kubernetes Secret are encoded"},
	}},
	{"token-encrypted", "form", "ErrUnsupported", "the token has five parts, and the header of an encrypted one", "the token is encrypted", []Advice{
		{Next: "ask the issuer's administrator to switch off token encryption for this API"},
		{Cause: "dir", Next: `the issuer made this token for itself, since no API was named: add "audience" (or "resource", or a scope of this API) to the token request`},
	}},
	{"token-parts", "form", "ErrMalformed", "the token has another number of parts than three, or an empty one", "the token is not whole", []Advice{
		{Next: "copy the token again, whole"},
		{Cause: "empty", Next: "this is an empty text: look in the log of the program that sends it for why it has no token"},
		{Cause: "shortened", Next: "take the token from the token endpoint's answer: a log or a dashboard shows only a part of it"},
		{Cause: "header alone", Next: "copy the token again up to its end: a double click often selects no further than the first dot"},
		{Cause: "unsigned", Next: "copy what stands behind the second dot too: it is the signature. If the issuer sends none, the token is unsigned, and nobody may trust it"},
	}},
	{"token-base64", "form", "ErrMalformed", "there is padding, +, /, space or a line break in the token, or loose bits at the end of a part", "the token is damaged",
		[]Advice{{Next: "copy the token again, whole and in one line. If a program sends it, look there for what adds a line break or a space, or encodes it again"}}},
	{"token-json", "form", "ErrMalformed", "the header or the claims are not one JSON object, or have a member twice", "the token does not hold what a token holds",
		[]Advice{{Expected: "one JSON object in the {part}, in valid UTF-8, with no member twice", Next: "get a new token. If it has the same flaw, show what was found to the issuer's administrator"}}},
	{"json-limits", "form", "ErrMalformed", "the header or the claims have too many bytes, members or levels", "there is too much in the token",
		[]Advice{{Next: "the token holds too much, or too many objects within objects: ask the issuer's administrator for fewer claims"}}},
	{"alg-none", "algorithm", "ErrUnsupported", `alg is "none", in any case`, "the token is not signed",
		[]Advice{{Next: "trust nothing in this token: anybody can write one that is not signed. Find out who sent it"}}},
	{"alg-hmac", "algorithm", "ErrUnsupported", "alg is HS256, HS384 or HS512", "the token is signed with a shared secret, not with RS256",
		[]Advice{{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard, and get a new token"}}},
	{"alg-other", "algorithm", "ErrUnsupported", "alg is absent, no text, or another than RS256", "the token is not signed with RS256", []Advice{
		{Next: "set the API's signing algorithm to RS256 in the issuer's dashboard, and get a new token. If the issuer has no RS256, its tokens cannot be verified here"},
		{Cause: "no alg", Next: "this is not a token of an issuer, since its header has no alg: a session cookie may look like this. Send the access token"},
	}},
	{"type-form", "type", "ErrMalformed", "typ is not a string", "the token's typ is not a string",
		[]Advice{{Next: "tell the issuer's administrator: typ in the header of its tokens must be a string, such as JWT or at+jwt"}}},
	{"type-mismatch", "type", "ErrUnsupported", "typ is that of another kind of token", "this is another kind of token", []Advice{
		{Next: "send the access token, not another kind of token"},
		{Cause: "id", Next: "this is an ID token, which tells a client who has logged in. Send the access token: the token endpoint returns it as access_token"},
		{Cause: "unusual", Next: "send the access token. If this is one, and all of this issuer have this typ in their header, set Config.Type to it", Command: "send the access token. If this is one, and all of this issuer have this typ in their header, pass --type {typ} (Config.Type in a program)"},
		{Cause: "absent", Next: "send the access token. If this is one, leave Config.Type empty, or ask the issuer's administrator to put this typ into the header of access tokens",
			Command: "send the access token. If this is one, leave --type out, or ask the issuer's administrator to put this typ into the header of access tokens"},
	}},
	{"header-critical", "type", "ErrUnsupported", "the header has crit", "the token uses an extension that is unknown here",
		[]Advice{{Expected: "no critical extension", Next: "ask the issuer's administrator to switch off the extension that crit names: it is unknown here"}}},

	{"keys-dns", "keys", "ErrKeysUnavailable", "the name of the key server does not resolve", "the issuer's name does not resolve",
		[]Advice{{Expected: "an address of {host}", Next: "check the spelling of the host in the settings. If it is right, the DNS of this machine does not know it: run nslookup with that name here, and show the answer to whoever runs the network"}}},
	{"keys-connect", "keys", "ErrKeysUnavailable", "the connection is refused, or the server or a proxy cannot be reached", "the issuer cannot be reached",
		[]Advice{
			{Expected: "a connection to {host}", Next: "run curl with that address on this machine. If it fails too, check firewall and proxy, or ask whoever runs the network to let this machine through to {host}"},
			{Cause: "proxy", Next: "the proxy does not answer: correct its address in the variable HTTPS_PROXY, or put the issuer's host into NO_PROXY"},
			{Cause: "source", Expected: "keys from the key source", Next: "this error comes from a key source or transport of the program's own: correct what it names"},
		}},
	{"keys-tls", "keys", "ErrKeysUnavailable", "the certificate or the handshake is not good", "the connection to the issuer is not secure", []Advice{
		{Expected: "a valid certificate of {host}", Next: "check that this machine's clock is right, and that its trusted certificates are up to date (package 'ca-certificates' on Linux)"},
		{Cause: "authority", Next: "the certificate is signed by a CA that this machine does not trust. It may be a private CA, such as that of a company, a cluster, or a proxy that reads TLS. Then name the file with its certificate in the variable SSL_CERT_FILE, or put it into the RootCAs of a Client's Transport. In a small container image, install 'ca-certificates'. If it is none of these, this is not the issuer",
			Command: "the certificate is signed by a CA that this machine does not trust. It may be a private CA, such as that of a company, a cluster, or a proxy that reads TLS. Then pass the file with its certificate: --cacert FILE. In a small container image, install 'ca-certificates'. If it is none of these, this is not the issuer"},
		{Cause: "client certificate", Expected: "a connection without a client certificate", Next: "this server wants a certificate of the client (mutual TLS). Use the public address of the keys, or give the key source a Client whose Transport has a certificate",
			Command: "this server wants a certificate of the client (mutual TLS). Pass the public address of the keys as --jwks-url, or save the set (curl -E CERTIFICATE -o keys.json ADDRESS) and pass --jwks-file keys.json"},
		{Cause: "expired", Next: "check that this machine's clock is right. If it is, the certificate has expired: tell whoever runs the server"},
		{Cause: "name", Next: "the certificate is for another name, which stands in what was found. Use that host name in the address: an alias or an IP address is not enough"},
		{Cause: "http", Next: "this port speaks plain http, not https: correct the port of the address"},
		{Cause: "handshake", Next: "the server refuses the connection. It may want a certificate of the client: give the key source a Client whose Transport has one. Or it is too old: ask whoever runs it for TLS 1.2 or newer",
			Command: "the server refuses the connection. It may want a certificate of the client: save the set (curl -E CERTIFICATE -o keys.json ADDRESS) and pass --jwks-file keys.json. Or it is too old: ask whoever runs it for TLS 1.2 or newer"},
		{Cause: "version", Next: "server and client have no version of TLS in common: ask whoever runs the server for TLS 1.2 or newer"},
	}},
	{"keys-timeout", "keys", "ErrKeysUnavailable", "the keys did not come within the limit", "the issuer's keys did not come in time",
		[]Advice{{Expected: "an answer within {timeout}", Next: "try again. If it lasts, run curl with that address on this machine. If that waits too, tell whoever runs the network or the server. If not, raise Cache.Timeout",
			Command: "try again, with --timeout 30s. If that is not enough, run curl with that address on this machine, and tell whoever runs the network or the server"}}},
	{"keys-status", "keys", "ErrKeysUnavailable", "the answer has another status than 200", "the issuer answers with an error",
		[]Advice{
			{Expected: "status 200", Next: "check the address of the keys. If it is right, ask whoever runs the server what this status means there", Command: "check {keys}. If it is right, ask whoever runs the server what this status means there"},
			{Cause: "404", Next: "404: nothing is at this address. Open the issuer's metadata, at ISSUER/.well-known/openid-configuration, and use the jwks_uri in it as the address of the keys",
				Command: "404: nothing is at this address. Correct {keys}, or run jwtverify discover --issuer ISSUER and pass the jwks_uri that it shows as --jwks-url"},
			{Cause: "metadata 404", Next: "404: the issuer has no metadata there. Correct the path in Config.Issuer, such as a realm, a tenant or an old part like /auth. Or set Config.Keys to an HTTPKeySource with the address of its keys",
				Command: "404: the issuer has no metadata there. Correct the path in {issuer}, such as a realm, a tenant or an old part like /auth. Or pass --jwks-url with the address of its keys"},
			{Cause: "400", Next: "400: the server does not understand the request. Check the address of the keys, its port and its query. Some servers say so if they want a client certificate"},
			{Cause: "401", Next: "401: this server wants credentials. Use the public address of the keys, or set credentials in Header or Client of the key source",
				Command: "401: this server wants credentials. Pass them as --header 'Name: value', or pass the public address of the keys as --jwks-url"},
			{Cause: "403", Next: "403: this server refuses this client. Ask whoever runs its firewall or bot protection to let the User-Agent and the address of this machine through. If it wants credentials, set them in Header or Client of the key source",
				Command: "403: this server refuses this client. Ask whoever runs its firewall or bot protection to let the User-Agent 'jwtverify' and the address of this machine through. Until then, save the set with a browser and pass --jwks-file FILE. If it wants credentials, pass them as --header 'Name: value'"},
			{Cause: "header", Next: "the keys are at another host than the issuer, and a DiscoveryKeySource sends its Header to the issuer's own host alone. If that host may see it, use an HTTPKeySource with the jwks_uri of the metadata and the Header",
				Command: "the keys are at another host than the issuer, and --header goes to the issuer's own host alone. If that host may see it, pass the jwks_uri of the metadata as --jwks-url too"},
			{Cause: "405", Next: "405: this is the address of something else, such as the token endpoint. Use the jwks_uri of the issuer's metadata as the address of the keys",
				Command: "405: this is the address of something else, such as the token endpoint. Run jwtverify discover --issuer ISSUER, and pass the jwks_uri that it shows as --jwks-url"},
			{Cause: "406", Next: "406: this server offers no JSON at this address. Use the jwks_uri of the issuer's metadata, or ask whoever runs the server to send application/json",
				Command: "406: this server offers no JSON at this address. Run jwtverify discover --issuer ISSUER and pass the jwks_uri that it shows as --jwks-url, or ask whoever runs the server to send application/json"},
			{Cause: "407", Next: "407: the proxy wants credentials. Set them in the variable HTTPS_PROXY (http://USER:PASSWORD@PROXY), or put the issuer's host into NO_PROXY"},
			{Cause: "429", Next: "429: the server is asked too often. Wait as long as Retry-After says. Share one Cache among all that need these keys, or ask whoever runs the server for a higher limit",
				Command: "429: the server is asked too often. Wait as long as Retry-After says, or some minutes, and try again. If many processes ask, ask whoever runs the server for a higher limit"},
			{Cause: "5xx", Next: "5xx: the server, or a proxy before it, has a fault of its own. Try again later. If it lasts, tell whoever runs the server"},
		}},
	{"keys-redirect", "keys", "ErrKeysUnavailable", "the answer is a redirect, which is not followed", "the address of the keys is not their final one", []Advice{
		{Expected: "status 200", Next: "a redirect is not followed. If the address that it names is the issuer's, use that as the address of the keys", Command: "a redirect is not followed. If the address that it names is the issuer's, pass that as --jwks-url"},
		{Cause: "login", Next: "this address sends people to log in: it is not public. Use the public address of the keys, or ask whoever runs the proxy that asks for the login to let it through",
			Command: "this address sends people to log in: it is not public. Pass the public address of the keys as --jwks-url, or ask whoever runs the proxy that asks for the login to let it through"},
	}},
	{"keys-not-json", "keys", "ErrKeysUnavailable", "the document is HTML or other text, or JSON that is cut off or no key set", "the document is no key set", []Advice{
		{Expected: "a JWK Set", Next: `another document stands where the keys should. Look at it, and correct the address or file of the keys: for an address, the issuer's metadata have the right one as jwks_uri`,
			Command: "another document stands where the keys should. Look at it, and correct {keys}"},
		{Cause: "html", Next: "this is a web page, such as a login page or that of a proxy. Look at it in a browser, and correct the address or file of the keys", Command: "this is a web page, such as a login page or that of a proxy. Look at it in a browser, and correct {keys}"},
		{Cause: "xml", Next: "this is XML, such as an error of a storage bucket, or SAML metadata. Use the jwks_uri of the issuer's OpenID metadata as the address of the keys", Command: "this is XML, such as an error of a storage bucket, or SAML metadata. Run jwtverify discover --issuer ISSUER, and pass the jwks_uri that it shows as --jwks-url"},
		{Cause: "empty", Next: "the answer or file is empty. Try again later. If it lasts, look for what should have written it"},
		{Cause: "cut off", Next: "the document ends in its middle. Fetch or write it again, whole. A program that replaces the file must write another beside it, and rename that"},
		{Cause: "certificates", Next: `this is a map of certificates, as Google has it at one of its addresses. Use the address of the JWK Set beside it (for Firebase …/service_accounts/v1/jwk/…, for Google …/oauth2/v3/certs)`,
			Command: "this is a map of certificates, as Google has it at one of its addresses. Pass the address of the JWK Set beside it as --jwks-url (for Firebase …/service_accounts/v1/jwk/…, for Google …/oauth2/v3/certs)"},
		{Cause: "metadata", Next: "these are the issuer's metadata, not its keys. Use the address in their jwks_uri as that of the keys, or a DiscoveryKeySource. If there is no jwks_uri, ask the issuer's administrator for it",
			Command: "these are the issuer's metadata, not its keys. Pass the address in their jwks_uri as --jwks-url, or the issuer as --issuer without --jwks-url"},
		{Cause: "no metadata", Expected: "the metadata of this issuer", Next: "another document stands where the metadata should, or they are damaged. Open that address in a browser, and correct Config.Issuer, or set Config.Keys to an HTTPKeySource with the address of the keys",
			Command: "another document stands where the metadata should, or they are damaged. Open that address in a browser, and correct {issuer}, or pass --jwks-url with the address of the keys"},
		{Cause: "metadata html", Expected: "the metadata of this issuer", Next: "a web page is where the metadata should be. Correct Config.Issuer, or set Config.Keys to an HTTPKeySource with the address of the keys", Command: "a web page is where the metadata should be. Correct {issuer}, or pass --jwks-url with the address of the keys"},
		{Cause: "metadata xml", Expected: "the metadata of this issuer", Next: "XML is where the metadata should be. Correct Config.Issuer, or set Config.Keys to an HTTPKeySource with the address of the keys", Command: "XML is where the metadata should be. Correct {issuer}, or pass --jwks-url with the address of the keys"},
		{Cause: "jwks_uri", Expected: "metadata with the https address of the keys in jwks_uri", Next: "the metadata name no https address of the keys. Ask the issuer's administrator for jwks_uri, or set Config.Keys to an HTTPKeySource with the address of the keys",
			Command: "the metadata name no https address of the keys. Ask the issuer's administrator for jwks_uri, or pass --jwks-url with the address of the keys"},
		{Cause: "error", Next: "the server answers with an error or a message, under status 200. Compare the address of the keys, its path and its query, with the issuer's documentation", Command: "the server answers with an error or a message, under status 200. Compare {keys}, its path and its query, with the issuer's documentation"},
		{Cause: "token", Next: "this is the answer of the token endpoint. Use the jwks_uri of the issuer's metadata as the address of the keys", Command: "this is the answer of the token endpoint. Run jwtverify discover --issuer ISSUER, and pass the jwks_uri that it shows as --jwks-url"},
		{Cause: "list", Next: `the keys are in a bare array. Ask the issuer's administrator for an object with the array in "keys", or read it in a KeySourceFunc`, Command: `the keys are in a bare array. Ask the issuer's administrator for an object with the array in "keys", or save it in this form and pass --jwks-file FILE`},
		{Cause: "nested", Next: "the key set may stand within that member. Ask the issuer's administrator for the address of the set alone, or take it out in a KeySourceFunc", Command: "the key set may stand within that member. Ask the issuer's administrator for the address of the set alone, or save what is in that member and pass --jwks-file FILE"},
		{Cause: "signed", Next: "this is a JWT, and no keys can be read from one. Use the issuer's plain JWK Set: the jwks_uri of its metadata", Command: "this is a JWT, and no keys can be read from one. If it is the token, pass it by --token-file. If not, use the issuer's plain JWK Set: run jwtverify discover --issuer ISSUER, and pass the jwks_uri that it shows as --jwks-url"},
		{Cause: "ssh", Next: "this is a key of SSH. Convert it to PEM (PKCS8), or use the issuer's JWK Set", Command: "this is a key of SSH. Convert it to PEM ('ssh-keygen -e -m PKCS8 -f key.pub > key.pem'), or use the issuer's JWK Set"},
		{Cause: "private", Next: "this is a private key, which the issuer alone may have. Keep only its public half here. If others could read it, ask the issuer's administrator to replace the key",
			Command: "this is a private key, which the issuer alone may have. Keep only its public half here (openssl pkey -in key.pem -pubout -out public.pem). If others could read it, ask the issuer's administrator to replace the key"},
	}},
	{"keys-size", "keys", "ErrKeysUnavailable", "the document is over the size limit", "the document is too large for a key set",
		[]Advice{{Expected: "at most {limit} bytes", Next: "no usual key set is as large as this. Look at the document, and correct the address of the keys", Command: "no usual key set is as large as this. Look at the document, and correct {keys}"}}},
	{"keys-empty", "keys", "ErrKeysUnavailable", "no key of the set is usable for RS256", "the issuer publishes no key for RS256",
		[]Advice{
			{Expected: "one usable RS256 key or more", Next: "check that this is the address of the right issuer's keys. If it is, show what was found to its administrator: no key there is good for RS256"},
			{Cause: "none", Next: "the set is empty. Check the realm or tenant in the address of the keys. An issuer that has just started may have no keys yet: try again in a minute"},
			{Cause: "base64", Next: "the address is right, but the keys are written in the wrong base64. Ask the issuer's administrator for base64url without padding (- and _, no + / =), or make the key by NewKey",
				Command: "the address is right, but the keys are written in the wrong base64. Ask the issuer's administrator for base64url without padding (- and _, no + / =), or correct a copy of the set and pass --jwks-file FILE"},
			{Cause: "short", Next: "the issuer's keys are too short for RS256: ask its administrator for one of 2048 bits or more"},
			{Cause: "algorithm", Next: "these keys are for something else: the issuer signs with another algorithm than RS256. Set RS256 for this API in its dashboard. If it has no RS256, its tokens cannot be verified here"},
			{Cause: "private", Next: "the set holds private keys. Tell the issuer's administrator to publish the public halves alone, and to replace the keys if others could read them"},
		}},
	{"keys-file", "keys", "ErrKeysUnavailable", "the file of --jwks-file is not there or cannot be read", "the file with the keys cannot be read",
		[]Advice{{Expected: "a file with a JWK Set, a JWK or PEM", Next: "check the path of the file, and that this process may read it", Command: "check the path in --jwks-file, and that you may read the file: ls -l FILE"}}},
	{"keys-held", "keys", "ErrKeysUnavailable", "no attempt is made now, since the last one failed or too many wait (in a long-lived process only)", "the issuer is not asked at the moment",
		[]Advice{{Expected: "a retrieval of the keys", Next: "wait that long: then the keys are asked for again. What was found ends with why the last attempt failed: correct that"}}},
	{"keys-skipped", "keys", "note", "some keys of the set were passed over", "some keys were passed over",
		[]Advice{{Next: "nothing to do if none of them signs your tokens. Otherwise show the reason to the issuer's administrator", Command: "nothing to do if none of them signs your tokens. Otherwise show the reason to the issuer's administrator: jwtverify jwks has that of each key"}}},
	{"kid-form", "key", "ErrMalformed", "kid is not a string, or has over 256 bytes", "the token's kid cannot be the name of a key",
		[]Advice{{Next: "tell the issuer's administrator: kid in the header of its tokens, which names the key, must be a string of at most 256 bytes"}}},
	{"kid-missing", "key", "ErrUnknownKey", "the token has no kid, and several keys are usable", "the token does not name its key", []Advice{
		{Next: "ask the issuer's administrator to put kid into the header of its tokens: it names the key that signed them"},
		{Cause: "x5t", Expected: "a key of the issuer that the token's x5t names", Next: "the token names its key by a certificate (x5t), and the issuer has no such key. Get a new token. If it is refused too, it is of another issuer, or the keys lack x5t: show this to the issuer's administrator"},
	}},
	{"kid-unknown", "key", "ErrUnknownKey", "kid is not in the set after a refresh (keys from PEM have their thumbprint as kid)", "the issuer has no key of this kid", []Advice{
		{Next: "the token is of another tenant, or its key was withdrawn. Get a new token. If it is refused too, compare the issuer and the address of the keys in the settings with those of the issuer",
			Command: "the token is of another tenant, or its key was withdrawn. Get a new token. If it is refused too, {keys} may be wrong: jwtverify jwks shows the keys that are there"},
		{Cause: "pem", Next: "PEM has no kid, so that keys from it have their thumbprint (RFC 7638) as kid, which the issuer's tokens do not name. Make the key by NewKey with the token's kid, or use the issuer's JWK Set",
			Command: "PEM has no kid, so that keys from it have their thumbprint (RFC 7638) as kid, which the issuer's tokens do not name. Use the issuer's JWK Set in place of the PEM: run jwtverify discover --issuer ISSUER, and pass the jwks_uri that it shows as --jwks-url"},
		{Cause: "no kid", Next: "the issuer's keys have no kid, and the token has one. Ask the issuer's administrator for the kid in its key set, or make the key by NewKey with the token's kid", Command: "the issuer's keys have no kid, and the token has one. Ask the issuer's administrator for the kid in its key set, or add it to a copy of the set and pass --jwks-file FILE"},
		{Cause: "other issuer", Next: "the token says that it is of another issuer or environment. Get one from the issuer in the settings, or set Config.Issuer and Config.Keys to that issuer and its keys",
			Command: "the token says that it is of another issuer or environment. Get one from the issuer in the settings, or pass --issuer {iss} with the address of its keys as --jwks-url"},
	}},
	{"key-unusable", "key", "ErrUnknownKey", "the key of this kid is not RSA, not for signatures, for another algorithm, under 2048 bits or otherwise unfit", "the token's key is not fit for RS256",
		[]Advice{{Expected: "an RSA key for RS256 signatures", Next: "show what was found to the issuer's administrator: the key that signed this token is not fit for RS256"}}},
	{"signature-length", "signature", "ErrSignature", "the signature is missing, or not as long as the key's modulus", "the signature has the wrong length",
		[]Advice{{Next: "the token was cut off, or something was added at its end: copy it again, whole"}}},
	{"signature-bad", "signature", "ErrSignature", "the signature has the right length and was not made by this key", "the signature is not the issuer's",
		[]Advice{
			{Next: "the token was altered, or it is of another environment whose key has the same kid. Get a new token. If it is refused too, check that issuer and keys in the settings are of the environment that issues the tokens"},
			{Cause: "graph", Next: "a nonce in the header is the sign of a token for Microsoft Graph, which nobody else can verify. Request a token for this API, by a scope such as api://CLIENT-ID/.default"},
			{Cause: "other issuer", Next: "the token says that it is of another issuer or environment, whose key has the same kid. Get one from the issuer in the settings"},
		}},

	{"claim-case", "claims", "ErrMalformed", "a claim has the name of a registered one but for case", "a claim is spelled almost right",
		[]Advice{{Next: "ask the issuer's administrator to write the name of the claim exactly as expected, in small letters"}}},
	{"claim-type", "claims", "ErrMalformed", "a registered claim has the wrong JSON type", "a claim has the wrong type",
		[]Advice{{Next: "ask the issuer's administrator to write this claim as the JSON type that was expected"}}},
	{"expiry-missing", "claims", "ErrMalformed", "the token has no exp", "the token never expires",
		[]Advice{{Expected: "exp, the time at which the token expires", Next: "ask the issuer's administrator to limit the life of its tokens: a stolen one without exp is good for ever"}}},
	{"time-milliseconds", "claims", "ErrMalformed", "a time is beyond the year 9999", "a time is in milliseconds",
		[]Advice{{Next: "ask the issuer's administrator to write this time in seconds: it was written in milliseconds"}}},
	{"sender-constrained", "claims", "note", "the token has a cnf claim", "the token is bound to its client's key",
		[]Advice{{Next: "the token is bound to a key of its client (DPoP or mutual TLS), so that a thief cannot use it. Check the proof of that key in your program, such as in Config.Bound of package bearer: Verify does not", Command: "the token is bound to a key of its client (DPoP or mutual TLS), so that a thief cannot use it. Nothing here checks the proof of that key. In a program, package bearer refuses the token unless its Config.Bound checks it"}}},
	{"not-before", "not-before", "ErrNotYetValid", "nbf lies ahead by more than the leeway", "the token is not valid yet",
		[]Advice{{Next: "wait until that time. If the token was issued just now, a clock is wrong: compare this machine's and the issuer's with the right time", Command: "wait until that time. If the token was issued just now, a clock is wrong: run date -u, and compare it with the right time"}}},
	{"issued-ahead", "not-before", "note", "iat lies ahead by more than the leeway", "the token was issued in the future",
		[]Advice{{Next: "a clock is wrong: compare this machine's and the issuer's with the right time", Command: "a clock is wrong: run date -u, and compare it with the right time. If this clock is right, tell the issuer's administrator. A note clock-skew in this report says which way it is wrong"}}},
	{"expired", "expiry", "ErrExpired", "exp is past by the leeway or more", "the token has expired", []Advice{{Next: "get a new token"}}},
	{"claims-refused", "check", "ErrClaims", "Config.Check of the program refuses a token that is good otherwise", "the program's own check refuses the token",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "send a token of the kind that this check asks for. If this one is to be accepted, change Config.Check"}}},
	{"check-panicked", "check", "ErrClaims", "Config.Check of the program panicked", "the program's own check panicked",
		[]Advice{{Expected: "a token that Config.Check accepts", Next: "correct Config.Check: no token must make it panic, whatever claims it lacks"}}},
	{"clock-skew", "clock", "note", "the key server's clock differs from this machine's by over 60 seconds", "this machine's clock differs from the issuer's",
		[]Advice{{Command: "run date -u, and compare it with the right time. If this clock is wrong, switch NTP on (timedatectl shows whether it is). If not, tell whoever runs the server"}}},

	{"audience-missing", "audience", "ErrAudience", "the token has no aud", "the token is for no audience",
		[]Advice{
			{Next: `add "audience" to the token request, with this API's identifier`, Command: `add "audience" to {token request}, with this API's identifier`},
			{Cause: "client_id", Next: `this issuer names the client in place of an audience, and it is one of those in the settings: set Config.AudienceClaim to "client_id"`, Command: "this issuer names the client in place of an audience, and it is one of yours: pass --audience-claim client_id (Config.AudienceClaim in a program)"},
			{Cause: "azp", Next: `this issuer names the client in place of an audience, and it is one of those in the settings: set Config.AudienceClaim to "azp"`, Command: "this issuer names the client in place of an audience, and it is one of yours: pass --audience-claim azp (Config.AudienceClaim in a program)"},
			{Cause: "client", Next: "the audience in the settings is that of the client. Ask the issuer's administrator to put this API into aud of its access tokens"},
			{Cause: "other client", Next: `add "audience" to the token request, with this API's identifier. If this issuer never sets aud, put the clients that may call into Config.Audiences, and the claim that names them into Config.AudienceClaim`,
				Command: `add "audience" to {token request}, with this API's identifier. If this issuer never sets aud, pass --audience {client} --audience-claim {client claim}`},
			{Cause: "claim", Next: "the token has neither aud nor the claim of Config.AudienceClaim. Ask the issuer's administrator for one of them: some issuers leave azp out where a server asked for the token", Command: "the token has neither aud nor the claim of --audience-claim. Ask the issuer's administrator for one of them: some issuers leave azp out where a server asked for the token"},
		}},
	{"audience-form", "audience", "ErrAudience", "aud differs from the audience by a final slash, by case, by a prefix or by what was added to it only", "the audience is written differently in the token", []Advice{
		{Next: "set the audience in the settings (Config.Audiences) to the API's identifier at the issuer, byte for byte: a final slash counts, and so does upper or lower case", Command: "the audience must equal the token's aud byte for byte: a final slash counts, and so does upper or lower case. If this is your API, {audience} is wrong: pass --audience {aud}"},
		{Cause: "quotes", Next: "remove the quotes, spaces or line ends around the audience in the settings (Config.Audiences)", Command: "remove the quotes, spaces or line ends around {audience}"},
		{Cause: "list", Next: "the audience in the settings is a list in one text, joined by comma or space, or has a comment behind it. Make each audience an element of its own of Config.Audiences", Command: "{audience} is a list in one text, joined by comma or space, or has a comment behind it. Pass --audience once for each"},
		{Cause: "api", Next: "Microsoft's tokens of version 1.0 have api:// before the client ID in aud, those of 2.0 the bare ID. Put this aud into Config.Audiences too", Command: "Microsoft's tokens of version 1.0 have api:// before the client ID in aud, those of 2.0 the bare ID. Pass --audience once for each"},
		{Cause: "scope", Next: "the audience in the settings is a scope: remove /.default from it", Command: "{audience} is a scope: remove /.default from it"},
	}},
	{"audience-id-token", "audience", "ErrAudience", "aud is another, and there is a nonce or at_hash", "this is an ID token",
		[]Advice{{Next: "this is an ID token, which tells a client who has logged in. Send the access token: the token endpoint returns it as access_token"}}},
	{"audience-mismatch", "audience", "ErrAudience", "aud is another audience", "the token is for another audience",
		[]Advice{
			{Next: "ask for this audience in the token request, or correct the audience in the settings", Command: "ask for this audience in {token request}. If the token's aud is your API, {audience} is wrong: pass --audience {aud}"},
			{Cause: "graph", Next: "this token is for Microsoft Graph. Request one for this API, by a scope such as api://CLIENT-ID/.default"},
			{Cause: "userinfo", Next: `this token is for the issuer's own userinfo endpoint: add "audience" to the token request, with this API's identifier`},
			{Cause: "account", Next: "aud is account, which Keycloak sets where it is told nothing else. In its admin console, add an audience mapper for this API to the client or to a client scope"},
			{Cause: "client", Next: "the audience in the settings is the client that asked for the token, not the API. Set Config.Audiences to the API's identifier, and ask for it in the token request",
				Command: "{audience} is the client that asked for the token, not the API. Ask for the API's identifier in {token request}, and pass it as --audience. If the token's aud is your API already, pass --audience {aud}"},
			{Cause: "claim", Next: "Config.AudienceClaim has this claim judged in place of aud, and it names another client. If that client may call, put it into Config.Audiences", Command: "--audience-claim has this claim judged in place of aud, and it names another client. If that client may call, pass --audience {client} too"},
		}},

	{"watch-key-new", "keys", "note", "the issuer publishes a key that was not there before", "a key has appeared",
		[]Advice{{Command: "nothing to do if the issuer waits before it signs with this key. Verifiers know it after their refresh interval at the latest"}}},
	{"watch-key-gone", "keys", "note", "the issuer does not publish a key any more", "a key has vanished",
		[]Advice{{Command: "nothing to do if the last token that it signed has expired. Verifiers refuse its tokens as soon as they ask for the keys again"}}},
	{"watch-keys-replaced", "keys", "watch", "every usable key is one that was not there the last time", "all keys were replaced at once",
		[]Advice{{Command: "ask the issuer's administrator to publish the next key before it signs, and to keep the old one while its tokens live. Verifiers refuse a token whose key their copy of the set does not have"}}},
	{"watch-key-changed", "keys", "watch", "the issuer publishes another key under the same kid", "a kid names another key than before",
		[]Advice{{Command: "ask the issuer's administrator to give each key a kid of its own (RFC 7517, section 4.5). Verifiers that hold the old key refuse new tokens, and the others refuse old ones"}}},
	{"watch-key-unusable", "keys", "watch", "a key that was usable is not any more", "a key has stopped being usable",
		[]Advice{{Command: "tell the issuer's administrator what has changed: tokens that this key signed are refused"}}},
	{"watch-cache", "keys", "note", "a cache on the way gave the keys, and may not keep them until the next request", "an answer out of a cache is about to expire",
		[]Advice{{Command: "nothing to do if the cache asks the issuer again then. Until it does, no change at the issuer can be seen"}}},
	{"watch-certificate", "keys", "watch", "the certificate of the server expires in less than two weeks, or than a fifth of its lifetime", "the certificate is about to expire",
		[]Advice{{Command: "ask whoever runs the server to renew it: once it has expired, no verifier gets the keys"}}},

	// What decides for probe is the first of these: the gravest comes first.
	{"probe-open", "no header", "probe", "a request without token gets what the good token gets", "the API answers without a token",
		[]Advice{{Command: "ask for a token at this path, unless it is meant to be public. Then look which other routes are open"}}},
	{"probe-none-accepted", "unsigned (alg none)", "probe", "a token without signature was accepted", "the API accepts tokens that nobody signed",
		[]Advice{{Command: "set the algorithm to RS256 alone where the API verifies tokens: the token's header must not choose it"}}},
	{"probe-tampered-accepted", "signature altered", "probe", "a token with a broken signature was accepted", "the API does not check the signature", []Advice{
		{Command: "check the signature with the issuer's keys: in most JWT libraries, call verify in place of decode"},
		{Cause: "malformed", Command: "verify the token: now the API sees only that there is one"},
	}},
	{"probe-cached", "no header again", "probe", "a cache answered to one client what was meant for another: the answer to the good token to a request without, or a refusal to the good token", "a cache gives one client the answer to another",
		[]Advice{{Command: "empty that cache, and send Cache-Control: private with each answer to a token and with each refusal. No cache on the way may override that (RFC 9111, section 3.5)"}}},
	{"probe-query-accepted", "token in the query only", "probe", "a token in the query was accepted", "the API takes the token from the URL", []Advice{{Command: "read the Authorization header only"}}},
	{"probe-two-headers-accepted", "two headers", "probe", "a request with two Authorization headers was accepted", "the API accepts two Authorization headers",
		[]Advice{{Command: "answer 400 to a request with more than one Authorization header"}}},
	{"probe-outage-as-401", "unchanged token", "probe", "the token was refused while the issuer's keys are unavailable", "the API takes an outage for a bad token",
		[]Advice{{Expected: "503: an outage says nothing about the token", Command: "answer 503 with Retry-After while the issuer's keys are unavailable: after a 401, clients throw good tokens away"}}},
	{"probe-header-lost", "unchanged token", "probe", "the good token gets the very answer of a request without Authorization, and so do all others", "the Authorization header does not seem to reach the API",
		[]Advice{{Command: "look for a proxy or gateway on the way that removes Authorization, or uses it itself, and set it to pass the header on. If the header arrives, find out why the token is refused: jwtverify explain --issuer ISSUER --audience AUDIENCE --token-file FILE"}}},
	{"probe-all-forbidden", "unchanged token", "probe", "every token gets 403, the good one and the forged", "the API answers 403 to every token",
		[]Advice{{Expected: "401 to the forged tokens, and no refusal of the good one", Command: "find out who answers 403 before the token is looked at: a firewall, a list of addresses, or a rule of the gateway. A token that is not valid must get 401"}}},
	{"probe-good-refused", "unchanged token", "probe", "the token was refused as it is", "the API refuses the token",
		[]Advice{{Command: "find out why, with the issuer and the audience of this API: jwtverify explain --issuer ISSUER --audience AUDIENCE --token-file FILE"}}},
	{"probe-scheme", "lower-case scheme", "probe", "the good token is taken behind Bearer and refused behind bearer", "the API refuses bearer in lower case",
		[]Advice{{Command: `compare the word before the token ignoring case: "bearer" is as good as "Bearer"`}}},
	{"probe-login", "no header", "probe", "a redirect came in place of a refusal", "the API sends clients to a login page",
		[]Advice{{Command: "answer 401 with WWW-Authenticate: Bearer: a client of an API cannot log in at a page. If the redirect leads to the API's new address, probe that"}}},
	{"probe-challenge-status", "no header", "probe", "WWW-Authenticate: Bearer came with a status that it does not belong to", "the challenge has a wrong status",
		[]Advice{{Expected: "invalid_request with 400, insufficient_scope with 403, every other challenge with 401", Command: "give each challenge its status (RFC 6750, section 3.1): clients get a new token only after 401"}}},
	{"probe-no-challenge", "no header", "probe", "a 401 came without WWW-Authenticate: Bearer", "the API does not say how to authenticate",
		[]Advice{{Expected: "401 with a challenge, WWW-Authenticate: Bearer", Command: "send the header WWW-Authenticate: Bearer with each 401 (RFC 6750, section 3)"}}},
	{"probe-unclear", "no header", "note", "a request that must be refused gets a status of success, and there is no answer to a good token to compare it with", "a success cannot be told from a refusal in the body", []Advice{
		{Command: "pass a good token as --token-file: only the answer to it tells whether this request was accepted, or refused in the body"},
		{Cause: "HEAD", Command: "probe with --method GET: an answer to HEAD has no body to compare"},
		{Cause: "broken off", Command: "this answer broke off before its end: probe again. If it breaks off each time, look in the log of the API, or of the proxy before it"},
		{Cause: "no good answer", Command: "the token did not get two whole answers with the same status of success, so there is no answer to compare with. Probe again, with a token that this API accepts as --token-file FILE"},
	}},
	{"probe-status", "no header", "note", "the status does not say whether the token was accepted", "the status says nothing", []Advice{
		{Command: "nobody got in, but an API refuses a token with 401: check the path in the URL and the method, and have the API answer 401"},
		{Cause: "refused in the body", Command: "this API seems to refuse in the body, under a status of success, as GraphQL does. Have it answer 401 before it runs anything, or write a test of your own that it refuses"},
		{Cause: "not refused", Command: "the token is not refused, but this status tells no more: probe a path that answers 200"},
		{Cause: "rejected here", Command: "get another token and probe again. To see what is wrong with this one: jwtverify explain --token-file FILE"},
	}},
}
