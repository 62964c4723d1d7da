package sender

import (
	"bytes"
	"io"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// holder keeps what is written while a slot's lock is held: writing it to the follower may
// wait.
type holder struct {
	w    io.Writer
	on   bool
	held []byte
}

func (h *holder) Write(b []byte) (int, error) {
	if h.on {
		h.held = append(h.held, b...)
		return len(b), nil
	}
	return h.w.Write(b)
}

// release writes what was kept.
func (h *holder) release() error {
	h.on = false
	if len(h.held) == 0 {
		return nil
	}
	_, err := h.w.Write(h.held)
	h.held = h.held[:0]
	return err
}

// keyWriter writes keys into an RDB file.
type keyWriter struct {
	sender *Sender
	w      *rdb.FileWriter
	held   *holder
	keys   int
	large  []largeKey
}

// largeKey is a key that is written after the slot's lock was given back.
type largeKey struct {
	key, value []byte // of a string
	expireAt   int64
	snapshot   keyspace.Snapshot // of a collection
}

// dumpStep is how many bytes of keys are read under a slot's lock.
const dumpStep = 64 << 10

// slot writes the keys of a slot, and reads the stream now and then.
func (k *keyWriter) slot(slot slots.Slot) error {
	store := k.sender.streams.cfg.Store
	var at keyspace.OnceCursor
	for done := store.Count(slot) == 0; !done; {
		now := store.Now().UnixMilli()
		var err error
		k.held.on = true
		at, done, err = store.EachOnce(slot, at, dumpStep, func(s keyspace.Snapshot) error { return k.key(s, now) })
		if err != nil {
			return err
		}
		if err := k.held.release(); err != nil {
			return err
		}
		for i := range k.large {
			if err := k.writeLarge(&k.large[i], now); err != nil {
				return err
			}
		}
		clear(k.large)
		k.large = k.large[:0]
		if err := k.sender.ctx.Err(); err != nil {
			return err
		}
		if err := k.sender.stream.drain(); err != nil {
			return err
		}
	}
	return nil
}

// key writes a key under the slot's lock, or puts it off.
func (k *keyWriter) key(s keyspace.Snapshot, now int64) error {
	e := s.Entry()
	switch {
	case e.ExpireAt != 0 && e.ExpireAt <= now:
		return nil // the stream says so before it says anything else of the key
	case e.Type != keyspace.String && s.Large():
		k.large = append(k.large, largeKey{snapshot: s})
		return nil
	case e.Type != keyspace.String:
		return k.collection(s, now)
	case len(e.Value) > keyspace.LargeValue:
		k.large = append(k.large, largeKey{key: bytes.Clone(s.Key()), value: e.Value, expireAt: e.ExpireAt})
		return nil
	}
	k.keys++
	return k.w.String(s.Key(), e.Value, e.ExpireAt)
}

func (k *keyWriter) writeLarge(l *largeKey, now int64) error {
	if l.value == nil {
		return k.collection(l.snapshot, now)
	}
	k.keys++
	return k.w.String(l.key, l.value, l.expireAt)
}

// collection writes a key with a collection.
func (k *keyWriter) collection(s keyspace.Snapshot, now int64) error {
	o := dump.Options{}
	if k.sender.req.Only { // nobody says when fields go
		o.Now = now
	}
	p := dump.New(s, s.Encoding(), o)
	if p.Outline.Count() == 0 { // all fields have expired
		return nil
	}
	k.keys++
	if p.Expiring() {
		k.sender.stream.t.FieldExpiries++
	}
	return k.w.Collection(s.Key(), s.Entry().ExpireAt, &p.Outline, p.Each)
}
