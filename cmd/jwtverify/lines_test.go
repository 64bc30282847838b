package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/inorder"
	"example.com/jwtverify/internal/issuer"
)

func encodeSegment(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// object is a line of JSON.
func object(t testing.TB, members map[string]any) string {
	t.Helper()
	line, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(line)
}

func answer(id any, v verdict, class string) string {
	return fmt.Sprintf(`{"id":%v,"verdict":"%s","error":"%s"}`+"\n", id, v, class)
}

func TestLines(t *testing.T) {
	f := newFixture(t)
	good, expired := f.mint(t), f.mintExpired(t)
	other := f.mint(t, issuer.Claims{"iss": "https://b.test", "aud": []string{"b"}})
	exp := time.Now().Add(time.Hour).Unix()
	timed := f.mint(t, issuer.Claims{"exp": exp})
	halfPast := f.mint(t, issuer.Claims{"exp": json.Number(fmt.Sprintf("%d.5", exp))})
	jwks := string(f.JWKS())
	own := func(members ...any) string {
		all := map[string]any{"token": good}
		for i := 0; i < len(members); i += 2 {
			all[members[i].(string)] = members[i+1]
		}
		return object(t, all)
	}
	number := func(format string, args ...any) json.RawMessage { return json.RawMessage(fmt.Sprintf(format, args...)) }

	for _, test := range []struct {
		name string
		line string
		want string
	}{
		{"a good token", good, answer(1, accepted, "")},
		{"an expired token", expired, answer(1, rejected, "expired")},
		{"a token is not cleaned", "Bearer " + good, answer(1, rejected, "malformed")},
		{"a CR before the line end is part of it", good + "\r", answer(1, accepted, "")},
		{"a blank line", "", answer(1, none, "")},
		{"a line of white space", " \t", answer(1, none, "")},
		{"an object with a token alone", own(), answer(1, accepted, "")},
		{"an object behind space", " " + own(), answer(1, accepted, "")},
		{"an id that is a text", own("id", "a/b"), answer(`"a/b"`, accepted, "")},
		{"an id that is an object is compacted", `{"id": {"a": [1, 2]}, "token":"x"}`, answer(`{"a":[1,2]}`, rejected, "malformed")},
		{"an id that is null", own("id", nil), answer("null", accepted, "")},
		{"an id is as it came", `{"id":1.50e1,"token":"x"}`, answer("1.50e1", rejected, "malformed")},
		{"an id that holds the token is not repeated", own("id", good), answer(1, none, "")},
		{"an unknown member is ignored", own("why", "x"), answer(1, accepted, "")},
		{"names are compared exactly", own("Audience", "x", "ISSUER", "x", "tokeN", "x"), answer(1, accepted, "")},
		{"no token", `{"id":7,"Token":"x"}`, answer(7, none, "")},
		{"a token that is a number", own("id", 7, "token", 1), answer(7, none, "")},
		{"a token that is null", own("token", nil), answer(1, none, "")},
		{"a token that is empty is one", own("token", ""), answer(1, rejected, "malformed")},
		{"bad JSON", `{"id":7,"token":"x"`, answer(1, none, "")},
		{"two objects", own() + own(), answer(1, none, "")},
		{"an issuer and an audience of its own", own("token", other, "issuer", "https://b.test", "audience", "b"), answer(1, accepted, "")},
		{"an audience list of its own", own("token", other, "issuer", "https://b.test", "audience", []string{"a", "b"}), answer(1, accepted, "")},
		{"the settings' audience with an issuer of its own", own("token", other, "issuer", "https://b.test"), answer(1, rejected, "audience")},
		{"an issuer that is a number", own("issuer", 1), answer(1, none, "")},
		{"an issuer that is null", own("issuer", nil), answer(1, none, "")},
		{"an issuer that is empty", own("issuer", ""), answer(1, none, "")},
		{"an audience that is a number", own("audience", 1), answer(1, none, "")},
		{"an audience list with a number", own("audience", []any{testAudience, 1}), answer(1, none, "")},
		{"an audience list that is empty", own("audience", []any{}), answer(1, none, "")},
		{"an audience that is null", own("audience", nil), answer(1, none, "")},
		{"keys of its own", own("jwks", jwks), answer(1, accepted, "")},
		{"keys that are no set", own("jwks", "x"), answer(1, undetermined, "keys_unavailable")},
		{"keys that are an empty set", own("jwks", `{"keys":[]}`), answer(1, undetermined, "keys_unavailable")},
		{"keys that are no set do not matter to a token that is not signed", own("jwks", "x", "token", withHeader(good, `{"alg":"none"}`)), answer(1, rejected, "unsupported")},
		{"nor to one that is none", own("jwks", `{"keys":[]}`, "token", "x"), answer(1, rejected, "malformed")},
		{"keys that are an object", own("jwks", json.RawMessage(jwks)), answer(1, none, "")},
		{"no issuer is worse than no keys", own("jwks", "x", "issuer", ""), answer(1, none, "")},
		{"a time before exp", own("token", timed, "now", exp-1, "leeway", 0), answer(1, accepted, "")},
		{"exp itself, no leeway", own("token", timed, "now", exp, "leeway", 0), answer(1, rejected, "expired")},
		{"a nanosecond before exp", own("token", timed, "now", number("%d.999999999", exp-1), "leeway", 0), answer(1, accepted, "")},
		{"less than a nanosecond before exp", own("token", timed, "now", number("%d.99999999999999999999", exp-1), "leeway", 0), answer(1, accepted, "")},
		{"before an exp with a fraction", own("token", halfPast, "now", number("%d.499999999", exp), "leeway", 0), answer(1, accepted, "")},
		{"at an exp with a fraction", own("token", halfPast, "now", number("%d.5", exp), "leeway", 0), answer(1, rejected, "expired")},
		{"a time with an exponent", own("token", timed, "now", number("%de-1", 10*exp+5), "leeway", 0), answer(1, rejected, "expired")},
		{"the settings' leeway", own("token", timed, "now", exp+59), answer(1, accepted, "")},
		{"the settings' leeway is over", own("token", timed, "now", exp+60), answer(1, rejected, "expired")},
		{"a leeway of its own", own("token", timed, "now", exp+299, "leeway", 300), answer(1, accepted, "")},
		{"a leeway with a fraction", own("token", timed, "now", exp+1, "leeway", 1.5), answer(1, accepted, "")},
		{"a leeway too small to count is none", own("token", timed, "now", exp, "leeway", 1e-12), answer(1, rejected, "expired")},
		{"a leeway that is too long", own("leeway", 601), answer(1, none, "")},
		{"a leeway that is far too long", own("leeway", 1e300), answer(1, none, "")},
		{"a leeway that is negative", own("leeway", -1), answer(1, none, "")},
		{"a leeway that is a text", own("leeway", "1s"), answer(1, none, "")},
		{"a time that is a text", own("now", "1"), answer(1, none, "")},
		{"a time before 1970", own("now", -1.5), answer(1, accepted, "")},
		{"a time in milliseconds", own("now", exp*1000), answer(1, none, "")},
		{"a time beyond any number", own("now", number("1e999")), answer(1, none, "")},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(test.line+"\n"), f.flags("--lines")...)
			if got.stdout != test.want {
				t.Errorf("got  %swant %s%s", got.stdout, test.want, got.stderr)
			}
		})
	}
}

