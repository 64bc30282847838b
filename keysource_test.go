package jwtverify_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
	"example.com/jwtverify/internal/jwk/jwktest"
)

// pemOf is a public key as the file of an engineer has it.
func pemOf(t *testing.T, n int) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&testKey(t, n).PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func TestFileKeySource(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("target", jwkSet(t, 1)), link); err != nil {
		t.Fatal(err)
	}
	set := jwkSet(t, 1)
	for name, test := range map[string]struct{ path, want string }{
		"a JWK Set":                {write("set.json", jwkSet(t, 1)), ""},
		"a JWK":                    {write("key.json", marshal(t, jwkOf(&testKey(t, 0).PublicKey, "key-0"))), ""},
		"PEM":                      {write("key.pem", pemOf(t, 0)), ""},
		"a symbolic link":          {link, ""},
		"512 KiB":                  {write("full", strings.Repeat(" ", 512<<10-len(set))+set), ""},
		"512 KiB and a byte":       {write("over", set+strings.Repeat(" ", 512<<10+1-len(set))), "has 524289 bytes, and may not be larger than 524288 bytes"},
		"a file that is not there": {filepath.Join(dir, "none"), "no such file"},
		"a folder":                 {dir, "not a regular file"},
		"a device that never ends": {"/dev/zero", "not a regular file"},
		"an empty file":            {write("empty", ""), "is empty"},
		"half a JWK Set":           {write("half", set[:len(set)/2]), "not valid JSON"},
		"PEM of indented lines":    {write("yaml.pem", strings.ReplaceAll(pemOf(t, 0), "\n", "\n  ")), ""},
		"PEM in UTF-16":            {write("utf16.pem", strings.Join(strings.Split(pemOf(t, 0), ""), "\x00")+"\x00"), ""},
		"a byte order mark":        {write("mark.json", "\ufeff"+set), "starts with a byte order mark"},
		"half a PEM block":         {write("halfpem", pemOf(t, 0)[:200]), "cut off or damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := jwtverify.FileKeySource(test.path).Keys(t.Context())
			switch {
			case test.want == "" && (err != nil || got.Len() != 1):
				t.Errorf("got error %v, want one key", err)
			case test.want != "" && (err == nil || got != nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.path)):
				t.Errorf("got error %v, want one with the path and %q", err, test.want)
			}
		})
	}
}

// A file is replaced in the ways that people and Kubernetes replace files.
func TestFileIsReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	one, two := jwkSet(t, 1), jwkSet(t, 2)
	synctest.Test(t, func(t *testing.T) {
		write(path, one)
		cache := &jwtverify.Cache{Source: jwtverify.FileKeySource(path)}
		expect := func(when string, keys int, healthy bool) {
			t.Helper()
			for range 2 { // the first look at a set that is due starts the reading
				if _, err := cache.Keys(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			if stats := cache.Stats(); stats.Keys != keys || (stats.Err == nil) != healthy {
				t.Errorf("%s: got %d keys, error %v, want %d keys, healthy %v", when, stats.Keys, stats.Err, keys, healthy)
			}
			time.Sleep(10 * time.Second)
		}
		expect("at first", 1, true)

		write(path+".new", two)
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		expect("after a rename", 2, true)

		write(path, one[:len(one)-10])
		expect("half written", 2, false)
		write(path, one)
		expect("wholly written", 1, true)

		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		expect("removed", 1, false)

		// A volume of Kubernetes: the file is a link to ..data/keys.json, and
		// ..data a link to a folder, which is swapped by a rename.
		for name, content := range map[string]string{"v1": one, "v2": two} {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
			write(filepath.Join(dir, name, "keys.json"), content)
		}
		for _, link := range [][2]string{{"v1", "..data"}, {"..data/keys.json", "keys.json"}, {"v2", "..data_tmp"}} {
			if err := os.Symlink(link[0], filepath.Join(dir, link[1])); err != nil {
				t.Fatal(err)
			}
		}
		expect("a link", 1, true)
		if err := os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		expect("the link swapped", 2, true)
	})
}

func TestPermissionDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, []byte(jwkSet(t, 1)), 0o000); err != nil {
		t.Fatal(err)
	}
	if _, err := jwtverify.FileKeySource(path).Keys(t.Context()); !errors.Is(err, os.ErrPermission) {
		t.Errorf("got error %v, want os.ErrPermission", err)
	}
}

// A fixedAnswer is a source that returns what it is told to.
type fixedAnswer struct {
	set *jwtverify.KeySet
	err error
}

func (a *fixedAnswer) Keys(context.Context) (*jwtverify.KeySet, error) { return a.set, a.err }

