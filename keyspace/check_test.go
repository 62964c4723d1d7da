package keyspace

import (
	"slices"
	"testing"
	"unsafe"
)

// checkStore recomputes all accounts of a store and compares.
func checkStore(t *testing.T, s *Store) {
	t.Helper()
	var sum totals
	for i := range s.groups {
		g := s.groups[i].Load()
		if g == nil {
			continue
		}
		for j := range g.tables {
			n := checkTable(t, &g.locks[j], &g.tables[j], g.seen[j].due.Load())
			sum.keys, sum.expiring, sum.bytes, sum.held = sum.keys+n.keys, sum.expiring+n.expiring, sum.bytes+
				n.bytes, sum.held+n.held
		}
	}
	st := s.Stats()
	if st.Keys != sum.keys || st.Expires != sum.expiring || st.Memory != sum.bytes || st.Reserved != sum.held {
		t.Fatalf("stats are %+v, the tables hold %+v", st, sum)
	}
}

// checkStaged returns the memory of staged keys, as the keys themselves have it.
func checkStaged(t *testing.T, staged *stagedKeys) (sum int64) {
	t.Helper()
	if staged == nil {
		return 0
	}
	for key, k := range staged.keys {
		sum += int64(len(key)) + stagedOverhead + k.bytes()
	}
	if sum != staged.bytes {
		t.Fatalf("staged keys take %d bytes, their account says %d", sum, staged.bytes)
	}
	return sum
}

func checkTable(t *testing.T, g *slotLock, tab *table, due int64) (sum totals) {
	t.Helper()
	g.Lock()
	defer g.Unlock()
	var copied slotLock
	copied.follow(tab)
	if unsafe.SliceData(copied.cells) != unsafe.SliceData(g.cells) ||
		unsafe.SliceData(copied.first) != unsafe.SliceData(g.first) ||
		len(copied.cells) != len(g.cells) || len(copied.first) != len(g.first) || copied.size != g.size {
		t.Fatalf("the lock line does not follow its table")
	}
	dir := tab.dir
	if tab.depth == 0 {
		dir = []*segment{&tab.one}
	}
	deepest := uint32(0)
	for _, s := range slices.Compact(slices.Clone(dir)) {
		if s.index.n == 0 && tab.sum.keys == 0 {
			continue
		}
		if s.depth == tab.depth && tab.depth > 0 {
			deepest++
		}
		live, volatiles, n, last := 0, 0, 0, uint32(0)
		for at, cell := range s.index.cells {
			if cell == 0 {
				continue
			}
			h := parseHead(s.arena.at(cellRef(cell)))
			live += h.size()
			n++
			if tag := cellTag(cell); tag < last || at < s.index.home(tag) {
				t.Fatalf("cell %d has tag %d, home %d, after %d", at, tag, s.index.home(tag), last)
			} else {
				last = tag
			}
			rec := s.record(cellRef(cell))
			if next := firstLapse(&rec); next != never && (next < s.due || next < due || rec.flags&flagDue == 0) {
				t.Fatalf("a part expires at %d, before the segment (%d) or the slot (%d) is due", next, s.due, due)
			}
			if rec.expireAt != 0 {
				volatiles++
				if rec.expireAt < s.due || rec.expireAt < due {
					t.Fatalf("a key expires at %d, before the segment (%d) or the slot (%d) is due", rec.expireAt, s.due, due)
				}
			}
		}
		if live != int(s.live) || volatiles != int(s.volatiles) || n != int(s.index.n) || live > int(s.arena.used) {
			t.Fatalf("segment says %d bytes, %d volatile, %d keys; has %d, %d, %d", s.live, s.volatiles, s.index.n, live,
				volatiles, n)
		}
		sum.keys, sum.expiring, sum.bytes, sum.held = sum.keys+n, sum.expiring+volatiles, sum.bytes+s.bytes(), sum.held+
			s.held()
	}
	outside := int64(len(tab.dir))*dirEntry + checkStaged(t, tab.staged)
	sum.bytes, sum.held = sum.bytes+outside, sum.held+outside
	if sum != tab.sum || deepest != tab.deepest {
		t.Fatalf("table says %+v (%d deepest), has %+v (%d)", tab.sum, tab.deepest, sum, deepest)
	}
	return sum
}
