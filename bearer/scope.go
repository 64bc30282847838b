package bearer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/strictjson"
)

// HasScope reports whether the token that a guard put into ctx has a scope, compared
// byte for byte. It is false for an anonymous request ([Mux.Public], [Guard.Optional]).
// The claims are read once for each request, however often HasScope is called.
func HasScope(ctx context.Context, scope string) bool {
	a := admissionFrom(ctx)
	return a != nil && slices.Contains(a.scopes(), scope)
}

// Scopes returns the scopes of a token, for code that has no [Guard]. They are read
// from the first of the claims that the token has, compared by exact name, and
// never from two. If no claims are given, that is "scope", or "scp" if "scope" is
// absent.
//
// A string is split at spaces; an array of strings has one scope in each element. The
// token has no scopes if the claim is absent, has another type, or is an array with
// anything but strings. A nil token, or one that Verify did not return, has none
// either.
func Scopes(t *jwtverify.Token, claims ...string) []string {
	if len(claims) == 0 {
		claims = defaultScopeClaims()
	}
	return readScopes(claimsOf(t), claims)
}

// RFC 8693, section 4.2, defines the claim scope; some issuers write scp instead.
func defaultScopeClaims() []string { return []string{"scope", "scp"} }

// claimsOf returns the claims as they were signed; Verify has checked that they are
// strict JSON. It returns nothing for a Token that Verify did not return.
func claimsOf(t *jwtverify.Token) string {
	var text strictjson.Text
	if t.Claims(&text) != nil {
		return ""
	}
	return string(text)
}

// readScopes reads the first of the named claims that is present. Names must match
// exactly: encoding/json would read "Scope" into the field for "scope".
func readScopes(claims string, names []string) (scopes []string) {
	first := len(names)
	var r strictjson.Reader
	r.Begin(claims, strictjson.Usual)
	for name := range r.Object {
		i := slices.Index(names[:first], name)
		if i < 0 {
			r.Skip()
			continue
		}
		first, scopes = i, readScopeClaim(&r, name)
		if first == 0 {
			break
		}
	}
	return scopes
}

// readScopeClaim reads a string or an array of strings. Any other value has no scopes.
func readScopeClaim(r *strictjson.Reader, name string) []string {
	switch r.Kind() {
	case '"':
		text, _ := r.String(name)
		return slices.DeleteFunc(strings.Split(text, " "), func(scope string) bool { return scope == "" })
	case '[':
	default:
		r.Skip()
		return nil
	}
	var scopes []string
	mixed := false
	for range r.Array {
		scope, err := r.String(name)
		mixed = mixed || err != nil
		scopes = append(scopes, scope)
	}
	if mixed {
		return nil
	}
	return scopes
}

// An admission is what a guard knows about a request that it admitted. It travels in
// the context with the token.
type admission struct {
	guard *Guard
	token *jwtverify.Token

	once sync.Once // guards list
	list []string
}

type admissionKey struct{}

func (a *admission) context(ctx context.Context) context.Context {
	return jwtverify.NewContext(context.WithValue(ctx, admissionKey{}, a), a.token)
}

// admissionFrom returns the admission in ctx, or nil. It also returns nil if ctx
// now holds another token: the scopes of one token say nothing about another.
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
	a.once.Do(func() { a.list = readScopes(claimsOf(a.token), a.guard.scopeClaims) })
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

// isPath reports whether the name of a claim looks like a path, such as
// realm_access.roles. The dots of a URL do not.
func isPath(claim string) bool {
	return strings.Contains(claim, ".") && !strings.ContainsAny(claim, ":/")
}

// mustScopes panics if one of the scopes cannot be in any token.
func mustScopes(scopes []string) {
	for _, scope := range scopes {
		if !isScope(scope) {
			panic(fmt.Sprintf(`bearer: scope %s: want printable ASCII without space, " and \`, quoted(scope)))
		}
	}
}

// union returns the scopes, and those of the others that are not among them.
func union(scopes, others []string) []string {
	all := slices.Clone(scopes)
	for _, scope := range others {
		if !slices.Contains(all, scope) {
			all = append(all, scope)
		}
	}
	return all
}

// isScope reports whether s is a scope-token (RFC 6749, section 3.3).
func isScope(s string) bool {
	return s != "" && isPrintable(s) && !strings.ContainsAny(s, ` "\`)
}