// A stored copy names its keys as the source did.
func TestAStoredCopyKeepsTheNamesOfCertificates(t *testing.T) {
	live := &fixedAnswer{set: parseSet(t, jwktest.Set(jwkText(t, 0, "kid", "", "x5t", `"a"`), jwkText(t, 1, "x5t#S256", `"b"`)))}
	stored := jwtverify.StoredKeySource{Source: live, Path: filepath.Join(t.TempDir(), "keys.json"), Name: "test"}
	if _, err := stored.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	live.set, live.err = nil, errors.New("down")
	set, _ := stored.Keys(t.Context())
	if set.Len() != 2 {
		t.Fatalf("got %d keys from the copy, want 2", set.Len())
	}
	verifier := newVerifier(t, jwtverify.Config{Keys: jwtverify.KeySourceFunc(func(context.Context) (*jwtverify.KeySet, error) { return stored.Keys(t.Context()) })})
	for n, header := range []map[string]any{{"alg": "RS256", "x5t": "a"}, {"alg": "RS256", "x5t#S256": "b"}, {"alg": "RS256", "kid": "key-1"}} {
		if _, err := verifier.Verify(t.Context(), sign(t, min(n, 1), header, goodClaims())); err != nil {
			t.Errorf("header %v: %v", header, err)
		}
	}
}