func TestInstantsAreExact(t *testing.T) {
	for text, want := range map[string]time.Time{
		"0":                    time.Unix(0, 0),
		"-0.5":                 time.Unix(0, -500_000_000),
		"-1.25":                time.Unix(-1, -250_000_000),
		"1750000000.123456789": time.Unix(1_750_000_000, 123_456_789),
		"17500000005e-1":       time.Unix(1_750_000_000, 500_000_000),
		"1.75E9":               time.Unix(1_750_000_000, 0),
		"253402300799":         time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		if got, err := instant(json.RawMessage(text)); err != nil || !got.Equal(want) {
			t.Errorf("%s: got %v (%v), want %v", text, got, err, want)
		}
	}
}

func TestExitCodeOfLines(t *testing.T) {
	f := newFixture(t)
	good, bad := f.mint(t), "x"
	undecided := object(t, map[string]any{"token": good, "jwks": "x"})
	for _, test := range []struct {
		name  string
		lines []string
		code  verdict
		count string
	}{
		{"no lines", nil, accepted, "0 lines"},
		{"all accepted", []string{good, good}, accepted, "2 accepted, 0 rejected, 0 undetermined, 0 unreadable"},
		{"some undetermined", []string{good, undecided}, undetermined, "1 accepted, 0 rejected, 1 undetermined, 0 unreadable"},
		{"some rejected", []string{undecided, bad, good}, rejected, "1 accepted, 1 rejected, 1 undetermined, 0 unreadable"},
		{"some unreadable", []string{undecided, bad, good, ""}, none, "1 accepted, 1 rejected, 1 undetermined, 1 unreadable (first: line 4: empty)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdin string
			for _, line := range test.lines {
				stdin += line + "\n"
			}
			got := f.run(t, nil, strings.NewReader(stdin), f.flags("--lines")...)
			got.check(t, test.code, "", test.count)
			if n := strings.Count(got.stdout, "\n"); n != len(test.lines) {
				t.Errorf("%d lines out for %d in", n, len(test.lines))
			}
		})
	}
}

