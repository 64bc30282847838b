package fetch_test

import (
	"net/url"
	"strings"
	"testing"

	"example.com/jwtverify/internal/fetch"
)

func TestCheckURL(t *testing.T) {
	const notURL = "X is not a URL: look for spaces, and for what stands behind : and %"
	const noAddress = "X is not an address that begins with https:// and a host"
	const noHost = "X has no host: correct the setting that it is made of, which is empty"
	const noPort = "X has a colon without port behind the host: remove it, or the second https://"
	const user = "X holds a user name or password: use Header or Client to authenticate"
	const fragment = "X has a fragment (#…): remove it"
	useHTTPS := func(shown string) string {
		return "X is " + shown + ": use https; http is for localhost, 127.0.0.0/8 and ::1 only"
	}
	for address, want := range map[string]string{ // "" is accepted
		"https://issuer.example/keys":                  "",
		"https://issuer.example:8443/k?v=1":            "",
		"HTTPS://issuer.example/keys":                  "",
		"http://localhost/keys":                        "",
		"http://localhost:8080/keys":                   "",
		"http://127.0.0.1/keys":                        "",
		"http://127.8.9.10:1/keys":                     "",
		"http://[::1]:8080/keys":                       "",
		"":                                             "X is empty: set it to an https address",
		"http://issuer.example/keys?a=secret":          useHTTPS(`"http://issuer.example/keys"`),
		"HTTP://issuer.example/a%2Fb":                  useHTTPS(`"http://issuer.example/a%2Fb"`),
		"http://i.example/" + strings.Repeat("x", 100): useHTTPS(`"http://i.example/` + strings.Repeat("x", 83) + `"…`),
		"http://localhost.evil.example/":               useHTTPS(`"http://localhost.evil.example/"`),
		"http://[::ffff:127.0.0.1]/":                   useHTTPS(`"http://[::ffff:127.0.0.1]/"`),
		"https:///keys":                                noHost,
		"https:/keys":                                  noHost,
		"https://":                                     noHost,
		"https://:443/keys":                            noHost,
		"https://https://issuer.example/":              noPort,
		"https://issuer.example:/keys":                 noPort,
		"https:keys":                                   noAddress,
		"http:keys":                                    noAddress,
		"issuer.example/keys":                          noAddress,
		"//issuer.example/keys":                        noAddress,
		"ftp://issuer.example/keys":                    noAddress,
		"file:///etc/keys":                             noAddress,
		"https://user:secret@host/keys":                user,
		"https://secret@host/keys":                     user,
		"https://@host/keys":                           user,
		"https://issuer.example/keys#secret":           fragment,
		"https://issuer.example/keys#":                 fragment,
		"https://issuer.example:port/secret":           notURL,
		"https://user:secret/word@host/keys":           notURL,
		"https://host/keys\x01?key=secret":             notURL,
		"https://issuer.example/%zzsecret":             notURL,
	} {
		got := ""
		if err := fetch.CheckURL("X", address); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", address, got, want)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "127.0.0.0": true, "127.255.255.255": true, "::1": true, "0:0:0:0:0:0:0:1": true,
		"": false, "Localhost": false, "localhost.": false, "a.localhost": false, "localhost.evil.example": false, "128.0.0.1": false, "126.255.255.255": false,
		"0.0.0.0": false, "::": false, "::2": false, "::ffff:127.0.0.1": false, "::ffff:7f00:1": false, "::1%eth0": false, "[::1]": false, "127.1": false, "0177.0.0.1": false,
		"127.0.0.1.evil.example": false, "2130706433": false, "10.0.0.1": false,
	} {
		if got := fetch.IsLoopback(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

// What is accepted is https, or on loopback, and has nothing that an error must not show.
func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{"https://issuer.example/keys?a=b", "http://[::1]:8080/", "http://127.0.0.1.evil.example/", "https://user:secret@host/", "https://host:/#", "https:keys", "http://h/%0a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		err := fetch.CheckURL("X", address)
		if err != nil {
			if said := err.Error(); !strings.HasPrefix(said, "X ") || len(said) > 800 || strings.ContainsFunc(said, func(c rune) bool { return c != '…' && (c < ' ' || c > '~') }) {
				t.Errorf("%q: said %q", address, said)
			}
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !fetch.IsLoopback(u.Hostname())) {
			t.Errorf("%q is accepted: %+v, %v", address, u, err)
		}
	})
}
