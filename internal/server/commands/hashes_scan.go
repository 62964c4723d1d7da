package commands

import (
	"math"
	"math/rand/v2"

	"github.com/slotmesh/slotmesh/keyspace"
)

func cmdHRandField(c *Call, tx *keyspace.Tx) error {
	if len(c.Args) == 2 {
		h, err := readHash(tx, c.Args[1])
		if err != nil {
			return err
		}
		field, _, ok := h.Random(rand.Uint64)
		c.bulkIf(field, ok)
		return nil
	}
	count, err := c.randomCount(2)
	if err != nil {
		return err
	}
	withValues := len(c.Args) == 4 && c.Word(3, "WITHVALUES")
	switch {
	case len(c.Args) > 3 && !withValues:
		return ErrSyntax
	case withValues && (count < -math.MaxInt64/2 || count > math.MaxInt64/2):
		return errOutOfRange
	}
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	return c.deferred(func(n int) {
		if withValues && !c.Out.RESP3 {
			n *= 2
		}
		c.Out.Array(n)
	}, func() int {
		return c.sample(sampledHash{h}, count, func(field, value []byte) {
			if withValues && c.Out.RESP3 {
				c.Out.Array(2)
			}
			c.Out.Bulk(field)
			if withValues {
				c.Out.Bulk(value)
			}
		})
	})
}

func cmdHScan(c *Call, tx *keyspace.Tx) error {
	cursor, err := c.cursor()
	if err != nil {
		return err
	}
	h, err := readHash(tx, c.Args[1])
	if err != nil {
		return err
	}
	return c.scanReply(h.Len() == 0, func(o *scanOptions) (next uint64, n int) {
		next = h.Scan(cursor, o.count, func(field, value []byte) {
			if o.matches(field) {
				c.Out.Bulk(field)
				c.Out.Bulk(value)
				n += 2
			}
		})
		return next, n
	})
}
