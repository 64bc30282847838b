package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify"
)

// A lineJudge judges lines; each worker has its own.
type lineJudge struct {
	settings   settings
	shared     *jwtverify.Verifier // of the settings alone; nil: incomplete says why
	incomplete error
	sets       map[string]*parsedSet // by the JSON text of jwks
}

// A parsedSet is what ParseKeySet makes of a jwks: keys, or why there is none that is
// usable, as an error of a verification.
type parsedSet struct {
	keys *jwtverify.KeySet
	err  error
}

// A lineAnswer is what is said of one line.
type lineAnswer struct {
	id     []byte // JSON; nil: the number of the line
	unread error  // why nothing was checked
	err    error  // of the verification
	class  string
}

// batch judges the lines of a batch.
func (j *lineJudge) batch(b *batch) {
	start := 0
	for i, line := range b.lines {
		text := b.text[start:line.end]
		start = line.end
		var answer lineAnswer
		if line.long {
			answer.unread = fmt.Errorf("longer than %d bytes", maxLineBytes)
		} else {
			answer = j.line(text)
		}
		v := none
		if answer.unread == nil {
			v, answer.class = judge(answer.err)
		} else if b.unread == nil {
			b.unread, b.unreadAt = answer.unread, b.first+i
		}
		b.tally[v]++
		b.answers = answer.append(b.answers, b.first+i, v)
	}
}

// line judges one line: a JSON object, or a token.
func (j *lineJudge) line(text []byte) lineAnswer {
	switch trimmed := bytes.TrimSpace(text); {
	case len(trimmed) == 0:
		return lineAnswer{unread: errors.New("empty")}
	case trimmed[0] == '{':
		return j.object(trimmed)
	case j.shared == nil:
		return lineAnswer{unread: j.incomplete}
	}
	_, err := j.shared.Verify(context.Background(), string(text))
	return lineAnswer{err: err}
}

// append adds the answer as a line of JSON.
func (a lineAnswer) append(out []byte, number int, v verdict) []byte {
	out = append(out, `{"id":`...)
	if a.id != nil {
		out = append(out, a.id...)
	} else {
		out = strconv.AppendInt(out, int64(number), 10)
	}
	out = append(out, `,"verdict":"`...)
	out = append(out, v.String()...)
	out = append(out, `","error":"`...)
	out = append(out, a.class...)
	return append(out, "\"}\n"...)
}

// object judges a line that is a JSON object.
func (j *lineJudge) object(text []byte) lineAnswer {
	// The names in a map are compared exactly, those of a struct are not.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return lineAnswer{unread: fmt.Errorf("not a JSON object: %w", err)}
	}
	var answer lineAnswer
	id, has := members["id"]
	if has {
		answer.id = shownJSON(id, withoutTokens)
	}
	token, err := textMember("token", members["token"])
	if err != nil {
		answer.unread = err
		return answer
	}
	// No output holds a signature, not even when asked to repeat it.
	if signature := token[strings.LastIndexByte(token, '.')+1:]; has && len(signature) >= 16 && holds(id, signature) {
		return lineAnswer{unread: errors.New("id holds the token: want another name for the line")}
	}
	verifier, unusable, err := j.verifier(members)
	switch {
	case err != nil:
		answer.unread = err
	case unusable != nil:
		answer.err = unusable
	default:
		_, answer.err = verifier.Verify(context.Background(), token)
	}
	return answer
}

// holds reports whether a text stands in JSON, escaped or not.
func holds(document []byte, text string) (found bool) {
	shownJSON(document, func(s string) string {
		found = found || strings.Contains(s, text)
		return s
	})
	return found
}

// verifier returns the verifier of a line: that of the settings, if the line has none
// of its own. unusable is the error of a key set without usable key; err means that
// the line cannot be read, or lacks something.
func (j *lineJudge) verifier(members map[string]json.RawMessage) (v *jwtverify.Verifier, unusable, err error) {
	s, own := j.settings, false
	if raw, has := members["issuer"]; has {
		own = true
		if s.issuer, err = textMember("issuer", raw); err != nil {
			return nil, nil, err
		}
	}
	if raw, has := members["audience"]; has {
		own = true
		if s.audiences, err = textsMember("audience", raw); err != nil {
			return nil, nil, err
		}
	}
	if raw, has := members["jwks"]; has {
		own = true
		set, err := j.keySet(raw)
		if err != nil {
			return nil, nil, err
		}
		if unusable = set.err; unusable == nil {
			s.keys = set.keys
		} else if s.keys == nil {
			s.keys = anyKeys
		}
	}
	if raw, has := members["now"]; has {
		own = true
		now, err := instant("now", raw)
		if err != nil {
			return nil, nil, err
		}
		s.now = func() time.Time { return now }
	}
	if raw, has := members["leeway"]; has {
		own = true
		if s.leeway, err = leeway("leeway", raw); err != nil {
			return nil, nil, err
		}
	}
	if !own {
		return j.shared, nil, j.incomplete
	}
	// Also for an unusable set: it is no excuse for a line without issuer.
	v, err = s.verifier()
	return v, unusable, err
}

