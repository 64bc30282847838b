// Package notjwt looks at a text that was given as a token, and says what it is: an opaque
// token, a token with something around it, part of a token, or no token at all. It shows
// nothing of the text and decides nothing: the text was refused before.
package notjwt

import (
	"regexp"
	"strings"
	"sync"

	"example.com/jwtverify/internal/base64url"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/strictjson"
)

// A Shape says what a text is. The zero Shape is a token in three parts with a flaw in
// one of them.
type Shape struct {
	Code, Cause string // as in package diagnosis
	Found       string // completes a sentence that begins with "token"
}

// Look returns the shape of a text that could not be read as a token.
func Look(text string) Shape {
	if text == "" {
		return Shape{"token-parts", "empty", "is empty"}
	}
	p := patterns()
	bare, wrapped := unwrap(text)
	tokens := p.jwt.FindAllStringIndex(bare, 2)
	switch {
	case p.shortened.MatchString(bare) && (isHeader(firstPart(bare)) || !p.run.MatchString(bare)):
		return Shape{"token-parts", "shortened", "is shortened, as logs and dashboards do: it has " + mark(bare) + " in it"}
	case len(tokens) == 2, isJoined(bare):
		return Shape{"token-wrapped", "joined", "is several tokens in one text"}
	case len(tokens) == 1 && tokens[0][0] == 0 && tokens[0][1] == len(bare):
		return wrapped // or three parts, with a flaw in one of them
	case p.variable.MatchString(bare):
		return Shape{"token-opaque", "variable", "is the name of a variable, whose value was never put in"}
	case words[strings.ToLower(bare)]:
		return Shape{"token-opaque", "word", "is the word " + quote.Text(strings.ToLower(bare), 32) + ", so there was no token to send"}
	case p.file.MatchString(bare) && len(bare) < 256:
		return Shape{"token-opaque", "file", "is the name of a file, not what is in it"}
	case isEncoded(bare):
		return Shape{"token-wrapped", "base64", "is the base64 of a token, encoded once more"}
	case len(tokens) == 1 && !isJWE(bare):
		return around(bare[:tokens[0][0]], bare[tokens[0][1]:])
	}
	if wrapped.Code != "" {
		return wrapped
	}
	return parts(bare)
}

// The patterns are compiled when the first text is looked at: most programs never need
// them.
var patterns = sync.OnceValue(func() (p struct {
	jwt, run, shortened, variable, file, scheme, header, assignment *regexp.Regexp
}) {
	// A signed token begins with the base64url of {" or of { and a line end.
	p.jwt = regexp.MustCompile(`e[yw][\w-]+\.[\w-]+\.[\w-]*`)
	p.run = regexp.MustCompile(`[\w-]{16}`)
	p.shortened = regexp.MustCompile(`…|\.\.\.|\*\*\*|•{3}|\[(?i:\.\.|redacted|masked|filtered|truncated|signature)[^\]]*\]|<(?i:redacted|masked|signature|truncated)>`)
	p.variable = regexp.MustCompile(`^(\$\w+|\$env:\w+|\$?[{(]+ ?[$\w.:-]+ ?[})]+|\$\{\{.*\}\}|%\w+%|<[\w .-]+>|#\{.*\}|\$\{.*\}|\$\(.*\)|:?__\w+__)$`)
	p.file = regexp.MustCompile(`^@?(~|\.{1,2}|[A-Za-z]:|file:|/(home|run|var|etc|tmp|usr|Users|mnt|opt|secrets))?[/\\]\S+$|^@?[\w. -]+\.(txt|jwt|json|pem|key|token|env|cfg|ya?ml)$|^@[\w./-]+$`)
	p.scheme = regexp.MustCompile(`^(?i:(bearer|jwt|token|dpop|basic|oauth|access_token)(\s*:\s*|\s+|%20|\+))+`)
	p.header = regexp.MustCompile(`^(?i:(-H\s*|--header[ =])?["']?(proxy-|x-[\w-]*)?(authorization|auth-token|access-token))\s*[:=]\s*`)
	p.assignment = regexp.MustCompile(`^(export\s+|set\s+|let\s+|const\s+)?[$\w.:-]{1,64}\s*[:=]\s*["']?(?:e[yw]|[Bb]earer)`)
	return p
})

