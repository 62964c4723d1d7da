package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

const (
	errEntriesAdded     = ReplyError("ERR entries_added must be positive")
	errEntriesAddedLen  = ReplyError("ERR The entries_added specified in XSETID is smaller than the target stream length")
	errSetIDTop         = ReplyError("ERR The ID specified in XSETID is smaller than the target stream top item")
	errSetIDGivenMaxDel = ReplyError(
		"ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
)

// xsetidOptions are the arguments of XSETID.
type xsetidOptions struct {
	last       stream.ID
	added      int64 // -1: not given
	maxDeleted stream.ID
}

func (o *xsetidOptions) read(c *Call) (err error) {
	if o.last, err = c.streamID(2, 0); err != nil {
		return err
	}
	o.added = -1
	for i := 3; i < len(c.Args); i += 2 {
		switch {
		case i+1 == len(c.Args):
			return ErrSyntax
		case c.Word(i, "ENTRIESADDED"):
			if o.added, err = c.Number(i + 1); err == nil && o.added < 0 {
				err = errEntriesAdded
			}
		case c.Word(i, "MAXDELETEDID"):
			if o.maxDeleted, err = c.streamID(i+1, 0); err == nil && o.last.Less(o.maxDeleted) {
				err = errSetIDGivenMaxDel
			}
		default:
			return ErrSyntax
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check does not look at the greatest deleted ID of the stream: Redis 7.2 does.
func (o *xsetidOptions) check(s keyspace.StreamRef) error {
	final, ok := s.Final()
	switch {
	case ok && o.last.Less(final):
		return errSetIDTop
	case ok && o.added != -1 && int64(s.Len()) > o.added:
		return errEntriesAddedLen
	}
	return nil
}

func cmdXSetID(c *Call, tx *keyspace.Tx) error {
	var o xsetidOptions
	if err := o.read(c); err != nil {
		return err
	}
	s, err := tx.Stream(c.Args[1])
	if err != nil {
		return err
	}
	if !s.Exists() {
		return errNoKey
	}
	if err := o.check(s); err != nil {
		return err
	}
	state := s.State()
	state.Last = o.last
	if o.added != -1 {
		state.Added = uint64(o.added)
	}
	if o.maxDeleted != (stream.ID{}) {
		state.MaxDeleted = o.maxDeleted
	}
	if err := s.SetState(state); err != nil {
		return err
	}
	c.Out.OK()
	tx.Notify(keyspace.StreamEvents, "xsetid", c.Args[1])
	return nil
}
