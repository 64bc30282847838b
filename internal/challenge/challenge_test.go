package challenge_test

import (
	"fmt"
	"testing"

	"example.com/jwtverify/internal/challenge"
)

func TestChallengesAreRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		want   string
	}{
		{"none", nil, "[]"},
		{"empty", []string{""}, "[]"},
		{"a scheme alone", []string{"Bearer"}, "[{bearer map[]}]"},
		{"parameters", []string{`Bearer realm="api", error="invalid_token"`}, "[{bearer map[error:invalid_token realm:api]}]"},
		{"names and scheme in capitals", []string{`BEARER ERROR="invalid_token"`}, "[{bearer map[error:invalid_token]}]"},
		{"three parameters", []string{`Bearer a=1, b=2, c=3`}, "[{bearer map[a:1 b:2 c:3]}]"},
		{"the first and last letters and digits", []string{"AZaz09 AZaz09=1"}, "[{azaz09 map[azaz09:1]}]"},
		{"an empty value", []string{`Bearer a=`}, "[{bearer map[a:]}]"},
		{"an empty value in quotes", []string{`Bearer a=""`}, "[{bearer map[a:]}]"},
		{"a quote at the end alone", []string{`Bearer a=x"`}, `[{bearer map[a:x"]}]`},
		{"nothing behind a backslash", []string{`Bearer a="x\"`}, `[{bearer map[a:x\]}]`},
		{"a value without quotes", []string{"Bearer error=invalid_token"}, "[{bearer map[error:invalid_token]}]"},
		{"spaces around the equals sign", []string{`Bearer error = "invalid_token" , scope= "a"`}, "[{bearer map[error:invalid_token scope:a]}]"},
		{"two in one value", []string{`Basic realm="x", Bearer error="invalid_token"`}, "[{basic map[realm:x]} {bearer map[error:invalid_token]}]"},
		{"two values", []string{`Basic realm="x"`, `Bearer`}, "[{basic map[realm:x]} {bearer map[]}]"},
		{"a scheme without parameters first", []string{`Negotiate, Bearer realm="x"`}, "[{negotiate map[]} {bearer map[realm:x]}]"},
		{"a scheme with token68", []string{`Negotiate YWJj==, Bearer realm="x"`}, "[{negotiate map[ywjj:=]} {bearer map[realm:x]}]"},
		{"a challenge inside quotes is none", []string{`Basic realm="a, Bearer error=\"x\", b"`}, `[{basic map[realm:a, Bearer error="x", b]}]`},
		{"empty items", []string{`, ,Bearer realm="x",, error="y",`}, "[{bearer map[error:y realm:x]}]"},
		{"a quote that is not closed", []string{`Bearer realm="x, error=y`}, `[{bearer map[realm:"x, error=y]}]`},
		{"a parameter without scheme", []string{`realm="x"`}, "[{realm map[]}]"},
		{"rubbish", []string{`"," = ; Bearer`}, "[]"},
	} {
		var read []any
		for _, c := range challenge.Parse(test.values) {
			read = append(read, struct {
				scheme     string
				parameters map[string]string
			}{c.Scheme, c.Parameters})
		}
		if got := fmt.Sprint(read); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

func TestTheTextOfAChallengeIsWhole(t *testing.T) {
	const first, second = `Basic realm="x"`, `Bearer realm="api", error="invalid_token", scope="a b"`
	got := challenge.Parse([]string{first + ", " + second})
	if len(got) != 2 || got[0].Text != first || got[1].Text != second {
		t.Errorf("got %v", got)
	}
}

func FuzzChallenges(f *testing.F) {
	f.Add(`Bearer realm="api", error="invalid_token"`, "invalid_token")
	f.Add(`Basic realm="a\"b"`, `with "quotes" and \`)
	// A challenge is read as it was written, whatever other values came before.
	f.Fuzz(func(t *testing.T, before, value string) {
		quoted := ""
		for i := range len(value) {
			if value[i] == '"' || value[i] == '\\' {
				quoted += `\`
			}
			quoted += value[i : i+1]
		}
		challenges := challenge.Parse([]string{before, `Bearer error="` + quoted + `"`})
		if len(challenges) == 0 {
			t.Fatal("no challenge is read")
		}
		last := challenges[len(challenges)-1]
		if last.Scheme != "bearer" || last.Parameters["error"] != value {
			t.Errorf("got %v, want bearer with error %q", last, value)
		}
	})
}
