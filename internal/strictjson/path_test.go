package strictjson_test

import (
	"slices"
	"testing"

	"example.com/jwtverify/internal/strictjson"
)

func TestStringsAt(t *testing.T) {
	const text = `{"hd":"example.com","realm_access":{"roles":["read","write"],"Roles":["admin"]},"Hd":"evil.example","empty":[],"":"nameless",
		"none":null,"number":7,"mixed":["a",1,"b"],"deep":{"er":{"est":"down \u0068ere"}},"objects":[{"roles":["x"]}],"nested":[["a"]],"dotted.name":["d"],"after":["z"]}`
	for name, test := range map[string]struct {
		path []string
		want []string
	}{
		"a string":                            {[]string{"hd"}, []string{"example.com"}},
		"an array":                            {[]string{"realm_access", "roles"}, []string{"read", "write"}},
		"a name that differs in case":         {[]string{"realm_access", "Roles"}, []string{"admin"}},
		"a name that is nowhere in that case": {[]string{"realm_access", "ROLES"}, nil},
		"an escape":                           {[]string{"deep", "er", "est"}, []string{"down here"}},
		"a name with a dot":                   {[]string{"dotted.name"}, []string{"d"}},
		"the empty name":                      {[]string{""}, []string{"nameless"}},
		"the last":                            {[]string{"after"}, []string{"z"}},
		"an empty array":                      {[]string{"empty"}, nil},
		"null":                                {[]string{"none"}, nil},
		"a number":                            {[]string{"number"}, nil},
		"an object":                           {[]string{"realm_access"}, nil},
		"an array with a number":              {[]string{"mixed"}, nil},
		"an array of arrays":                  {[]string{"nested"}, nil},
		"an array of objects":                 {[]string{"objects"}, nil},
		"a path into an array":                {[]string{"objects", "roles"}, nil},
		"a path into a string":                {[]string{"hd", "x"}, nil},
		"a path that is too long":             {[]string{"realm_access", "roles", "read"}, nil},
		"a name that is not there":            {[]string{"scope"}, nil},
		"a member of an object that is not there": {[]string{"resource_access", "roles"}, nil},
		"no path": {nil, nil},
	} {
		if got := strictjson.StringsAt(text, test.path); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	// A text that was not read before is not trusted, whatever comes first.
	for _, broken := range []string{"", "{", `{"a":"b"`, `{"a":"b"}x`, `{"a":"b","a":"c"}`, `["b"]`, `"b"`} {
		if got := strictjson.StringsAt(broken, []string{"a"}); got != nil {
			t.Errorf("%s: got %q", broken, got)
		}
	}
}