func TestStoredKeySource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	live := &fixedAnswer{set: testSet(t, 2)}
	var saving error
	stored := jwtverify.StoredKeySource{Source: live, Path: path, OnError: func(err error) { saving = err }}
	if set, err := stored.Keys(t.Context()); err != nil || set.Len() != 2 || saving != nil {
		t.Fatalf("got error %v, saving %v, want two keys", err, saving)
	}

	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	saved, err := time.Parse(time.RFC3339, fmt.Sprint(file["saved"]))
	if err != nil || time.Since(saved).Abs() > time.Minute || !strings.HasSuffix(fmt.Sprint(file["saved"]), "Z") {
		t.Errorf("saved is %v, want the time of now in UTC", file["saved"])
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, want 0600", info.Mode())
	}
	if set, err := jwtverify.ParseKeySet(data); err != nil || !slices.Equal(kids(set), []string{"key-0", "key-1"}) {
		t.Errorf("the file is no JWK Set of the two keys: %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, want the file alone", entries)
	}

	down := errors.New("down")
	live.set, live.err = nil, down
	set, err := stored.Keys(t.Context())
	if !errors.Is(err, down) || set == nil || set.Len() != 2 {
		t.Errorf("down: got error %v, want the copy and the source's error", err)
	}

	ec, err := jwtverify.ParseKeySet([]byte(`{"keys":[{"kty":"EC"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	live.set, live.err = ec, nil
	if set, err := stored.Keys(t.Context()); err == nil || set != nil {
		t.Errorf("no usable key: got %v, error %v, want an error and no copy", set, err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, data) {
		t.Errorf("the copy was changed by a set without usable key (%v)", err)
	}

	stored.Path = filepath.Join(path, "not-a-folder", "keys.json")
	live.set, live.err = testSet(t, 1), nil
	if set, err := stored.Keys(t.Context()); err != nil || set.Len() != 1 || saving == nil {
		t.Errorf("cannot save: got error %v, OnError %v, want the set, and OnError called", err, saving)
	}
	live.set, live.err = nil, down
	if set, err := stored.Keys(t.Context()); !errors.Is(err, down) || set != nil || !strings.Contains(err.Error(), "stored copy") {
		t.Errorf("down and no copy: got %v, error %v, want both errors", set, err)
	}
}

// What a failed save wrote beside the file is taken away again.
func TestAFailedSaveLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	if err := os.Mkdir(path, 0o700); err != nil { // nothing can be renamed to it
		t.Fatal(err)
	}
	var saving error
	stored := jwtverify.StoredKeySource{Source: testSet(t, 1), Path: path, OnError: func(err error) { saving = err }}
	if set, err := stored.Keys(t.Context()); err != nil || set.Len() != 1 || saving == nil {
		t.Errorf("got error %v, OnError %v, want the set, and OnError called", err, saving)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, want what was there before", entries)
	}
}

// storedCopy is the file of a StoredKeySource with one key; saved is JSON.
func storedCopy(t *testing.T, saved string) string {
	t.Helper()
	return strings.TrimSuffix(jwkSet(t, 1), "}") + `,"saved":` + saved + `}`
}

func TestStoredCopyIsDistrusted(t *testing.T) {
	now := time.Now().UTC()
	at := func(when time.Time) string { return `"` + when.Format(time.RFC3339) + `"` }
	for name, test := range map[string]struct {
		content string
		mode    os.FileMode
		owner   int
		want    string // in the error; "" is taken
	}{
		"a good copy":               {storedCopy(t, at(now)), 0o600, 0, ""},
		"others may read":           {storedCopy(t, at(now)), 0o644, 0, ""},
		"saved 4 minutes ahead":     {storedCopy(t, at(now.Add(4*time.Minute))), 0o600, 0, ""},
		"saved 6 minutes ahead":     {storedCopy(t, at(now.Add(6*time.Minute))), 0o600, 0, "in the future"},
		"group may write":           {storedCopy(t, at(now)), 0o620, 0, "can be written by group or others"},
		"others may write":          {storedCopy(t, at(now)), 0o602, 0, "can be written by group or others"},
		"another user's":            {storedCopy(t, at(now)), 0o600, 12345, "belongs to another user"},
		"a set without time":        {jwkSet(t, 1), 0o600, 0, `"saved" is ""`},
		"a time that is none":       {storedCopy(t, `"yesterday"`), 0o600, 0, `"saved" is "yesterday"`},
		"a time that is a number":   {storedCopy(t, `1`), 0o600, 0, `"saved" is ""`},
		"saved twice":               {storedCopy(t, at(now)+`,"saved":`+at(now)), 0o600, 0, "twice"},
		"half a copy":               {storedCopy(t, at(now))[:100], 0o600, 0, "not valid JSON"},
		"a copy without usable key": {`{"keys":[],"saved":` + at(now) + `}`, 0o600, 0, "empty"},
		"larger than 512 KiB":       {storedCopy(t, at(now)) + strings.Repeat(" ", 512<<10), 0o600, 0, "larger than"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keys.json")
			if err := os.WriteFile(path, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, test.mode); err != nil {
				t.Fatal(err)
			}
			if test.owner != 0 {
				if os.Geteuid() != 0 {
					t.Skip("only root may give a file away")
				}
				if err := os.Chown(path, test.owner, -1); err != nil {
					t.Fatal(err)
				}
			}
			set, err := jwtverify.StoredKeySource{Source: &fixedAnswer{err: errors.New("down")}, Path: path}.Keys(t.Context())
			switch {
			case test.want == "" && (set == nil || set.Len() != 1):
				t.Errorf("got error %v, want the copy", err)
			case test.want != "" && (set != nil || err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, error %v, want an error with %q", set, err, test.want)
			}
		})
	}
}

// A function around a source may pass on its error and lose its set.
func TestAPartialAnswerWithoutKeysIsAFailedOne(t *testing.T) {
	empty, err := jwtverify.ParseKeySet([]byte(`{"keys":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	down := errors.New("down")
	for name, left := range map[string]*jwtverify.KeySet{"nothing": nil, "an empty set": empty} {
		t.Run(name, func(t *testing.T) {
			partial := jwtverify.FallbackKeySource{Primary: &fixedAnswer{err: down}, Secondary: testSet(t, 1)}
			around := jwtverify.KeySourceFunc(func(ctx context.Context) (*jwtverify.KeySet, error) {
				_, err := partial.Keys(ctx)
				return left, err
			})
			set, err := jwtverify.FallbackKeySource{Primary: around, Secondary: &fixedAnswer{err: down}}.Keys(t.Context())
			if set != nil || !errors.Is(err, down) {
				t.Errorf("got %v, error %v, want the error alone", set, err)
			}
		})
	}
}

func TestFallbackKeySource(t *testing.T) {
	one, two := testSet(t, 1), testSet(t, 2)
	empty, err := jwtverify.ParseKeySet([]byte(`{"keys":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	first, second := errors.New("first is down"), errors.New("second is down")
	for name, test := range map[string]struct {
		primary, secondary fixedAnswer
		keys               int
		errs               []error
	}{
		"both good":                      {fixedAnswer{one, nil}, fixedAnswer{two, nil}, 1, nil},
		"primary fails":                  {fixedAnswer{nil, first}, fixedAnswer{two, nil}, 2, []error{first}},
		"primary fails beside a set":     {fixedAnswer{one, first}, fixedAnswer{two, nil}, 2, []error{first}},
		"both fail":                      {fixedAnswer{nil, first}, fixedAnswer{nil, second}, 0, []error{first, second}},
		"primary empty":                  {fixedAnswer{empty, nil}, fixedAnswer{two, nil}, 2, []error{nil}},
		"primary returns nothing":        {fixedAnswer{nil, nil}, fixedAnswer{two, nil}, 2, []error{nil}},
		"primary fails, secondary empty": {fixedAnswer{nil, first}, fixedAnswer{empty, nil}, 0, []error{first}},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := jwtverify.FallbackKeySource{Primary: &test.primary, Secondary: &test.secondary}.Keys(t.Context())
			got := 0
			if set != nil {
				got = set.Len()
			}
			if got != test.keys || (err != nil) != (test.errs != nil) {
				t.Errorf("got %d keys, error %v, want %d keys, errors %v", got, err, test.keys, test.errs)
			}
			for _, want := range test.errs {
				if want != nil && !errors.Is(err, want) {
					t.Errorf("error %v is not %v", err, want)
				}
			}
		})
	}
}

// A stored copy inside a fallback, and the other way round: the best of what there
// is, and every error.
func TestWrappersInWrappers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	live := &fixedAnswer{set: testSet(t, 2)}
	stored := jwtverify.StoredKeySource{Source: live, Path: path}
	if _, err := stored.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	down, alsoDown := errors.New("down"), errors.New("also down")
	live.set, live.err = nil, down

	set, err := jwtverify.FallbackKeySource{Primary: stored, Secondary: &fixedAnswer{err: alsoDown}}.Keys(t.Context())
	if set == nil || set.Len() != 2 || !errors.Is(err, down) || !errors.Is(err, alsoDown) {
		t.Errorf("fallback of stored: got %v, error %v, want the copy and both errors", set, err)
	}
	inner := jwtverify.FallbackKeySource{Primary: testSet(t, 1), Secondary: live}
	set, err = jwtverify.FallbackKeySource{Primary: inner, Secondary: live}.Keys(t.Context())
	if set == nil || set.Len() != 1 || err != nil {
		t.Errorf("fallback of fallback: got %v, error %v, want the innermost set", set, err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	fallback := jwtverify.FallbackKeySource{Primary: live, Secondary: testSet(t, 1)}
	set, err = jwtverify.StoredKeySource{Source: fallback, Path: path}.Keys(t.Context())
	if set == nil || set.Len() != 1 || !errors.Is(err, down) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("stored of fallback: got %v, error %v, want the fallback's set and both errors", set, err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Error("a fallback's set was stored as if it were the source's")
	}
}

// An empty secondary beside a primary that is down is a failure of the source, not an
// empty set: the copy serves.
func TestStoredCopyServesForAFailedFallback(t *testing.T) {
	empty, err := jwtverify.ParseKeySet([]byte(`{"keys":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	live := &fixedAnswer{set: testSet(t, 2)}
	stored := jwtverify.StoredKeySource{
		Source: jwtverify.FallbackKeySource{Primary: live, Secondary: &fixedAnswer{set: empty}},
		Path:   filepath.Join(t.TempDir(), "keys.json"),
	}
	if _, err := stored.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	live.set, live.err = nil, errors.New("down")
	if set, err := stored.Keys(t.Context()); set == nil || set.Len() != 2 || !errors.Is(err, live.err) {
		t.Errorf("got %v, error %v, want the copy and the source's error", set, err)
	}
}

func TestSourcesTakeANilContext(t *testing.T) {
	var none context.Context
	web := source(func(*http.Request) (*http.Response, error) { return reply(200, jwkSet(t, 1)), nil })
	for name, keys := range map[string]jwtverify.KeySource{
		"HTTPKeySource":     web,
		"FallbackKeySource": jwtverify.FallbackKeySource{Primary: web, Secondary: testSet(t, 1)},
		"StoredKeySource":   jwtverify.StoredKeySource{Source: web, Path: filepath.Join(t.TempDir(), "keys.json")},
		"Cache":             &jwtverify.Cache{Source: web},
	} {
		if set, err := keys.Keys(none); err != nil || set.Len() != 1 {
			t.Errorf("%s: got error %v, want the set", name, err)
		}
	}
	down := jwtverify.DiscoveryKeySource{Issuer: "https://i.example", Client: &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("down")
	})}}
	if _, err := down.Keys(none); err == nil {
		t.Error("DiscoveryKeySource: got no error, want the transport's")
	}
}

// A transportFunc answers requests in memory.
type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// reply makes an answer with header lines such as "Age: 5".
func reply(status int, body string, header ...string) *http.Response {
	response := &http.Response{
		StatusCode:    status,
		Header:        http.Header{},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		response.Header.Add(name, value)
	}
	return response
}

func source(f transportFunc) jwtverify.HTTPKeySource {
	return jwtverify.HTTPKeySource{URL: "https://issuer.example/keys", Client: &http.Client{Transport: f}}
}

func kids(set *jwtverify.KeySet) (ids []string) {
	for key := range set.All() {
		ids = append(ids, key.ID())
	}
	return ids
}

// Each source that has an address checks it, by New and by itself.
func TestAddressRules(t *testing.T) {
	for address, want := range map[string]string{ // "" is accepted
		"https://issuer.example/keys":        "",
		"http://127.0.0.1/keys":              "",
		"":                                   "is empty",
		"http://issuer.example/keys":         "use https",
		"https://user:secret@host/keys":      "user name or password",
		"https://issuer.example:port/secret": "is not a URL",
	} {
		config := jwtverify.Config{Issuer: testIssuer, Audiences: []string{testAudience}}
		for name, keys := range map[string]jwtverify.KeySource{
			"HTTPKeySource.URL":                              jwtverify.HTTPKeySource{URL: address},
			"a pointer: HTTPKeySource.URL":                   &jwtverify.HTTPKeySource{URL: address},
			"FallbackKeySource.Primary: HTTPKeySource.URL":   jwtverify.FallbackKeySource{Primary: jwtverify.HTTPKeySource{URL: address}, Secondary: testSet(t, 1)},
			"FallbackKeySource.Secondary: HTTPKeySource.URL": jwtverify.FallbackKeySource{Primary: testSet(t, 1), Secondary: jwtverify.HTTPKeySource{URL: address}},
			"StoredKeySource.Source: HTTPKeySource.URL":      jwtverify.StoredKeySource{Source: jwtverify.HTTPKeySource{URL: address}, Path: "x"},
			"Cache.Source: HTTPKeySource.URL":                &jwtverify.Cache{Source: jwtverify.HTTPKeySource{URL: address}},
		} {
			config.Keys = keys
			_, err := jwtverify.New(config)
			switch {
			case want == "" && err != nil:
				t.Errorf("%s %q: %v", name, address, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
				t.Errorf("%s %q: got error %v, want one with %q", name, address, err, want)
			case want != "" && strings.Contains(err.Error(), "secret"):
				t.Errorf("%s: the error shows a secret: %v", name, err)
			}
			if want == "" {
				continue
			}
			// Without New the source refuses by itself.
			if _, err := keys.Keys(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %q: Keys: got error %v, want one with %q", name, address, err, want)
			}
		}
	}
}

// What the source was given reaches the request, and no cookie does.
func TestHTTPRequest(t *testing.T) {
	var got *http.Request
	keys := source(func(r *http.Request) (*http.Response, error) {
		got = r
		return reply(200, jwkSet(t, 1)), nil
	})
	keys.URL += "?tenant=a"
	keys.Header = http.Header{"Authorization": {"Bearer x"}}
	jar := &countingJar{}
	keys.Client.Jar = jar
	if _, err := keys.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Method != "GET" || got.URL.String() != "https://issuer.example/keys?tenant=a" || got.Header.Get("Authorization") != "Bearer x" || got.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("got %s %s with header %v", got.Method, got.URL, got.Header)
	}
	if jar.calls != 0 || len(keys.Header) != 1 {
		t.Errorf("the cookie jar was used %d times, the caller's Header is %v", jar.calls, keys.Header)
	}
}

// What a transport or a server puts into an error is cut, and made one line.
func TestHTTPErrorsAreShort(t *testing.T) {
	long := strings.Repeat("x", 250)
	for name, transport := range map[string]transportFunc{
		"an address to redirect to that is none": func(*http.Request) (*http.Response, error) {
			return reply(302, "", "Location: https://[::1?token=SECRET"+long), nil
		},
		"a long error of the transport": func(*http.Request) (*http.Response, error) { return nil, errors.New(long + "SECRET") },
		"an error of two lines":         func(*http.Request) (*http.Response, error) { return nil, errors.New("one\ntwo") },
		"a long name that stands twice": func(*http.Request) (*http.Response, error) {
			return reply(200, `{"`+long+`SECRET":1,"`+long+`SECRET":1}`), nil
		},
	} {
		set, err := source(transport).Keys(t.Context())
		if set != nil || err == nil || len(err.Error()) > 300 || strings.Contains(err.Error(), "SECRET") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want a short error without what the server sent", name, err)
		}
	}
}

