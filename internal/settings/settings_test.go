package settings_test

import (
	"strings"
	"testing"
	"time"

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
		"https://login.example.com//v2.0":                                 "has // behind the host: correct the setting that it is made of, which is empty or ends in a slash",
		"https://id.example.com//":                                        "has // behind the host: correct the setting that it is made of, which is empty or ends in a slash",
		"https://id.example.com/realms//a":                                "has // behind the host: correct the setting that it is made of, which is empty or ends in a slash",
		"https://id.example.com/https://a":                                "",
		"https://https://id.example.com":                                  "has https:// twice: remove one",
		"https://http://id.example.com":                                   "has https:// twice: remove one",
		"https://id.example.com/a/.well-known/openid-configuration":       `is the address of a document of the issuer: remove "/.well-known/openid-configuration"`,
		"/.well-known/openid-configuration":                               `is the address of a document of the issuer: remove "/.well-known/openid-configuration"`,
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

func TestAnIssuerThatNoTokenCanHave(t *testing.T) {
	for issuer, want := range map[string]string{
		"":                            `X is empty: set it to the exact iss of the tokens, such as "https://tenant.example.com"`,
		"https://id.example.com/\xff": `X is "https://id.example.com/\xff": no token can carry it, since it is not valid UTF-8`,
	} {
		if got := said(settings.Issuer("X", issuer)); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", issuer, got, want)
		}
	}
}

func TestAudiences(t *testing.T) {
	const set = ": set it to an aud that tokens for this service carry"
	for name, test := range map[string]struct {
		audiences []string
		want      string
	}{
		"one":                      {[]string{"https://api.example.com"}, ""},
		"two":                      {[]string{"https://api.example.com", "The Orders API"}, ""},
		"the same twice":           {[]string{"a", "a"}, ""},
		"nil":                      {nil, `X is empty: set it to the aud that tokens for this service carry, such as []string{"https://api.example.com"}`},
		"an empty list":            {[]string{}, `X is empty: set it to the aud that tokens for this service carry, such as []string{"https://api.example.com"}`},
		"an empty one":             {[]string{""}, `X[0] is ""` + set},
		"an empty one behind":      {[]string{"a", ""}, `X[1] is ""` + set},
		"one that is not UTF-8":    {[]string{"a\xff"}, `X[0] is "a\xff"` + set},
		"a second one in quotes":   {[]string{"a", `"b"`}, `X[1] is "\"b\"", want an aud that tokens for this service carry: it has a quote ("\"") at the beginning: remove the quotes, which some readers of .env files keep`},
		"one with a space at ends": {[]string{" a"}, `X[0] is " a", want an aud that tokens for this service carry: it has a space (" ") at the beginning: remove it`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := said(settings.Audiences("X", test.audiences)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestType(t *testing.T) {
	const want = `, want a media type such as "at+jwt", or nothing to take JWT, at+jwt, JOSE or no typ`
	for typ, flaw := range map[string]string{
		"":                   "",
		"JWT":                "",
		"at+jwt":             "",
		"application/at+jwt": "",
		"at+jwt\n":           `X is "at+jwt\n"` + want + `: it has a line end ("\n") at the end: remove it`,
		`"at+jwt"`:           `X is "\"at+jwt\""` + want + `: it has a quote ("\"") at the beginning: remove the quotes, which some readers of .env files keep`,
		"$TYPE":              `X is "$TYPE"` + want + `: it has "$" in front, of a variable that was not expanded: write its value`,
		"at jwt":             `X is "at jwt": ` + want[2:],
		"at/jwt/x":           `X is "at/jwt/x": ` + want[2:],
	} {
		if got := said(settings.Type("X", typ)); got != flaw {
			t.Errorf("%q:\ngot  %s\nwant %s", typ, got, flaw)
		}
	}
}

func TestWithin(t *testing.T) {
	for value, want := range map[time.Duration]string{
		0:                "",
		time.Second:      "",
		time.Minute:      "",
		time.Second - 1:  "X is 999.999999ms: want 1s to 1m0s, or 0 for the default",
		time.Minute + 1:  "X is 1m0.000000001s: want 1s to 1m0s, or 0 for the default",
		-time.Nanosecond: "X is -1ns: want 1s to 1m0s, or 0 for the default",
	} {
		if got := said(settings.Within("X", value, time.Second, time.Minute)); got != want {
			t.Errorf("%v: got %q, want %q", value, got, want)
		}
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
		"https:///keys":                          "X has no host: correct the setting that it is made of, which is empty",
		"https://id.example.com/keys?a=secret\r": `X has a line end ("\r") at the end: remove it`,
		"https://id.example.com/a b?c=secret":    `X has a space (" ") at byte 24: remove it`,
		`'https://id.example.com/keys'`:          `X has a quote ("'") at the beginning: remove the quotes, which some readers of .env files keep`,
		"https://id.example.com//keys":           "X has // behind the host: correct the setting that it is made of, which is empty or ends in a slash",
		"https://id.example.com/a//keys":         "X has // behind the host: correct the setting that it is made of, which is empty or ends in a slash",
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
