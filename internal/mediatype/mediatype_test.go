package mediatype_test

import (
	"testing"

	"example.com/jwtverify/internal/mediatype"
)

func TestValid(t *testing.T) {
	for _, s := range []string{"JWT", "at+jwt", "application/at+jwt", "a.b-c_d!#$&^9/x", "0", "Z", "z", "A", "a", "9"} {
		if !mediatype.Valid(s) {
			t.Errorf("%q was refused", s)
		}
	}
	for _, s := range []string{"a b", "a/b/c", "/a", "a/", "a;b", "ä", "a\n", "a@", "a[", "a`", "a{", "a:", "a%", "*"} {
		if mediatype.Valid(s) {
			t.Errorf("%q was taken", s)
		}
	}
}

func TestSame(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"JWT", "jwt", true},
		{"application/JWT", "jwt", true},
		{"APPLICATION/jwt", "application/JWT", true},
		{"at+jwt", "at+JWT", true},
		{"jwt", "jws", false},
		{"jwt", "", false},
		{"application/", "", true},
		{"application", "", false},
		{"application/application/jwt", "jwt", false},
		{"text/jwt", "jwt", false},
		{"jw\u017f", "jws", false}, // a letter that folds to s
	} {
		if got := mediatype.Same(test.a, test.b); got != test.want {
			t.Errorf("%q and %q: got %v", test.a, test.b, got)
		}
	}
}
