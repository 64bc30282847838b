package jwtverify_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/jwtverify"
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