// words are what programs send when they have no token.
var words = map[string]bool{
	"null": true, "undefined": true, "none": true, "nil": true, "nan": true, "true": true, "false": true,
	"[object object]": true, "[object promise]": true, "token": true, "access_token": true, "accesstoken": true, "your_token": true,
	"your-token": true, "your_access_token": true, "your-access-token": true, "your_jwt": true, "jwt": true, "bearer": true,
	"string": true, "empty": true, "(null)": true, "<nil>": true, "todo": true, "xxx": true, "changeme": true, "eyj": true,
}

// unwrap removes what people and programs leave around a token, and says what it was.
func unwrap(text string) (bare string, wrapped Shape) {
	say := func(cause, found string) {
		if wrapped.Code == "" {
			wrapped = Shape{"token-wrapped", cause, found}
		}
	}
	p := patterns()
	bare = text
	for range 4 { // such as a quoted header line with the scheme twice
		before := bare
		if line := p.header.FindString(bare); line != "" {
			say("header", "has the name of a header before it")
			bare = bare[len(line):]
		}
		if prefix := p.scheme.FindString(bare + " "); prefix != "" && len(prefix) < len(bare) {
			say("scheme", "has a word before it, such as the scheme Bearer")
			bare = bare[len(prefix):]
		}
		if trimmed := strings.Trim(bare, "\"'`\u201c\u201d\u2018\u2019"); trimmed != bare {
			say("quotes", "has quotes around it")
			bare = trimmed
		}
		if trimmed := strings.TrimSpace(strings.Trim(bare, "\ufeff\u200b\u00a0\x00")); trimmed != bare {
			say("space", "has space or a line end around it")
			bare = trimmed
		}
		if bare == before {
			break
		}
	}
	return bare, wrapped
}

// around says what is before and after the only token in a text.
func around(before, behind string) Shape {
	wrapped := func(cause, found string) Shape { return Shape{"token-wrapped", cause, found} }
	switch text := before + "ey"; {
	case strings.HasPrefix(before, "{") || strings.HasPrefix(before, "["):
		return wrapped("json", "is a JSON text with a token in it")
	case strings.Contains(before, "://") || strings.HasPrefix(before, "/"):
		return wrapped("address", "is an address with a token in it")
	case patterns().header.MatchString(text), strings.Contains(strings.ToLower(before), "authorization"):
		return wrapped("header", "has the name of a header before it")
	case patterns().assignment.MatchString(text), strings.HasSuffix(strings.TrimRight(before, `"' `), "="):
		return wrapped("name", `has a name and "=" before it`)
	case strings.HasSuffix(before, "."):
		return Shape{"token-parts", "", "has " + quote.Count(strings.Count(before+behind, ".")+3, "part")}
	case strings.TrimSpace(before) != "":
		return wrapped("scheme", "has a word before it, such as the scheme Bearer")
	case strings.Trim(behind, " \t\r\n\"'`") == "":
		return wrapped("space", "has space, a quote or a line end behind it")
	case strings.ContainsAny(strings.TrimLeft(behind, " \t\r\n")[:1], ",;&}])>\"'\\"):
		return wrapped("behind", "has something behind it, such as a comma or a semicolon")
	case strings.HasPrefix(behind, "."):
		return Shape{"token-parts", "", "has " + quote.Count(strings.Count(behind, ".")+3, "part")}
	}
	return Shape{} // a flaw within the parts, which the reader names
}

