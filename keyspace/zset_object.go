package keyspace

import (
	"encoding/binary"
	"errors"

	"github.com/slotmesh/slotmesh/internal/ranked"
)

// zsetObject is a large sorted set.
type zsetObject struct {
	ranked        *ranked.Set
	most, longest int // see zsetForm
}

// ErrScore refuses a score that is not a number.
var ErrScore = errors.New("keyspace: the score of a sorted set's member is not a number")

func (z *zsetObject) form() form { return zsetForm{} }

func (z *zsetObject) get(part []byte) (value []byte, expireAt int64, ok bool) {
	value, ok = z.ranked.ScoreBytes(part)
	return value, 0, ok
}

func (z *zsetObject) set(part, value []byte, _ int64) error {
	if err := (zsetForm{}).checkPart(part, value); err != nil {
		return err
	}
	if _, err := z.ranked.Set(part, zsetScore(value)); err != nil {
		return err
	}
	z.most, z.longest = max(z.most, z.size()), max(z.longest, len(part))
	return nil
}

func (z *zsetObject) cut(part []byte) bool { return z.ranked.Remove(part) }
func (z *zsetObject) size() int            { return z.ranked.Len() }
func (z *zsetObject) bytes() int64         { return z.ranked.Bytes() }
func (z *zsetObject) due() int64           { return never }

// walk visits the members in the order of their hashes; a cursor is a hash.
func (z *zsetObject) walk(from partCursor, visit func(part, value []byte, expireAt int64) bool) (partCursor, bool) {
	var hash uint64
	if len(from) == 8 {
		hash = binary.BigEndian.Uint64(from)
	}
	hash, done := z.ranked.Walk(hash, func(member, score []byte) bool { return visit(member, score, 0) })
	if done {
		return nil, true
	}
	return binary.BigEndian.AppendUint64(nil, hash), false
}

func (z *zsetObject) clone() object {
	c := *z
	c.ranked = z.ranked.Clone()
	return &c
}
