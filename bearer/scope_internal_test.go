package bearer

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"example.com/jwtverify/internal/strictjson"
	"example.com/jwtverify/internal/strictjson/strictjsontest"
)

// What is read in one pass, up to the claim that is wanted, is what encoding/json finds
// in a map of all claims. Only claims that Verify accepts can come.
func FuzzScopes(f *testing.F) {
	for _, claims := range []string{
		`{}`, `{"scope":"a b"}`, `{"scp":["a","b"],"scope":""}`, `{"scp":"a","scope":null}`, `{"a":{"scope":"a"},"scp":["a",1]}`,
		`{"\u0073cope":" a  b ","Scope":"c"}`, `{"scope":[["a"],"b"],"cnf":1}`,
	} {
		f.Add(claims)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		var all map[string]json.RawMessage
		if strictjsontest.Judge(claims, strictjson.MaxDepth, strictjson.MaxMembers) != "" || json.Unmarshal([]byte(claims), &all) != nil || all == nil {
			t.Skip()
		}
		for _, names := range [][]string{{"scope", "scp"}, {"scp", "scope"}, {"permissions"}} {
			got, want := readScopes(claims, names), scopesByMap(all, names)
			if !slices.Equal(got, want) {
				t.Errorf("scopes by %q of %q: got %q, want %q", names, claims, got, want)
			}
		}
	})
}

func scopesByMap(claims map[string]json.RawMessage, names []string) []string {
	for _, name := range names {
		text, ok := claims[name]
		if !ok {
			continue
		}
		var one string
		var many []*string // null is no string
		switch {
		case text[0] == '"' && json.Unmarshal(text, &one) == nil:
			return strings.FieldsFunc(one, func(c rune) bool { return c == ' ' })
		case text[0] != '[' || json.Unmarshal(text, &many) != nil || slices.Contains(many, nil):
			return nil
		}
		var scopes []string
		for _, scope := range many {
			scopes = append(scopes, *scope)
		}
		return scopes
	}
	return nil
}
