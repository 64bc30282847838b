package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/inorder"
	"example.com/jwtverify/internal/numericdate"
	"example.com/jwtverify/internal/screen"
)

// A lineJudge judges lines; each worker has its own.
type lineJudge struct {
	settings   settings
	shared     *jwtverify.Verifier // of the settings alone; nil: incomplete says why
	incomplete error
	sets       map[string]jwtverify.KeySource // by the JSON text of jwks
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
	for number, text := range b.Lines() {
		answer := lineAnswer{unread: errTooLong}
		if text != nil {
			answer = j.line(text)
		}
		v := none
		if answer.unread == nil {
			v, answer.class = judge(answer.err)
		} else if b.Sum.unread == nil {
			b.Sum.unread, b.Sum.unreadAt = answer.unread, number
		}
		b.Sum.verdicts[v]++
		b.Answers = answer.append(b.Answers, number, v)
	}
}

var errTooLong = fmt.Errorf("longer than %d bytes", inorder.MaxLine)

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
		answer.id = screen.JSON(id, screen.WithoutTokens)
	}
	token, err := value[string](members["token"], "a string")
	if err != nil {
		answer.unread = fmt.Errorf("token %w", err)
		return answer
	}
	// No output holds a signature, not even when asked to repeat it.
	if signature := token[strings.LastIndexByte(token, '.')+1:]; has && len(signature) >= 16 && holds(id, signature) {
		return lineAnswer{unread: errors.New("id holds the token: want another name for the line")}
	}
	verifier, err := j.verifier(members)
	if err != nil {
		answer.unread = err
		return answer
	}
	_, answer.err = verifier.Verify(context.Background(), token)
	return answer
}

// holds reports whether a text stands in JSON, escaped or not.
func holds(document []byte, text string) (found bool) {
	screen.JSON(document, func(s string) string {
		found = found || strings.Contains(s, text)
		return s
	})
	return found
}

// verifier returns the verifier of a line: that of the settings, if the line has none
// of its own. The error means that the line cannot be read, or lacks something.
func (j *lineJudge) verifier(members map[string]json.RawMessage) (v *jwtverify.Verifier, err error) {
	s, own := j.settings, false
	read := func(name string, set func(raw json.RawMessage) error) {
		if raw, has := members[name]; has && err == nil {
			own, err = true, set(raw)
			if err != nil {
				err = fmt.Errorf("%s %w", name, err)
			}
		}
	}
	read("issuer", func(raw json.RawMessage) (err error) { s.issuer, err = value[string](raw, "a string"); return err })
	read("audience", func(raw json.RawMessage) (err error) {
		if raw[0] == '[' {
			s.audiences, err = value[[]string](raw, "a list of strings")
			return err
		}
		audience, err := value[string](raw, "a string or a list of strings")
		s.audiences = []string{audience}
		return err
	})
	read("jwks", func(raw json.RawMessage) (err error) { s.keys, err = j.keySet(raw); return err })
	read("now", func(raw json.RawMessage) error {
		now, err := instant(raw)
		s.now = func() time.Time { return now }
		return err
	})
	read("leeway", func(raw json.RawMessage) error {
		seconds, err := value[float64](raw, "a number")
		if err == nil && (seconds < 0 || seconds > 1e6) {
			err = errors.New("is out of range: want 0 to 600 seconds")
		}
		if s.leeway = time.Duration(seconds * float64(time.Second)); s.leeway == 0 {
			s.leeway = -1 // to Config 0 means the default
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !own:
		return j.shared, j.incomplete
	}
	return s.verifier()
}

const (
	maxKeySets     = 4       // that a worker remembers
	maxKeySetBytes = 1 << 20 // of their text: more than ParseKeySet takes, with escapes
)

// keySet parses a jwks, or remembers it: in a file each line often has the same. Keys that
// cannot be used are a source that fails, so that a token which needs none is judged all
// the same.
func (j *lineJudge) keySet(raw json.RawMessage) (jwtverify.KeySource, error) {
	if keys := j.sets[string(raw)]; keys != nil {
		return keys, nil
	}
	text, err := value[string](raw, "a string")
	if err != nil {
		return nil, err
	}
	var keys jwtverify.KeySource
	set, err := jwtverify.ParseKeySet([]byte(text))
	if keys = set; err != nil || set.Len() == 0 {
		keys = jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return set, err })
	}
	if len(raw) > maxKeySetBytes {
		return keys, nil
	}
	if j.sets == nil || len(j.sets) == maxKeySets {
		j.sets = make(map[string]jwtverify.KeySource, maxKeySets)
	}
	j.sets[string(raw)] = keys
	return keys, nil
}

// value reads a member of a line. encoding/json would take null for anything.
func value[T any](raw json.RawMessage, kind string) (v T, err error) {
	switch {
	case raw == nil:
		err = errors.New("is missing")
	case string(raw) == "null" || json.Unmarshal(raw, &v) != nil:
		err = errors.New("is not " + kind)
	}
	return v, err
}

// instant reads Unix seconds, rounded down to the nanosecond: exp is compared exactly.
func instant(raw json.RawMessage) (time.Time, error) {
	if _, err := value[float64](raw, "a number"); err != nil {
		return time.Time{}, err
	}
	// Parse rounds up.
	negative, wasNegative := strings.CutPrefix(string(raw), "-")
	if !wasNegative {
		negative = "-" + negative
	}
	mirrored, ok := numericdate.Parse(negative)
	if !ok {
		return time.Time{}, errors.New("is beyond the year 9999, want seconds since 1970")
	}
	return time.Unix(-mirrored.Unix(), -int64(mirrored.Nanosecond())), nil
}