func TestSettingsWithLines(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	whole := object(t, map[string]any{"token": good, "issuer": testIssuer, "audience": testAudience, "jwks": string(f.JWKS())})
	keyless := object(t, map[string]any{"token": good, "issuer": testIssuer, "audience": testAudience})
	for _, test := range []struct {
		name   string
		flags  []string
		env    map[string]string
		stdin  string
		code   verdict
		stderr string
	}{
		{"lines that bring all need none", nil, nil, whole, accepted, ""},
		{"a bare token without settings", nil, nil, good, none, "line 1: no issuer is set (config-domain-missing)"},
		{"a line that lacks the keys", nil, nil, keyless, none, "line 1: nothing says where the keys are"},
		{"the keys from the settings, the rest from the line", []string{"--jwks-file", f.jwks}, nil, keyless, accepted, ""},
		{"the audience alone is missing", []string{"--jwks-file", f.jwks, "--issuer", testIssuer}, nil, good, none, "config-audience-missing"},
		{"an issuer without metadata, and lines that bring keys", []string{"--issuer", "accounts.example"}, nil, whole, accepted, ""},
		{"an issuer over http, and lines that bring keys", []string{"--issuer", "http://a.test"}, nil, whole, accepted, ""},
		{"an issuer over http that would be asked", []string{"--issuer", "http://a.test", "--audience", "a"}, nil, good, none, "config-insecure-url"},
		{"what is there must be right: the domain", nil, map[string]string{"AUTHACTION_DOMAIN": "a/"}, whole, none, "config-domain-form"},
		{"what is there must be right: the audience", f.flags("--audience", "\xff")[1:], nil, whole, none, "--audience[1]"},
		{"what is there must be right: the leeway", []string{"--leeway", "1h"}, nil, whole, none, "--leeway is"},
		{"- is stdin", f.flags("-")[1:], nil, good, accepted, ""},
		{"no token as argument", f.flags(good)[1:], nil, "", none, "--lines reads stdin alone"},
		{"no token file", f.flags("--token-file", f.jwks)[1:], nil, "", none, "--lines reads stdin alone"},
		{"no claims", f.flags("--claims")[1:], nil, "", none, "do not go together"},
	} {
		t.Run(test.name, func(t *testing.T) {
			f.run(t, test.env, strings.NewReader(test.stdin), append([]string{"verify", "--lines"}, test.flags...)...).
				check(t, test.code, "", test.stderr)
		})
	}
}

func TestAnswersComeInOrder(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	kinds := []struct {
		line string
		v    verdict
		want string
	}{
		{f.mint(t), accepted, ""},
		{"x", rejected, "malformed"},
		{"", none, ""},
		{f.mintExpired(t), rejected, "expired"},
		{object(t, map[string]any{"token": f.mint(t), "jwks": string(f.JWKS())}), accepted, ""},
		{object(t, map[string]any{"token": "x", "jwks": "x"}), undetermined, "keys_unavailable"},
	}
	var stdin, want bytes.Buffer
	for i := range 20 * inorder.BatchLines {
		kind := kinds[i*i%7%len(kinds)]
		end := "\n"
		if i%3 == 0 {
			end = "\r\n"
		}
		stdin.WriteString(kind.line + end)
		want.WriteString(answer(i+1, kind.v, kind.want))
	}
	// The last line need not have an end.
	stdin.WriteString("x")
	want.WriteString(answer(20*inorder.BatchLines+1, rejected, "malformed"))

	for name, in := range map[string]io.Reader{
		"as it comes":     bytes.NewReader(stdin.Bytes()),
		"in small pieces": &pieces{data: stdin.Bytes(), size: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.run(t, nil, in, f.flags("--lines")...)
			if got.stdout == want.String() {
				return
			}
			gotLines, wantLines := strings.Split(got.stdout, "\n"), strings.Split(want.String(), "\n")
			for i := range min(len(gotLines), len(wantLines)) {
				if gotLines[i] != wantLines[i] {
					t.Fatalf("line %d: got %s, want %s", i+1, gotLines[i], wantLines[i])
				}
			}
			t.Fatalf("got %d lines, want %d", len(gotLines), len(wantLines))
		})
	}
}

