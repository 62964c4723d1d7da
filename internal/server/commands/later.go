package commands

// A reply out of a large collection would hold the slot's lock for as long as its parts
// take to be copied, and all of it would wait in memory for the client. So it is made
// later: out of a snapshot, when the lock is gone, in pieces of which the next is made
// when the one before has left.

const (
	manyParts = 1000     // a reply of more parts is made later
	pieceLen  = 64 << 10 // bytes of a piece, or a little more
)

// replyFrom replies with what write makes of n parts of a collection: at once, or later if
// they are many. write must not look at c.Args; it asks c.More after each part, and
// returns ErrReplyTooBig if there are to be no more.
func replyFrom[R interface{ Snapshot() R }](c *Call, from R, n int, write func(*Call, R) error) error {
	if n <= manyParts {
		return write(c, from)
	}
	from = from.Snapshot()
	c.Later = func() error { return write(c, from) }
	return nil
}

// More lets what c.Out has so far leave, if a reply is made later and there is enough. It
// returns false if the reply grows too long, or there is nobody to take more of it.
func (c *Call) More() bool {
	if c.Yield == nil {
		return len(c.Out.B) <= c.MaxOutput
	}
	return len(c.Out.B) < pieceLen || c.Yield(struct{}{})
}