type countingJar struct {
	http.CookieJar
	calls int
}

// What an answer must be, and what the error says if it is something else.
func TestHTTPAnswers(t *testing.T) {
	good := jwkSet(t, 1)
	for name, test := range map[string]struct {
		response *http.Response
		want     string // in the error; "" is accepted
	}{
		"a key set":                  {reply(200, good), ""},
		"a key set called text/html": {reply(200, good, "Content-Type: text/html"), ""},
		"a login page":               {reply(200, "\n<!DOCTYPE html><p>SECRET"), "got HTML, not a key set"},
		"text, called HTML":          {reply(200, "SECRET please log in", "Content-Type: text/html; charset=utf-8"), "got HTML, not a key set"},
		"half a key set":             {reply(200, good[:len(good)/2]), "not valid JSON"},
		"nothing":                    {reply(200, ""), "empty"},
		"null":                       {reply(200, "null"), "begins with"},
		"a list":                     {reply(200, "[]"), "is an array"},
		"PEM":                        {reply(200, pemOf(t, 0)), "is PEM, which is taken from a file"},
		"PEM behind a mark":          {reply(200, "\ufeff"+pemOf(t, 0)), "is PEM, which is taken from a file"},
		"a byte order mark":          {reply(200, "\ufeff"+good), "starts with a byte order mark"},
		"another document":           {reply(200, `{"issuer":"x"}`), `no "keys" array`},
		"status 304, not asked for":  {reply(304, ""), "status 304"},
		"status 404":                 {reply(404, "SECRET"), "status 404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			keys := source(func(*http.Request) (*http.Response, error) { requests++; return test.response, nil })
			keys.URL += "?key=SECRET"
			set, err := keys.Keys(t.Context())
			switch {
			case test.want == "" && (err != nil || !slices.Equal(kids(set), []string{"key-0"})):
				t.Errorf("got error %v, want the set", err)
			case test.want != "" && (err == nil || set != nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "GET https://issuer.example/keys:")):
				t.Errorf("got error %v, want one with the address and %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "SECRET"):
				t.Errorf("the error shows the query or the body: %v", err)
			}
			if requests != 1 {
				t.Errorf("%d requests, want 1", requests)
			}
		})
	}
}

