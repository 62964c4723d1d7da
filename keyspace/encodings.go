package keyspace

import "github.com/slotmesh/slotmesh/keyspace/stream"

// Encodings are Redis' bounds of compact encodings. They change no more than the name that
// [Tx.Encoding] returns: how a Store keeps a collection follows from its size in bytes.
// Only the nodes of streams end where it is said here: what is trimmed by whole nodes
// depends on that.
type Encodings struct {
	HashEntries int // hash-max-listpack-entries
	HashValue   int // hash-max-listpack-value, bytes of a field or a value
	SetInts     int // set-max-intset-entries
	ZSetEntries int // zset-max-listpack-entries
	ZSetValue   int // zset-max-listpack-value, bytes of a member

	StreamNodes stream.Limits // stream-node-max-bytes and stream-node-max-entries
}

// DefaultEncodings returns the bounds that Redis 7.0 has by default.
func DefaultEncodings() Encodings {
	return Encodings{HashEntries: 512, HashValue: 64, SetInts: 512, ZSetEntries: 128, ZSetValue: 64,
		StreamNodes: stream.DefaultLimits()}
}

// SetEncodings changes the bounds.
func (s *Store) SetEncodings(e Encodings) { s.encodings.Store(&e) }

// Encodings returns the bounds.
func (s *Store) Encodings() Encodings { return *s.encodings.Load() }

// encoder is what forms and objects implement whose type has more than one encoding in
// Redis. A collection remembers the greatest extent that it has had, since Redis never
// makes it compact again.
type encoder interface {
	// encoding returns the name of the encoding; packed is nil if it is an object's function.
	encoding(packed []byte, limits *Encodings) string
}

// Encoding returns the name of the encoding that Redis would use for a collection, and
// false if key is not there or is a String.
func (tx *Tx) Encoding(key []byte) (name string, ok bool) {
	rec, ok := tx.find(tx.store.hash(key), key)
	if !ok {
		return "", false
	}
	return tx.store.encodingOf(&rec)
}

func (s *Store) encodingOf(rec *record) (name string, ok bool) {
	switch rec.typ {
	case String:
		return "", false
	case List:
		return "quicklist", true
	case Stream:
		return "stream", true
	}
	var e encoder
	if rec.coll != nil {
		e, ok = rec.coll.object.(encoder)
	} else {
		e, ok = formOf(rec.typ).(encoder)
	}
	if !ok {
		return "", false
	}
	return e.encoding(rec.value, s.encodings.Load()), true
}

func (packedHash) encoding(packed []byte, limits *Encodings) string {
	if le16(packed[hashMostAt:]) > limits.HashEntries || le16(packed[hashLongestAt:]) > limits.HashValue {
		return "hashtable"
	}
	return "listpack"
}

func (packedSet) encoding(packed []byte, limits *Encodings) string {
	if areInts(packed) && le16(packed[setCountAt:]) <= limits.SetInts {
		return "intset"
	}
	return "hashtable"
}

func (n *nested) encoding(_ []byte, limits *Encodings) string {
	switch {
	case n.typ == Set && n.ints && n.most <= limits.SetInts:
		return "intset"
	case n.typ == Hash && n.most <= limits.HashEntries && n.longest <= limits.HashValue:
		return "listpack"
	}
	return "hashtable"
}

func (zsetForm) encoding(packed []byte, limits *Encodings) string {
	most, longest := zsetMarks(packed)
	return zsetEncoding(most, longest, limits)
}

func (z *zsetObject) encoding(_ []byte, limits *Encodings) string {
	return zsetEncoding(z.most, z.longest, limits)
}

func zsetEncoding(most, longest int, limits *Encodings) string {
	if most > limits.ZSetEntries || longest > limits.ZSetValue {
		return "skiplist"
	}
	return "listpack"
}
