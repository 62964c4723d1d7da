package keyspace

// commit carries out the staged ops and hands them to the Sink.
func (tx *Tx) commit() {
	t := tx.table
	if tx.overwrite() {
		t.version = tx.version
		tx.publish()
		return
	}
	was, asFound := t.sum, true // the table is as the transaction has found it
	for i := range tx.ops {
		if i%ahead == 0 && len(tx.ops) > ahead {
			tx.touchNext(i)
		}
		op, n := &tx.ops[i], &tx.plans[i]
		if op.Kind == OpPart || op.Kind == OpCut || op.parts != nil {
			continue // an opened collection has what was changed
		}
		asFound = false
		s, at := tx.first, tx.firstAt
		if i > 0 || op.Kind != OpPut { // earlier ops may have moved things
			s, at = t.find(n.hash, op.Key)
		}
		switch op.Kind {
		case OpPut:
			tx.commitPut(s, at, op, n, nil)
		case OpExpire:
			if at >= 0 {
				tx.commitExpire(s, at, op, n)
			}
		case OpCopy, OpMove:
			tx.store.noteTransfer(tx.slot, tx.store.hash(op.Part))
		case OpDelete:
			if at >= 0 {
				t.remove(s, at, op.Version)
			}
			if n.lapse {
				t.expired++
			}
		case OpUnstage:
			tx.store.unstageKey(t, op.Key)
		}
	}
	for i := range tx.opened {
		if o := &tx.opened[i]; o.dirty {
			tx.flush(o, asFound)
			asFound = false
		}
	}
	clear(tx.undos)
	tx.undos = tx.undos[:0]
	t.version = tx.version
	tx.store.publishCounts(tx.slot, t, was)
	tx.publish()
}

func (tx *Tx) publish() {
	if tx.ranges {
		tx.narrow()
	}
	tx.store.publish(tx.slot, tx.table, tx.ops, tx.origin)
	if len(tx.events) > 0 {
		tx.tell()
	}
}

// touchNext touches the keys of the ops from i on.
func (tx *Tx) touchNext(i int) {
	var hashes [ahead]uint64
	n := min(ahead, len(tx.plans)-i)
	for k := range n {
		hashes[k] = tx.plans[i+k].hash
	}
	tx.table.touch(hashes[:n])
}

// overwrite carries out a single put that replaces an entry by one of the same size,
// without an expiry before or after. That is the most frequent write, and it changes none
// of the table's totals.
func (tx *Tx) overwrite() bool {
	if len(tx.ops) != 1 || tx.entry == nil || tx.ops[0].Kind != OpPut || tx.ops[0].ExpireAt != 0 {
		return false
	}
	op, n := &tx.ops[0], &tx.plans[0]
	var rec record // not from a literal, which would be copied
	rec.typ, rec.version, rec.key, rec.value, rec.access = op.Type, op.Version, op.Key, op.Value, n.access
	rec.shape()
	if rec.flags&(flagLarge|flagDue) != 0 || rec.size() != len(tx.entry) {
		return false
	}
	if !n.hasAccess {
		rec.access = tx.accessAfter(tx.entry, op.Version)
	}
	rec.encode(tx.entry)
	return true
}

// accessAfter returns the access bits of the entry at the beginning of b when it is
// written now: under an LFU policy a key keeps its popularity.
func (tx *Tx) accessAfter(b []byte, version uint64) uint32 {
	policy, now := tx.policy(), tx.store.clock.Load()
	if policy.lfu() {
		return used(policy, accessOf(b), now, version)
	}
	return newAccess(policy, now)
}

func (tx *Tx) commitPut(s *segment, at int, op *Op, n *plan, coll *collection) {
	rec := record{typ: op.Type, expireAt: op.ExpireAt, version: op.Version, key: op.Key, value: op.Value,
		access: n.access, coll: coll}
	if !n.hasAccess {
		if at >= 0 {
			rec.access = tx.accessAfter(s.arena.at(cellRef(s.index.cells[at])), op.Version)
		} else {
			rec.access = newAccess(tx.policy(), tx.store.clock.Load())
		}
	}
	if !tx.table.put(s, at, n.hash, &rec, tx.store.hash) {
		panic(errFlood) // cannot be: room refused it
	}
}

// commitExpire changes expiry and version where they are, if their widths allow it.
func (tx *Tx) commitExpire(s *segment, at int, op *Op, n *plan) {
	r := cellRef(s.index.cells[at])
	b := s.arena.at(r)
	if n.hasAccess {
		putAccess(b, n.access)
	}
	if tx.table.amend(s, at, op.ExpireAt, op.Version) {
		return
	}
	rec := s.record(r)
	rec.expireAt, rec.version = op.ExpireAt, op.Version
	if rec.flags&flagLarge == 0 { // its bytes may move while they are written
		rec.value = tx.copy(rec.value)
	}
	if rec.flags&flagLargeKey == 0 {
		rec.key = op.Key
	}
	if !tx.table.put(s, at, n.hash, &rec, tx.store.hash) {
		panic(errFlood) // cannot be: it is there already, and needs at most 8 bytes more
	}
}