func TestHTTPStopsReadingAtTheLimit(t *testing.T) {
	good := jwkSet(t, 1)
	answer := func(size int) jwtverify.HTTPKeySource {
		return source(func(*http.Request) (*http.Response, error) {
			response := reply(200, good+strings.Repeat(" ", size-len(good)))
			response.ContentLength = -1
			return response, nil
		})
	}
	if set, err := answer(512 << 10).Keys(t.Context()); err != nil || set.Len() != 1 {
		t.Errorf("524,288 bytes: got error %v, want the set", err)
	}
	if _, err := answer(512<<10 + 1).Keys(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than 524288 bytes") {
		t.Errorf("a byte more: got error %v", err)
	}
}

// The interval that Cache-Control asks for shows in when the set is fetched again:
// within 0.8 to 1 times of it.
func TestCacheControl(t *testing.T) {
	const m = time.Minute
	for name, test := range map[string]struct {
		header []string
		want   time.Duration
	}{
		"no Cache-Control":          {nil, 5 * m},
		"max-age":                   {[]string{"Cache-Control: max-age=200"}, 200 * time.Second},
		"less Age":                  {[]string{"Cache-Control: max-age=400", "Age: 200"}, 200 * time.Second},
		"Age larger than max-age":   {[]string{"Cache-Control: max-age=200", "Age: 700"}, m},
		"max-age too small":         {[]string{"Cache-Control: max-age=0"}, m},
		"max-age too large":         {[]string{"Cache-Control: max-age=86400"}, 5 * m},
		"max-age beyond any number": {[]string{"Cache-Control: max-age=99999999999999999999"}, 5 * m},
	} {
		t.Run(name, func(t *testing.T) {
			body := jwkSet(t, 1)
			synctest.Test(t, func(t *testing.T) {
				fetches := 0
				cache := &jwtverify.Cache{Source: source(func(*http.Request) (*http.Response, error) {
					fetches++
					return reply(200, body, test.header...), nil
				})}
				look := func() {
					if _, err := cache.Keys(t.Context()); err != nil {
						t.Fatal(err)
					}
					synctest.Wait()
				}
				look()
				time.Sleep(test.want*8/10 - time.Millisecond)
				look()
				if fetches != 1 {
					t.Errorf("%d fetches before 0.8 times %v, want 1", fetches, test.want)
				}
				time.Sleep(test.want*2/10 + time.Millisecond)
				look()
				if fetches != 2 {
					t.Errorf("%d fetches after %v, want 2", fetches, test.want)
				}
			})
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		header   string
		min, max time.Duration
	}{
		"seconds":  {"Retry-After: 40", 40 * time.Second, 40 * time.Second},
		"a date":   {"Retry-After: Sat, 01 Jan 2000 00:00:40 GMT", 40 * time.Second, time.Minute},
		"an hour":  {"Retry-After: 3600", time.Minute, time.Minute},
		"nonsense": {"Retry-After: soon", time.Second, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // it begins at 2000-01-01 00:00:00
				cache := &jwtverify.Cache{Source: source(func(*http.Request) (*http.Response, error) {
					return reply(503, "", test.header), nil
				})}
				_, err := cache.Keys(t.Context())
				var unavailable *jwtverify.KeysUnavailableError
				if !errors.As(err, &unavailable) || unavailable.RetryAfter < test.min || unavailable.RetryAfter > test.max {
					t.Errorf("got %v, want RetryAfter %v to %v", err, test.min, test.max)
				}
			})
		})
	}
}

