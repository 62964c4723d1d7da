package commands

import (
	"math"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

const (
	errTwoTrims     = ReplyError("ERR syntax error, MAXLEN and MINID options at the same time are not compatible")
	errNoTrim       = ReplyError("ERR syntax error, XTRIM must be called with a trimming strategy")
	errLimitNoTrim  = ReplyError("ERR syntax error, LIMIT cannot be used without specifying a trimming strategy")
	errLimitExact   = ReplyError("ERR syntax error, LIMIT cannot be used without the special ~ option")
	errMaxLen       = ReplyError("ERR The MAXLEN argument must be >= 0.")
	errNegativeTrim = ReplyError("ERR The LIMIT argument must be >= 0.")
)

// trimming says which entries of a stream go.
type trimming struct {
	byLen, byID bool // if neither is set, none
	whole       bool // only whole nodes: "~"
	limit       int64
	limited     bool // LIMIT was given
	keep        int64
	from        stream.ID
}

// option reads the option at argument i, if it is one of trimming, and returns how many
// arguments it takes.
func (t *trimming) option(c *Call, i int) (n int, err error) {
	more := len(c.Args) - 1 - i
	switch {
	case more == 0:
		return 0, nil
	case c.Word(i, "LIMIT"):
		if t.limit, err = c.Number(i + 1); err == nil && t.limit < 0 {
			err = errNegativeTrim
		}
		t.limited = true
		return 2, err
	case c.Word(i, "MAXLEN"):
		n, err = t.strategy(c, i)
		if err != nil {
			return n, err
		}
		if t.keep, err = c.Number(i + n - 1); err == nil && t.keep < 0 {
			err = errMaxLen
		}
		t.byLen = true
		return n, err
	case c.Word(i, "MINID"):
		n, err = t.strategy(c, i)
		if err != nil {
			return n, err
		}
		t.from, err = c.streamID(i+n-1, 0)
		t.byID = true
		return n, err
	}
	return 0, nil
}

// strategy reads what MAXLEN and MINID have in common, and returns how many arguments they
// take.
func (t *trimming) strategy(c *Call, i int) (n int, err error) {
	if t.byLen || t.byID {
		return 0, errTwoTrims
	}
	t.whole = false
	if i+2 < len(c.Args) && (c.Word(i+1, "~") || c.Word(i+1, "=")) {
		t.whole = c.Word(i+1, "~")
		return 3, nil
	}
	return 2, nil
}

// check is called when all options have been read.
func (t *trimming) check(c *Call, needed bool) error {
	trims := t.byLen || t.byID
	switch {
	case t.limit != 0 && !trims:
		return errLimitNoTrim
	case needed && !trims:
		return errNoTrim
	case t.limited && !t.whole:
		return errLimitExact
	case t.whole && !t.limited:
		t.limit = int64(c.Node.Store.Encodings().StreamNodes.TrimLimit())
	}
	return nil
}

// trim removes the entries, and returns how many have gone.
func (t *trimming) trim(s keyspace.StreamRef) int {
	limit := int(min(t.limit, math.MaxInt))
	switch {
	case t.byLen:
		return s.TrimToLen(int(min(t.keep, math.MaxInt)), t.whole, limit)
	case t.byID:
		return s.TrimBefore(t.from, t.whole, limit)
	}
	return 0
}