const (
	maxKeySets     = 4       // that a worker remembers
	maxKeySetBytes = 1 << 20 // of their text: more than ParseKeySet takes, with escapes
)

// keySet parses a jwks, or remembers it: in a file each line often has the same.
func (j *lineJudge) keySet(raw json.RawMessage) (*parsedSet, error) {
	if set := j.sets[string(raw)]; set != nil {
		return set, nil
	}
	text, err := textMember("jwks", raw)
	if err != nil {
		return nil, err
	}
	set := &parsedSet{}
	set.keys, err = jwtverify.ParseKeySet([]byte(text))
	if err == nil && set.keys.Len() == 0 {
		err = errors.New("no key of the set is usable for RS256")
	}
	if err != nil {
		set.err = &jwtverify.KeysUnavailableError{RetryAfter: time.Second, Reason: "failing", Err: err}
	}
	if len(raw) > maxKeySetBytes {
		return set, nil
	}
	if j.sets == nil || len(j.sets) == maxKeySets {
		j.sets = make(map[string]*parsedSet, maxKeySets)
	}
	j.sets[string(raw)] = set
	return set, nil
}

// The members of a line by type. encoding/json would take null for any of them.

func textMember(name string, raw json.RawMessage) (text string, err error) {
	if len(raw) == 0 {
		return "", fmt.Errorf("no %s", name)
	}
	if raw[0] != '"' || json.Unmarshal(raw, &text) != nil {
		return "", fmt.Errorf("%s is not a string", name)
	}
	return text, nil
}

func textsMember(name string, raw json.RawMessage) ([]string, error) {
	if raw[0] == '"' {
		text, err := textMember(name, raw)
		return []string{text}, err
	}
	var list []json.RawMessage
	if raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
		return nil, fmt.Errorf("%s is neither a string nor a list of strings", name)
	}
	texts := make([]string, 0, len(list))
	for _, element := range list {
		text, err := textMember("an element of "+name, element)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, nil
}

// The end of the year 9999, as for the times in a token.
const maxSeconds = 253402300799

// instant reads Unix seconds. A decimal fraction is read to the nanosecond: exp is
// compared exactly, and a float64 is off by 100 ns in our time.
func instant(name string, raw json.RawMessage) (time.Time, error) {
	value, err := number(name, raw)
	if err != nil {
		return time.Time{}, err
	}
	if value < -maxSeconds || value > maxSeconds {
		return time.Time{}, fmt.Errorf("%s is beyond the year 9999, want seconds since 1970", name)
	}
	whole, fraction, _ := strings.Cut(string(raw), ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.ContainsAny(fraction, "eE") {
		// An exponent, as of a float64 that was printed: exact as such.
		whole, fraction := math.Modf(value)
		return time.Unix(int64(whole), int64(fraction*1e9)), nil
	}
	nanos, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	if raw[0] == '-' {
		nanos = -nanos
	}
	return time.Unix(seconds, nanos), nil
}

func number(name string, raw json.RawMessage) (value float64, err error) {
	if c := raw[0]; c != '-' && (c < '0' || c > '9') {
		return 0, fmt.Errorf("%s is not a number", name)
	}
	if value, err = strconv.ParseFloat(string(raw), 64); err != nil {
		return 0, fmt.Errorf("%s is out of range", name)
	}
	return value, nil
}

// leeway reads seconds, 0 meaning none.
func leeway(name string, raw json.RawMessage) (time.Duration, error) {
	seconds, err := number(name, raw)
	if err != nil {
		return 0, err
	}
	if seconds < 0 || seconds > 1e6 {
		return 0, fmt.Errorf("%s is out of range: want 0 to 600 seconds", name)
	}
	if d := time.Duration(seconds * float64(time.Second)); d > 0 {
		return d, nil
	}
	return -1, nil // to Config 0 means the default
}