// A 304 is asked for with the ETag of the set in use, and only by a scheduled fetch;
// a tag that is not fit to be sent back is forgotten.
func TestETag(t *testing.T) {
	for tag, want := range map[string]string{
		`"v1"`:  `"v1"`,
		"":      "",
		`"a b"`: "",
	} {
		body := jwkSet(t, 1)
		synctest.Test(t, func(t *testing.T) {
			var asked []string
			cache := &jwtverify.Cache{Source: source(func(r *http.Request) (*http.Response, error) {
				asked = append(asked, r.Header.Get("If-None-Match"))
				if r.Header.Get("Cache-Control") != "no-cache" {
					t.Errorf("got header %v, want no-cache", r.Header)
				}
				if r.Header.Get("If-None-Match") != "" {
					return reply(304, ""), nil
				}
				return reply(200, body, "ETag: "+tag), nil
			})}
			for range 3 {
				if _, err := cache.Keys(t.Context()); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				time.Sleep(5 * time.Minute)
			}
			if !slices.Equal(asked, []string{"", want, want}) {
				t.Errorf("tag %q: asked with %q, want %q after the first", tag, asked, want)
			}
			if stats := cache.Stats(); stats.Err != nil || stats.Keys != 1 {
				t.Errorf("tag %q: got %+v, want one key", tag, stats)
			}
		})
	}
}

