package keyspace

// quietSpan is a span of versions of a stream between which only its groups, or what it
// knows besides its entries, have changed. WATCH does not see that, as in Redis.
type quietSpan struct{ from, to uint64 }

// isQuiet reports whether a change of a stream's part is one that WATCH does not see.
func isQuiet(part []byte) bool { return len(part) > 0 && part[0] != streamEntryPart }

// extend adds the step from one version to the next to the span, or begins another one.
func (q *quietSpan) extend(from, to uint64) {
	if q.to != from {
		q.from = from
	}
	q.to = to
}

// quietly notes that a change of a part, by an op of a version, is one that WATCH does not
// see, if it is.
func (r *record) quietly(part []byte, version uint64) {
	if r.typ != Stream || !isQuiet(part) {
		return
	}
	if o, ok := r.coll.object.(*streamObject); ok {
		o.quiet.extend(r.version, max(r.version, version))
	}
}

// ChangedSince reports whether key has changed since it had a version, as WATCH of Redis
// has it: changes of the groups of a stream, and of what XSETID sets, do not count. A key
// that is not there has changed.
func (tx *Tx) ChangedSince(key []byte, version uint64) bool {
	rec, ok := tx.find(tx.store.hash(key), key)
	switch {
	case !ok:
		return true
	case rec.version == version:
		return false
	case rec.typ != Stream || rec.coll == nil:
		return true
	}
	o, ok := rec.coll.object.(*streamObject)
	return !ok || o.quiet.to != rec.version || version < o.quiet.from
}
