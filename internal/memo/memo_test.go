package memo

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
)

// overhead is what an entry takes beside its text, and each the room for one.
const overhead, each = 512, 8 << 10

func newTable(entries int) *Table[int] { return New[int](entries, int64(entries)*each) }

func entryFor(c *Table[int], text string) *Entry[int] {
	return &Entry[int]{hash: maphash.String(c.seed, text), text: text, bytes: int64(len(text)) + overhead}
}

// tally counts the entries and their bytes.
func tally(c *Table[int]) (entries int, bytes int64) {
	for i := range c.slots {
		if known := c.slots[i].Load(); known != nil {
			entries++
			bytes += known.bytes
		}
	}
	return entries, bytes
}

func TestEntriesAreFoundByTheirWholeText(t *testing.T) {
	c := newTable(8)
	first, second := entryFor(c, "first"), entryFor(c, "second")
	// A collision, such as nobody can bring about: the first stands where the second
	// is looked for.
	first.hash = second.hash
	c.add(first)
	if got := c.Find("second"); got != nil {
		t.Errorf("found %q by the hash of another text", got.text)
	}
	c.add(second)
	if got := c.Find("second"); got != second {
		t.Errorf("got %v, want the entry itself beside the one with its hash", got)
	}
	c.Forget(second)
	if got := c.Find("second"); got != nil {
		t.Error("found what was forgotten")
	}
}

func TestEntriesStayWithinTheirBounds(t *testing.T) {
	for _, test := range []struct {
		name          string
		entries, size int
		least         int // that are kept of many more
	}{
		{"one small entry", 1, 100, 1},
		{"seven", 7, 100, 7},
		{"eight", 8, 100, 8},
		{"a thousand small ones", 1000, 1000, 990},
		{"a thousand large ones", 1000, 30_000, 250},
		{"a single one that is too large", 1, 10_000, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTable(test.entries)
			if len(c.slots) > test.entries {
				t.Errorf("%d slots for %d entries", len(c.slots), test.entries)
			}
			padding := strings.Repeat("x", test.size)
			for i := range 6 * test.entries {
				c.add(entryFor(c, fmt.Sprint(i, padding)))
				if got := c.bytes.Load(); got > c.maxBytes {
					t.Fatalf("%d bytes, want at most %d", got, c.maxBytes)
				}
			}
			entries, bytes := tally(c)
			if bytes != c.bytes.Load() {
				t.Errorf("%d bytes are counted, there are %d", c.bytes.Load(), bytes)
			}
			if entries < test.least || entries > test.entries {
				t.Errorf("%d entries are kept, want %d to %d", entries, test.least, test.entries)
			}
		})
	}
}

// A new token takes the place of a single other one, even where all are in use.
func TestEntriesMakeRoomForANewOne(t *testing.T) {
	for _, test := range []struct {
		name  string
		bytes int64 // of each entry
		inUse bool
	}{
		{"eight small ones", 1000, false},
		{"eight small ones in use", 1000, true},
		{"eight that fill the memory", each, false},
		{"eight in use that fill the memory", each, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newTable(8)
			add := func(text string) {
				known := entryFor(c, text)
				known.bytes = test.bytes
				c.add(known)
			}
			for i := range 8 {
				add(fmt.Sprint(i))
				if test.inUse && c.Find(fmt.Sprint(i)) == nil {
					t.Fatalf("entry %d is not kept, where there is room for eight", i)
				}
			}
			add("new")
			if c.Find("new") == nil {
				t.Error("the new one is not kept")
			}
			entries, bytes := tally(c)
			if entries != 8 || bytes != 8*test.bytes || bytes != c.bytes.Load() {
				t.Errorf("%d entries of %d bytes, counted as %d, want 8 of %d", entries, bytes, c.bytes.Load(), 8*test.bytes)
			}
		})
	}
}

// Tokens in use stay, while others that come once pass through.
func TestEntriesInUseOutliveAFlood(t *testing.T) {
	c := newTable(800)
	const inUse = 100
	for i := range inUse {
		c.add(entryFor(c, fmt.Sprint("in use ", i)))
	}
	missing := 0
	for i := range 10_000 {
		c.add(entryFor(c, fmt.Sprint("flood ", i)))
		text := fmt.Sprint("in use ", i%inUse)
		if c.Find(text) == nil {
			missing++
			c.add(entryFor(c, text))
		}
	}
	if missing > 1_500 {
		t.Errorf("%d of 10,000 look-ups of tokens in use missed, want at most 1,500", missing)
	}
}
