package interest

import (
	"encoding/binary"
	"slices"

	"github.com/slotmesh/slotmesh/internal/glob"
)

// Bounds of what one node names to another.
const (
	MaxDigests      = 1 << 18 // channels, and as many sharded ones
	MaxPatterns     = 1 << 10
	MaxPatternBytes = 1 << 18 // of all patterns
)

// Set is what another node wants, as it has told it. The zero value wants nothing. It is
// not safe for concurrent use.
type Set struct {
	now    wanted
	staged *wanted // the parts of a whole set that is not complete yet, nil if there is none
}

// wanted is one state of a Set.
type wanted struct {
	all      [kinds]bool
	digests  [Pattern]map[uint64]struct{}
	patterns []string // in no order
	bytes    int      // of patterns
}

// Apply takes in what a Teller's Next has made, and returns the position to acknowledge.
// After an error the Set is of no use: the connection has to end.
func (s *Set) Apply(b []byte) (position uint64, err error) {
	position, size := binary.Uvarint(b)
	if size <= 0 || len(b) == size {
		return 0, malformed("no position, or no flags")
	}
	flags := b[size]
	if flags > flagWhole|flagMore {
		return 0, malformed("unknown flags")
	}
	if flags&flagWhole != 0 {
		s.staged = &wanted{}
	}
	if flags&flagMore != 0 && s.staged == nil {
		return 0, malformed("a part of a whole set that has not begun")
	}
	to := &s.now
	if s.staged != nil {
		to = s.staged
	}
	if err := to.apply(b[size+1:]); err != nil {
		return 0, err
	}
	if s.staged != nil && flags&flagMore == 0 {
		s.now, s.staged = *s.staged, nil
	}
	return position, nil
}

func (w *wanted) apply(b []byte) (err error) {
	for len(b) > 0 {
		var e entry
		if e, b, err = cutEntry(b); err != nil {
			return err
		}
		switch {
		case e.all:
			w.setAll(e.kind, e.on)
		case e.kind == Pattern:
			err = w.setPattern(e.pattern, e.on)
		default:
			err = w.setDigest(e.kind, e.digest, e.on)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setAll makes the node want everything of a kind, or else nothing of it. What it has named
// is not needed any more.
func (w *wanted) setAll(kind Kind, on bool) {
	w.all[kind] = on
	if kind == Pattern {
		w.patterns, w.bytes = nil, 0
	} else {
		w.digests[kind] = nil
	}
}

func (w *wanted) setDigest(kind Kind, digest uint64, on bool) error {
	if !on {
		delete(w.digests[kind], digest)
		return nil
	}
	if w.digests[kind] == nil {
		w.digests[kind] = make(map[uint64]struct{})
	}
	if w.digests[kind][digest] = struct{}{}; len(w.digests[kind]) > MaxDigests {
		return malformed("too many channels")
	}
	return nil
}

func (w *wanted) setPattern(pattern string, on bool) error {
	at := slices.Index(w.patterns, pattern)
	switch {
	case on && at < 0:
		w.patterns = append(w.patterns, pattern)
		w.bytes += len(pattern)
	case !on && at >= 0:
		w.patterns = slices.Delete(w.patterns, at, at+1)
		w.bytes -= len(pattern)
	}
	if len(w.patterns) > MaxPatterns || w.bytes > MaxPatternBytes {
		return malformed("too many patterns")
	}
	return nil
}

// WantsMessage reports whether the node wants a message to a channel; digest is the
// channel's.
func (s *Set) WantsMessage(digest uint64, channel []byte) bool {
	if s.now.wantsDigest(Channel, digest) || s.now.all[Pattern] {
		return true
	}
	for _, p := range s.now.patterns {
		if glob.Match([]byte(p), channel) {
			return true
		}
	}
	return false
}

// WantsShard reports whether the node wants a message to a sharded channel. local says that
// it is of the shard.
func (s *Set) WantsShard(digest uint64, local bool) bool {
	return local && s.now.wantsDigest(Shard, digest) || s.now.wantsDigest(FarShard, digest)
}

func (w *wanted) wantsDigest(kind Kind, digest uint64) bool {
	if w.all[kind] {
		return true
	}
	_, ok := w.digests[kind][digest]
	return ok
}
