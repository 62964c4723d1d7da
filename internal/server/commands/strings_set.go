package commands

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// setOptions are the options of SET and GETEX.
type setOptions struct {
	nx, xx, get, keepTTL, persist bool
	compare                       bool // the key must have the value ifEqual
	ifEqual                       []byte
	expiry                        []byte // nil: none given
	seconds, absolute             bool   // how to read expiry
}

// setOptions reads options from argument i on, as command "set" or "getex" takes them.
func (c *Call) setOptions(i int, cmd string) (o setOptions, err error) {
	forSet := cmd == "set"
	for ; i < len(c.Args); i++ {
		a := c.Args[i]
		switch {
		case forSet && IsWord(a, "NX") && !o.xx && !o.compare:
			o.nx = true
		case forSet && IsWord(a, "XX") && !o.nx && !o.compare:
			o.xx = true
		case forSet && IsWord(a, "IFEQ") && !o.nx && !o.xx && !o.compare && i+1 < len(c.Args):
			i++
			o.compare, o.ifEqual = true, c.Args[i]
		case forSet && IsWord(a, "GET"):
			o.get = true
		case forSet && IsWord(a, "KEEPTTL") && o.expiry == nil:
			o.keepTTL = true
		case !forSet && IsWord(a, "PERSIST") && o.expiry == nil:
			o.persist = true
		case i+1 < len(c.Args) && o.readExpiry(a, c.Args[i+1]):
			i++
		default:
			return o, ErrSyntax
		}
	}
	return o, nil
}

// readExpiry takes one of EX, PX, EXAT, PXAT and its number. There is one way of expiry
// only; given twice, the last one holds.
func (o *setOptions) readExpiry(unit, number []byte) bool {
	var seconds, absolute bool
	switch {
	case IsWord(unit, "EX"):
		seconds = true
	case IsWord(unit, "PX"):
	case IsWord(unit, "EXAT"):
		seconds, absolute = true, true
	case IsWord(unit, "PXAT"):
		absolute = true
	default:
		return false
	}
	if o.keepTTL || o.persist || o.expiry != nil && (seconds != o.seconds || absolute != o.absolute) {
		return false
	}
	o.expiry, o.seconds, o.absolute = number, seconds, absolute
	return true
}

// What a SET does to its key.
var setFlags, setGetFlags = newKeyFlags("OW update"), newKeyFlags("RW access update")

// setKeyFlags is what a SET does to its key, which depends on its options.
func setKeyFlags(line [][]byte) *keyFlags {
	for _, arg := range line[3:] {
		if IsWord(arg, "GET") {
			return setGetFlags
		}
	}
	return setFlags
}

// deadline returns the absolute expiry that the options ask for, in Unix milliseconds;
// set is false if they ask for none.
func (o *setOptions) deadline(now int64, cmd string) (at int64, set bool, err error) {
	if o.expiry == nil {
		return 0, false, nil
	}
	n, ok := resp.ParseInt(o.expiry)
	if !ok {
		return 0, false, ErrNotInt
	}
	at, err = deadline(n, o.seconds, o.absolute, now, cmd)
	return at, true, err
}

const maxTime = 1<<63 - 1

// deadline makes an absolute time in Unix milliseconds of a positive number.
func deadline(n int64, seconds, absolute bool, now int64, cmd string) (int64, error) {
	if n <= 0 || seconds && n > maxTime/1000 {
		return 0, errExpireTime(cmd)
	}
	if seconds {
		n *= 1000
	}
	if !absolute {
		if n > maxTime-now {
			return 0, errExpireTime(cmd)
		}
		n += now
	}
	return n, nil
}

func cmdSet(c *Call, tx *keyspace.Tx) error {
	key, value := c.Args[1], c.Args[2]
	if len(c.Args) == 3 {
		if err := tx.Put(key, keyspace.String, value, 0); err != nil {
			return err
		}
		tx.Notify(keyspace.StringEvents, "set", key)
		c.Out.OK()
		return nil
	}
	opt, err := c.setOptions(3, "set")
	if err != nil {
		return err
	}
	at, set, err := opt.deadline(tx.Now(), "set")
	if err != nil {
		return err
	}
	var old keyspace.Entry
	var ok bool
	if opt.get {
		old, ok, err = readStr(tx, key)
	} else if opt.compare {
		old, ok, err = str(tx, key)
	} else if opt.nx || opt.xx || opt.keepTTL {
		old, ok = tx.Peek(key)
	}
	if err != nil {
		return err
	}
	if opt.get {
		c.value(old, ok)
	}
	if opt.nx && ok || opt.xx && !ok || opt.compare && !(ok && bytes.Equal(old.Value, opt.ifEqual)) {
		if !opt.get {
			c.Out.Null()
		}
		return nil
	}
	if opt.keepTTL {
		at = old.ExpireAt
	}
	if err := setUntil(tx, key, value, at, set); err != nil {
		return err
	}
	if !opt.get {
		c.Out.OK()
	}
	return nil
}

