package commands

import (
	"math"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
)

// A command that waits for a key (BLPOP) is a Tx like others. It looks at its keys, as
// ReadyKeys returns them, and calls Wait if none has anything for it. When one has, the
// command is carried out once more, with that key alone.

// Wait is what a command waits for: a value of some type under one of its keys.
type Wait struct {
	Type    keyspace.Type
	Keys    [][]byte
	Timeout time.Duration // 0: without end. The reply after it is a null array

	Args  [][]byte // the line to carry out then, if it is not the command's own
	Gone  bool     // as keyspace.Waiter has it
	Wants []byte   // the same
}

// ErrStillNothing is no reply: a command that was carried out for a key that has got a
// value goes on waiting.
const ErrStillNothing = ReplyError("still nothing")

// ReadyKeys returns those of the keys that the command has to look at.
func (c *Call) ReadyKeys(keys [][]byte) [][]byte {
	if c.Ready == nil {
		return keys
	}
	return [][]byte{c.Ready}
}

// Wait makes the client wait. Where it may not, in MULTI for instance, orElse writes the
// reply, which is that of a command whose time is up.
func (c *Call) Wait(tx *keyspace.Tx, w Wait, orElse func()) error {
	if c.Ready != nil {
		return ErrStillNothing
	}
	if c.Block != nil {
		if waits, err := c.Block(tx, w); waits || err != nil {
			return err
		}
	}
	orElse()
	return nil
}

const (
	errTimeout         = ReplyError("ERR timeout is not a float or out of range")
	errTimeoutRange    = ReplyError("ERR timeout is out of range")
	errTimeoutNegative = ReplyError("ERR timeout is negative")
)

// Timeout reads an argument that is a number of seconds, 0 for no end. A part of a
// millisecond counts as a whole one, as in Redis.
func (c *Call) Timeout(i int) (time.Duration, error) {
	seconds, ok := parseFloat(c.Args[i])
	if !ok {
		return 0, errTimeout
	}
	ms := math.Ceil(seconds * 1000)
	switch {
	case ms > math.MaxInt64:
		return 0, errTimeoutRange
	case ms < 0:
		return 0, errTimeoutNegative
	case ms > float64(math.MaxInt64-c.Node.Now().UnixMilli()):
		return 0, errTimeoutRange
	}
	return time.Duration(min(ms, float64(maxTimeout/time.Millisecond))) * time.Millisecond, nil
}

// maxTimeout is how long a client waits that wants to wait longer than a Duration holds.
const maxTimeout = 100 * 365 * 24 * time.Hour
