package jwk_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// thumbprintOf is RFC 7638, section 3, without the code under test.
func thumbprintOf(pub *rsa.PublicKey) string {
	sum := sha256.Sum256(fmt.Appendf(nil, `{"e":%s,"kty":"RSA","n":%s}`, jwktest.Int(big.NewInt(int64(pub.E))), jwktest.Int(pub.N)))
	return encode(string(sum[:]))
}

// utf16LE is what Windows calls Unicode, for text of ASCII.
func utf16LE(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		out.Write([]byte{c, 0})
	}
	return out.String()
}

func TestPEM(t *testing.T) {
	pub, other := publicKeys[0], publicKeys[1]
	id, otherID := thumbprintOf(pub), thumbprintOf(other)
	ec := jwktest.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edwards, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkix, pkcs1 := jwktest.Must(x509.MarshalPKIXPublicKey(pub)), x509.MarshalPKCS1PublicKey(pub)
	public := jwktest.PEM("PUBLIC KEY", pkix)
	second := jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(other)))
	odd := func(n *big.Int, e int) string {
		return jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsa.PublicKey{N: n, E: e}))
	}

	for _, test := range []struct {
		name, text string
		ids        []string
		skipped    []string // the beginnings of the reasons
	}{
		{"PUBLIC KEY", public, []string{id}, nil},
		{"RSA PUBLIC KEY", jwktest.PEM("RSA PUBLIC KEY", pkcs1), []string{id}, nil},
		{"CERTIFICATE", jwktest.PEM("CERTIFICATE", jwktest.Certificate(pub)), []string{id}, nil},
		{"all three", jwktest.PEM("CERTIFICATE", jwktest.Certificate(other)) + public + jwktest.PEM("RSA PUBLIC KEY", pkcs1), []string{otherID, id, id}, nil},
		{"two keys", public + second, []string{id, otherID}, nil},
		{"CRLF", strings.ReplaceAll(public+second, "\n", "\r\n"), []string{id, otherID}, nil},
		{"white space before and behind", "\r\n \t" + public + " \n\n", []string{id}, nil},
		{"blank lines between", public + "\n\n\n" + second, []string{id, otherID}, nil},
		{"text between and behind", public + "the second key:\n" + second + "the end\n", []string{id, otherID}, nil},
		{"no newline at the end", strings.TrimSuffix(public, "\n"), []string{id}, nil},
		{"headers", strings.Replace(public, "-----\n", "-----\nComment: a key\n\n", 1), []string{id}, nil},
		{"long lines", "-----BEGIN PUBLIC KEY-----\n" + base64.StdEncoding.EncodeToString(pkix) + "\n-----END PUBLIC KEY-----\n", []string{id}, nil},

		{"a byte order mark", "\ufeff" + public, []string{id}, nil},
		{"UTF-16 with a mark", "\xff\xfe" + utf16LE(public+second), []string{id, otherID}, nil},
		{"UTF-16 without a mark", utf16LE(public), []string{id}, nil},
		{"CR alone", strings.ReplaceAll(public+second, "\n", "\r"), []string{id, otherID}, nil},
		{`\n as two characters`, strings.ReplaceAll(public+second, "\n", `\n`), []string{id, otherID}, nil},
		{`\r\n as four characters`, strings.ReplaceAll(public+second, "\n", `\r\n`), []string{id, otherID}, nil},
		{`\n as two characters and line ends`, strings.ReplaceAll(public+second, "\n", `\n`+"\n"), []string{id, otherID}, nil},
		{"spaces for line ends", strings.ReplaceAll(public+second, "\n", " "), []string{id, otherID}, nil},
		{"tabs for line ends", strings.ReplaceAll(public+second, "\n", "\t"), []string{id, otherID}, nil},
		{"on one line", strings.ReplaceAll(public+second, "\n", ""), []string{id, otherID}, nil},
		{"no line end between two", strings.TrimSuffix(public, "\n") + second, []string{id, otherID}, nil},
		{"indented by spaces", strings.ReplaceAll("\n"+public+second, "\n", "\n    "), []string{id, otherID}, nil},
		{"indented by tabs", strings.ReplaceAll("\n"+public+second, "\n", "\n\t"), []string{id, otherID}, nil},
		{"spaces at the ends of lines", strings.ReplaceAll(public+second, "\n", "  \n"), []string{id, otherID}, nil},
		{"a certificate on one line", strings.ReplaceAll(jwktest.PEM("CERTIFICATE", jwktest.Certificate(pub)), "\n", " "), []string{id}, nil},
		{"headers, indented", strings.ReplaceAll(strings.Replace(public, "-----\n", "-----\nComment: a key\n\n", 1), "\n", "\n  "), []string{id}, nil},
		{"a rule of dashes between", public + "-------------\n" + second, []string{id, otherID}, nil},

		{"an EC key between", public + jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(ec.Public()))) + second, []string{id, otherID}, []string{"the key in the PEM block PUBLIC KEY is not RSA"}},
		{"an Ed25519 key", jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(edwards))) + public, []string{id}, []string{"the key in the PEM block PUBLIC KEY is not RSA"}},
		{"a certificate of an EC key", jwktest.PEM("CERTIFICATE", jwktest.Certificate(ec.Public())) + public, []string{id}, []string{"the key in the PEM block CERTIFICATE is not RSA"}},
		{"another type", jwktest.PEM("CERTIFICATE REQUEST", pkix) + public, []string{id}, []string{`the PEM block is "CERTIFICATE REQUEST", want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE`}},
		{"EC PARAMETERS", jwktest.PEM("EC PARAMETERS", []byte{6, 0}) + public, []string{id}, []string{`the PEM block is "EC PARAMETERS", want PUBLIC KEY`}},
		{"a type of 65 bytes", jwktest.PEM(strings.Repeat("X", 65), pkix) + public, []string{id}, []string{`the PEM block is "` + strings.Repeat("X", 64) + `"…, want PUBLIC KEY`}},
		{"a type in lower case", jwktest.PEM("public key", pkix) + public, []string{id}, []string{`the PEM block is "public key", want PUBLIC KEY`}},
		{"the wrong type", jwktest.PEM("PUBLIC KEY", pkcs1) + jwktest.PEM("RSA PUBLIC KEY", pkix) + jwktest.PEM("CERTIFICATE", pkix) + public, []string{id},
			[]string{"the PEM block PUBLIC KEY cannot be parsed: ", "the PEM block RSA PUBLIC KEY cannot be parsed: ", "the PEM block CERTIFICATE cannot be parsed: "}},
		{"an empty block", jwktest.PEM("PUBLIC KEY", nil) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a byte behind the key", jwktest.PEM("PUBLIC KEY", append(slices.Clone(pkix), 0)) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a byte less", jwktest.PEM("PUBLIC KEY", pkix[:len(pkix)-1]) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"a private key under a false name", jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKCS8PrivateKey(privateKey()))) + public, []string{id}, []string{"the PEM block PUBLIC KEY cannot be parsed: "}},
		{"2047 bits", odd(jwktest.Modulus(2047), 65537) + public, []string{id}, []string{"the modulus has 2047 bits, want at least 2048"}},
		{"8193 bits", odd(jwktest.Modulus(8193), 65537) + public, []string{id}, []string{"the modulus has 8193 bits, want at most 8192"}},
		{"an even modulus", odd(new(big.Int).Add(jwktest.Modulus(2048), big.NewInt(1)), 65537) + public, []string{id}, []string{"the modulus is even"}},
		{"e 1", odd(jwktest.Modulus(2048), 1) + public, []string{id}, []string{"the exponent is 1, want 3 to 2147483647"}},
		{"e 2", odd(jwktest.Modulus(2048), 2) + public, []string{id}, []string{"the exponent is 2, want 3 to 2147483647"}},
		{"e 65536", odd(jwktest.Modulus(2048), 65536) + public, []string{id}, []string{"the exponent is 65536, want an odd number"}},
		{"no good key", jwktest.PEM("X", nil), []string{}, []string{`the PEM block is "X", want PUBLIC KEY`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkSet(t, []byte(test.text))
			set := parse(t, test.text)
			if !slices.Equal(keyIDs(set), test.ids) || !set.Thumbprints {
				t.Errorf("got keys %q, thumbprints %v, want %q", keyIDs(set), set.Thumbprints, test.ids)
			}
			if !slices.EqualFunc(reasons(set), test.skipped, strings.HasPrefix) {
				t.Errorf("got reasons %q, want %q", reasons(set), test.skipped)
			}
		})
	}

	set := parse(t, jwktest.PEM("X", nil)+public+jwktest.PEM("Y", nil))
	if len(set.Keys) != 3 || set.Keys[0].Public != nil || set.Keys[2].Public != nil || set.Keys[0].ID != "" || !pub.Equal(set.Keys[1].Public) {
		t.Errorf("got %+v, want the key in its place", set.Keys)
	}
}

