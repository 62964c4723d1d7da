package keyspace

import "encoding/binary"

// commit carries out the staged ops and hands them to the Sink.
func (tx *Tx) commit() {
	t := tx.table
	was := t.sum
	for i := range tx.ops {
		op, n := &tx.ops[i], &tx.notes[i]
		s, at := n.segment, n.at
		if i > 0 || op.Kind != OpPut { // earlier ops may have moved things
			s, at = t.find(n.hash, op.Key)
		}
		switch op.Kind {
		case OpPut:
			tx.commitPut(s, at, op, n)
		case OpExpire:
			if at >= 0 {
				tx.commitExpire(s, at, op, n)
			}
		case OpDelete:
			if at >= 0 {
				t.remove(s, at, op.Version)
			}
			if n.lapse {
				t.expired++
			}
		}
	}
	t.version = tx.version
	tx.store.settle(tx.slot, t, was)
	if sink := tx.store.cfg.Sink; sink != nil {
		sink.Commit(tx.slot, tx.ops)
	}
}

func (tx *Tx) commitPut(s *segment, at int, op *Op, n *note) {
	rec := record{typ: op.Type, expireAt: op.ExpireAt, version: op.Version, key: op.Key, value: op.Value, access: n.access}
	if !n.hasAccess {
		now := tx.store.clock.Load()
		if at >= 0 && tx.policy().lfu() { // a key keeps its popularity when it is written
			rec.access = used(tx.policy(), accessOf(s.arena.at(cellRef(s.index.cells[at]))), now, op.Version)
		} else {
			rec.access = newAccess(tx.policy(), now)
		}
	}
	if !tx.table.put(s, at, n.hash, &rec, tx.store.hash) {
		panic(errFlood) // cannot be: room refused it
	}
}

// commitExpire changes expiry and version where they are, if their widths allow it.
func (tx *Tx) commitExpire(s *segment, at int, op *Op, n *note) {
	r := cellRef(s.index.cells[at])
	b := s.arena.at(r)
	if n.hasAccess {
		putAccess(b, n.access)
	}
	h := parseHead(b)
	if h.flags&flagExpires != 0 && op.ExpireAt != 0 && h.flags&flagWide == 0 && op.Version>>32 == 0 {
		binary.LittleEndian.PutUint32(b[h.fixed:], uint32(op.Version))
		binary.LittleEndian.PutUint64(b[h.keyAt()-8:], uint64(op.ExpireAt))
		s.due = min(s.due, op.ExpireAt)
		tx.table.due = min(tx.table.due, op.ExpireAt)
		return
	}
	rec := s.record(r)
	rec.expireAt, rec.version = op.ExpireAt, op.Version
	if rec.flags&flagBig == 0 { // its bytes may move while they are written
		rec.value = tx.copy(rec.value)
	}
	if rec.flags&flagBigKey == 0 {
		rec.key = op.Key
	}
	if !tx.table.put(s, at, n.hash, &rec, tx.store.hash) {
		panic(errFlood) // cannot be: it is there already, and needs at most 8 bytes more
	}
}