// pieces reads some bytes at a time.
type pieces struct {
	data []byte
	size int
}

func (p *pieces) Read(buf []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	n := copy(buf, p.data[:min(p.size, len(p.data))])
	p.data = p.data[n:]
	return n, nil
}

func TestLongLines(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	long := strings.Repeat("a", inorder.MaxLine)
	for _, test := range []struct {
		name  string
		stdin string
		want  []string
	}{
		{"the longest", long + "\n" + good, []string{answer(1, rejected, "malformed"), answer(2, accepted, "")}},
		{"the longest with CRLF", long + "\r\n" + good, []string{answer(1, rejected, "malformed"), answer(2, accepted, "")}},
		{"the longest without end", long, []string{answer(1, rejected, "malformed")}},
		{"the longest with a CR for an end", long + "\r", []string{answer(1, rejected, "malformed")}},
		{"one byte too long", long + "a\n" + good, []string{answer(1, none, ""), answer(2, accepted, "")}},
		{"one byte too long with CRLF", long + "a\r\n" + good, []string{answer(1, none, ""), answer(2, accepted, "")}},
		{"one byte too long without end", long + "a", []string{answer(1, none, "")}},
		{"twice too long", long + long + "\n" + good, []string{answer(1, none, ""), answer(2, accepted, "")}},
		{"two in turn", long + "a\n" + long + "a\n" + good, []string{answer(1, none, ""), answer(2, none, ""), answer(3, accepted, "")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := f.run(t, nil, strings.NewReader(test.stdin), f.flags("--lines")...)
			if want := strings.Join(test.want, ""); got.stdout != want {
				t.Errorf("got\n%swant\n%s", got.stdout, want)
			}
		})
	}
}

func TestALineOfAnyLengthIsSkippedInBoundedMemory(t *testing.T) {
	f := newFixture(t)
	const size = 128 << 20
	stdin := io.MultiReader(io.LimitReader(letters{}, size), strings.NewReader("\n"+f.mint(t)+"\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := f.run(t, nil, stdin, f.flags("--lines")...)
	runtime.ReadMemStats(&after)
	if want := answer(1, none, "") + answer(2, accepted, ""); got.stdout != want {
		t.Errorf("got\n%swant\n%s", got.stdout, want)
	}
	// All that was ever allocated, whether still held or not.
	if used := after.TotalAlloc - before.TotalAlloc; used > size/4 {
		t.Errorf("%d bytes allocated for a line of %d", used, size)
	}
}

// letters never ends, and has no line end.
type letters struct{}

func (letters) Read(buf []byte) (int, error) {
	for i := range buf {
		buf[i] = 'a'
	}
	return len(buf), nil
}

// short is an endless input of short lines that counts what was taken of it.
type short struct{ taken atomic.Int64 }

func (s *short) Read(buf []byte) (int, error) {
	if s.taken.Load() > 1<<30 {
		return 0, errors.New("the run takes in without end")
	}
	n := len(buf) &^ 1
	for i := 0; i < n; i += 2 {
		buf[i], buf[i+1] = 'x', '\n'
	}
	s.taken.Add(int64(n))
	return n, nil
}

// A stuckWriter blocks until it is released, and fails then.
type stuckWriter chan struct{}

func (w stuckWriter) Write([]byte) (int, error) {
	<-w
	return 0, errClosedPipe
}

func TestAWriterThatWaitsStopsTheReader(t *testing.T) {
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		in, out := &short{}, make(stuckWriter)
		code := make(chan int, 1)
		go func() {
			code <- run(f.flags("--lines"), noEnv, in, out, io.Discard)
		}()
		synctest.Wait() // until nobody can go on
		batches := int64(inorder.Batches())
		if taken, limit := in.taken.Load(), batches*2*inorder.BatchLines+2*inorder.ReadBuffer; taken > limit {
			t.Errorf("%d bytes were read while nothing was written, want at most %d", taken, limit)
		}
		close(out)
		if got := <-code; got != int(none) {
			t.Errorf("exit code is %d after a write error, want %d", got, none)
		}
		// The bubble fails if a goroutine is left.
	})
}