func TestDamagedPEM(t *testing.T) {
	public := jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(publicKeys[0])))
	second := jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(publicKeys[1]))
	end := strings.Index(public, "-----END")
	for _, test := range []struct{ name, text, want string }{
		{"no END line", public[:end], "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"half an END line", public[:end+8], "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"cut in the first of two", public[:end] + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"cut in the second", public + second[:100], "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"cut in the second BEGIN line", public + second[:15], "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"a character that is not base64", public[:100] + "!" + public[101:] + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"an END of another type", strings.Replace(public, "END PUBLIC", "END RSA PUBLIC", 1) + second, "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"a BEGIN in a block", strings.Replace(public, "\n", "\n-----BEGIN PUBLIC KEY-----\n", 1), "has 2 PEM blocks, of which 1 can be read: the file is cut off or damaged"},
		{"four dashes at the end", strings.Replace(public, "KEY-----\n", "KEY----\n", 1), "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"six dashes", strings.ReplaceAll(public, "-----", "------"), `begins with "-", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"cut off on one line", strings.ReplaceAll(public[:end], "\n", " "), "has 1 PEM blocks, of which 0 can be read: the file is cut off or damaged"},
		{"text before", "the key:\n" + public, `begins with "t", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
		{"two byte order marks before", "\ufeff\ufeff" + public, "starts with a byte order mark, want UTF-8 without one"},
		{"no BEGIN line", public[strings.Index(public, "\n")+1:], `begins with "M", want { of a JWK Set or JWK, or -----BEGIN of PEM`},
	} {
		set, err := jwk.Parse([]byte(test.text))
		if err == nil || err.Error() != test.want || set != nil {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", test.name, set, err, test.want)
		}
	}
}

// Whoever answers over HTTP does not have us decode what is refused anyway.
func TestPEMIsRefusedUndecodedWhereJSONIsWanted(t *testing.T) {
	const want = "is PEM, which is taken from a file: want a JWK Set or a JWK"
	good := jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(publicKeys[0])))
	for name, text := range map[string]string{
		"a good key":           good,
		"behind a mark":        "\ufeff" + good,
		"one that is damaged":  good[:len(good)/2],
		"more than are read":   strings.Repeat(good, jwk.MaxKeys+1),
		"one without line end": strings.ReplaceAll(good, "\n", `\n`),
		"a private one":        jwktest.PEM("PRIVATE KEY", []byte("SECRET")),
	} {
		if set, err := jwk.ParseJSON([]byte(text)); set != nil || err == nil || err.Error() != want {
			t.Errorf("%s: got %v, %v, want %s", name, set, err, want)
		}
	}
	for _, text := range []string{jwkText(0), jwktest.Set(jwkText(0), jwkText(1)), "", "<html>", `{"keys":1}`} {
		set, err := jwk.ParseJSON([]byte(text))
		both, bothErr := jwk.Parse([]byte(text))
		if fmt.Sprint(err) != fmt.Sprint(bothErr) || (set == nil) != (both == nil) || set != nil && !slices.Equal(keyIDs(set), keyIDs(both)) {
			t.Errorf("%.40q: got %v, %v, and with PEM %v, %v", text, set, err, both, bothErr)
		}
	}
}

// privateKey makes a key once: that takes a moment.
var privateKey = sync.OnceValue(func() *rsa.PrivateKey { return jwktest.Must(rsa.GenerateKey(rand.Reader, 2048)) })

func TestPrivateKeysInPEM(t *testing.T) {
	key := privateKey()
	ec := jwktest.Must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	public := jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(publicKeys[0])))
	const want = "holds a private key: keep only the public half here, and replace the key if this file was readable by others"
	for name, private := range map[string]string{
		"PKCS #8":            jwktest.PEM("PRIVATE KEY", jwktest.Must(x509.MarshalPKCS8PrivateKey(key))),
		"PKCS #1":            jwktest.PEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"EC, SEC 1":          jwktest.PEM("EC PRIVATE KEY", jwktest.Must(x509.MarshalECPrivateKey(ec))),
		"EC, PKCS #8":        jwktest.PEM("PRIVATE KEY", jwktest.Must(x509.MarshalPKCS8PrivateKey(ec))),
		"OpenSSH":            jwktest.PEM("OPENSSH PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"encrypted":          jwktest.PEM("ENCRYPTED PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)),
		"encrypted, PKCS #1": strings.Replace(jwktest.PEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "\n", "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1),
		"not parsable":       jwktest.PEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)[1:]),
		"on one line":        strings.ReplaceAll(jwktest.PEM("PRIVATE KEY", jwktest.Must(x509.MarshalPKCS8PrivateKey(key))), "\n", " "),
		`with \n`:            strings.ReplaceAll(jwktest.PEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), "\n", `\n`),
		"with CRLF":          strings.ReplaceAll(jwktest.PEM("PRIVATE KEY", jwktest.Must(x509.MarshalPKCS8PrivateKey(key))), "\n", "\r\n"),
	} {
		for place, text := range map[string]string{"alone": private, "in front": private + public, "behind": public + private, "between": public + private + public} {
			set, err := jwk.Parse([]byte(text))
			if err == nil || err.Error() != want || set != nil {
				t.Errorf("%s %s: got %v, %v", name, place, set, err)
			}
		}
		// Damaged, cut off or under a false name: an error or a skipped key, and
		// none of them shows what was in it.
		body := strings.NewReplacer("\n", "", "\r", "").Replace(private)
		for at := 0; at < len(private); at += 1 + len(private)/40 {
			for _, text := range []string{private[:at], private[:at] + "!" + private[at+1:], private[at:], strings.ReplaceAll(private, "PRIVATE", "PUBLIC")} {
				set, err := jwk.Parse([]byte(text))
				said := fmt.Sprint(err)
				if err == nil {
					said = strings.Join(reasons(set), " ")
				}
				if secretIn(said, body[40:len(body)-40]) {
					t.Errorf("%s: the key is shown: %s", name, said)
				}
				if err == nil && len(keyIDs(set)) > 0 {
					t.Errorf("%s: got keys %q from %.60q", name, keyIDs(set), text)
				}
			}
		}
	}
}

// RFC 7638, section 3.1.
func TestThumbprintOfRFC7638(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	data, err := base64.RawURLEncoding.DecodeString(n)
	if err != nil {
		t.Fatal(err)
	}
	pub := &rsa.PublicKey{N: new(big.Int).SetBytes(data), E: 65537}
	const want = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	for _, text := range []string{
		jwktest.PEM("PUBLIC KEY", jwktest.Must(x509.MarshalPKIXPublicKey(pub))),
		jwktest.PEM("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(pub)),
	} {
		if got := keyIDs(parse(t, text)); !slices.Equal(got, []string{want}) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	// A JWK keeps its own kid, or none.
	text := `{"kty":"RSA","n":"` + n + `","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	if got := keyIDs(parse(t, text)); !slices.Equal(got, []string{"2011-04-29"}) {
		t.Errorf("got %q from the JWK of the RFC", got)
	}
}
