package bearer_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"example.com/jwtverify/bearer"
)

const (
	severalFields = "More than one Authorization header field"
	malformed     = "The Authorization header field is malformed"
	tooLong       = "The access token is too long"
	none          = "none" // no credentials
)

func TestParse(t *testing.T) {
	limit := strings.Repeat("a", 16384)
	for name, test := range map[string]struct {
		values []string
		token  string
		err    string // none, or a description
	}{
		"no header":                          {nil, "", none},
		"an empty header":                    {[]string{""}, "", none},
		"a header of spaces and tabs":        {[]string{" \t "}, "", none},
		"Basic":                              {[]string{"Basic dTpw"}, "", none},
		"DPoP":                               {[]string{"DPoP abc"}, "", none},
		"Negotiate without more":             {[]string{"Negotiate"}, "", none},
		"a scheme that begins with Bearer":   {[]string{"Bearers abc"}, "", none},
		"a scheme with an exclamation mark":  {[]string{"Bearer! abc"}, "", none},
		"a scheme that ends in Bearer":       {[]string{"MyBearer abc"}, "", none},
		"a scheme with a fullwidth letter":   {[]string{"Ｂearer abc"}, "", none},
		"the token without a scheme":         {[]string{"eyJhbGciOi.eyJ.x"}, "", none},
		"no scheme at all":                   {[]string{`"Bearer abc"`}, "", none},
		"a comma first":                      {[]string{", Bearer abc"}, "", none},
		"Basic, then Bearer":                 {[]string{"Basic dTpw, Bearer abc"}, "", none},
		"two equal headers":                  {[]string{"Bearer abc", "Bearer abc"}, "", severalFields},
		"two headers, one Basic":             {[]string{"Basic dTpw", "Bearer abc"}, "", severalFields},
		"two headers, one empty":             {[]string{"", "Bearer abc"}, "", severalFields},
		"two empty headers":                  {[]string{"", ""}, "", severalFields},
		"three headers":                      {[]string{"a", "b", "c"}, "", severalFields},
		"the token":                          {[]string{"Bearer abc"}, "abc", ""},
		"lower case":                         {[]string{"bearer abc"}, "abc", ""},
		"mixed case":                         {[]string{"bEARER abc"}, "abc", ""},
		"several spaces":                     {[]string{"Bearer   abc"}, "abc", ""},
		"space around":                       {[]string{"\t Bearer abc \t"}, "abc", ""},
		"every character of the grammar":     {[]string{"Bearer azAZ09-._~+/=="}, "azAZ09-._~+/==", ""},
		"Bearer alone":                       {[]string{"Bearer"}, "", malformed},
		"Bearer and spaces":                  {[]string{"Bearer   "}, "", malformed},
		"a tab after Bearer":                 {[]string{"Bearer\tabc"}, "", malformed},
		"a tab after the space":              {[]string{"Bearer \tabc"}, "", malformed},
		"a colon after Bearer":               {[]string{"Bearer: abc"}, "", malformed},
		"a comma after Bearer":               {[]string{"Bearer, abc"}, "", malformed},
		"an equals sign after Bearer":        {[]string{"Bearer=abc"}, "", malformed},
		"a newline after Bearer":             {[]string{"Bearer\nabc"}, "", malformed},
		"a long token after a tab":           {[]string{"Bearer\t" + limit + "a"}, "", malformed},
		"equals signs alone":                 {[]string{"Bearer =="}, "", malformed},
		"an equals sign within":              {[]string{"Bearer a=b"}, "", malformed},
		"a space within":                     {[]string{"Bearer a b"}, "", malformed},
		"a quoted token":                     {[]string{`Bearer "abc"`}, "", malformed},
		"a second pair behind a comma":       {[]string{"Bearer abc, Bearer abc"}, "", malformed},
		"a second pair behind a comma alone": {[]string{"Bearer abc,Bearer abc"}, "", malformed},
		"a NUL":                              {[]string{"Bearer a\x00b"}, "", malformed},
		"letters beyond ASCII":               {[]string{"Bearer ä"}, "", malformed},
		"parameters":                         {[]string{`Bearer token="abc"`}, "", malformed},
		"a token at the limit":               {[]string{"Bearer " + limit}, limit, ""},
		"a token over the limit":             {[]string{"Bearer " + limit + "a"}, "", tooLong},
		"garbage over the limit":             {[]string{"Bearer " + limit + "\x00"}, "", tooLong},
		"the limit counts no outer space":    {[]string{" Bearer  " + limit + "   "}, limit, ""},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := bearer.Parse(test.values)
			if got := verdict(t, err); token != test.token || got != test.err {
				t.Errorf("got token %.40q and %q (%v), want %.40q and %q", token, got, err, test.token, test.err)
			}
			// A person with a log must not find the token there.
			for _, value := range test.values {
				if rest := strings.TrimSpace(strings.TrimPrefix(value, "Bearer")); err != nil && len(rest) > 2 && rest != "Negotiate" && strings.Contains(err.Error(), rest) {
					t.Errorf("the error has the token in it: %v", err)
				}
			}
		})
	}
}

// verdict is none, a description, or "" for no error.
func verdict(t *testing.T, err error) string {
	t.Helper()
	var request *bearer.RequestError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &request):
		if errors.Is(err, bearer.ErrNoCredentials) {
			t.Error("the error is of both kinds")
		}
		if !strings.HasPrefix(err.Error(), "bearer: ") {
			t.Errorf("got error %q, want the prefix of the package", err)
		}
		return request.Description
	case errors.Is(err, bearer.ErrNoCredentials):
		return none
	}
	t.Errorf("got error %v, want ErrNoCredentials or a *RequestError", err)
	return "?"
}

