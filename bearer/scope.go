package bearer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.com/jwtverify"
)

// HasScope reports whether the token that a guard put into ctx has a scope, compared
// byte for byte. It is false for an anonymous request ([Mux.Public], [Guard.Optional]).
// The claims are read once per request, however often it is called.
func HasScope(ctx context.Context, scope string) bool {
	a := admissionFrom(ctx)
	return a != nil && slices.Contains(a.scopes(), scope)
}

// Scopes returns the scopes of a token, for code that has no [Guard]. They are read
// from the first of the claims that the token has, compared by exact name; without
// claims from "scope", or "scp" where "scope" is absent. Never from two.
//
// A string is split at spaces, an array of strings has one scope per element. Where
// the claim is absent, has another type, or is an array with anything but strings, the
// token has no scopes. So has a nil token, or one that Verify did not return.
func Scopes(t *jwtverify.Token, claims ...string) []string {
	if len(claims) == 0 {
		claims = defaultScopeClaims()
	}
	return scopesIn(claimsOf(t), claims)
}

// RFC 8693, section 4.2, has the claim scope; some issuers write scp instead.
func defaultScopeClaims() []string { return []string{"scope", "scp"} }

// claimsOf returns the claims by their exact names, which is why it is a map: a struct
// would take "Scope" for "scope".
func claimsOf(t *jwtverify.Token) (claims map[string]json.RawMessage) {
	if t.Claims(&claims) != nil {
		return nil // not a Token of Verify, whose claims are a JSON object
	}
	return claims
}

func scopesIn(claims map[string]json.RawMessage, names []string) []string {
	for _, name := range names {
		text, ok := claims[name]
		if !ok {
			continue
		}
		var value any
		if json.Unmarshal(text, &value) != nil {
			return nil // a number beyond float64
		}
		switch value := value.(type) {
		case string:
			return slices.DeleteFunc(strings.Split(value, " "), func(scope string) bool { return scope == "" })
		case []any:
			scopes := make([]string, len(value))
			for i, element := range value {
				var ok bool
				if scopes[i], ok = element.(string); !ok {
					return nil
				}
			}
			return scopes
		}
		return nil
	}
	return nil
}

// An admission is what a guard knows about a request that it let in: it travels in the
// context beside the token.
type admission struct {
	guard *Guard
	token *jwtverify.Token

	once   sync.Once // guards what follows, once others can see the admission
	claims map[string]json.RawMessage
	list   []string
}

type admissionKey struct{}

func (a *admission) context(ctx context.Context) context.Context {
	return jwtverify.NewContext(context.WithValue(ctx, admissionKey{}, a), a.token)
}

// admissionFrom returns the admission in ctx, or nil. One whose token is not the
// token of ctx any more is none: the scopes of one token say nothing about another.
func admissionFrom(ctx context.Context) *admission {
	a, ok := ctx.Value(admissionKey{}).(*admission)
	if !ok {
		return nil
	}
	if t, _ := jwtverify.FromContext(ctx); t != a.token {
		return nil
	}
	return a
}

func (a *admission) scopes() []string {
	a.once.Do(func() {
		if a.claims == nil {
			a.claims = claimsOf(a.token)
		}
		a.list = scopesIn(a.claims, a.guard.scopeClaims)
	})
	return a.list
}

// lacks returns the first of the required scopes that the token does not have, or "".
func (a *admission) lacks(required []string) string {
	for _, scope := range required {
		if !slices.Contains(a.scopes(), scope) {
			return scope
		}
	}
	return ""
}

// mustScopes returns a copy of scopes, or panics if one of them can be in no token.
func mustScopes(scopes []string) []string {
	for _, scope := range scopes {
		if !isScope(scope) {
			panic(fmt.Sprintf(`bearer: scope %s: want printable ASCII without space, " and \`, quoted(scope)))
		}
	}
	return slices.Clone(scopes)
}

// isScope reports whether s is a scope-token (RFC 6749, section 3.3).
func isScope(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, ` "\`)
}
