package probe

import "testing"

func TestBearerChallenge(t *testing.T) {
	for _, test := range []struct {
		name   string
		values []string
		shown  string
		bearer bool
	}{
		{"none", nil, "", false},
		{"alone", []string{"Bearer"}, "Bearer", true},
		{"with a realm", []string{`Bearer realm="api"`}, `Bearer realm="api"`, true},
		{"with an error", []string{`Bearer realm="api", error="invalid_token", error_description="expired"`}, "invalid_token", true},
		{"with an error that is no text in quotes", []string{`bearer error=invalid_token`}, "invalid_token", true},
		{"an error within a description", []string{`Bearer error_description="no, error=x, \", Basic y", realm="a"`}, `Bearer error_description="no, error=x, \", Basic y", realm="a"`, true},
		{"behind another scheme", []string{`Basic realm="a", Bearer realm="b"`}, `Bearer realm="b"`, true},
		{"before another scheme", []string{`Bearer realm="b", Basic error="a"`}, `Bearer realm="b"`, true},
		{"in a second header", []string{`Basic realm="a"`, `Bearer error="invalid_token"`}, "invalid_token", true},
		{"another scheme alone", []string{`Basic realm="a"`}, `Basic realm="a"`, false},
		{"the word in another's realm", []string{`Basic realm="a, Bearer b"`}, `Basic realm="a, Bearer b"`, false},
		{"a longer word", []string{"Bearertoken x=1"}, "Bearertoken x=1", false},
		{"a quote without end", []string{`Bearer realm="a, \`}, `Bearer realm="a, \`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			if shown, bearer := bearerChallenge(test.values); shown != test.shown || bearer != test.bearer {
				t.Errorf("got %s, %v, want %s, %v", shown, bearer, test.shown, test.bearer)
			}
		})
	}
}
