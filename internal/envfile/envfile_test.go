package envfile_test

import (
	"strings"
	"testing"

	"example.com/jwtverify/internal/envfile"

	"github.com/google/go-cmp/cmp"
)

func TestEnvFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       map[string]string
	}{
		{"nothing", "", map[string]string{}},
		{"lines, comments, empty lines", "# the tenant\nA=1\n\n  B=2\n", map[string]string{"A": "1", "B": "2"}},
		{"export", "export A=1\nexport\tB=2\nexported=3\nexport=4", map[string]string{"A": "1", "B": "2", "exported": "3", "export": "4"}},
		{"space around", "A = 1 \n\tB=\t2", map[string]string{"A": "1", "B": "2"}},
		{"no value", "A=\nB= # none", map[string]string{"A": "", "B": ""}},
		{"a comment behind a value", "A=1 # one\nB=https://b.test/#b", map[string]string{"A": "1", "B": "https://b.test/#b"}},
		{"= in a value", "A=b=c", map[string]string{"A": "b=c"}},
		{"double quotes", `A="a # b"` + "\n" + `B=" \"b\"\n\\n\d "  # c`, map[string]string{"A": "a # b", "B": " \"b\"\n\\n\\d "}},
		{"single quotes", `A='"\n\'' # c` + "\nB=''", map[string]string{"A": `"\n'`, "B": ""}},
		{"a value over several lines", "A=\"1\n2\"\nB=3", map[string]string{"A": "1\n2", "B": "3"}},
		{"the later line counts", "A=1\nA=2", map[string]string{"A": "2"}},
		{"nothing is expanded", "A=$HOME\nB=${A}\nC=\"$A\"\nD=`id`", map[string]string{"A": "$HOME", "B": "${A}", "C": "$A", "D": "`id`"}},
		{"made on Windows", "A=1\r\nB=\"2\"\r\n", map[string]string{"A": "1", "B": "2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := envfile.Parse(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("error %v; -want +got:\n%s", err, diff)
			}
		})
	}
	for _, test := range []struct{ name, text, want string }{
		{"a line without =", "A=1\nsecret\n", "line 2: want KEY=VALUE"},
		{"a name with a space", "A secret=1", "line 1: want KEY=VALUE"},
		{"a name that begins with a digit", "1A=secret", "line 1: want KEY=VALUE"},
		{"no name", "=secret", "line 1: want KEY=VALUE"},
		{"a quote without end", "A=1\n\nB=\"secret\nC=3", "line 3: a quote has no end"},
		{"text behind a quote", "A=\"1\n2\"secret", "line 2: text behind the closing quote"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := envfile.Parse(test.text)
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func FuzzEnvFile(f *testing.F) {
	f.Add("export A='1' # b\nB=\"2\\n\"\nC=3\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := envfile.Parse(text)
		if (values == nil) != (err != nil) {
			t.Errorf("got %v and %v", values, err)
		}
		// A line more that is well-formed changes nothing but its own name.
		if more, _ := envfile.Parse(text + "\nZ=1"); err == nil && more["Z"] != "1" {
			t.Errorf("a line behind the text is lost")
		}
	})
}
