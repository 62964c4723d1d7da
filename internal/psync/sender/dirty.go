package sender

import (
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/internal/dump"
	"github.com/slotmesh/slotmesh/internal/psync"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// dirtyStep is how many dirty keys are taken at a time.
const dirtyStep = 4096

// sendDirty sends the dirty keys that are due as they are now.
func (f *Sender) sendDirty() error {
	now := time.Now().UnixMilli()
	for {
		f.due = f.t.Due(f.due[:0], now, dirtyStep)
		for _, key := range f.due {
			if err := f.sendKey(key, now); err != nil {
				return err
			}
		}
		more := len(f.due) == dirtyStep
		clear(f.due)
		if !more {
			return nil
		}
	}
}

// sendKey sends a key as it is now.
func (f *Sender) sendKey(name string, now int64) error {
	key := []byte(name)
	var slot slots.Slot
	if !f.cfg.Standalone {
		slot = slots.Of(key)
	}
	var s keyspace.Snapshot
	var there bool
	var value []byte
	var floor int64
	err := f.cfg.Store.View(slot, func(tx *keyspace.Tx) error {
		floor = f.tail.Offset()
		if s, there = tx.Snapshot(key); there && s.Entry().Type == keyspace.String {
			e, _ := tx.Peek(key)
			if value = e.Value; len(value) <= keyspace.LargeValue {
				value = slices.Clone(value)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	size := 0
	switch e := s.Entry(); {
	case !there:
		f.t.Out = psync.AppendUnlink(f.t.Out, key)
	case e.Type == keyspace.String:
		size = len(value)
		f.t.Out = psync.AppendSet(f.t.Out, key, value, e.ExpireAt)
	default:
		if size, err = f.restore(key, s); err != nil {
			return err
		}
	}
	f.t.Sent(name, floor, now, size)
	if len(f.t.Out) >= flushAt {
		return f.flush()
	}
	return nil
}

// restore sends a collection.
func (f *Sender) restore(key []byte, s keyspace.Snapshot) (size int, err error) {
	p := dump.New(s, s.Encoding(), dump.Options{Plain: true})
	size = p.Outline.Size()
	f.t.Out = psync.AppendRestoreHead(f.t.Out, key, s.Entry().ExpireAt, size)
	if err := p.Encode(gatherer{f}); err != nil {
		return 0, err
	}
	f.t.Out = append(f.t.Out, psync.RestoreTail...)
	return size, nil
}

// gatherer writes commands, in pieces.
type gatherer struct{ f *Sender }

func (g gatherer) Write(b []byte) (int, error) {
	f := g.f
	if f.t.Out = append(f.t.Out, b...); len(f.t.Out) < flushAt {
		return len(b), nil
	}
	return len(b), f.flush()
}

// sendLibraries sends what has changed of the libraries of functions.
func (f *Sender) sendLibraries() error {
	if f.cfg.Libraries.Version() == f.version {
		return nil
	}
	sources, version := f.cfg.Libraries.Sources()
	f.version = version
	for name := range f.libraries {
		if _, ok := sources[name]; !ok {
			f.t.Out = psync.AppendFunctionDelete(f.t.Out, name)
			delete(f.libraries, name)
		}
	}
	for _, name := range sortedNames(sources) {
		source := sources[name]
		if f.libraries[name] != string(source) && f.understands(name, source) {
			f.t.Out = psync.AppendFunctionLoad(f.t.Out, source)
			f.libraries[name] = string(source)
		}
	}
	return f.flush()
}
