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
func (s *stream) sendDirty() error {
	now := time.Now().UnixMilli()
	for {
		s.due = s.t.Due(s.due[:0], now, dirtyStep)
		for _, key := range s.due {
			if err := s.sendKey(key, now); err != nil {
				return err
			}
		}
		more := len(s.due) == dirtyStep
		clear(s.due)
		if !more {
			return nil
		}
	}
}

// sendKey sends a key as it is now.
func (s *stream) sendKey(name string, now int64) error {
	key := []byte(name)
	var slot slots.Slot
	if !s.cfg.Standalone {
		slot = slots.Of(key)
	}
	var snap keyspace.Snapshot
	var there bool
	var value []byte
	var floor int64
	err := s.cfg.Store.View(slot, func(tx *keyspace.Tx) error {
		floor = s.tail.Offset()
		if snap, there = tx.Snapshot(key); there && snap.Entry().Type == keyspace.String {
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
	switch e := snap.Entry(); {
	case !there:
		s.t.Out = psync.AppendUnlink(s.t.Out, key)
	case e.Type == keyspace.String:
		size = len(value)
		s.t.Out = psync.AppendSet(s.t.Out, key, value, e.ExpireAt)
	default:
		if size, err = s.restore(key, snap); err != nil {
			return err
		}
	}
	s.t.Sent(name, floor, now, size)
	if len(s.t.Out) >= flushAt {
		s.flush()
	}
	return nil
}

// restore sends a collection.
func (s *stream) restore(key []byte, snap keyspace.Snapshot) (size int, err error) {
	p := dump.New(snap, snap.Encoding(), dump.Options{Plain: true})
	size = p.Outline.Size()
	s.t.Out = psync.AppendRestoreHead(s.t.Out, key, snap.Entry().ExpireAt, size)
	if err := p.Encode(gatherer{s}); err != nil {
		return 0, err
	}
	s.t.Out = append(s.t.Out, psync.RestoreTail...)
	return size, nil
}

// gatherer writes commands, in pieces.
type gatherer struct{ s *stream }

func (g gatherer) Write(b []byte) (int, error) {
	s := g.s
	if s.t.Out = append(s.t.Out, b...); len(s.t.Out) >= flushAt {
		s.flush()
	}
	return len(b), nil
}

// sendLibraries sends what has changed of the libraries of functions.
func (s *stream) sendLibraries() {
	if s.cfg.Libraries.Version() == s.version {
		return
	}
	sources, version := s.cfg.Libraries.Sources()
	s.version = version
	for name := range s.libraries {
		if _, ok := sources[name]; !ok {
			s.t.Out = psync.AppendFunctionDelete(s.t.Out, name)
			delete(s.libraries, name)
		}
	}
	for _, name := range sortedNames(sources) {
		source := sources[name]
		if s.libraries[name] != string(source) && s.understands(name, source) {
			s.t.Out = psync.AppendFunctionLoad(s.t.Out, source)
			s.libraries[name] = string(source)
		}
	}
}
