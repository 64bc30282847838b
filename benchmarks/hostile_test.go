package main

import (
	"errors"
	"strings"
	"testing"

	"example.com/jwtverify"
)

// Each class is refused for what its name says, and by us at the step that the
// table assumes: otherwise the dearest refusal would be one that was not measured.
func TestHostileTokensAreWhatTheirNamesSay(t *testing.T) {
	is := testIssuer()
	verify := openOurs(is, true)
	want := map[string]struct {
		kind error
		text string
	}{
		"1 MiB":                                           {jwtverify.ErrMalformed, "want at most 16384"},
		"`alg` HS256":                                     {jwtverify.ErrUnsupported, `alg is "HS256"`},
		"unknown `kid`":                                   {jwtverify.ErrUnknownKey, `kid is "2020-01"`},
		"unknown `kid`, 16 KiB":                           {jwtverify.ErrUnknownKey, `kid is "2020-01"`},
		"signature cut by a byte, 16 KiB":                 {jwtverify.ErrSignature, "255 bytes"},
		"forged signature":                                {jwtverify.ErrSignature, "was not made by"},
		"header nested 3,900 deep":                        {jwtverify.ErrMalformed, "deep"},
		"header with 900 members":                         {jwtverify.ErrMalformed, "members"},
		"header with a number of 8,000 digits":            {jwtverify.ErrUnknownKey, `kid is "2020-01"`},
		"header full of escapes":                          {jwtverify.ErrUnknownKey, `kid is "2020-01"`},
		"header full of small objects":                    {jwtverify.ErrMalformed, "64 members"},
		"header full of objects with 60 members":          {jwtverify.ErrMalformed, "64 members"},
		"header with 60 names full of escapes":            {jwtverify.ErrUnknownKey, `kid is "2020-01"`},
		"the same, up to 16 KiB, signature cut by a byte": {jwtverify.ErrSignature, "255 bytes"},
		"claims nested 5,700 deep, forged":                {jwtverify.ErrSignature, "was not made by"},
		"claims nested 5,700 deep, signed":                {jwtverify.ErrMalformed, "deep"},
		"claims with 1,100 members, signed":               {jwtverify.ErrMalformed, "members"},
		"`exp` of 11,000 digits, signed":                  {jwtverify.ErrMalformed, "exp"},
	}
	for _, class := range hostiles(is) {
		_, err := verify(class.token)
		w, ok := want[class.name]
		if !ok || !errors.Is(err, w.kind) || !strings.Contains(err.Error(), w.text) {
			t.Errorf("%s: got %v, want %v with %q", class.name, err, w.kind, w.text)
		}
		if beyond := len(class.token) > maxTokenBytes; beyond != (class.when == beyondLimits) {
			t.Errorf("%s: the token has %d bytes, and is refused at step %d", class.name, len(class.token), class.when)
		}
		if strings.Contains(class.name, "16 KiB") && len(class.token) < maxTokenBytes*9/10 {
			t.Errorf("%s: the token has %d bytes, want nearly 16 KiB", class.name, len(class.token))
		}
	}
}
