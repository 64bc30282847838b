package fetch_test

import (
	"errors"
	"math"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify/internal/fetch"
)

func header(lines ...string) http.Header { return reply(200, "", lines...).Header }

func TestFreshFor(t *testing.T) {
	const longest = math.MaxInt32 * time.Second
	for name, test := range map[string]struct {
		header []string
		want   time.Duration // negative and no Age: nothing is said
	}{
		"no Cache-Control":            {nil, -1},
		"max-age":                     {[]string{"Cache-Control: max-age=600"}, 600 * time.Second},
		"max-age in capitals":         {[]string{"Cache-Control: public, MAX-AGE=600"}, 600 * time.Second},
		"max-age in quotes":           {[]string{`Cache-Control: max-age="600"`}, 600 * time.Second},
		"spaces around":               {[]string{"Cache-Control: public ,  max-age=600 , x"}, 600 * time.Second},
		"spaces within":               {[]string{"Cache-Control: max-age = 600"}, -1},
		"the smaller of two":          {[]string{"Cache-Control: max-age=700, max-age=600"}, 600 * time.Second},
		"the smaller of two lines":    {[]string{"Cache-Control: max-age=600", "Cache-Control: max-age=700"}, 600 * time.Second},
		"less Age":                    {[]string{"Cache-Control: max-age=800", "Age: 200"}, 600 * time.Second},
		"Age as large as max-age":     {[]string{"Cache-Control: max-age=600", "Age: 600"}, 0},
		"Age larger than max-age":     {[]string{"Cache-Control: max-age=600", "Age: 99999999999999999999"}, 600*time.Second - longest},
		"a negative Age":              {[]string{"Cache-Control: max-age=600", "Age: -5"}, 600 * time.Second},
		"Age in words":                {[]string{"Cache-Control: max-age=600", "Age: old"}, 600 * time.Second},
		"max-age of nothing":          {[]string{"Cache-Control: max-age=0"}, 0},
		"max-age of 31 bits":          {[]string{"Cache-Control: max-age=2147483647"}, longest},
		"max-age of 32 bits":          {[]string{"Cache-Control: max-age=2147483648"}, longest},
		"max-age beyond any number":   {[]string{"Cache-Control: max-age=99999999999999999999"}, longest},
		"max-age without a number":    {[]string{"Cache-Control: max-age"}, -1},
		"max-age empty":               {[]string{"Cache-Control: max-age="}, -1},
		"max-age negative":            {[]string{"Cache-Control: max-age=-600"}, -1},
		"max-age with a sign":         {[]string{"Cache-Control: max-age=+600"}, -1},
		"max-age with a fraction":     {[]string{"Cache-Control: max-age=600.5"}, -1},
		"a bad max-age before a good": {[]string{"Cache-Control: max-age=x, max-age=600"}, 600 * time.Second},
		"no-store":                    {[]string{"Cache-Control: no-store"}, 0},
		"no-cache":                    {[]string{"Cache-Control: No-Cache"}, 0},
		"no-cache for one header":     {[]string{`Cache-Control: no-cache="set-cookie"`}, 0},
		"no-cache and max-age":        {[]string{"Cache-Control: no-cache, max-age=600"}, 0},
		"max-age and no-store":        {[]string{"Cache-Control: max-age=600, no-store"}, 0},
		"s-maxage is for proxies":     {[]string{"Cache-Control: s-maxage=600"}, -1},
		"private says nothing":        {[]string{"Cache-Control: private, must-revalidate"}, -1},
		"Expires is not looked at":    {[]string{"Expires: Thu, 01 Dec 2050 16:00:00 GMT"}, -1},
	} {
		got, ok := (&fetch.Answer{Header: header(test.header...)}).FreshFor()
		if ok != (test.want != -1) || ok && got != test.want {
			t.Errorf("%s: got %v, %v, want %v", name, got, ok, test.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"40":                               40 * time.Second,
		"0":                                0,
		"1":                                time.Second,
		"3600":                             time.Hour,
		"2147483647":                       math.MaxInt32 * time.Second,
		"2147483648":                       math.MaxInt32 * time.Second,
		"99999999999999999999":             math.MaxInt32 * time.Second,
		"":                                 0,
		"-40":                              0,
		"+40":                              0,
		"4 0":                              0,
		"40.5":                             0,
		"soon":                             0,
		"Sat, 01 Jan 2000 00:00:40 GMT":    40 * time.Second,
		"Saturday, 01-Jan-00 00:00:40 GMT": 40 * time.Second,
		"Sat Jan  1 00:00:40 2000":         40 * time.Second,
		"Sat, 01 Jan 2000 00:00:00 GMT":    0,
		"Fri, 31 Dec 1999 23:59:59 GMT":    0,
		"Sat, 01 Jan 2000 00:00:40 +0000":  0,
		"Fri, 31 Dec 9999 23:59:59 GMT":    math.MaxInt64,
	} {
		synctest.Test(t, func(t *testing.T) { // it begins at 2000-01-01 00:00:00
			_, err := get(t, reply(503, "", "Retry-After: "+text))
			var refused *fetch.Refused
			later := time.Duration(0)
			if strings.HasSuffix(text, "GMT") || strings.HasSuffix(text, "2000") {
				later = dateSpread
			}
			if !errors.As(err, &refused) || refused.RetryAfter < want || refused.RetryAfter-want > later || strings.Contains(refused.Found, "Retry-After") != (want > 0) {
				t.Errorf("%q: got %+v, want %v", text, refused, want)
			}
		})
	}
}

// A date is the same for all who were told it.
const dateSpread = 30 * time.Second

func TestWhoIsToldTheSameDateComesAtAnotherMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins at 2000-01-01 00:00:00
		bySecond := map[time.Duration]int{}
		for range 3_000 {
			_, err := get(t, reply(503, "", "Retry-After: Sat, 01 Jan 2000 00:02:00 GMT"))
			var refused *fetch.Refused
			if !errors.As(err, &refused) || refused.RetryAfter < 2*time.Minute || refused.RetryAfter > 2*time.Minute+dateSpread {
				t.Fatalf("got %v, want 2 minutes, and at most %v more", err, dateSpread)
			}
			if !strings.Contains(refused.Found, "Retry-After 2m0s") {
				t.Errorf("got %q, want what the issuer has said", refused.Found)
			}
			bySecond[refused.RetryAfter.Truncate(time.Second)]++
		}
		for second, count := range bySecond {
			if count > 200 { // 100 on average
				t.Errorf("%d of 3,000 come at second %v", count, second)
			}
		}
	})
}

