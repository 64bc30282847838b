package main

import "strings"

// bearerChallenge returns what is to be shown of WWW-Authenticate, and whether a
// challenge for bearer tokens is in it: its error if it has one (RFC 6750, section 3),
// else the whole challenge, else whatever else is asked for.
func bearerChallenge(values []string) (shown string, isBearer bool) {
	scheme, code := "", ""
	var bearer []string
	for _, element := range elements(strings.Join(values, ", ")) {
		// RFC 9110, section 11.6.1: commas stand between challenges, and between the
		// parameters of one. A scheme has no = in it.
		word, rest, _ := strings.Cut(element, " ")
		parameter := element
		if !strings.Contains(word, "=") {
			scheme, parameter = word, strings.TrimSpace(rest)
		}
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		bearer = append(bearer, element)
		if name, value, _ := strings.Cut(parameter, "="); strings.EqualFold(strings.TrimSpace(name), "error") {
			code = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	switch {
	case code != "":
		return code, true
	case bearer != nil:
		return strings.Join(bearer, ", "), true
	}
	return strings.Join(values, ", "), false
}

// elements splits a list at its commas, but not at those in quotes.
func elements(list string) (out []string) {
	start, quotes := 0, false
	for i := 0; i <= len(list); i++ {
		switch {
		case i == len(list) || list[i] == ',' && !quotes:
			if element := strings.TrimSpace(list[start:i]); element != "" {
				out = append(out, element)
			}
			start = i + 1
		case list[i] == '\\' && quotes:
			i = min(i+1, len(list)-1)
		case list[i] == '"':
			quotes = !quotes
		}
	}
	return out
}
