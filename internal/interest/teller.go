package interest

import (
	"encoding/binary"
	"maps"
)

// limits are the bounds of a Teller.
type limits struct {
	log          int // changes that are kept for links that have not been told of them yet
	part         int // about how many bytes are told at a time
	digests      int // channels that are named, and as many sharded ones
	patterns     int // that are named
	patternBytes int // of all patterns that are named
}

var defaultLimits = limits{log: 4096, part: 32 << 10, digests: MaxDigests, patterns: MaxPatterns,
	patternBytes: MaxPatternBytes}

// LinkID names a link, as the user of a Teller likes.
type LinkID uint64

// Teller has a node's own interest, and knows what each link has been told of it. It is not
// safe for concurrent use.
type Teller struct {
	limits   limits
	digests  [Pattern]map[uint64]uint32 // and how many names have the digest
	patterns map[string]struct{}
	bytes    int         // of patterns
	all      [kinds]bool // there are too many of the kind to name them

	position uint64
	log      []entry // the latest changes; the last one made position
	links    map[LinkID]*told
	wholes   [2]whole // as told to links of other shards, and to local ones
}

// told is a link, and what its node knows.
type told struct {
	local    bool
	up       bool // it can be told
	expected bool // it is waited for
	sent     uint64
	acked    uint64
	parts    [][]byte // of a whole set, what is still to be told
	begun    bool     // some of parts has been told
	renew    bool     // a whole set is due
}

// whole is a whole set in parts, as of a position.
type whole struct {
	position uint64
	parts    [][]byte // nil: not made
}

// NewTeller returns a Teller that wants nothing.
func NewTeller() *Teller {
	t := &Teller{limits: defaultLimits, patterns: make(map[string]struct{}),
		links: make(map[LinkID]*told)}
	for i := range t.digests {
		t.digests[i] = make(map[uint64]uint32)
	}
	return t
}

// Position returns the number of the latest change.
func (t *Teller) Position() uint64 { return t.position }

// Empty reports whether the node wants nothing.
func (t *Teller) Empty() bool {
	return len(t.digests[Channel])+len(t.digests[Shard])+len(t.digests[FarShard])+len(t.patterns) == 0
}

// Want takes in that the node wants something from now on, or does not want it any more. A
// name is to be wanted once, and given up once.
func (t *Teller) Want(kind Kind, name string, on bool) {
	e := entry{kind: kind, on: on}
	if kind == Pattern {
		e.pattern = name
		if !t.countPattern(name, on) {
			return
		}
	} else {
		e.digest = Digest(name)
		if !t.countDigest(kind, e.digest, on) {
			return
		}
	}
	switch few, many := t.size(kind); {
	case t.all[kind] && few:
		t.all[kind] = false
		t.renew()
	case t.all[kind]:
	case many:
		t.all[kind] = true
		t.add(entry{kind: kind, on: true, all: true})
	default:
		t.add(e)
	}
}

// countDigest reports whether a digest has come or gone.
func (t *Teller) countDigest(kind Kind, digest uint64, on bool) bool {
	set := t.digests[kind]
	names, known := set[digest]
	switch {
	case on:
		set[digest] = names + 1
		return !known
	case names > 1:
		set[digest] = names - 1
		return false
	}
	delete(set, digest)
	return known
}

// countPattern reports whether a pattern has come or gone.
func (t *Teller) countPattern(pattern string, on bool) bool {
	if _, known := t.patterns[pattern]; known == on {
		return false
	}
	if on {
		t.patterns[pattern] = struct{}{}
		t.bytes += len(pattern)
	} else {
		delete(t.patterns, pattern)
		t.bytes -= len(pattern)
	}
	return true
}

// size reports whether there are too many of a kind to name them, or few enough again.
func (t *Teller) size(kind Kind) (few, many bool) {
	if kind != Pattern {
		n := len(t.digests[kind])
		return n <= t.limits.digests/2, n > t.limits.digests
	}
	n := len(t.patterns)
	few = n <= t.limits.patterns/2 && t.bytes <= t.limits.patternBytes/2
	return few, n > t.limits.patterns || t.bytes > t.limits.patternBytes
}

// add logs a change.
func (t *Teller) add(e entry) {
	t.position++
	if kept := t.limits.log / 2; len(t.log) == t.limits.log {
		copy(t.log, t.log[len(t.log)-kept:])
		clear(t.log[kept:])
		t.log = t.log[:kept]
	}
	t.log = append(t.log, e)
	t.wholes = [2]whole{}
}

// renew makes a whole set due on all links.
func (t *Teller) renew() {
	t.position++
	t.log = nil
	t.wholes = [2]whole{}
	for _, l := range t.links {
		l.renew = true
	}
}

// Expect makes Known wait for a link that is not up yet, or not any more.
func (t *Teller) Expect(id LinkID, expected bool) { t.link(id).expected = expected }

