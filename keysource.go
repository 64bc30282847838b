package jwtverify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/jwtverify/internal/aside"
	"example.com/jwtverify/internal/jwk"
	"example.com/jwtverify/internal/notkeys"
	"example.com/jwtverify/internal/quote"
	"example.com/jwtverify/internal/safefile"
	"example.com/jwtverify/internal/stored"
	"example.com/jwtverify/internal/typednil"
)

// A KeySource is where the keys of an issuer come from. Keys returns the whole set.
// It is never told which kid is wanted, so that no text from a token can reach an
// address or a query. It must be safe for concurrent use and should return when ctx
// ends. The caller may keep the set.
//
// The sources of this package are values without state. They fetch each time: put
// a [Cache] around them, or let [New] do it.
type KeySource interface {
	Keys(ctx context.Context) (*KeySet, error)
}

// withOrigin returns a copy of the set with another origin.
func (s *KeySet) withOrigin(o origin) *KeySet {
	copied := *s
	copied.origin = o
	return &copied
}

// Bounds of the time between two looks at the keys.
const (
	minRefreshInterval = 10 * time.Second
	maxRefreshInterval = 24 * time.Hour
)

// WithRefreshAfter returns a copy of the set with a hint to the [Cache] to
// refresh it when it is d old. A d outside 10 seconds to 24 hours is moved to
// the nearer bound. Use it in a source of your own that knows how long its keys
// are valid. [Cache.RefreshInterval] still bounds it.
func (s *KeySet) WithRefreshAfter(d time.Duration) *KeySet {
	o := s.origin
	o.refreshAfter = min(max(d, minRefreshInterval), maxRefreshInterval)
	return s.withOrigin(o)
}

// A KeySourceFunc is a function used as a [KeySource], for a source of your own.
type KeySourceFunc func(context.Context) (*KeySet, error)

// Keys calls f.
func (f KeySourceFunc) Keys(ctx context.Context) (*KeySet, error) {
	if f == nil {
		return nil, errors.New("jwtverify: the KeySourceFunc is nil: set it to a function")
	}
	return f(ctx)
}

// checkSource returns an error if a source cannot be used, before anything is fetched.
func checkSource(source KeySource) error {
	if typednil.Is(source) {
		return errors.New("the key source is nil: set it to where the issuer's keys are")
	}
	if s, ok := source.(interface{ check() error }); ok {
		return s.check()
	}
	return nil
}

// checkInner is checkSource for a source inside another.
func checkInner(source KeySource) error {
	if _, ok := source.(*Cache); ok {
		// The outer cache would treat the inner one's answers as fresh.
		return errors.New("a *Cache inside another source: put the Cache around all of them instead")
	}
	return checkSource(source)
}

// nameOf says whose keys a source has; "" if the source does not say.
func nameOf(source KeySource) string {
	if s, ok := source.(interface{ name() string }); ok {
		return s.name()
	}
	return ""
}

// checkNames returns an error if a stored copy could not name the source of its keys.
func checkNames(source KeySource) error {
	if s, ok := source.(interface{ checkNames() error }); ok {
		return s.checkNames()
	}
	return nil
}