func cmdDelIfEq(c *Call, tx *keyspace.Tx) error {
	old, ok, err := str(tx, c.Args[1])
	if err != nil {
		return err
	}
	if ok = ok && bytes.Equal(old.Value, c.Args[2]); ok {
		tx.Delete(c.Args[1])
		notify(tx, "del", c.Args[1])
	}
	c.Out.Int(int64(btoi(ok)))
	return nil
}

// setUntil stores a string; set says that a command has asked for its expiry.
func setUntil(tx *keyspace.Tx, key, value []byte, at int64, set bool) error {
	past := set && at <= tx.Now()
	if past { // EXAT or PXAT of the past: it expires at once
		if !tx.Delete(key) {
			tx.Notify(keyspace.NewEvents, "new", key)
		}
	} else if err := tx.Put(key, keyspace.String, value, at); err != nil {
		return err
	}
	tx.Notify(keyspace.StringEvents, "set", key)
	if set {
		notify(tx, "expire", key)
	}
	if past {
		tx.Notify(keyspace.ExpiredEvents, "expired", key)
	}
	return nil
}

// putText stores a string, and tells it by an event.
func putText(tx *keyspace.Tx, key, value []byte, expireAt int64, event string) error {
	if err := tx.Put(key, keyspace.String, value, expireAt); err != nil {
		return err
	}
	tx.Notify(keyspace.StringEvents, event, key)
	return nil
}

func cmdSetNX(c *Call, tx *keyspace.Tx) error {
	if _, ok := tx.Peek(c.Args[1]); ok {
		c.Out.Int(0)
		return nil
	}
	c.Out.Int(1)
	return putText(tx, c.Args[1], c.Args[2], 0, "set")
}

func cmdSetEX(c *Call, tx *keyspace.Tx) error  { return c.setFor(tx, true, "setex") }
func cmdPSetEX(c *Call, tx *keyspace.Tx) error { return c.setFor(tx, false, "psetex") }

func (c *Call) setFor(tx *keyspace.Tx, seconds bool, cmd string) error {
	n, err := c.Number(2)
	if err != nil {
		return err
	}
	at, err := deadline(n, seconds, false, tx.Now(), cmd)
	if err != nil {
		return err
	}
	c.Out.OK()
	return setUntil(tx, c.Args[1], c.Args[3], at, true)
}

func cmdMSet(c *Call, tx *keyspace.Tx) error {
	if len(c.Args)%2 == 0 {
		return ErrArity(c.Cmd)
	}
	c.Out.OK()
	return c.putPairs(tx)
}

func cmdMSetNX(c *Call, tx *keyspace.Tx) error {
	if len(c.Args)%2 == 0 {
		return ErrArity(c.Cmd)
	}
	for i := 1; i < len(c.Args); i += 2 {
		if _, ok := tx.Peek(c.Args[i]); ok {
			c.Out.Int(0)
			return nil
		}
	}
	c.Out.Int(1)
	return c.putPairs(tx)
}

// putPairs stores the arguments after the command's name: keys and values in turn.
func (c *Call) putPairs(tx *keyspace.Tx) error {
	if !c.Borrowed && !tx.Notifies(keyspace.StringEvents|keyspace.NewEvents) {
		return tx.PutAll(c.Args[1:])
	}
	for i := 1; i < len(c.Args); i += 2 {
		if err := putText(tx, c.Args[i], c.Args[i+1], 0, "set"); err != nil {
			return err
		}
	}
	return nil
}

func cmdAppend(c *Call, tx *keyspace.Tx) error {
	key, tail := c.Args[1], c.Args[2]
	s, err := tx.String(key)
	if err != nil {
		return err
	}
	length := s.Len()
	if length+len(tail) > c.MaxBulk {
		return errTooLong
	}
	c.Out.Int(int64(length + len(tail)))
	if !s.Exists() {
		return putText(tx, key, tail, 0, "append")
	}
	return setRange(tx, key, length, tail, "append")
}

func cmdSetRange(c *Call, tx *keyspace.Tx) error {
	key, part := c.Args[1], c.Args[3]
	offset, err := c.Number(2)
	if err != nil {
		return err
	}
	if offset < 0 {
		return errOffset
	}
	s, err := tx.String(key)
	if err != nil {
		return err
	}
	length := int64(s.Len())
	if len(part) == 0 { // also if the key is not there
		c.Out.Int(length)
		return nil
	}
	end, limit := offset+int64(len(part)), int64(c.MaxBulk)
	if offset > limit || end > limit {
		return errTooLong
	}
	c.Out.Int(max(length, end))
	return setRange(tx, key, int(offset), part, "setrange")
}

// setRange changes a part of a string, and tells it by an event.
func setRange(tx *keyspace.Tx, key []byte, offset int, part []byte, event string) error {
	if err := tx.SetRange(key, offset, part); err != nil {
		return err
	}
	tx.Notify(keyspace.StringEvents, event, key)
	return nil
}
