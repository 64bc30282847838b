package settings_test

import (
	"strings"
	"testing"

	"example.com/jwtverify/internal/settings"
)

// said is the text of an error, "" for none.
func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestIssuer(t *testing.T) {
	const want = ", want the exact iss of the tokens: it "
	const placeholder = ` in it, of a template or a variable that was not filled in: write the issuer's own name there`
	for issuer, flaw := range map[string]string{ // "" is accepted
		"https://id.example.com":                                          "",
		"https://id.example.com/":                                         "",
		"https://id.example.com:8443/realms/":                             "",
		"http://adfs.example.com/adfs/trust":                              "",
		"accounts.google.com":                                             "",
		"urn:example:issuer":                                              "",
		"https://id.example.com/a?b=//c":                                  "",
		"https://id.example.com/well-known/":                              "",
		"Größe":                                                           "",
		"https://id.example.com\r":                                        `has a line end ("\r") at the end: remove it`,
		"https://id.example.com\n":                                        `has a line end ("\n") at the end: remove it`,
		"\thttps://id.example.com":                                        `has a space ("\t") at the beginning: remove it`,
		" https://id.example.com":                                         `has a space (" ") at the beginning: remove it`,
		"https://id.example.com ":                                         `has a space (" ") at the end: remove it`,
		"https://id.example.com\u00a0":                                    `has a space ("\u00a0") at the end: remove it`,
		"https://id.example.com # ours":                                   `has a space (" ") at byte 22: remove it`,
		"https://id.example.com\x00/a":                                    `has a control character ("\x00") at byte 22: remove it`,
		"\ufeffhttps://id.example.com":                                    `has an invisible character ("\ufeff") at the beginning: remove it`,
		`"https://id.example.com"`:                                        `has a quote ("\"") at the beginning: remove the quotes, which some readers of .env files keep`,
		`https://id.example.com'`:                                         `has a quote ("'") at the end: remove the quotes, which some readers of .env files keep`,
		"“https://id.example.com”":                                        `has a quote ("\u201c") at the beginning: remove the quotes, which some readers of .env files keep`,
		"{https://id.example.com}":                                        `has "{"` + placeholder,
		"https://id.example.com/{tenantid}/":                              `has "{"` + placeholder,
		"https://<tenant>.example.com":                                    `has "<"` + placeholder,
		"$ISSUER":                                                         `has "$"` + placeholder,
		"https://${DOMAIN}":                                               `has "{"` + placeholder,
		"https://login.example.com//v2.0":                                 "has // behind the host: is a setting that it is made of empty, or does it end in a slash?",
		"https://id.example.com//":                                        "has // behind the host: is a setting that it is made of empty, or does it end in a slash?",
		"https://id.example.com/realms//a":                                "has // behind the host: is a setting that it is made of empty, or does it end in a slash?",
		"https://id.example.com/https://a":                                "",
		"https://https://id.example.com":                                  "has https:// twice: remove one",
		"https://http://id.example.com":                                   "has https:// twice: remove one",
		"https://id.example.com/a/.well-known/openid-configuration":       `is the address of a document of the issuer: remove "/.well-known/openid-configuration"`,
		"https://id.example.com/.well-known/oauth-authorization-server/a": `is the address of a document of the issuer: remove "/.well-known/oauth-authorization-server"`,
	} {
		got, _ := strings.CutPrefix(said(settings.Issuer("X", issuer)), "X is ")
		if i := strings.Index(got, want); i >= 0 {
			got = got[i+len(want):]
		}
		if got != flaw {
			t.Errorf("%q:\ngot  %s\nwant %s", issuer, got, flaw)
		}
	}
	if got, want := said(settings.Issuer("Config.Issuer", "https://id.example.com\r")), `Config.Issuer is "https://id.example.com\r", want the exact iss of the tokens: it has a line end ("\r") at the end: remove it`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What a service may call itself is its own affair, but for what no person would write.
func TestName(t *testing.T) {
	const quotes = ": remove the quotes, which some readers of .env files keep"
	for name, flaw := range map[string]string{
		"https://api.example.com":                   "",
		"api://orders":                              "",
		"The Orders API":                            "",
		"https://api.example.com,https://b.example": "",
		`the "Orders" API`:                          "",
		"https://api.example.com//":                 "",
		"https://api.example.com/{version}":         "",
		"a$b":                                       "",
		"https://api.example.com\r":                 `has a line end ("\r") at the end: remove it`,
		"https://api.example.com ":                  `has a space (" ") at the end: remove it`,
		"\u2009orders":                              `has a space ("\u2009") at the beginning: remove it`,
		"the\torders":                               `has a space ("\t") at byte 3: remove it`,
		"the\x1borders":                             `has a control character ("\x1b") at byte 3: remove it`,
		`"https://api.example.com"`:                 `has a quote ("\"") at the beginning` + quotes,
		`https://api.example.com"`:                  `has a quote ("\"") at the end` + quotes,
		"`orders`":                                  "has a quote (\"`\") at the beginning" + quotes,
		"${AUDIENCE}":                               `has "$" in front, of a variable that was not expanded: write its value`,
		"$AUDIENCE":                                 `has "$" in front, of a variable that was not expanded: write its value`,
		"{{ .Values.audience }}":                    "is in brackets: remove them, and write the elements of a list one by one",
		`["https://api.example.com"]`:               "is in brackets: remove them, and write the elements of a list one by one",
		"<your audience>":                           "is in brackets: remove them, and write the elements of a list one by one",
	} {
		got, _ := strings.CutPrefix(said(settings.Name("X", name, "an aud")), "X is ")
		if i := strings.Index(got, ", want an aud: it "); i >= 0 {
			got = got[i+len(", want an aud: it "):]
		}
		if got != flaw {
			t.Errorf("%q:\ngot  %s\nwant %s", name, got, flaw)
		}
	}
}

// An address may hold a secret, so that none is shown.
func TestAddress(t *testing.T) {
	const cluster = `: use https; http is for localhost, 127.0.0.0/8 and ::1 only; inside a cluster, set an https URL and a Client whose Transport goes there over http, or use a KeySourceFunc`
	for address, want := range map[string]string{
		"https://id.example.com/keys":                   "",
		"https://id.example.com/keys?a=//b":             "",
		"http://127.0.0.1:8080/keys":                    "",
		"https://proxy.example/https://id.example/keys": "",
		"":                                       "X is empty: set it to an https address",
		"https:///keys":                          "X has no host: is the setting that it is made of empty?",
		"https://id.example.com/keys?a=secret\r": `X has a line end ("\r") at the end: remove it`,
		"https://id.example.com/a b?c=secret":    `X has a space (" ") at byte 24: remove it`,
		`'https://id.example.com/keys'`:          `X has a quote ("'") at the beginning: remove the quotes, which some readers of .env files keep`,
		"https://id.example.com//keys":           "X has // behind the host: is a setting that it is made of empty, or does it end in a slash?",
		"https://id.example.com/a//keys":         "X has // behind the host: is a setting that it is made of empty, or does it end in a slash?",
		"https://https://id.example.com/keys":    "X has https:// twice: remove one",
		"http://keycloak:8080/keys":              `X is "http://keycloak:8080/keys"` + cluster,
		"https://user:secret@id.example.com/":    "X holds a user name or password: use Header or Client to authenticate",
	} {
		if got := said(settings.Address("X", address)); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", address, got, want)
		}
	}
}

func TestMetadataIssuer(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://id.example.com":                                  "",
		"https://id.example.com?a":                                "X has a query (?…): an issuer has none",
		"https://id.example.com/{tenant}":                         `X has "{" in it, of a template or a variable that was not filled in: write the issuer's own name there`,
		"https://id.example.com/.well-known/openid-configuration": `X is the address of a document of the issuer: remove "/.well-known/openid-configuration"`,
		"id.example.com":                                          "X is not an address that begins with https:// and a host",
	} {
		if got := said(settings.MetadataIssuer("X", issuer)); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", issuer, got, want)
		}
	}
}