// The grammar, written down a second time: RFC 6750, section 2.1, with the spaces and
// the limit of the package.
var (
	outerSpace   = regexp.MustCompile(`\A[ \t]*|[ \t]*\z`)
	bearerScheme = regexp.MustCompile("(?s)\\A(?i:bearer)(?:[^-!#$%&'*+.^_`|~0-9A-Za-z].*)?\\z")
	credentials  = regexp.MustCompile(`\A[Bb][Ee][Aa][Rr][Ee][Rr] +([-A-Za-z0-9._~+/]+=*)\z`)
	afterSpaces  = regexp.MustCompile(`(?s)\A.{6} +([^ ].*)\z`)
)

func oracle(values []string) (token, verdict string) {
	if len(values) == 0 {
		return "", none
	} else if len(values) > 1 {
		return "", severalFields
	}
	value := outerSpace.ReplaceAllString(values[0], "")
	if !bearerScheme.MatchString(value) {
		return "", none
	}
	if rest := afterSpaces.FindStringSubmatch(value); rest != nil && len(rest[1]) > 16384 {
		return "", tooLong
	}
	if match := credentials.FindStringSubmatch(value); match != nil {
		return match[1], ""
	}
	return "", malformed
}

func FuzzParse(f *testing.F) {
	for _, value := range []string{
		"", "Bearer abc", "bearer  a.b.c==", "Bearer", "Bearer\tabc", "Basic x", "Bearer a=b", "Bearer ==", "Bearer a, Bearer b",
		"Bearer abc, Bearer abc", " \tBearer abc\t", " \t Bearer   abc \t", "Bearers abc", "Bearer \x00", "Bearer \xff\xfe",
		"=", "=Bearer abc", "Bearer =", "Basic dTpw, Bearer abc",
		"Bearer " + strings.Repeat("a", 16384), "Bearer " + strings.Repeat("a", 16385), "Bearer" + strings.Repeat(" ", 16385) + "a", // the limit
	} {
		f.Add(value, "", 1)
	}
	f.Add("Bearer abc", "Bearer abc", 2)
	f.Add("", "", 0)
	f.Fuzz(func(t *testing.T, first, second string, count int) {
		values := []string{first, second, first}[:uint(count)%4]
		wantToken, want := oracle(values)
		token, err := bearer.Parse(values)
		if got := verdict(t, err); token != wantToken || got != want {
			t.Errorf("%.80q: got token %.40q and %q, want %.40q and %q", values, token, got, wantToken, want)
		}
		// What it returns goes through again, and is what was there.
		if err == nil {
			if again, err := bearer.Parse([]string{"bearer " + token}); again != token || err != nil {
				t.Errorf("%.40q does not go through a second time: %.40q, %v", token, again, err)
			}
			if !strings.Contains(first, token) {
				t.Errorf("%.40q is not a part of %.40q", token, first)
			}
		}
	})
}

// What the log says where there are no credentials of this scheme. The client is told the
// same in each case.
func TestParseTellsWhatThereIsInPlaceOfBearer(t *testing.T) {
	const token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtMm0ifQ.c2lnbmF0dXJl"
	for name, test := range map[string]struct{ value, want string }{
		"a token alone":            {token, ": Authorization has a token without Bearer before it"},
		"a token and space":        {" " + token + "  ", ": Authorization has a token without Bearer before it"},
		"an opaque token alone":    {"2YotnFZFEjr1zCsicMWpAA", ": Authorization has one word, such as a token without Bearer before it"},
		"the scheme JWT":           {"JWT " + token, ": Authorization has the scheme JWT"},
		"a scheme in capitals":     {"BASIC dXNlcjpwYXNz", ": Authorization has the scheme Basic"},
		"DPoP":                     {"DPoP " + token, ": Authorization has the scheme DPoP"},
		"two schemes":              {"Basic dXNlcjpwYXNz, Bearer " + token, ": Authorization has the scheme Basic"},
		"a scheme that is unknown": {"Hunter2 secret", ": Authorization has another scheme, want Bearer"},
		"a token in quotes":        {`"` + token + `"`, ": Authorization begins with a quote"},
		"a token's header alone":   {token[:20], ": Authorization has one word, such as a token without Bearer before it"},
		"a word with two dots":     {"www.issuer.example", ": Authorization has one word, such as a token without Bearer before it"},
		"a scheme in brackets":     {"(Bearer) secret", ": Authorization has another scheme, want Bearer"},
		"the scheme in quotes":     {`"Bearer ` + token + `"`, ": Authorization begins with a quote"},
		"nothing":                  {"", ""},
		"space":                    {"  ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bearer.Parse([]string{test.value})
			if !errors.Is(err, bearer.ErrNoCredentials) || err.Error() != bearer.ErrNoCredentials.Error()+test.want {
				t.Errorf("got %v, want ErrNoCredentials%s", err, test.want)
			}
			for _, word := range strings.Fields(test.value) {
				if len(word) > 6 && strings.Contains(err.Error(), word) {
					t.Errorf("the error shows the value: %v", err)
				}
			}
		})
	}
	if _, err := bearer.Parse(nil); err != bearer.ErrNoCredentials {
		t.Errorf("got %v for no header, want ErrNoCredentials itself", err)
	}
}
