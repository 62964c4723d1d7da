package commands

import (
	"errors"

	"github.com/slotmesh/slotmesh/internal/hll"
	"github.com/slotmesh/slotmesh/keyspace"
)

// HyperLogLogGroup is the commands on HyperLogLogs, which are strings: see package hll.
var HyperLogLogGroup = []Command{
	{Name: "pfadd", Arity: -2, Flags: Write | DenyOOM | Fast, Keys: OneKey, Group: "hyperloglog", Since: "2.8.9",
		KeyFlags: "RW insert", Summary: "Adds elements to a HyperLogLog.", Tx: cmdPFAdd},
	{Name: "pfcount", Arity: -2, Flags: ReadOnly, Keys: AllKeys, Group: "hyperloglog", Since: "2.8.9",
		KeyFlags: "RW access", Summary: "Estimates how many different elements HyperLogLogs have had.",
		Ahead: beginEstimate, Tx: cmdPFCount, After: keepEstimate},
	{Name: "pfmerge", Arity: -2, Flags: Write | DenyOOM, Keys: AllKeys, Group: "hyperloglog", Since: "2.8.9",
		KeyFlags: "RW access insert,RO access", Summary: "Makes a HyperLogLog the union of several.", Tx: cmdPFMerge},
}

// DefaultSparseSketch is the length in bytes up to which a sketch is sparse by default.
const DefaultSparseSketch = hll.DefaultSparse

const (
	errNoHLL      = ReplyError("WRONGTYPE Key is not a valid HyperLogLog string value.")
	errCorruptHLL = ReplyError("INVALIDOBJ Corrupted HLL object detected")
)

// maxSparse is the length in bytes up to which a sketch is sparse.
func (c *Call) maxSparse() int { return int(c.Node.sparseSketch.Load()) }

// hllError returns the error reply for one of package hll.
func hllError(err error) error {
	switch {
	case errors.Is(err, hll.ErrNoSketch):
		return errNoHLL
	case errors.Is(err, hll.ErrCorrupt):
		return errCorruptHLL
	}
	return err
}

// sketch returns the string of a key, and its header, which is nil if the key is not there.
func sketch(tx *keyspace.Tx, key []byte, room *[hll.HeaderSize]byte) (s keyspace.StringRef, header []byte, err error) {
	s, err = tx.String(key)
	if err != nil || !s.Exists() {
		return s, nil, err
	}
	header = s.AppendTo(room[:0], 0, min(s.Len(), hll.HeaderSize))
	return s, header, hllError(hll.Check(header, s.Len()))
}

func cmdPFAdd(c *Call, tx *keyspace.Tx) error {
	var room [hll.HeaderSize]byte
	key := c.Args[1]
	s, header, err := sketch(tx, key, &room)
	if err != nil {
		return err
	}
	changed := false
	if header == nil || !hll.IsDense(header) {
		changed, err = c.addSparse(tx, s)
	} else {
		changed, err = c.addDense(tx, s, header)
	}
	if err != nil {
		return hllError(err)
	}
	if changed {
		tx.Notify(keyspace.StringEvents, "pfadd", key)
	}
	c.Out.Int(int64(btoi(changed)))
	return nil
}

// addSparse adds the elements to a sketch that is not there or sparse. It is short, and
// written as a whole if its length changes.
func (c *Call) addSparse(tx *keyspace.Tx, s keyspace.StringRef) (changed bool, err error) {
	key := c.Args[1]
	var was, now []byte
	if s.Exists() {
		was = whole(s)
		if raised, err := raisesAny(was, c.Args[2:]); !raised { // most adds, once there are many elements
			return false, err
		}
		now = append(make([]byte, 0, len(was)+16), was...)
	} else {
		now = hll.New()
	}
	for _, element := range c.Args[2:] {
		raised := false
		if now, raised, err = hll.Add(now, element, c.maxSparse()); err != nil {
			return false, err
		}
		changed = changed || raised
	}
	switch {
	case !s.Exists():
		hll.Outdate(now)
		return true, tx.Put(key, keyspace.String, now, 0)
	case !changed:
		return false, nil
	case len(now) != len(was):
		e, _ := tx.Peek(key)
		return true, tx.PutOwned(key, keyspace.String, now, e.ExpireAt)
	}
	from, to := differing(was, now)
	return true, tx.SetRange(key, from, now[from:to])
}

// raisesAny reports whether an element changes a sparse sketch.
func raisesAny(sketch []byte, elements [][]byte) (bool, error) {
	for _, element := range elements {
		if raises, err := hll.Raises(sketch, element); raises || err != nil {
			return raises, err
		}
	}
	return false, nil
}

// differing returns where the bytes begin and end in which b differs from a, which has the
// same length.
func differing(a, b []byte) (from, to int) {
	for to = len(b); from < to && a[from] == b[from]; from++ {
	}
	for ; to > from && a[to-1] == b[to-1]; to-- {
	}
	return from, to
}

