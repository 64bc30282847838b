package safefile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/jwtverify/internal/safefile"
)

func write(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func symlink(t *testing.T, target, path string) string {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	four := write(t, path("four"), "1234")
	for name, test := range map[string]struct{ path, content, want string }{ // want: the error
		"an empty file":            {write(t, path("empty"), ""), "", ""},
		"a file":                   {four, "1234", ""},
		"as large as allowed":      {write(t, path("five"), "12345"), "12345", ""},
		"a byte more":              {write(t, path("six"), "123456"), "", path("six") + " has 6 bytes, and may not be larger than 5 bytes"},
		"a link":                   {symlink(t, four, path("link")), "1234", ""},
		"a link to a link":         {symlink(t, path("link"), path("links")), "1234", ""},
		"a link to what is larger": {symlink(t, path("six"), path("larger")), "", path("larger") + " has 6 bytes, and may not be larger than 5 bytes"},
		"a folder":                 {dir, "", dir + " is not a regular file (d---------)"},
		"a link to a folder":       {symlink(t, dir, path("folder")), "", path("folder") + " is not a regular file (d---------)"},
	} {
		data, info, err := safefile.Read(test.path, 5)
		switch {
		case test.want != "" && (err == nil || err.Error() != test.want || data != nil || info != nil):
			t.Errorf("%s: got %q, %v, error %v\nwant error %s", name, data, info, err, test.want)
		case test.want == "" && (err != nil || string(data) != test.content || info.Size() != int64(len(test.content)) || !info.Mode().IsRegular()):
			t.Errorf("%s: got %q, error %v, want %q", name, data, err, test.content)
		}
	}
	for name, missing := range map[string]string{"nothing": path("none"), "a link to nothing": symlink(t, path("none"), path("dangling"))} {
		if data, info, err := safefile.Read(missing, 5); !errors.Is(err, fs.ErrNotExist) || data != nil || info != nil {
			t.Errorf("%s: got %q, %v, error %v, want fs.ErrNotExist", name, data, info, err)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys.json")
	expect := func(want string) {
		t.Helper()
		data, err := os.ReadFile(path)
		if err != nil || string(data) != want {
			t.Errorf("got %q, error %v, want %q", data, err, want)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
			t.Errorf("the folder holds %v, want the file alone", entries)
		}
	}
	for _, content := range []string{"first", "", strings.Repeat("long ", 10_000), "last"} {
		if err := safefile.Write(path, []byte(content)); err != nil {
			t.Fatal(err)
		}
		expect(content)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "folder") // nothing can be renamed to it
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := safefile.Write(folder, []byte("x")); err == nil {
		t.Error("a folder: got no error")
	}
	if err := safefile.Write(filepath.Join(dir, "none", "keys.json"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, want what was there before", entries)
	}
}