// parts says what a text is by its parts, if nothing else is known.
func parts(text string) Shape {
	list := strings.SplitN(text, ".", 6)
	header, count := list[0], quote.Count(strings.Count(text, ".")+1, "part")
	switch {
	case isJWE(text):
		shape := Shape{"token-encrypted", "", "has five parts, so it is encrypted (JWE)"}
		if usesOwnKey(header) {
			shape.Cause = "dir"
			shape.Found = "has five parts, and its alg says that it is encrypted by a key that its issuer alone has"
		}
		return shape
	case len(list) == 1 && isObject(header):
		return Shape{"token-parts", "header alone", "is a header alone, without claims and signature"}
	case len(list) == 2 && isObject(header) && isClaims(list[1]):
		return Shape{"token-parts", "unsigned", "has header and claims, and no signature"}
	case isHeader(header) && len(list) != 3:
		return Shape{"token-parts", "", "has " + count}
	case isHeader(header) && list[1] == "":
		return Shape{"token-parts", "", "has an empty header or claims part"}
	case isHeader(header), len(list) == 3 && list[1] != "" && strings.ContainsAny(header, "=+/"):
		return Shape{} // a flaw within the parts
	case strings.HasPrefix(text, "v2.") || strings.HasPrefix(text, "v3.") || strings.HasPrefix(text, "v4."):
		return Shape{"token-opaque", "", "is no JWT: it has the form of PASETO"}
	case len(list) == 1:
		return Shape{"token-opaque", "", "has no dot, so it is no JWT"}
	}
	return Shape{"token-opaque", "", "has " + count + ", of which the first is no JSON object, so it is no JWT"}
}

func firstPart(text string) string {
	first, _, _ := strings.Cut(text, ".")
	return first
}

func mark(text string) string {
	if strings.Contains(text, "…") {
		return "…"
	}
	if strings.Contains(text, "...") {
		return "..."
	}
	return "a mark for what was left out"
}

// isHeader reports whether a part may be a header, even a damaged one: base64url of text
// that begins like a JSON object.
func isHeader(part string) bool {
	return strings.HasPrefix(part, "ey") || strings.HasPrefix(part, "ew") || isObject(part)
}

func isObject(part string) bool {
	text, err := base64url.String(part)
	return err == nil && strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "{")
}

// isClaims reports whether a part is a complete JSON object: one that only begins like an
// object may be random bytes.
func isClaims(part string) bool {
	text, _ := base64url.String(part) // "" if it is not base64url, which is no object
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
	for range r.Object {
		r.Skip()
	}
	return r.End() == nil
}

// isJWE reports whether a text is an encrypted token: five parts (RFC 7516, section 3.1)
// with a header, which is not followed by readable claims.
func isJWE(text string) bool {
	if strings.Count(text, ".") != 4 || strings.Contains(text, "...") {
		return false // with three dots in a row it was shortened
	}
	list := strings.Split(text, ".")
	return isObject(list[0]) && !isClaims(list[1]) && !isClaims(list[3])
}

// isJoined reports whether the parts are those of several tokens with nothing between
// them.
func isJoined(text string) bool {
	list := strings.SplitN(text, ".", 6)
	return len(list) > 4 && isObject(list[0]) && isClaims(list[1]) && isClaims(list[3])
}

// isEncoded reports whether a text is base64, of any kind, of a token.
func isEncoded(text string) bool {
	packed := strings.NewReplacer("+", "-", "/", "_", "\n", "", "\r", "").Replace(strings.TrimRight(text, "=\r\n"))
	decoded, err := base64url.String(packed)
	return err == nil && patterns().jwt.MatchString(decoded)
}

// usesOwnKey reports whether alg needs a key that the issuer does not share (RFC
// 7518, section 4.1): dir, or a symmetric key wrap.
func usesOwnKey(part string) bool {
	text, _ := base64url.String(part)
	var r strictjson.Reader
	r.Begin(text, strictjson.Usual)
	alg := ""
	for name := range r.Object {
		if name == "alg" {
			alg, _ = r.String(name)
		} else {
			r.Skip()
		}
	}
	return r.End() == nil && (alg == "dir" || strings.HasPrefix(alg, "A") && strings.HasSuffix(alg, "KW"))
}