// discovery answers for issuers in memory: metadata and key sets by address.
func discovery(documents map[string]string, requests *[]*http.Request) *http.Client {
	return &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
		*requests = append(*requests, r)
		if document, ok := documents[r.URL.String()]; ok {
			return reply(200, document), nil
		}
		return reply(404, ""), nil
	})}
}

func TestDiscovery(t *testing.T) {
	keys := jwkSet(t, 1)
	const openid, oauth = "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"
	metadata := func(issuer, uri string) string {
		return marshal(t, map[string]any{"issuer": issuer, "jwks_uri": uri, "x": 1})
	}
	for name, test := range map[string]struct {
		issuer    string
		documents map[string]string
		want      string // in the error; "" is accepted
	}{
		"OpenID Connect": {"https://i.example", map[string]string{
			"https://i.example" + openid: metadata("https://i.example", "https://i.example/keys"),
			"https://i.example/keys":     keys,
		}, ""},
		"an issuer with a path": {"https://i.example/t/1", map[string]string{
			"https://i.example/t/1" + openid: metadata("https://i.example/t/1", "https://keys.example/keys"),
			"https://keys.example/keys":      keys,
		}, ""},
		"an issuer with a final slash": {"https://i.example/", map[string]string{
			"https://i.example" + openid: metadata("https://i.example/", "https://i.example/keys"),
			"https://i.example/keys":     keys,
		}, ""},
		"RFC 8414, where OpenID is not found": {"https://i.example/t/1", map[string]string{
			"https://i.example" + oauth + "/t/1": metadata("https://i.example/t/1", "https://i.example/keys"),
			"https://i.example/keys":             keys,
		}, ""},
		"neither":                                      {"https://i.example", nil, "oauth-authorization-server: got status 404"},
		"metadata of another issuer":                   {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example/", "https://i.example/keys")}, `issuer is "https://i.example/", want "https://i.example"`},
		"metadata without issuer":                      {"https://i.example", map[string]string{"https://i.example" + openid: `{"jwks_uri":"https://i.example/keys"}`}, `issuer is "", want`},
		"metadata without jwks_uri":                    {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example"}`}, "jwks_uri is empty"},
		"a jwks_uri that is no string":                 {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example","jwks_uri":1}`}, `"jwks_uri" is a number, want a string`},
		"a jwks_uri twice":                             {"https://i.example", map[string]string{"https://i.example" + openid: `{"issuer":"https://i.example","jwks_uri":"https://a","jwks_uri":"https://b"}`}, "twice"},
		"a jwks_uri over http":                         {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example", "http://i.example/keys")}, "use https"},
		"an https issuer, keys at localhost over http": {"https://i.example", map[string]string{"https://i.example" + openid: metadata("https://i.example", "http://localhost/keys")}, "want https as the issuer"},
		"an issuer on loopback": {"http://127.0.0.1:81", map[string]string{
			"http://127.0.0.1:81" + openid: metadata("http://127.0.0.1:81", "http://127.0.0.1:81/keys"),
			"http://127.0.0.1:81/keys":     keys,
		}, ""},
		"HTML": {"https://i.example", map[string]string{"https://i.example" + openid: "<html>"}, "not valid JSON"},
		"a byte order mark": {"https://i.example", map[string]string{
			"https://i.example" + openid: "\ufeff" + metadata("https://i.example", "https://i.example/keys"),
		}, "the metadata starts with a byte order mark, want UTF-8 without one"},
		"UTF-16": {"https://i.example", map[string]string{
			"https://i.example" + openid: "\xff\xfe" + strings.Join(strings.Split(metadata("https://i.example", "https://i.example/keys"), ""), "\x00") + "\x00",
		}, "the metadata is in UTF-16, want UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			var requests []*http.Request
			set, err := jwtverify.DiscoveryKeySource{Issuer: test.issuer, Client: discovery(test.documents, &requests)}.Keys(t.Context())
			switch {
			case test.want == "" && (err != nil || set.Len() != 1):
				t.Errorf("got error %v, want the set", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
	for _, issuer := range []string{"", "http://i.example", "https://i.example?x", "https://i.example#x", "i.example"} {
		_, err := jwtverify.New(jwtverify.Config{Issuer: "x", Audiences: []string{"x"}, Keys: jwtverify.DiscoveryKeySource{Issuer: issuer}})
		if err == nil || !strings.Contains(err.Error(), "DiscoveryKeySource.Issuer") {
			t.Errorf("issuer %q: got error %v, want one that names the field", issuer, err)
		}
	}
}

func TestDiscoverySendsHeaderToTheIssuerOnly(t *testing.T) {
	for uri, want := range map[string]bool{
		"https://i.example/keys":      true,
		"https://I.example/keys":      true,
		"https://i.example:444/keys":  false,
		"https://keys.example/keys":   false,
		"https://i.example.evil/keys": false,
	} {
		var requests []*http.Request
		keys := jwtverify.DiscoveryKeySource{
			Issuer: "https://i.example",
			Client: discovery(map[string]string{
				"https://i.example/.well-known/openid-configuration": marshal(t, map[string]any{"issuer": "https://i.example", "jwks_uri": uri}),
				uri: jwkSet(t, 1),
			}, &requests),
			Header: http.Header{"Authorization": {"Bearer secret"}},
		}
		if _, err := keys.Keys(t.Context()); err != nil {
			t.Fatal(err)
		}
		if requests[0].Header.Get("Authorization") == "" {
			t.Error("the issuer itself did not get the Header")
		}
		if got := requests[1].Header.Get("Authorization") != ""; got != want {
			t.Errorf("jwks_uri %s got the Header: %v, want %v", uri, got, want)
		}
	}
}

// Keys on another host that need the Header are refused for want of it: the report says so.
func TestDiscoveryTellsThatItHeldTheHeaderBack(t *testing.T) {
	const held = "without the Header, which is for the issuer's own host"
	for name, test := range map[string]struct {
		uri    string
		header http.Header
		want   bool
	}{
		"a Header, and keys on another host":     {"https://keys.example/keys", http.Header{"Authorization": {"Bearer secret"}}, true},
		"no Header, and keys on another host":    {"https://keys.example/keys", nil, false},
		"a Header, and keys on the issuer's own": {"https://i.example/keys", http.Header{"Authorization": {"Bearer secret"}}, false},
	} {
		keys := jwtverify.DiscoveryKeySource{Issuer: "https://i.example", Header: test.header, Client: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			if r.URL.String() == test.uri {
				return reply(401, ""), nil
			}
			return reply(200, marshal(t, map[string]any{"issuer": "https://i.example", "jwks_uri": test.uri})), nil
		})}}
		report := newVerifier(t, jwtverify.Config{Keys: keys}).Explain(t.Context(), sign(t, 0, goodHeader(), goodClaims()))
		if i := slices.IndexFunc(report.Checks, func(c jwtverify.Check) bool { return c.Code == "keys-status" }); i < 0 || strings.Contains(report.Checks[i].Found, held) != test.want {
			t.Errorf("%s: got %v, want keys-status, that names the Header: %v", name, report.Checks, test.want)
		}
	}
}

// The metadata is read at the first fetch, by a forced one, after a failure, and
// once a day; in between the set's own address is asked.
func TestDiscoveryReadsMetadataOnceADay(t *testing.T) {
	keys := jwkSet(t, 1)
	metadata := marshal(t, map[string]any{"issuer": "https://i.example", "jwks_uri": "https://i.example/keys"})
	unknown := sign(t, 0, map[string]any{"alg": "RS256", "kid": "unknown"}, goodClaims())
	synctest.Test(t, func(t *testing.T) {
		var paths []string
		down := false
		cache := &jwtverify.Cache{Source: jwtverify.DiscoveryKeySource{
			Issuer: "https://i.example",
			Client: &http.Client{Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				paths = append(paths, filepath.Base(r.URL.Path))
				if down {
					return nil, errors.New("down")
				}
				if r.URL.Path == "/keys" {
					return reply(200, keys, `ETag: "1"`, "Cache-Control: max-age=900"), nil
				}
				return reply(200, metadata), nil
			})},
		}}
		verifier := newVerifier(t, jwtverify.Config{Keys: cache})
		expect := func(when string, want ...string) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(paths, want) {
				t.Errorf("%s: asked for %q, want %q", when, paths, want)
			}
			paths = nil
		}
		look := func() {
			if err := verifier.Ready(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := cache.Keys(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		look()
		expect("first", "openid-configuration", "keys")
		time.Sleep(15 * time.Minute)
		look()
		expect("scheduled", "keys")
		time.Sleep(time.Second)
		if _, err := verifier.Verify(t.Context(), unknown); !errors.Is(err, jwtverify.ErrUnknownKey) {
			t.Errorf("got %v, want ErrUnknownKey", err)
		}
		expect("forced", "openid-configuration", "keys")
		time.Sleep(15 * time.Minute)
		down = true
		look()
		expect("failing", "keys")
		down = false
		time.Sleep(2 * time.Second)
		look()
		expect("after a failure", "openid-configuration", "keys")
		time.Sleep(23 * time.Hour)
		look()
		expect("after 23 hours", "keys")
		time.Sleep(time.Hour)
		look()
		expect("after a day", "openid-configuration", "keys")
	})
}
