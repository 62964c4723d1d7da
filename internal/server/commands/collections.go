package commands

import "github.com/slotmesh/slotmesh/internal/glob"

// What commands on collections of all types have in common.

// deferred replies with an aggregate whose length is known only after its elements: body
// appends them and returns their number, then head appends what goes before them. body may
// stop once the reply is too long.
func (c *Call) deferred(head func(n int), body func() (n int)) error {
	start := len(c.Out.B)
	n := body()
	if len(c.Out.B) > c.MaxOutput {
		return ErrReplyTooBig
	}
	c.putHead(start, head, n)
	return nil
}

// putHead puts the head of an aggregate of n elements before them: they begin at start.
func (c *Call) putHead(start int, head func(n int), n int) {
	end := len(c.Out.B)
	head(n)
	var first [64]byte
	size := copy(first[:], c.Out.B[end:])
	copy(c.Out.B[start+size:], c.Out.B[start:end])
	copy(c.Out.B[start:], first[:size])
}

// deferredWith is deferred for a body that may fail.
func (c *Call) deferredWith(head func(n int), body func() (n int, err error)) (err error) {
	tooBig := c.deferred(head, func() (n int) {
		n, err = body()
		return n
	})
	if err != nil {
		return err
	}
	return tooBig
}

// scanOptions are the options of the SCAN family.
type scanOptions struct {
	match []byte // nil: everything
	count int
}

// scanOptions reads those of HSCAN, SSCAN and ZSCAN.
func (c *Call) scanOptions() (o scanOptions, err error) {
	o.count = 10
	for i := 3; i < len(c.Args); i += 2 {
		if i+1 == len(c.Args) {
			return o, ErrSyntax
		}
		switch {
		case c.Word(i, "COUNT"):
			n, err := c.Number(i + 1)
			if err != nil {
				return o, err
			}
			if n < 1 {
				return o, ErrSyntax
			}
			o.count = int(min(n, 1<<30))
		case c.Word(i, "MATCH"):
			o.match = c.Args[i+1]
		default:
			return o, ErrSyntax
		}
	}
	if len(o.match) == 1 && o.match[0] == '*' {
		o.match = nil
	}
	return o, nil
}

// cursor reads the cursor of a SCAN of one key.
func (c *Call) cursor() (uint64, error) {
	if cursor, ok := scanCursor(c.Args[2]); ok {
		return cursor, nil
	}
	return 0, errBadCursor
}

func (o *scanOptions) matches(name []byte) bool { return o.match == nil || glob.Match(o.match, name) }

// scanReply replies as HSCAN does, for a collection that is there or empty. scan appends
// the elements that it sees to the reply and returns how many they are.
func (c *Call) scanReply(empty bool, scan func(o *scanOptions) (next uint64, n int)) error {
	if empty {
		c.Out.Array(2)
		c.Out.BulkInt(0)
		c.Out.Array(0)
		return nil
	}
	o, err := c.scanOptions()
	if err != nil {
		return err
	}
	var next uint64
	return c.deferred(func(n int) {
		c.Out.Array(2)
		c.Out.BulkInt(int64(next))
		c.Out.Array(n)
	}, func() (n int) {
		next, n = scan(&o)
		return n
	})
}
