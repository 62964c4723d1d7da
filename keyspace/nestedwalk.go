package keyspace

import "encoding/binary"

// A partCursor of a nested is a Cursor in 8 bytes. No Cursor stands between parts of the
// same tag. So behind it come those parts of the tag that have been visited already, each
// behind its length: they are passed over, and each call that visits a part moves on.
const cursorLen = 8

func (n *nested) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	return n.walkUntil(from, func(part, value []byte, expireAt int64) verdict {
		if visit(part, value, expireAt) {
			return more
		}
		return again
	})
}

// walkUntil is walk that can also stop behind a part: at once, so that visit may change the
// object before it returns enough.
func (n *nested) walkUntil(from partCursor, visit func(part, value []byte, expireAt int64) verdict) (partCursor, bool) {
	var start Cursor
	var seen []byte
	if len(from) >= cursorLen {
		start, seen = Cursor(binary.BigEndian.Uint64(from)), from[cursorLen:]
	}
	_, _, startTag := start.parts()
	var at *segment
	var tag uint32
	passed := make([]byte, cursorLen, 128) // the cursor to return
	next, done := n.table.walk(start, n.hash, func(s *segment, cell uint32) verdict {
		if s != at || cellTag(cell) != tag {
			at, tag, passed = s, cellTag(cell), passed[:cursorLen]
		}
		rec := s.record(cellRef(cell))
		before := len(passed)
		passed = append(binary.AppendUvarint(passed, uint64(len(rec.key))), rec.key...)
		if tag == startTag && hasPart(seen, rec.key) {
			return more
		}
		switch visit(rec.key, rec.value, rec.expireAt) {
		case again:
			passed = passed[:before]
			return again
		case enough:
			return again // and behind the part when it goes on
		}
		return more
	})
	if done {
		return nil, true
	}
	binary.BigEndian.PutUint64(passed, uint64(next))
	return passed, false
}

// hasPart reports whether part is in a cursor's list.
func hasPart(list, part []byte) bool {
	for len(list) > 0 {
		n, size := binary.Uvarint(list)
		if size <= 0 || n > uint64(len(list)-size) {
			return false // not a cursor of walk: the parts are visited again
		}
		end := size + int(n)
		if string(list[size:end]) == string(part) {
			return true
		}
		list = list[end:]
	}
	return false
}

// scan visits about count parts from a cursor on, and returns the cursor to go on with; 0
// starts and 0 ends. It gives the guarantee of Store.Scan.
func (n *nested) scan(from Cursor, count int, visit func(part, value []byte, expireAt int64)) (next Cursor) {
	next, _ = n.table.walk(from, n.hash, func(s *segment, cell uint32) verdict {
		rec := s.record(cellRef(cell))
		visit(rec.key, rec.value, rec.expireAt)
		if count--; count > 0 {
			return more
		}
		return enough
	})
	return next
}

// randomTries is how often random tries to hit a cell in use; three of four are.
const randomTries = 32

// random returns a part, each with about the same chance: within a segment exactly, and
// segments hold about as many parts as their share of all hashes.
func (n *nested) random(rand func() uint64) (part, value []byte, expireAt int64) {
	for range randomTries {
		s := n.table.segment(rand())
		if len(s.index.cells) == 0 {
			continue
		}
		if cell := s.index.cells[rand()%uint64(len(s.index.cells))]; cell != 0 {
			rec := s.record(cellRef(cell))
			return rec.key, rec.value, rec.expireAt
		}
	}
	n.table.sample(rand(), false, func(s *segment, cell uint32) bool {
		rec := s.record(cellRef(cell))
		part, value, expireAt = rec.key, rec.value, rec.expireAt
		return false
	})
	return part, value, expireAt
}