// addDense adds the elements to a dense sketch. It changes, and sends, the bytes of the
// registers that are raised.
func (c *Call) addDense(tx *keyspace.Tx, s keyspace.StringRef, header []byte) (changed bool, err error) {
	key := c.Args[1]
	outdated := false // s is
	for _, element := range c.Args[2:] {
		if outdated {
			if s, err = tx.String(key); err != nil {
				return false, err
			}
			outdated = false
		}
		index, count := hll.Register(element)
		at, two := hll.DenseRegister(index)
		b := [2]byte{s.At(at)}
		n := 1 + btoi(two)
		if two {
			b[1] = s.At(at + 1)
		}
		raised := false
		if b[0], b[1], raised = hll.RaiseDense(index, count, b[0], b[1]); !raised {
			continue
		}
		changed, outdated = true, true
		c.digits = append(c.digits[:0], b[:n]...) // memory of its own would be an allocation
		if err := tx.SetRange(key, at, c.digits); err != nil {
			return false, err
		}
	}
	if _, cached := hll.Cached(header); changed && cached {
		at, value := hll.StaleByte(header)
		return true, tx.SetRange(key, at, []byte{value})
	}
	return changed, nil
}

// estimate is what PFCOUNT has found of one sketch whose header does not have it.
type estimate struct {
	alone, fresh bool // PFCOUNT is in no transaction or script; there is an estimate
	version      uint64
	value        uint64
}

// beginEstimate is called where keepEstimate will be outside of the transaction.
func beginEstimate(c *Call) { c.estimate = estimate{alone: true} }

func cmdPFCount(c *Call, tx *keyspace.Tx) error {
	if len(c.Args) > 2 {
		return c.countUnion(tx)
	}
	var room [hll.HeaderSize]byte
	s, header, err := sketch(tx, c.Args[1], &room)
	switch {
	case err != nil:
		return err
	case header == nil:
		missed(tx, c.Args[1])
		c.Out.Int(0)
		return nil
	}
	n, cached := hll.Cached(header)
	if !cached {
		if n, err = hll.Count(whole(s)); err != nil {
			return hllError(err)
		}
		if c.estimate.alone {
			e, _ := tx.Peek(c.Args[1])
			c.estimate.fresh, c.estimate.version, c.estimate.value = true, e.Version, n
		} else if tx.Writable() {
			keepIn(tx, c.Args[1], n)
		}
	}
	c.Out.Int(int64(n))
	return nil
}

// countUnion is PFCOUNT of several keys.
func (c *Call) countUnion(tx *keyspace.Tx) error {
	var all hll.Registers
	if err := mergeSketches(tx, c.Args[1:], &all, func([]byte) {}); err != nil {
		return err
	}
	c.Out.Int(int64(all.Count()))
	return nil
}

// keepEstimate writes an estimate into the header of the sketch, as Redis does though PFCOUNT
// is a read. It costs a write of 8 bytes once for each time that the sketch changes. It is
// not made when it had to wait: for the end of a pause, or for a key that moves. In EXEC or
// a script that writes it is part of that; one that only reads leaves no estimate.
func keepEstimate(c *Call) error {
	e := c.estimate
	if !e.alone || !e.fresh || c.Node.IsReplica() {
		return nil
	}
	access := c.Access
	access.ReadOnly, access.Done = false, done
	// An error is no reason to keep the estimate from the client.
	_ = c.Node.Engine.Update(&access, func(tx *keyspace.Tx) error {
		if now, ok := tx.Peek(c.Args[1]); !ok || now.Version != e.version || c.Node.Server.WritesPaused() {
			return nil
		}
		keepIn(tx, c.Args[1], e.value)
		return nil
	})
	return nil
}

// keepIn writes an estimate. An error, such as of a full store, is no reason to refuse
// anything: nothing is written then.
func keepIn(tx *keyspace.Tx, key []byte, value uint64) {
	var b [hll.CacheSize]byte
	_ = tx.SetRange(key, hll.CacheAt, hll.AppendCache(b[:0], value))
}

// done is closed.
var done = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// mergeSketches raises registers to those of the sketches of keys, and shows each header to
// see.
func mergeSketches(tx *keyspace.Tx, keys [][]byte, all *hll.Registers, see func(header []byte)) error {
	for _, key := range keys {
		var room [hll.HeaderSize]byte
		s, header, err := sketch(tx, key, &room)
		switch {
		case err != nil:
			return err
		case header == nil:
			missed(tx, key)
			continue
		}
		see(header)
		if err := all.Merge(whole(s)); err != nil {
			return hllError(err)
		}
	}
	return nil
}

// whole returns the bytes of a string, which are read only.
func whole(s keyspace.StringRef) []byte {
	if b, ok := s.Contiguous(); ok {
		return b
	}
	return s.AppendTo(nil, 0, s.Len())
}

func cmdPFMerge(c *Call, tx *keyspace.Tx) error {
	var all hll.Registers
	toDense := false
	err := mergeSketches(tx, c.Args[1:], &all, func(header []byte) {
		toDense = toDense || hll.IsDense(header)
	})
	if err != nil {
		return err
	}
	to, now := c.Args[1], hll.New()
	s, err := tx.String(to)
	if err != nil {
		return err
	}
	if s.Exists() {
		now = s.AppendTo(make([]byte, 0, s.Len()+16), 0, s.Len())
	}
	if now, err = all.Store(now, toDense, c.maxSparse()); err != nil {
		return hllError(err)
	}
	e, _ := tx.Peek(to)
	if err := tx.PutOwned(to, keyspace.String, now, e.ExpireAt); err != nil {
		return err
	}
	tx.Notify(keyspace.StringEvents, "pfadd", to)
	c.Out.OK()
	return nil
}
