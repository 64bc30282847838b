package manual

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	revision := func(modified string) *debug.BuildInfo {
		info := &debug.BuildInfo{Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "06ae71a"}, {Key: "vcs.modified", Value: modified}}}
		info.Main.Version = "v1.2.3"
		return info
	}
	behind := fmt.Sprintf(", %s %s/%s", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	for _, test := range []struct {
		name string
		info *debug.BuildInfo
		want string
	}{
		{"a build without modules", nil, "jwtverify (unknown)"},
		{"a build of a tag", revision("false"), "jwtverify v1.2.3, revision 06ae71a"},
		{"a build of a tree with changes", revision("true"), "jwtverify v1.2.3, revision 06ae71a with changes"},
		{"go install of a version", &debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, "jwtverify v1.2.3"},
	} {
		if got := Version(test.info); got != test.want+behind {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want+behind)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	commands := []string{"explain", "verify", "inspect", "jwks", "discover", "probe", "version"}
	flags := []string{"issuer", "audience", "audience-claim", "jwks-url", "token-file", "json"}
	for _, test := range []struct {
		word  string
		known []string
		want  string
	}{
		{"verfy", commands, "verify"},
		{"vreify", commands, "verify"},
		{"verifyy", commands, "verify"},
		{"Verify", commands, "verify"},
		{"jkws", commands, "jwks"},
		{"expl", commands, "explain"},
		{"validate", commands, ""},
		{"", commands, ""},
		{"x", commands, ""},
		{strings.Repeat("verify", 10_000), commands, ""},
		{"isuer", flags, "issuer"},
		{"audiance", flags, "audience"},
		{"token", flags, "token-file"},
		{"url", flags, "jwks-url"},
		{"file", flags, "token-file"},
		{"password", flags, ""},
		{"\xff\xfe", flags, ""},
	} {
		want := ""
		if test.want != "" {
			want = " (did you mean --" + test.want + "?)"
		}
		if got := DidYouMean("--", test.word, test.known); got != want {
			t.Errorf("%.20q: got %q, want %q", test.word, got, want)
		}
	}
}
