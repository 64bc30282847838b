// Package stored keeps a copy of an issuer's keys in a file. The file can make any key
// trusted, so it is written as a whole, and read only if nobody else can have changed it.
package stored

import (
	"fmt"
	"path/filepath"
	"time"

	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/safefile"
)

// MaxAhead is how far the time of a copy may be ahead of the clock, which may have been set
// back since.
const MaxAhead = 5 * time.Minute

// Save replaces the copy, so that no reader sees half of it. source names the source of the
// keys, and at is the time at which they were valid.
func Save(path, source string, keys []jwk.Key, at time.Time) error {
	data, err := jwk.MarshalStored(keys, jwk.Stored{Saved: at.UTC().Format(time.RFC3339), Source: source})
	if err != nil {
		return err
	}
	if err := safefile.CheckLinks(filepath.Dir(path)); err != nil {
		return err
	}
	return safefile.Write(path, data)
}

// Load reads the copy of a source, and the time at which its keys were valid. The error
// begins with the path.
func Load(path, source string) (set *jwk.Set, at time.Time, err error) {
	if err := safefile.CheckLinks(path); err != nil {
		return nil, at, err
	}
	data, info, err := safefile.Read(path, jwk.MaxBytes)
	if err != nil {
		return nil, at, err
	}
	if err := safefile.CheckOwner(info); err != nil {
		return nil, at, fmt.Errorf("%s %w", path, err)
	}
	if set, err = jwk.Parse(data); err != nil {
		return nil, at, fmt.Errorf("%s %w", path, err)
	}
	saved := set.Stored
	at, err = time.Parse(time.RFC3339, saved.Saved)
	switch {
	case saved.Source != source:
		return nil, at, fmt.Errorf("%s is a copy of the keys of %s, want those of %s: give each source a Path of its own", path, quote.Text(saved.Source, 200), quote.Text(source, 200))
	case err != nil || at.Unix() <= 0:
		return nil, at, fmt.Errorf("%s: \"saved\" is %s, want the time when it was saved", path, quote.Text(saved.Saved, 64))
	case at.After(time.Now().Add(MaxAhead)):
		return nil, at, fmt.Errorf("%s was saved in the future, at %s: check the clock", path, saved.Saved)
	}
	return set, at, nil
}