func TestETag(t *testing.T) {
	fill := func(length int) string { return `"` + strings.Repeat("x", length-2) + `"` }
	for tag, want := range map[string]string{
		`"v1"`: `"v1"`, `W/"v1"`: `W/"v1"`, "": "", `"!~"`: `"!~"`, "bare": "bare",
		"\"\x7f\"": "", `"a b"`: "", "\"\x01\"": "", `"é"`: "",
		fill(256): fill(256), fill(257): "",
	} {
		if got := (&fetch.Answer{Header: http.Header{"Etag": {tag}}}).ETag(); got != want {
			t.Errorf("%q: got %q, want %q", tag, got, want)
		}
	}
}

func TestMediaType(t *testing.T) {
	for line, want := range map[string]string{
		"X: y":                                     "no Content-Type",
		"Content-Type: application/json":           `"application/json"`,
		"Content-Type: text/\u0430":                `"text/\u0430"`,
		"Content-Type: " + strings.Repeat("x", 64): `"` + strings.Repeat("x", 64) + `"`,
		"Content-Type: " + strings.Repeat("x", 65): `"` + strings.Repeat("x", 64) + `"…`,
	} {
		if got := (&fetch.Answer{Header: header(line)}).MediaType(); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}

var (
	dontStore = regexp.MustCompile(`^no-(store|cache)(=|$)`)
	maxAge    = regexp.MustCompile(`^max-age="*([0-9]+)"*$`)
)

// seconds reads digits as a number of at most 31 bits.
func seconds(digits string) time.Duration {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > math.MaxInt32 {
		n = math.MaxInt32
	}
	return time.Duration(n) * time.Second
}

// Whatever a server sends in its header, times are those that another reader finds, and
// what is said of it is short and printable.
func FuzzHeader(f *testing.F) {
	for _, cacheControl := range []string{"", "public, MAX-AGE=\"600\"", "no-store=x,max-age=1", "max-age=99999999999", "s-maxage=5, max-age=-1"} {
		for _, other := range []string{"", "40", "99999999999", "Sat, 01 Jan 2000 00:00:40 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "\xff\n"} {
			f.Add(cacheControl, other)
		}
	}
	digits := regexp.MustCompile(`^[0-9]+$`)
	f.Fuzz(func(t *testing.T, cacheControl, other string) {
		answer := &fetch.Answer{Header: http.Header{"Cache-Control": {cacheControl}, "Age": {other}, "Etag": {other}, "Content-Type": {other}}}
		var ages []time.Duration
		for _, directive := range strings.Split(cacheControl, ",") {
			directive = strings.ToLower(strings.TrimSpace(directive))
			if found := maxAge.FindStringSubmatch(directive); found != nil {
				ages = append(ages, seconds(found[1]))
			} else if dontStore.MatchString(directive) {
				ages = append(ages, 0)
			}
		}
		got, ok := answer.FreshFor()
		if ok != (len(ages) > 0) {
			t.Errorf("%q: FreshFor reports %v, another reader finds %v", cacheControl, ok, ages)
		}
		if ok {
			want := slices.Min(ages)
			if digits.MatchString(other) {
				want -= seconds(other)
			}
			if got != want {
				t.Errorf("%q, Age %q: fresh for %v, want %v", cacheControl, other, got, want)
			}
		}
		if tag := answer.ETag(); tag != "" && (tag != other || len(tag) > 256 || strings.ContainsFunc(tag, func(c rune) bool { return c <= ' ' || c > '~' })) {
			t.Errorf("the ETag %q is sent back as %q", other, tag)
		}

		response := reply(503, "")
		response.Header = http.Header{"Retry-After": {other}, "Location": {other}}
		before := time.Now()
		_, err := get(t, response)
		var refused *fetch.Refused
		if !errors.As(err, &refused) {
			t.Fatalf("got %v, want a *Refused", err)
		}
		switch date, err := http.ParseTime(other); {
		case digits.MatchString(other):
			if refused.RetryAfter != seconds(other) {
				t.Errorf("Retry-After %q: got %v", other, refused.RetryAfter)
			}
		case err == nil && date.After(before):
			if wish := date.Sub(before); refused.RetryAfter-dateSpread > wish || refused.RetryAfter < wish-time.Minute {
				t.Errorf("Retry-After %q: got %v, want %v", other, refused.RetryAfter, wish)
			}
		case refused.RetryAfter != 0:
			t.Errorf("Retry-After %q: got %v, want none", other, refused.RetryAfter)
		}
		response.StatusCode, response.Body = 302, &body{Reader: strings.NewReader("")}
		_, err = get(t, response)
		for _, said := range []string{err.Error(), refused.Error(), refused.Found, answer.MediaType()} {
			if len(said) > 600 || strings.ContainsFunc(said, func(c rune) bool { return c != '…' && (c < ' ' || c > '~') }) {
				t.Errorf("%q: said %q", other, said)
			}
		}
	})
}
