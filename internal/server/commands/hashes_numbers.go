package commands

import (
	"math"
	"math/big"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

const (
	errHashNotInt   = ReplyError("ERR hash value is not an integer")
	errHashNotFloat = ReplyError("ERR hash value is not a float")
	errInfinite     = ReplyError("ERR value is NaN or Infinity")
)

func cmdHIncrBy(c *Call, tx *keyspace.Tx) error {
	n, err := c.Number(3)
	if err != nil {
		return err
	}
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	var old int64
	if value, ok := h.Get(c.Args[2]); ok {
		if old, ok = resp.ParseInt(value); !ok {
			return errHashNotInt
		}
	}
	if n < 0 && old < math.MinInt64-n || n > 0 && old > math.MaxInt64-n {
		return errOverflow
	}
	c.digits = strconv.AppendInt(c.digits[:0], old+n, 10)
	if err := c.setKeepingExpiry(h, c.Args[2], c.digits); err != nil {
		return err
	}
	tx.Notify(keyspace.HashEvents, "hincrby", c.Args[1])
	c.Out.Int(old + n)
	return nil
}

// setKeepingExpiry sets a field that goes on expiring when it did.
func (c *Call) setKeepingExpiry(h keyspace.HashRef, field, value []byte) error {
	at, _ := h.ExpireAt(field)
	_, err := h.SetUntil(field, value, at)
	return err
}

func cmdHIncrByFloat(c *Call, tx *keyspace.Tx) error {
	n, ok := extendedFloat(c.Args[3])
	switch {
	case !ok:
		return errNotFloat
	case n.IsInf():
		return errInfinite
	}
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	old := new(big.Float)
	if value, ok := h.Get(c.Args[2]); ok {
		if old, ok = extendedFloat(value); !ok {
			return errHashNotFloat
		}
	}
	sum, ok := addExtended(old, n)
	if !ok {
		return errNaN
	}
	text := humanFloat(sum)
	c.Out.BulkString(text)
	if err := c.setKeepingExpiry(h, c.Args[2], []byte(text)); err != nil {
		return err
	}
	tx.Notify(keyspace.HashEvents, "hincrbyfloat", c.Args[1])
	return nil
}
