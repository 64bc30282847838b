package jwtverify

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync/atomic"
)

// Bounds of the memory of verified tokens.
const (
	maxVerifiedCache = 1_000_000
	// All entries together have at most this times Config.VerifiedCache: a usual
	// token takes 3 KiB, one of 16 KiB about 45.
	bytesPerVerified = 8 << 10
	// An entry beside its texts: the struct, its pointer, and rounding.
	verifiedOverhead = 512

	verifiedWays = 8
)

// verifiedTokens remembers tokens whose signature and claims were found good, so that
// a client's next request with the same token costs no RSA. What depends on the time
// or on the keys is judged anew at each use.
//
// It is a hash table of fixed size: a token can stand in any of the eight slots that
// its hash points to, and has to leave for a newer one when it was not asked for. The
// hash has a random key, so that nobody can choose tokens that meet in one place; and
// it only finds an entry: the whole token is compared. Looking up takes no lock, and
// writes to shared memory only at the first use of an entry.
type verifiedTokens struct {
	seed     maphash.Seed
	slots    []atomic.Pointer[verifiedToken]
	ways     int // slots that belong together, one row of them after the other
	maxBytes int64
	bytes    atomic.Int64  // of the entries, and of those that are about to be added
	hand     atomic.Uint64 // the slot where the next sweep begins
}

// A verifiedToken is never changed once it stands in a slot, but for used.
type verifiedToken struct {
	hash  uint64
	text  string // the whole token, an own copy
	query keyQuery
	key   Key // that verified it
	token Token
	bytes int64
	used  atomic.Bool // since the last time that somebody looked for a victim
}

func newVerifiedTokens(entries int) *verifiedTokens {
	if entries == 0 {
		return nil
	}
	ways := min(entries, verifiedWays)
	return &verifiedTokens{
		seed:     maphash.MakeSeed(),
		slots:    make([]atomic.Pointer[verifiedToken], entries/ways*ways),
		ways:     ways,
		maxBytes: int64(entries) * bytesPerVerified,
	}
}

// remembered is Verify for a token that was verified before; done is false if it must
// be verified in full. All else in the token and the Config is as it was, so that the
// answer is the same as without the memory: the key must still be one that its kid
// names, by a look-up that does whatever it does for other tokens, and the times must
// still be right.
func (v *Verifier) remembered(ctx context.Context, token string) (t *Token, err error, done bool) {
	if v.verified == nil || len(token) > maxTokenBytes {
		return nil, nil, false
	}
	known := v.verified.find(token)
	if known == nil {
		return nil, nil, false
	}
	_, keys, arrived := v.knownKeys(known.query)
	if keys == nil {
		if _, keys, err = v.keys(ctx, known.query, arrived); err != nil {
			return nil, err, true
		}
	}
	if !slices.Contains(keys, known.key) {
		v.verified.forget(known)
		return nil, nil, false
	}
	now := v.now()
	if err := v.checkNotBefore(&known.token, now); err != nil {
		return nil, err, true
	}
	if err := v.checkExpiry(&known.token, now); err != nil {
		v.verified.forget(known)
		return nil, err, true
	}
	return known.token.clone(), nil, true
}

// remember adds a token that was verified just now.
func (v *Verifier) remember(text string, q keyQuery, key Key, t *Token) {
	if v.verified == nil {
		return
	}
	known := &verifiedToken{
		hash:  maphash.String(v.verified.seed, text),
		text:  strings.Clone(text), // text may be a part of something large
		query: q,
		key:   key,
		token: *t.clone(),
		// The strings of the token share the memory of the claims, or are copies
		// of parts of them; those of the query lie in the decoded header.
		bytes: int64(2*len(text) + len(t.claims) + 16*len(t.Audience) + verifiedOverhead),
	}
	v.verified.add(known)
}

// row returns the slots in which a token can stand.
func (c *verifiedTokens) row(hash uint64) []atomic.Pointer[verifiedToken] {
	rows := uint64(len(c.slots) / c.ways)
	first := int(hash%rows) * c.ways
	return c.slots[first : first+c.ways]
}

func (c *verifiedTokens) find(text string) *verifiedToken {
	hash := maphash.String(c.seed, text)
	row := c.row(hash)
	for i := range row {
		known := row[i].Load()
		if known == nil || known.hash != hash || known.text != text {
			continue
		}
		if !known.used.Load() {
			known.used.Store(true)
		}
		return known
	}
	return nil
}

// add puts an entry in the place of one that nobody has asked for lately, or of none.
// A memory that is full of larger ones may have no room for it.
func (c *verifiedTokens) add(known *verifiedToken) {
	if c.bytes.Add(known.bytes) > c.maxBytes && !c.sweep() {
		c.freed(known)
		return
	}
	row := c.row(known.hash)
	for i := range row {
		if row[i].CompareAndSwap(nil, known) {
			return
		}
	}
	start := int(known.hash >> 32 % uint64(len(row))) // chance decides among equals
	for i := range row {
		slot := &row[(start+i)%len(row)]
		old := slot.Load()
		if old != nil && old.used.Swap(false) {
			continue
		}
		if slot.CompareAndSwap(old, known) {
			c.freed(old)
			return
		}
	}
	c.freed(row[start].Swap(known)) // all were in use
}

// sweep takes entries out until there is room, as a clock's hand goes round: those
// that were not used since it came by last. It looks at so many slots that an
// addition stays cheap, and reports whether there is room.
func (c *verifiedTokens) sweep() bool {
	const most = 64
	for range min(most, 2*len(c.slots)) {
		slot := &c.slots[c.hand.Add(1)%uint64(len(c.slots))]
		old := slot.Load()
		if old == nil || old.used.Swap(false) || !slot.CompareAndSwap(old, nil) {
			continue
		}
		if c.freed(old); c.bytes.Load() <= c.maxBytes {
			return true
		}
	}
	return false
}

func (c *verifiedTokens) forget(known *verifiedToken) {
	row := c.row(known.hash)
	for i := range row {
		if row[i].CompareAndSwap(known, nil) {
			c.freed(known)
		}
	}
}

func (c *verifiedTokens) freed(old *verifiedToken) {
	if old != nil {
		c.bytes.Add(-old.bytes)
	}
}

func checkVerifiedCache(entries int) error {
	if entries < 0 || entries > maxVerifiedCache {
		return fmt.Errorf("Config.VerifiedCache is %d: want 0 to remember no tokens, or at most %d", entries, maxVerifiedCache)
	}
	return nil
}