func noEnv(string) string { return "" }

var errClosedPipe = errors.New("write |1: broken pipe")

// A brokenPipe takes some writes, then none.
type brokenPipe struct{ good int }

func (w *brokenPipe) Write(data []byte) (int, error) {
	if w.good == 0 {
		return 0, errClosedPipe
	}
	w.good--
	return len(data), nil
}

func TestAWriteErrorEndsTheRun(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		name string
		in   func(release chan struct{}) io.Reader
	}{
		{"while there is more to read", func(chan struct{}) io.Reader { return &short{} }},
		{"while a read waits", func(release chan struct{}) io.Reader {
			return io.MultiReader(strings.NewReader(strings.Repeat("x\n", 10*inorder.BatchLines)), waiting(release))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var stderr bytes.Buffer
				code := run(f.flags("--lines"), noEnv, test.in(release), &brokenPipe{good: 3}, &stderr)
				if code != int(none) || !strings.Contains(stderr.String(), "writing the verdicts: "+errClosedPipe.Error()) {
					t.Errorf("got exit %d, %q; want %d and the error", code, stderr.String(), none)
				}
				close(release)
				// The bubble fails if a goroutine is left.
			})
		})
	}
}

// waiting is an input that is silent until it ends.
type waiting chan struct{}

func (w waiting) Read([]byte) (int, error) {
	<-w
	return 0, io.EOF
}

func TestAReadErrorEndsTheRun(t *testing.T) {
	f := newFixture(t)
	in := io.MultiReader(strings.NewReader("x\n"+f.mint(t)[:100]), brokenReader{})
	got := f.run(t, nil, in, f.flags("--lines")...)
	got.check(t, none, "", "reading stdin after line 1: broken")
	if want := answer(1, rejected, "malformed"); got.stdout != want {
		t.Errorf("got %q, want %q: half a line is none", got.stdout, want)
	}
}

func TestAGrowingInputIsAnsweredAtOnce(t *testing.T) {
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		in, feed := io.Pipe()
		var out bytes.Buffer
		done := make(chan int)
		go func() { done <- run(f.flags("--lines"), noEnv, in, &out, io.Discard) }()
		for i, piece := range []string{"x\n", "x\nx\nx", "\n"} {
			feed.Write([]byte(piece))
			synctest.Wait()
			if got, want := strings.Count(out.String(), "\n"), []int{1, 3, 4}[i]; got != want {
				t.Errorf("%d answers after piece %d, want %d", got, i+1, want)
			}
		}
		feed.Close()
		if code := <-done; code != int(rejected) {
			t.Errorf("exit code is %d, want %d", code, rejected)
		}
	})
}

func TestProgressIsForTerminals(t *testing.T) {
	var out bytes.Buffer
	quiet := &summary{started: time.Now().Add(-time.Minute), w: &out}
	quiet.add(7, tally{})
	if out.Len() > 0 {
		t.Errorf("progress without a terminal: %q", out.String())
	}
	loud := &summary{started: time.Now().Add(-time.Minute), w: &out, terminal: true}
	loud.add(7, tally{})
	loud.add(7, tally{}) // within the same second
	if got := out.String(); !strings.HasPrefix(got, "\r7 lines, ") || strings.Count(got, "\r") != 1 {
		t.Errorf("progress is %q, want that of 7 lines, once", got)
	}
	loud.end()
	if got := out.String(); !strings.Contains(got, "\r\x1b[K14 lines in ") {
		t.Errorf("the summary does not replace the progress: %q", got)
	}
}

