package sender

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/slotmesh/slotmesh/internal/psync"
	"github.com/slotmesh/slotmesh/replication/replicator"
)

// stream is the commands that one follower gets, over one connection after the other. Package
// psync translates them; a bounded part of them is kept. It belongs to one goroutine at a
// time: that of a Sender, or keep when the connection has ended. An error of its methods is the
// end of it.
type stream struct {
	cfg *Config
	id  string

	tail    *replicator.Tail // of the node's stream; nil: nothing is wanted of that
	t       *psync.Translator
	backlog *psync.Backlog

	// to writes to the follower; nil: it is away, or lost says why it is about to be. What
	// is under way then goes on: a command is never cut short, and no key forgotten.
	to   func(b []byte) error
	lost error

	libraries map[string]string // that the follower has, with their sources
	version   uint64            // of the node's when they were looked at
	due       []string          // scratch
	warned    bool              // of expiries of fields

	resumable bool  // the follower can have the file
	left      int64 // how much it was sent at most when its connection ended

	claims chan claim    // of Senders that want to go on with the stream; keep receives
	ended  chan struct{} // closed at the end
}

// claim asks for a stream.
type claim struct{ done chan struct{} } // closed when the claimant owns the stream

// newStream returns a stream of its own history, from the present place of the node's.
func (p *Streams) newStream(tail *replicator.Tail) *stream {
	var id [20]byte
	rand.Read(id[:])
	return &stream{
		cfg: &p.cfg, id: hex.EncodeToString(id[:]), tail: tail,
		t: psync.New(p.cfg.Standalone, p.cfg.Log.Offset()), backlog: psync.NewBacklog(0),
		libraries: make(map[string]string), claims: make(chan claim), ended: make(chan struct{}),
	}
}

func (s *stream) close() {
	if s.tail != nil {
		s.tail.Close()
	}
	close(s.ended)
}

// maxHeld bounds the names of keys that are held.
const maxHeld = 64 << 20

// flushAt is how many bytes of commands are gathered before they are written.
const flushAt = 64 << 10

// drain translates what is there of the node's stream, as long as there is room for it.
func (s *stream) drain() error {
	now := time.Now().UnixMilli()
	for s.tail != nil && s.t.Held() < maxHeld {
		rec, ok, err := s.tail.Next()
		if err != nil || !ok {
			return err
		}
		if rec.Metadata {
			continue // functions are looked at in turn
		}
		if err := s.t.Record(rec.End, now, rec.Ops); err != nil {
			return err
		}
		if len(s.t.Out) >= flushAt {
			s.flush()
		}
	}
	return nil
}

// advance translates and sends what is there.
func (s *stream) advance() error {
	if err := s.drain(); err != nil {
		return err
	}
	s.flush()
	return nil
}

// wake receives when there is more to translate, and there is room for it: dirty keys go first.
func (s *stream) wake() <-chan struct{} {
	if s.t.Held() >= maxHeld {
		return nil
	}
	return s.tail.Wake()
}

// setSize makes the backlog as long as it is to be.
func (s *stream) setSize() {
	if s.resumable {
		s.backlog.SetSize(s.cfg.limits().Backlog)
	}
}

// tick sends dirty keys that are due, and functions.
func (s *stream) tick() error {
	s.setSize()
	if err := s.sendDirty(); err != nil {
		return err
	}
	s.sendLibraries()
	s.flush()
	return nil
}

// flush sends the commands that have been gathered, of which the last may not be complete.
func (s *stream) flush() {
	s.backlog.Write(s.t.Out)
	if s.to != nil && len(s.t.Out) > 0 {
		if s.lost = s.to(s.t.Out); s.lost != nil {
			s.to = nil
		}
	}
	if s.t.Out = s.t.Out[:0]; cap(s.t.Out) > 16*flushAt {
		s.t.Out = nil
	}
}

// keep goes on with a stream whose follower is away, until it is claimed (the claimant owns it
// then), nothing that the follower could go on from is left of it, or done ends.
func (s *stream) keep(done <-chan struct{}) (claimed bool) {
	began := time.Now()
	ticker := time.NewTicker(psync.Interval * time.Millisecond)
	defer ticker.Stop()
	for {
		if s.advance() != nil || s.backlog.Start() > s.left {
			return false
		}
		select {
		case <-s.wake():
		case c := <-s.claims:
			close(c.done)
			return true
		case <-ticker.C:
			if s.tick() != nil {
				return false
			}
			if ttl := s.cfg.limits().TTL; ttl > 0 && time.Since(began) >= ttl {
				return false
			}
		case <-done:
			return false
		}
	}
}
