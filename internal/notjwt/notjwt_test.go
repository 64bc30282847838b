package notjwt_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"example.com/jwtverify/internal/notjwt"
)

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func TestWhatIsNoTokenIsToldByLookingAtIt(t *testing.T) {
	header, claims := encode(`{"alg":"RS256","kid":"key-0"}`), encode(`{"iss":"https://issuer.example","exp":1750000000}`)
	signature := strings.Repeat("Ab3-", 85) + "Aw"
	token := header + "." + claims + "." + signature
	const opaque = "KpABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_AB"
	for name, test := range map[string]struct{ text, want string }{
		"a token":                                   {token, ""},
		"a token with + in its signature":           {token[:len(token)-9] + "+" + token[len(token)-8:], ""},
		"a token with / in its claims":              {header + ".ab/" + claims + "." + signature, ""},
		"a token with padding":                      {header + "=." + claims + "." + signature, ""},
		"a token broken in two lines":               {token[:len(token)-40] + "\n" + token[len(token)-40:], ""},
		"a damaged header":                          {header[:9] + "." + claims + "." + signature, ""},
		"a header that begins on a line of its own": {encode("{\n \"alg\":\"RS256\"}") + ".!." + signature, ""},

		"a header with / in its first bytes": {"ab/c." + claims + "." + signature, ""},

		"nothing":                          {"", "token-parts empty"},
		"Google's access token":            {"ya29." + opaque, "token-opaque"},
		"Google's service account token":   {"ya29.c." + opaque, "token-opaque"},
		"Google's with two dots":           {"ya29.." + opaque, "token-opaque"},
		"Google's with many dots":          {"ya29.a.b.c." + opaque, "token-opaque"},
		"an id and its signature":          {"6f1c9f2e." + opaque, "token-opaque"},
		"a signed value that is no object": {encode(`"1"`) + ".ZxYw." + opaque, "token-opaque"},
		"a cookie of Express":              {"s:" + opaque + "." + opaque, "token-opaque"},
		"a random text":                    {"2YotnFZFEjr1zCsicMWpAA", "token-opaque"},
		"a random text with padding":       {"2YotnFZFEjr1zCsicMWpAA==", "token-opaque"},
		"a UUID":                           {"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d", "token-opaque"},
		"PASETO":                           {"v4.public." + opaque, "token-opaque"},
		"Bearer before an opaque token":    {"Bearer " + opaque, "token-wrapped scheme"},

		"a JWE by a key of the issuer's":      {encode(`{"alg":"dir","enc":"A256GCM"}`) + ".." + opaque + "." + opaque + "." + opaque, "token-encrypted dir"},
		"a JWE by a wrapped key":              {encode(`{"alg":"A256KW","enc":"A256GCM"}`) + "." + opaque + "." + opaque + "." + opaque + "." + opaque, "token-encrypted dir"},
		"a JWE for somebody":                  {encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + "." + opaque + "." + opaque + "." + opaque + "." + opaque, "token-encrypted"},
		"a JWE whose key begins as an object": {encode(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + "." + encode("{\x01\xff") + "." + opaque + "." + encode("{") + "." + opaque, "token-encrypted"},
		"base64 of a token":                   {base64.StdEncoding.EncodeToString([]byte(token)), "token-wrapped base64"},
		"base64 of a token and a line end":    {base64.StdEncoding.EncodeToString([]byte(token + "\n")), "token-wrapped base64"},
		"base64 of a token on several lines":  {strings.Replace(base64.StdEncoding.EncodeToString([]byte(token)), "Z", "Z\n", 3), "token-wrapped base64"},
		"base64url of a token":                {encode(token), "token-wrapped base64"},
		"a JWE by a shared key, wrapped":      {encode(`{"alg":"ECDH-ES+A256KW","enc":"A256GCM"}`) + "." + opaque + "." + opaque + "." + opaque + "." + opaque, "token-encrypted"},
		"claims behind an id":                 {"6f1c9f2e." + claims, "token-opaque"},
		"a token and claims":                  {token + "." + claims, "token-parts"},
		"a damaged header and a signature":    {"eyJhbGci!." + signature, "token-parts"},
		"one that begins with a line end":     {"ew0KImFs!." + signature, "token-parts"},
		"header and claims":                   {header + "." + claims, "token-parts unsigned"},
		"a header":                            {header, "token-parts header alone"},
		"four parts":                          {token + ".x", "token-parts"},
		"a final dot":                         {token + ".", "token-parts"},
		"claims and signature":                {claims + "." + signature, "token-parts"},
		"no claims":                           {header + ".." + signature, "token-parts"},

		"shortened by three dots":              {token[:60] + "..." + token[len(token)-20:], "token-parts shortened"},
		"shortened by an ellipsis":             {token[:60] + "…", "token-parts shortened"},
		"shortened by stars":                   {token[:12] + "******", "token-parts shortened"},
		"shortened at its end":                 {token[:60] + "...", "token-parts shortened"},
		"a signature that is masked":           {header + "." + claims + ".[SIGNATURE]", "token-parts shortened"},
		"two joined by a comma":                {token + "," + token, "token-wrapped joined"},
		"two joined by a comma and the scheme": {token + ", Bearer " + token, "token-wrapped joined"},
		"two joined by space":                  {token + " " + token, "token-wrapped joined"},
		"two on two lines":                     {token + "\n" + token, "token-wrapped joined"},
		"two joined by nothing":                {token + token, "token-wrapped joined"},
		"two joined by a dot":                  {token + "." + token, "token-wrapped joined"},

		"null":                  {"null", "token-opaque word"},
		"undefined":             {"undefined", "token-opaque word"},
		"Bearer null":           {"Bearer null", "token-opaque word"},
		"None in quotes":        {`"None"`, "token-opaque word"},
		"an object":             {"[object Object]", "token-opaque word"},
		"the scheme alone":      {"Bearer", "token-opaque word"},
		"a variable of a shell": {"$TOKEN", "token-opaque variable"},
		"one in braces":         {"${TOKEN}", "token-opaque variable"},
		"one of Postman":        {"{{token}}", "token-opaque variable"},
		"one with space":        {"{{ access_token }}", "token-opaque variable"},
		"one of Windows":        {"%TOKEN%", "token-opaque variable"},
		"one of PowerShell":     {"$env:TOKEN", "token-opaque variable"},
		"one of GitHub":         {"${{ secrets.TOKEN }}", "token-opaque variable"},
		"one behind the scheme": {"Bearer ${TOKEN}", "token-opaque variable"},
		"one of a guide":        {"<your token>", "token-opaque variable"},
		"a command":             {"$(cat token.txt)", "token-opaque variable"},
		"a file":                {"token.txt", "token-opaque file"},
		"a file of curl":        {"@token.txt", "token-opaque file"},
		"a path":                {"/var/run/secrets/tokens/api-token", "token-opaque file"},
		"a path of 255 bytes":   {"/" + strings.Repeat("a", 254), "token-opaque file"},
		"a path of 256 bytes":   {"/" + strings.Repeat("a", 255), "token-opaque"},
		"a path from here":      {"./out/token", "token-opaque file"},
		"a path of Windows":     {`C:\Users\me\token`, "token-opaque file"},

		"the scheme":                {"Bearer " + token, "token-wrapped scheme"},
		"the scheme in small":       {"bearer " + token, "token-wrapped scheme"},
		"another scheme":            {"JWT " + token, "token-wrapped scheme"},
		"the scheme twice":          {"Bearer Bearer " + token, "token-wrapped scheme"},
		"the scheme and a colon":    {"Bearer: " + token, "token-wrapped scheme"},
		"the scheme, escaped":       {"Bearer%20" + token, "token-wrapped scheme"},
		"the scheme alone, escaped": {"Bearer%20", "token-opaque"},
		"some word":                 {"MyScheme " + token, "token-wrapped scheme"},
		"a header line":             {"Authorization: Bearer " + token, "token-wrapped header"},
		"a header line of curl":     {"-H 'Authorization: Bearer " + token + "'", "token-wrapped header"},
		"a header line in small":    {"authorization:" + token, "token-wrapped header"},
		"quotes":                    {`"` + token + `"`, "token-wrapped quotes"},
		"quotes around the scheme":  {`"Bearer ` + token + `"`, "token-wrapped quotes"},
		"single quotes":             {"'" + token + "'", "token-wrapped quotes"},
		"a quote behind it":         {token + `"`, "token-wrapped quotes"},
		"space":                     {" " + token, "token-wrapped space"},
		"a line end":                {token + "\r\n", "token-wrapped space"},
		"a byte order mark":         {"\ufeff" + token, "token-wrapped space"},
		"a variable and its value":  {"export TOKEN=" + token, "token-wrapped name"},
		"a form field":              {"access_token=" + token, "token-wrapped name"},
		"a form":                    {"a=b&access_token=" + token + "&c=d", "token-wrapped name"},
		"JSON":                      {`{"access_token":"` + token + `"}`, "token-wrapped json"},
		"an address":                {"https://api.example/?access_token=" + token, "token-wrapped address"},
		"a comma behind it":         {token + ",", "token-wrapped behind"},
		"a semicolon behind it":     {token + "; Path=/", "token-wrapped behind"},
	} {
		t.Run(name, func(t *testing.T) {
			got := notjwt.Look(test.text)
			if text := strings.TrimSpace(got.Code + " " + got.Cause); text != test.want {
				t.Errorf("got %q (%s), want %q", text, got.Found, test.want)
			}
			for _, part := range []string{header, claims, signature, opaque} {
				if strings.Contains(got.Found, part[:10]) {
					t.Errorf("the text shows a part of the token: %s", got.Found)
				}
			}
			if (got.Found == "") != (got.Code == "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTheFormOfATextIsToldInWords(t *testing.T) {
	header, claims := encode(`{"alg":"RS256"}`), encode(`{"exp":1750000000}`)
	token := header + "." + claims + ".Ab3-Aw"
	for name, test := range map[string]struct{ text, want string }{
		"a part before a token":         {"x." + token, "has 4 parts"},
		"a part behind a token":         {token + ".x", "has 4 parts"},
		"claims and signature":          {claims + ".Ab3-Aw", "has 2 parts"},
		"PASETO, version 2":             {"v2.local.Ab3-Aw", "is no JWT: it has the form of PASETO"},
		"PASETO, version 3":             {"v3.local.Ab3-Aw", "is no JWT: it has the form of PASETO"},
		"PASETO, version 4":             {"v4.public.Ab3-Aw", "is no JWT: it has the form of PASETO"},
		"an opaque token without a dot": {"2YotnFZFEjr1zCsicMWpAA", "has no dot, so it is no JWT"},
		"an opaque token with a dot":    {"ya29.2YotnFZFEjr1zCsicMWpAA", "has 2 parts, of which the first is no JSON object, so it is no JWT"},
	} {
		if got := notjwt.Look(test.text); got.Found != test.want {
			t.Errorf("%s: got %q, want %q", name, got.Found, test.want)
		}
	}
}
