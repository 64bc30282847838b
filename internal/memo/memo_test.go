package memo

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// overhead is what an entry takes beside its text, and each the room for one.
const overhead, each = 512, 8 << 10

func newTable(entries int) *Table[int] { return New[int](entries, int64(entries)*each) }

func entryFor(c *Table[int], text string) *Entry[int] {
	return &Entry[int]{hash: Hash(text), sum: c.sumOf(text), bytes: int64(len(text)) + overhead}
}

func find(c *Table[int], text string) *Entry[int] { return c.Find(text, Hash(text)) }

// add counts the text too, so that the tests may say what an entry takes.
func add(c *Table[int], text string, value, size int) { c.Add(text, Hash(text), value, len(text)+size) }

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
	if got := find(c, "second"); got != nil {
		t.Errorf("found %v by the hash of another text", got)
	}
	c.add(second)
	if got := find(c, "second"); got != second {
		t.Errorf("got %v, want the entry itself beside the one with its hash", got)
	}
	c.Forget(second)
	if got := find(c, "second"); got != nil {
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
			for i := range 6 * test.entries {
				add(c, fmt.Sprint(i), 0, test.size+overhead)
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

// What is added counts with its text and its size, for as long as it is kept.
func TestBytesAreCounted(t *testing.T) {
	c := newTable(8)
	add(c, "text", 1, 10)
	add(c, "another", 2, 0)
	if got := c.Bytes(); got != 4+10+7 {
		t.Errorf("%d bytes are counted, want 21", got)
	}
	first := find(c, "text")
	if first == nil || first.Value != 1 {
		t.Fatalf("got %+v, want the value 1", first)
	}
	c.Forget(first)
	c.Forget(first) // gone already
	if got := c.Bytes(); got != 7 || find(c, "text") != nil {
		t.Errorf("%d bytes are counted after one was forgotten, want 7", got)
	}
}

// Tables of other sizes than whole rows have as many slots as rows fill.
func TestSlots(t *testing.T) {
	for entries, want := range map[int]int{1: 1, 5: 5, 7: 7, 8: 8, 9: 8, 15: 8, 16: 16, 1000: 1000, 1001: 1000} {
		if c := newTable(entries); len(c.slots) != want || c.maxBytes != int64(entries)*each {
			t.Errorf("%d entries: %d slots, %d bytes, want %d slots", entries, len(c.slots), c.maxBytes, want)
		}
	}
}

// A full table at its limit of bytes: what does not fit even so is not kept, and exactly
// the limit is.
func TestTheLimitOfBytesIsExact(t *testing.T) {
	c := New[int](8, 100)
	add(c, "a", 0, 99)
	if find(c, "a") == nil || c.Bytes() != 100 {
		t.Errorf("%d bytes are kept, want the 100 that are allowed", c.Bytes())
	}
	add(c, "b", 0, 100)
	if find(c, "b") != nil || c.Bytes() > 100 {
		t.Errorf("%d bytes are kept, want 100 at most", c.Bytes())
	}
}

// Many goroutines at once leave the count as it should be.
func TestConcurrentUse(t *testing.T) {
	c := New[int](64, 64*200)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Add(1)
		go func() {
			defer group.Done()
			for i := range 2_000 {
				text := fmt.Sprint((i*7 + worker*13) % 200)
				known := find(c, text)
				switch {
				case known == nil:
					add(c, text, len(text), i%400)
				case known.sum != c.sumOf(text) || known.Value != len(text):
					t.Errorf("got %v, %d for %q", known.sum, known.Value, text)
				case i%3 == 0:
					c.Forget(known)
				}
			}
		}()
	}
	group.Wait()
	if _, bytes := tally(c); bytes != c.Bytes() || bytes > c.maxBytes {
		t.Errorf("%d bytes are counted, there are %d, at most %d are allowed", c.Bytes(), bytes, c.maxBytes)
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
				if test.inUse && find(c, fmt.Sprint(i)) == nil {
					t.Fatalf("entry %d is not kept, where there is room for eight", i)
				}
			}
			add("new")
			if find(c, "new") == nil {
				t.Error("the new one is not kept")
			}
			entries, bytes := tally(c)
			if entries != 8 || bytes != 8*test.bytes || bytes != c.bytes.Load() {
				t.Errorf("%d entries of %d bytes, counted as %d, want 8 of %d", entries, bytes, c.bytes.Load(), 8*test.bytes)
			}
		})
	}
}

// The one that makes room was not asked for since somebody last looked for one.
func TestTheUnusedMakeRoom(t *testing.T) {
	values := func(c *Table[int]) (values []int) {
		for i := range c.slots {
			values = append(values, c.slots[i].Load().Value)
		}
		return values
	}
	for range 50 { // where all are in use, chance decides
		c := newTable(8)
		for i := range 8 {
			add(c, fmt.Sprint(i), i, 0)
			find(c, fmt.Sprint(i))
		}
		add(c, "8", 8, 0) // in place of any, and now none of the others counts as used
		before := values(c)
		if !slices.Contains(before, 8) {
			t.Fatalf("got %v, want the new one among them", before)
		}
		unused := (slices.Index(before, 8) + 1) % 8
		for i, value := range before {
			if i != unused {
				find(c, fmt.Sprint(value))
			}
		}
		add(c, "9", 9, 0)
		before[unused] = 9
		if after := values(c); !slices.Equal(after, before) {
			t.Fatalf("got %v, want %v", after, before)
		}
	}
}

// Where bytes are short, the sweep looks at one entry after the other, and at 64 at most.
func TestSweep(t *testing.T) {
	c := New[int](8, 100)
	add(c, "a", 0, 9) // the first slot
	add(c, "b", 0, 89)
	add(c, "c", 0, 89)
	if find(c, "a") == nil || find(c, "b") != nil || find(c, "c") == nil || c.Bytes() != 100 {
		t.Errorf("%d bytes are kept, want b alone to make room", c.Bytes())
	}
	c = newTable(128)
	inUse := func() (count int) {
		for i := range c.slots {
			if c.slots[i].Load().used.Load() {
				count++
			}
		}
		return count
	}
	for i := range c.slots {
		known := &Entry[int]{bytes: each}
		known.used.Store(true)
		c.slots[i].Store(known)
		c.bytes.Add(each)
	}
	for _, want := range []int{64, 0} {
		if add(c, "new", 0, 0); inUse() != want || find(c, "new") != nil {
			t.Errorf("%d entries count as used, want %d", inUse(), want)
		}
	}
	if add(c, "new", 0, 0); find(c, "new") == nil {
		t.Error("the third time round there is no room for the new one")
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
		if find(c, text) == nil {
			missing++
			c.add(entryFor(c, text))
		}
	}
	if missing > 1_500 {
		t.Errorf("%d of 10,000 look-ups of tokens in use missed, want at most 1,500", missing)
	}
}
