package commands

import (
	"github.com/slotmesh/slotmesh/keyspace"
)

func cmdHGetDel(c *Call, tx *keyspace.Tx) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	fields, err := c.fields(2, errFieldsNumber)
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	deleted := false
	for _, field := range fields {
		c.bulkIf(h.Get(field))
		deleted = h.Delete(field) || deleted
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
	}
	if deleted {
		notifyTaken(tx, keyspace.HashEvents, "hdel", c.Args[1], h)
	}
	return nil
}

// fieldExpiry is what HGETEX and HSETEX do to the expiry of fields.
type fieldExpiry struct {
	set     bool // at is given
	at      int64
	persist bool
	keep    bool
}

// read takes option i if it is EX, PX, EXAT or PXAT, with its number; took is how many
// arguments that is.
func (e *fieldExpiry) read(c *Call, i int, now int64) (took int, err error) {
	seconds := c.Word(i, "EX") || c.Word(i, "EXAT")
	absolute := c.Word(i, "EXAT") || c.Word(i, "PXAT")
	switch {
	case !seconds && !absolute && !c.Word(i, "PX"):
		return 0, nil
	case e.set || e.keep:
		return 0, ReplyError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
	case i+1 >= len(c.Args):
		return 0, ReplyError("ERR missing expire time")
	}
	e.set = true
	e.at, err = c.fieldDeadline(c.Args[i+1], seconds, absolute, now)
	return 2, err
}

func cmdHGetEX(c *Call, tx *keyspace.Tx) error {
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	e := fieldExpiry{persist: c.Word(2, "PERSIST")}
	took, err := e.read(c, 2, tx.Now())
	if err != nil {
		return err
	}
	fields, err := c.fields(2+took+btoi(e.persist), errFieldsNumber)
	if err != nil {
		return err
	}
	c.Out.Array(len(fields))
	var changed, expired bool
	for _, field := range fields {
		value, ok := h.Get(field)
		c.bulkIf(value, ok)
		if len(c.Out.B) > c.MaxOutput {
			return ErrReplyTooBig
		}
		switch {
		case !ok || !e.set && !e.persist:
		case e.set && e.at <= tx.Now():
			h.Delete(field)
			expired = true
		default:
			if _, err := h.Expire(field, e.at); err != nil {
				return err
			}
			changed = true
		}
	}
	event := "hexpire"
	if e.persist {
		event = "hpersist"
	}
	notifyExpiry(tx, c.Args[1], h, changed, event, expired)
	return nil
}

// hsetexOptions are those of HSETEX, with the fields and values after them.
type hsetexOptions struct {
	fieldExpiry
	fnx, fxx bool // none of the fields may be there, all of them must be
	nx, xx   bool // the key may not be there, must be: Valkey has these
	pairs    [][]byte
}

func (c *Call) hsetexOptions(now int64) (o hsetexOptions, err error) {
	for i := 2; i < len(c.Args); i++ {
		took, err := o.read(c, i, now)
		if err != nil {
			return o, err
		}
		switch {
		case took > 0:
			i += took - 1
		case c.Word(i, "FIELDS"):
			o.pairs, err = c.fieldPairs(i)
			return o, err
		case c.Word(i, "KEEPTTL") && (o.set || o.keep):
			return o, ReplyError("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified")
		case c.Word(i, "KEEPTTL"):
			o.keep = true
		case (c.Word(i, "FXX") || c.Word(i, "FNX")) && (o.fxx || o.fnx):
			return o, ReplyError("ERR Only one of FXX or FNX arguments can be specified")
		case c.Word(i, "FXX"):
			o.fxx = true
		case c.Word(i, "FNX"):
			o.fnx = true
		case c.Word(i, "NX") && !o.xx:
			o.nx = true
		case c.Word(i, "XX") && !o.nx:
			o.xx = true
		default:
			return o, ReplyError("ERR unknown argument: " + string(Clip(c.Args[i], 128)))
		}
	}
	return o, ErrArity(c.Cmd) // there is no FIELDS
}

// fieldPairs reads FIELDS numfields field value [field value ...], to the end of the line.
func (c *Call) fieldPairs(i int) ([][]byte, error) {
	if i+3 >= len(c.Args) {
		return nil, ErrArity(c.Cmd)
	}
	n, err := c.NumberIn(i+1, 1, 1<<31-1, ReplyError("ERR invalid number of fields"))
	if err != nil {
		return nil, err
	}
	pairs := c.Args[i+2:]
	if int64(len(pairs)) != 2*n {
		return nil, ErrArity(c.Cmd)
	}
	return pairs, nil
}

func cmdHSetEX(c *Call, tx *keyspace.Tx) error {
	o, err := c.hsetexOptions(tx.Now())
	if err != nil {
		return err
	}
	h, err := tx.Hash(c.Args[1])
	if err != nil {
		return err
	}
	if !o.hold(h) {
		c.Out.Int(0)
		return nil
	}
	expired := o.set && o.at <= tx.Now()
	for i := 0; i < len(o.pairs); i += 2 {
		field, value := o.pairs[i], o.pairs[i+1]
		var err error
		switch {
		case expired:
			h.Delete(field)
		case o.keep:
			err = c.setKeepingExpiry(h, field, value)
		default:
			_, err = h.SetUntil(field, value, o.at)
		}
		if err != nil {
			return err
		}
	}
	notifyExpiry(tx, c.Args[1], h, !expired, "hset", expired)
	if o.set && !expired {
		tx.Notify(keyspace.HashEvents, "hexpire", c.Args[1])
	}
	c.Out.Int(1)
	return nil
}

// hold reports whether the conditions of the options do.
func (o *hsetexOptions) hold(h keyspace.HashRef) bool {
	if o.nx && h.Len() > 0 || o.xx && h.Len() == 0 {
		return false
	}
	for i := 0; (o.fnx || o.fxx) && i < len(o.pairs); i += 2 {
		if _, ok := h.Get(o.pairs[i]); ok != o.fxx {
			return false
		}
	}
	return true
}
