package replication

// LogCursor reads a Stream for a log on disk. It differs from a Cursor in that it goes on
// when the history gets another name, which it tells, and is never cut off for being slow:
// writers have to wait for it instead. Only when the Stream becomes another one, as by a
// full sync, does it end with ErrRenamed; the log then needs a new base.
type LogCursor struct {
	cur     Cursor
	renames []History // names that are in force from their Offset on, not read yet
}

// OpenLog opens a LogCursor at the end of the stream, and returns the history there. keys is
// how many keys the store has. From now on the Stream is always active.
func (s *Stream) OpenLog(keys int) (*LogCursor, History) {
	s.start(keys)
	s.keep = true
	c := &LogCursor{cur: Cursor{stream: s, at: s.ring.end, kept: true}}
	c.cur.blk = s.ring.last
	s.ring.readers = append(s.ring.readers, &c.cur)
	s.logs = append(s.logs, c)
	return c, s.History()
}

// Next returns what follows: either at most n bytes of the stream, none if there are none
// yet, or a new name of the history, which holds from here on. The bytes are valid until
// the next call and must not be written. An error is final.
func (c *LogCursor) Next(n int) (b []byte, name History, renamed bool, err error) {
	if c.cur.err != nil {
		return nil, History{}, false, c.cur.err
	}
	if len(c.renames) > 0 {
		if name = c.renames[0]; name.Offset == c.cur.at {
			c.renames = c.renames[1:]
			return nil, name, true, nil
		}
		n = int(min(int64(n), name.Offset-c.cur.at))
	}
	b, err = c.cur.stream.ring.read(&c.cur, n)
	return b, History{}, false, err
}

// Offset returns the offset of the next byte to be read.
func (c *LogCursor) Offset() int64 { return c.cur.at }

// Ended reports whether the Stream has become another one: then the next Next ends.
func (c *LogCursor) Ended() bool { return c.cur.err != nil }

// Close gives up the LogCursor's claim on the Stream's memory.
func (c *LogCursor) Close() {
	s := c.cur.stream
	s.ring.close(&c.cur)
	for i := range s.logs {
		if s.logs[i] == c {
			s.logs = append(s.logs[:i], s.logs[i+1:]...)
			return
		}
	}
}

// noteRename tells the logs that the history is called otherwise from here on.
func (s *Stream) noteRename() {
	for _, c := range s.logs {
		c.renames = append(c.renames, s.History())
	}
}