// neverNil replaces a nil ctx by one that never ends.
func neverNil(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// A heldSet is what the Cache tells a source about the set in use. It travels in
// the context of a scheduled fetch.
type heldSet struct {
	set    *KeySet
	failed bool // the fetch before this one failed

	// The calls of inner sources that still run, by the place of the source, such as
	// "Primary.Source." in a FallbackKeySource with a StoredKeySource.
	calls *aside.Calls
	place string // of the source that is asked
}

type heldSetKey struct{}

func heldSetOf(ctx context.Context) heldSet {
	held, _ := ctx.Value(heldSetKey{}).(heldSet)
	return held
}

// A partialError comes together with a set: the source failed, and this set is the
// best available. Only sources of this package return it. A set that another
// source returns beside an error is ignored.
type partialError struct{ err error }

func (e *partialError) Error() string { return e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

// An emptyError says that a source returned a set without a usable key.
type emptyError struct {
	error
	skipped []error // why each of its keys is not usable
}

// ask asks a source once. The answer is good (a set with a usable key), failed (an
// error), or partial (both). A set beside any error but a partialError is ignored.
func ask(ctx context.Context, source KeySource) (set *KeySet, err error) {
	defer func() {
		if p := recover(); p != nil {
			set, err = nil, fmt.Errorf("the key source panicked: %s", quote.Text(fmt.Sprint(p), 100))
		}
	}()
	set, err = source.Keys(ctx)
	err = notInvalid(err)
	var partial *partialError
	switch {
	case err != nil && !errors.As(err, &partial):
		return nil, err
	case err == nil && set == nil:
		return nil, errors.New("the key source returned neither keys nor an error")
	case err == nil && set.Len() == 0:
		return nil, &emptyError{set.noUsableKey(), set.skipped}
	case set == nil || set.Len() == 0:
		return nil, partial.err
	case err == nil && !set.origin.savedAt.IsZero():
		// A function around a StoredKeySource dropped its error. The old copy
		// must still count as a failure, or it would be fetched again at once.
		return set, &partialError{errors.New("the key source returned a stored copy without its error")}
	}
	return set, err
}

// askInside asks an inner source, and stops waiting at the time then (zero: never): a
// source that ignores its ctx must not keep the other source from answering.
func askInside(ctx context.Context, place string, source KeySource, then time.Time) (*KeySet, error) {
	held := heldSetOf(ctx)
	held.place += place
	if held.calls == nil { // no Cache is around this source
		held.calls = new(aside.Calls)
	}
	ctx = context.WithValue(ctx, heldSetKey{}, held)
	return aside.Do(held.calls, held.place, then, func() (*KeySet, error) { return ask(ctx, source) })
}

// FileKeySource is the path of a file with a JWK Set, a JWK or PEM, as [ParseKeySet]
// reads them: at most 512 KiB, a regular file or a link to one. A [Cache] reads it
// every 10 seconds while tokens come in. To replace the file, write another one
// beside it and rename that. Half a JSON file is an error, and the last good set
// stays in use, but a PEM file that was cut between two blocks looks complete.
type FileKeySource string

// Keys reads the file.
func (path FileKeySource) Keys(context.Context) (*KeySet, error) {
	if err := path.check(); err != nil {
		return nil, err
	}
	data, _, err := safefile.Read(string(path), maxKeySetBytes)
	if err != nil {
		return nil, &notkeys.Error{Code: "keys-file", Err: err}
	}
	set, err := parseKeySet(data, jwk.Parse)
	if err != nil {
		return nil, fmt.Errorf("%s: the key set %w", string(path), err)
	}
	return set.WithRefreshAfter(minRefreshInterval), nil // reading a file costs little
}

func (path FileKeySource) name() string { return "file " + string(path) }

func (path FileKeySource) check() error {
	if path == "" {
		return errors.New("FileKeySource is empty: set it to the path of a JWK Set, a JWK or PEM")
	}
	return nil
}

// FallbackKeySource asks Primary for half of the time that is left. If that fails,
// it asks Secondary in the rest: such as a file shipped with the program. The keys
// of Secondary are used until Primary answers. They never replace keys of Primary
// that may still be used, and Primary's error stays visible in [Cache.Stats].
type FallbackKeySource struct {
	Primary, Secondary KeySource
}

// Keys returns the set of Primary; or the set of Secondary together with
// Primary's error; or the errors of both.
func (s FallbackKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	ctx = neverNil(ctx)
	half, cancel, then := ctx, func() {}, time.Time{}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		half, cancel = context.WithTimeout(ctx, left/2)
		then = deadline.Add(-left / 4)
	}
	set, err := askInside(half, "Primary.", s.Primary, then)
	cancel()
	if err == nil {
		return set, nil
	}
	second, secondErr := askInside(ctx, "Secondary.", s.Secondary, time.Time{})
	if secondErr != nil {
		err = fmt.Errorf("%w; and the secondary source: %w", err, secondErr)
	}
	if second == nil {
		second = set // what Primary had beside its error
	}
	if second == nil {
		return nil, err
	}
	return second, &partialError{err}
}

// name is that of Primary, since only its answers are stored.
func (s FallbackKeySource) name() string { return nameOf(s.Primary) }

func (s FallbackKeySource) checkNames() error {
	return cmp.Or(checkNames(s.Primary), checkNames(s.Secondary))
}

func (s FallbackKeySource) check() error {
	if err := checkInner(s.Primary); err != nil {
		return fmt.Errorf("FallbackKeySource.Primary: %w", err)
	}
	if err := checkInner(s.Secondary); err != nil {
		return fmt.Errorf("FallbackKeySource.Secondary: %w", err)
	}
	return nil
}

// StoredKeySource saves each good set of Source in a file and uses the file when
// Source fails. So a process that starts while the issuer is down can verify
// tokens. The age of the copy counts from the time it was saved, so that it
// never extends [Cache.MaxStale].
//
// Whoever can write the file can make any key trusted. It is written with mode
// 0600. On Unix it is read only if it belongs to the process's user or root and
// nobody else can write it. It names its source and is refused for another one: use
// one Path for each source.
type StoredKeySource struct {
	Source KeySource
	// Name says whose keys they are, such as the issuer. [New] requires it if Source is
	// a function or a type of your own. Other sources are named by their address,
	// issuer or path.
	Name string
	// Path of the file; its directory must exist and be writable.
	Path string
	// OnError, if not nil, is called when the set could not be saved. The set
	// is used all the same. OnError may be called concurrently.
	OnError func(error)
}

// Keys returns the set of Source; or the stored set together with Source's error; or
// both errors. A set without a usable key is not saved, and the copy is not used in
// its place.
func (s StoredKeySource) Keys(ctx context.Context) (*KeySet, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	asked := time.Now()
	ctx = neverNil(ctx)
	then, _ := ctx.Deadline()
	if !then.IsZero() {
		then = then.Add(ignoredCtxGrace / 2)
	}
	set, err := askInside(ctx, "Source.", s.Source, then)
	if err == nil {
		if err := s.save(set, asked); err != nil {
			s.tell(fmt.Errorf("jwtverify: saving the key set: %w", err))
		}
		return set, nil
	}
	if _, empty := err.(*emptyError); empty {
		return nil, err
	}
	saved, savedErr := s.load()
	if savedErr != nil {
		err = fmt.Errorf("%w; and the stored copy: %w", err, savedErr)
		saved = set // what Source had beside its error
	}
	if saved == nil {
		return nil, err
	}
	return saved, &partialError{err}
}

// tell calls OnError. Its panic must not lose the set.
func (s StoredKeySource) tell(err error) {
	if s.OnError != nil {
		defer func() { _ = recover() }()
		s.OnError(err)
	}
}

func (s StoredKeySource) check() error {
	if s.Path == "" {
		return errors.New("StoredKeySource.Path is empty: set it to a file in a directory that only this program can write")
	}
	if err := checkInner(s.Source); err != nil {
		return fmt.Errorf("StoredKeySource.Source: %w", err)
	}
	return nil
}

// name distinguishes the copies of different sources.
func (s StoredKeySource) name() string { return cmp.Or(s.Name, nameOf(s.Source)) }

func (s StoredKeySource) checkNames() error {
	if s.name() == "" {
		return fmt.Errorf("StoredKeySource.Name is empty, and its Source (%T) does not say whose keys it has: set Name, to the issuer for example", s.Source)
	}
	return checkNames(s.Source)
}

// save writes the copy. As in the Cache, the age of a set counts from the start of its
// fetch.
func (s StoredKeySource) save(set *KeySet, asked time.Time) error {
	var keys []jwk.Key
	for key := range set.All() {
		keys = append(keys, jwk.Key{Names: key.names, Public: key.pub})
	}
	return stored.Save(s.Path, s.name(), keys, asked.Add(-set.origin.age))
}

// load reads the copy back.
func (s StoredKeySource) load() (*KeySet, error) {
	read, savedAt, err := stored.Load(s.Path, s.name())
	if err != nil {
		return nil, err
	}
	set := keySetOf(read)
	if set.Len() == 0 {
		return nil, fmt.Errorf("%s: %w", s.Path, set.noUsableKey())
	}
	return set.withOrigin(origin{savedAt: savedAt}), nil
}
