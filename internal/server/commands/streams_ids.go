package commands

import (
	"bytes"
	"math"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

const (
	errStreamID      = ReplyError("ERR Invalid stream ID specified as stream command argument")
	errIntervalStart = ReplyError("ERR invalid start ID for the interval")
	errIntervalEnd   = ReplyError("ERR invalid end ID for the interval")
)

// maxIDText is the longest argument that Redis takes for an ID.
const maxIDText = 127

// streamID reads an argument that is an ID: "ms-seq", or "ms", to which missing is added as
// the sequence number.
func (c *Call) streamID(i int, missing uint64) (stream.ID, error) {
	return readStreamID(c.Args[i], missing)
}

func readStreamID(arg []byte, missing uint64) (stream.ID, error) {
	arg, ok := idText(arg)
	if !ok || len(arg) == 1 && (arg[0] == '-' || arg[0] == '+') {
		return stream.ID{}, errStreamID
	}
	ms, seq, whole := bytes.Cut(arg, []byte{'-'})
	id := stream.ID{Seq: missing}
	if id.Ms, ok = idNumber(ms); ok && whole {
		id.Seq, ok = idNumber(seq)
	}
	if !ok {
		return stream.ID{}, errStreamID
	}
	return id, nil
}

// streamIDOrEdge is streamID, but takes "-" for the least ID and "+" for the greatest.
func (c *Call) streamIDOrEdge(i int, missing uint64) (stream.ID, error) {
	if arg, ok := idText(c.Args[i]); ok && len(arg) == 1 {
		switch arg[0] {
		case '-':
			return stream.ID{}, nil
		case '+':
			return stream.MaxID, nil
		}
	}
	return c.streamID(i, missing)
}

// intervalStart reads the first ID of an interval; after "(" that is the one behind it.
func (c *Call) intervalStart(i int) (stream.ID, error) {
	if arg := c.Args[i]; len(arg) > 1 && arg[0] == '(' {
		id, err := readStreamID(arg[1:], 0)
		if err != nil {
			return id, err
		}
		next, ok := id.Next()
		if !ok {
			return next, errIntervalStart
		}
		return next, nil
	}
	return c.streamIDOrEdge(i, 0)
}

// intervalEnd reads the last ID of an interval; after "(" that is the one before it.
func (c *Call) intervalEnd(i int) (stream.ID, error) {
	if arg := c.Args[i]; len(arg) > 1 && arg[0] == '(' {
		id, err := readStreamID(arg[1:], math.MaxUint64)
		if err != nil {
			return id, err
		}
		prev, ok := id.Prev()
		if !ok {
			return prev, errIntervalEnd
		}
		return prev, nil
	}
	return c.streamIDOrEdge(i, math.MaxUint64)
}

// newID is the ID that XADD is given: whole, or without its sequence number ("ms-*"), or
// nothing ("*").
type newID struct {
	stream.ID
	given, seqGiven bool
}

func readNewID(arg []byte) (id newID, err error) {
	id.given, id.seqGiven = true, true
	if text, ok := idText(arg); ok && bytes.HasSuffix(text, []byte("-*")) && bytes.Count(text, []byte{'-'}) == 1 {
		arg, id.seqGiven = text[:len(text)-len("-*")], false
	}
	id.ID, err = readStreamID(arg, 0)
	return id, err
}

// idText returns the text of an ID, which ends at a zero byte, as in Redis.
func idText(arg []byte) (text []byte, ok bool) {
	if len(arg) > maxIDText {
		return nil, false
	}
	if at := bytes.IndexByte(arg, 0); at >= 0 {
		arg = arg[:at]
	}
	return arg, true
}

// idNumber reads what Redis takes for one half of an ID: an unsigned number, and besides
// all that strtoull of C reads but a canonical negative number.
func idNumber(b []byte) (uint64, bool) {
	if n, ok := resp.ParseInt(b); ok {
		return uint64(n), n >= 0
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	negative := len(b) > 0 && b[0] == '-'
	if negative || len(b) > 0 && b[0] == '+' {
		b = b[1:]
	}
	n, err := strconv.ParseUint(textOf(b), 10, 64)
	if negative {
		n = -n
	}
	return n, err == nil
}

// entryID replies with an ID.
func (c *Call) entryID(id stream.ID) {
	var room [41]byte
	c.Out.Bulk(id.AppendText(room[:0]))
}

// entry replies with an entry: its ID, and its fields with their values.
func (c *Call) entry(id stream.ID, fields stream.Fields) {
	c.Out.Array(2)
	c.entryID(id)
	c.Out.Array(fields.Len())
	for s, ok := fields.Next(); ok; s, ok = fields.Next() {
		c.Out.Bulk(s)
	}
}