// Whatever the number of key sets in the input, a worker remembers a few.
func TestKeySetsAreRememberedInBounds(t *testing.T) {
	f := newFixture(t)
	j := &lineJudge{}
	text := func(i int) json.RawMessage {
		raw, _ := json.Marshal(strings.Repeat(" ", i) + string(f.JWKS()))
		return raw
	}
	var sets []jwtverify.KeySource
	for i := range 3 * maxKeySets {
		set, err := j.keySet(text(i))
		if _, usable := set.(*jwtverify.KeySet); err != nil || !usable {
			t.Fatalf("set %d: %v (%v)", i, set, err)
		}
		again, _ := j.keySet(text(i))
		if again != set {
			t.Errorf("set %d is parsed twice in a row", i)
		}
		if len(j.sets) > maxKeySets {
			t.Fatalf("%d sets are remembered, want at most %d", len(j.sets), maxKeySets)
		}
		if slices.Contains(sets, set) {
			t.Errorf("set %d is taken for another", i)
		}
		sets = append(sets, set)
	}
	huge, _ := json.Marshal(strings.Repeat("a", maxKeySetBytes))
	if _, err := j.keySet(huge); err != nil || j.sets[string(huge)] != nil {
		t.Errorf("a set of %d bytes is remembered (%v)", len(huge), err)
	}
}

func TestPublicCorpus(t *testing.T) {
	t.Parallel()
	for name, cases := range map[string]int{"public": 623, "key-forms": 7} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join("..", "..", "..", "shared", "corpus", name+".jsonl")
			corpus, err := os.ReadFile(path)
			if err != nil {
				t.Skipf("the public corpus is not here: %v", err)
			}
			checkCorpus(t, corpus, cases)
		})
	}
}

func checkCorpus(t *testing.T, corpus []byte, want int) {
	f := newFixture(t)
	type judged struct {
		ID, Why, Token, Expect, Class string
		Also                          []string
	}
	var cases []judged
	for line := range bytes.Lines(corpus) {
		var c judged
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
		f.tokens = append(f.tokens, c.Token)
	}
	if len(cases) != want {
		t.Errorf("got %d cases, want %d", len(cases), want)
	}
	got := f.run(t, nil, bytes.NewReader(corpus), "verify", "--lines")
	code := accepted
	if slices.ContainsFunc(cases, func(c judged) bool { return c.Expect != "accept" }) {
		code = rejected
	}
	got.check(t, code, "", "0 unreadable")
	answers := bufio.NewScanner(strings.NewReader(got.stdout))
	for _, c := range cases {
		var a struct{ ID, Verdict, Error string }
		if !answers.Scan() || json.Unmarshal(answers.Bytes(), &a) != nil || a.ID != c.ID {
			t.Fatalf("the answer to %s is %q", c.ID, answers.Text())
		}
		classes := append(c.Also, c.Class)
		wantVerdict, class := "rejected", a.Error
		switch {
		case c.Expect == "accept":
			wantVerdict, classes = "accepted", []string{""}
		case class == "keys_unavailable":
			wantVerdict, class = "undetermined", "no_usable_keys"
		}
		if a.Verdict != wantVerdict || !slices.Contains(classes, class) && !slices.Contains(classes, "any") {
			t.Errorf("%s (%s): got %s %s, want %s %q", c.ID, c.Why, a.Verdict, class, c.Expect, classes)
		}
	}
	if answers.Scan() {
		t.Errorf("an answer to nothing: %s", answers.Text())
	}
}

// BenchmarkLines is the price of a bare token on one core; compare BenchmarkVerify.
func BenchmarkLines(b *testing.B) {
	f := newFixture(b)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	line := []byte(f.mint(b) + "\n")
	in := &repeated{line: line, left: b.N}
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	b.ResetTimer()
	if code := run(f.flags("--lines"), noEnv, in, io.Discard, io.Discard); code != 0 {
		b.Fatalf("exit code %d", code)
	}
}

type repeated struct {
	line, rest []byte
	left       int
}

func (r *repeated) Read(buf []byte) (n int, err error) {
	for n < len(buf) {
		if len(r.rest) == 0 {
			if r.left == 0 {
				if n == 0 {
					return 0, io.EOF
				}
				return n, nil
			}
			r.left--
			r.rest = r.line
		}
		m := copy(buf[n:], r.rest)
		n, r.rest = n+m, r.rest[m:]
	}
	return n, nil
}

func BenchmarkVerify(b *testing.B) {
	f := newFixture(b)
	v, err := jwtverify.New(jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}, Keys: jwtverify.FileKeySource(f.jwks)})
	if err != nil {
		b.Fatal(err)
	}
	token := f.mint(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
