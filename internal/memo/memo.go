// Package memo remembers values by long texts that strangers choose, in a table of fixed
// size. It returns a value only for the text with which it was added. It keeps no text,
// never holds more entries or bytes than allowed, and is safe for concurrent use.
package memo

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/maphash"
	"sync/atomic"
)

const ways = 8

// A Table is a hash table of fixed size. A text can be in any of the eight slots to which
// its hash points. A newer text replaces one that was not looked up lately. The hash has a
// random key, so that nobody can choose texts that collide. It only finds an entry: what is
// compared is the SHA-256 of a secret and the text. A look-up takes no lock, and writes to
// shared memory only at the first use of an entry.
type Table[V any] struct {
	secret   [sha256.Size]byte // of the digests
	slots    []atomic.Pointer[Entry[V]]
	ways     int // slots that belong together, one row of them after the other
	maxBytes int64
	bytes    atomic.Int64  // of the entries, and of those that are about to be added
	hand     atomic.Uint64 // the slot where the next sweep begins
}

// An Entry never changes once it is in a slot, except for used.
type Entry[V any] struct {
	Value V
	hash  uint64
	sum   [sha256.Size]byte // of the text, which is not kept
	bytes int64
	used  atomic.Bool // since the last search for an entry to replace
}

// New returns a Table with room for that many entries, with that many bytes together.
func New[V any](entries int, maxBytes int64) *Table[V] {
	ways := min(entries, ways)
	c := &Table[V]{
		slots:    make([]atomic.Pointer[Entry[V]], entries/ways*ways),
		ways:     ways,
		maxBytes: maxBytes,
	}
	rand.Read(c.secret[:]) // never fails
	return c
}

// seed is the same for all tables, so that a text is hashed only once for many of them.
var seed = maphash.MakeSeed()

// Hash returns the hash of a text, which Find and Add need.
func Hash(text string) uint64 { return maphash.String(seed, text) }

func (c *Table[V]) sumOf(text string) [sha256.Size]byte {
	var room [2048]byte // most texts fit
	return sha256.Sum256(append(append(room[:0], c.secret[:]...), text...))
}

// Add remembers a value of that many bytes. If needed, it replaces one that was not
// looked up lately. A table that is full of larger values may have no room for it.
func (c *Table[V]) Add(text string, hash uint64, value V, size int) {
	c.add(&Entry[V]{Value: value, hash: hash, sum: c.sumOf(text), bytes: int64(size)})
}

// Bytes returns the size of all entries together.
func (c *Table[V]) Bytes() int64 { return c.bytes.Load() }

// row returns the slots in which a text can be.
func (c *Table[V]) row(hash uint64) []atomic.Pointer[Entry[V]] {
	rows := uint64(len(c.slots) / c.ways)
	first := int(hash%rows) * c.ways
	return c.slots[first : first+c.ways]
}

// Find returns the entry of a text, nil if there is none.
func (c *Table[V]) Find(text string, hash uint64) *Entry[V] {
	row := c.row(hash)
	for i := range row {
		known := row[i].Load()
		if known == nil || known.hash != hash || known.sum != c.sumOf(text) {
			continue
		}
		if !known.used.Load() {
			known.used.Store(true)
		}
		return known
	}
	return nil
}

func (c *Table[V]) add(known *Entry[V]) {
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

// sweep removes entries until there is room. It goes round the slots like the hand
// of a clock, and removes entries that were not used since the last round. It
// looks at only so many slots that an addition stays cheap, and reports whether
// there is room.
func (c *Table[V]) sweep() bool {
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

// Forget removes an entry.
func (c *Table[V]) Forget(known *Entry[V]) {
	row := c.row(known.hash)
	for i := range row {
		if row[i].CompareAndSwap(known, nil) {
			c.freed(known)
		}
	}
}

func (c *Table[V]) freed(old *Entry[V]) {
	if old != nil {
		c.bytes.Add(-old.bytes)
	}
}