// Up takes in that a link can be told, of sharded channels too if it is local.
func (t *Teller) Up(id LinkID, local bool) {
	*t.link(id) = told{local: local, up: true, expected: true, renew: true}
}

// Down takes in that a link has broken. It is waited for as before.
func (t *Teller) Down(id LinkID) {
	l := t.link(id)
	*l = told{expected: l.expected}
}

// Remove forgets a link.
func (t *Teller) Remove(id LinkID) { delete(t.links, id) }

// SetLocal takes in whether the node of a link is of the same shard from now on.
func (t *Teller) SetLocal(id LinkID, local bool) {
	if l := t.link(id); l.up && l.local != local {
		l.local, l.renew = local, true
		t.add(entry{kind: nothing}) // what is known from now on includes the new set
	}
}

func (t *Teller) link(id LinkID) *told {
	l := t.links[id]
	if l == nil {
		l = &told{}
		t.links[id] = l
	}
	return l
}

// Next appends to b what a link is to be told next; ok is false if there is nothing.
func (t *Teller) Next(id LinkID, b []byte) (_ []byte, ok bool) {
	l := t.links[id]
	if l == nil || !l.up {
		return b, false
	}
	if !l.renew && len(l.parts) == 0 && t.position-l.sent > uint64(len(t.log)) {
		l.renew = true
	}
	if l.renew {
		w := t.whole(l.local)
		l.parts, l.begun, l.renew, l.sent = w.parts, false, false, w.position
	}
	if len(l.parts) > 0 {
		return l.nextPart(b), true
	}
	return t.nextChanges(l, b)
}

// nextPart appends the next part of a whole set.
func (l *told) nextPart(b []byte) []byte {
	var flags byte
	position := l.acked
	if !l.begun {
		flags = flagWhole
	}
	if l.begun = len(l.parts) > 1; l.begun {
		flags |= flagMore
	} else {
		position = l.sent
	}
	b = binary.AppendUvarint(b, position)
	b = append(append(b, flags), l.parts[0]...)
	l.parts = l.parts[1:]
	return b
}

// nextChanges appends changes, as many as fit.
func (t *Teller) nextChanges(l *told, b []byte) (_ []byte, ok bool) {
	first := len(t.log) - int(t.position-l.sent)
	last, size := first, 0
	for ; last < len(t.log) && size < t.limits.part; last++ {
		if e := &t.log[last]; l.isConcerned(e.kind) {
			size += 16 + len(e.pattern)
		}
	}
	told := l.sent == l.acked // nothing is on its way
	l.sent += uint64(last - first)
	begin := len(b)
	b = append(binary.AppendUvarint(b, l.sent), 0)
	for _, e := range t.log[first:last] {
		if l.isConcerned(e.kind) {
			b = e.append(b)
		}
	}
	switch {
	case size > 0 || last > first && !told:
		return b, true
	case told:
		l.acked = l.sent // there was nothing that concerns the node
	}
	return b[:begin], false
}

// Acknowledged takes in that the node of a link knows of all changes up to a position.
func (t *Teller) Acknowledged(id LinkID, position uint64) {
	if l := t.links[id]; l != nil && l.up && position <= l.sent {
		l.acked = max(l.acked, position)
		l.expected = true
	}
}

// Known returns the position that every link knows that is waited for.
func (t *Teller) Known() uint64 {
	known := t.position
	for _, l := range t.links {
		if l.expected {
			known = min(known, l.acked)
		}
	}
	return known
}

// GiveUp waits no longer for links that do not know a position, until they acknowledge
// something or come up anew.
func (t *Teller) GiveUp(position uint64) {
	for _, l := range t.links {
		if l.acked < position {
			l.expected = false
		}
	}
}

// isConcerned reports whether the node of a link is told of a kind.
func (l *told) isConcerned(kind Kind) bool { return kind < kinds && (l.local || kind != Shard) }

// whole returns the whole set.
func (t *Teller) whole(local bool) whole {
	i := 0
	if local {
		i = 1
	}
	if w := &t.wholes[i]; w.parts == nil {
		*w = whole{position: t.position, parts: t.encode(local)}
	}
	return t.wholes[i]
}

// encode returns the whole set in parts, at least one.
func (t *Teller) encode(local bool) (parts [][]byte) {
	part := []byte{}
	add := func(e entry) {
		if part = e.append(part); len(part) >= t.limits.part {
			parts, part = append(parts, part), nil
		}
	}
	for kind := range kinds {
		switch {
		case kind == Shard && !local:
		case t.all[kind]:
			add(entry{kind: kind, on: true, all: true})
		case kind == Pattern:
			for pattern := range maps.Keys(t.patterns) {
				add(entry{kind: kind, on: true, pattern: pattern})
			}
		default:
			for digest := range maps.Keys(t.digests[kind]) {
				add(entry{kind: kind, on: true, digest: digest})
			}
		}
	}
	return append(parts, part)
}
