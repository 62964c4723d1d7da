package client

import (
	"context"
	"iter"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/glob"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Scan yields the keys of the whole cluster that match pattern (a glob as of SCAN, "" for
// all). It yields a key that exists from the beginning to the end at least once, and
// seldom twice, even if slots move and masters fail meanwhile. The one exception is a slot
// that leaves a node and comes back to it within one walk through that node's keys: some
// of its keys may be passed over. A key that is created or deleted meanwhile may be yielded
// or not. If ctx ends, or the cluster does not serve for too long, the last pair is "" and
// an error, and some keys are missing.
func (r *Router) Scan(ctx context.Context, pattern string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		s := scan{Router: *r.master(), pattern: pattern, yield: yield}
		if err := s.run(ctx); err != nil && !s.stopped {
			yield("", err)
		}
	}
}

// scan is a walk through the keys of all slots.
//
// It asks each master for the keys of the slots that this master owns. A slot is done if
// the master itself says before and after that it owns the slot; the map of this end may
// be out of date. A slot that is leaving the master is done once its target has been asked
// too, unless the move was called off: keys go only to the target. The remaining slots are
// asked for again, until none is left.
type scan struct {
	Router
	pattern string
	yield   func(string, error) bool
	stopped bool // the caller has enough
}

// fewSlots is how many slots of a master are asked for one by one; for more of them, all
// of its keys are walked through.
const fewSlots = 64

func (s *scan) run(ctx context.Context) error {
	todo := slots.Full()
	for w := (waits{}); ; {
		left := todo.Len()
		var err error
		for owner, group := range s.byOwner(&todo) {
			err = s.walk(ctx, owner, &group, &todo)
			if s.stopped {
				return nil
			}
			// An error is no reason to stop: the map will soon say what happened to the node.
		}
		if s.onlyUnowned(&todo) {
			return nil
		}
		if todo.Len() < left {
			w.pause = 0 // there is progress: backoff begins anew
		}
		s.transport.Refresh(ctx)
		if err := s.backoff(ctx, &w, orNotServed(err)); err != nil {
			return err
		}
	}
}

// walk yields the keys that a node has in a group of slots, and removes the slots that are
// done from todo.
func (s *scan) walk(ctx context.Context, owner Endpoint, group, todo *slots.Set) error {
	before, err := s.holdingOf(ctx, owner)
	if err != nil {
		return err
	}
	group.Intersect(&before.owns)
	if err := s.keysOf(ctx, owner, group); err != nil || s.stopped {
		return err
	}
	after, err := s.holdingOf(ctx, owner)
	if err != nil {
		return err
	}
	return s.confirm(ctx, owner, todo, group, &before, &after)
}

func orNotServed(err error) error {
	if err == nil {
		return slots.ErrSlotNotServed
	}
	return err
}

// byOwner groups slots by their owner as the map has it now.
func (s *scan) byOwner(todo *slots.Set) map[Endpoint]slots.Set {
	groups := make(map[Endpoint]slots.Set)
	for slot := range todo.All() {
		if owner, ok := s.transport.Owner(slot); ok {
			group := groups[owner]
			group.Add(slot)
			groups[owner] = group
		}
	}
	return groups
}

// confirm removes the slots from todo whose keys have all been seen.
func (s *scan) confirm(ctx context.Context, owner Endpoint, todo, group *slots.Set, before, after *holding) error {
	groups := make(map[Endpoint]slots.Set) // slots that are leaving, by target
	for slot := range group.All() {
		target, leaving := after.leaving[slot]
		_, wasLeaving := before.leaving[slot]
		switch {
		case !after.owns.Has(slot), wasLeaving && !leaving: // it has left; or its move was called off, and keys came back
		case leaving:
			set := groups[target]
			set.Add(slot)
			groups[target] = set
		default:
			todo.Remove(slot)
		}
	}
	for target, set := range groups {
		if err := s.keysOf(ctx, target, &set); err != nil || s.stopped {
			return err
		}
		last, err := s.holdingOf(ctx, owner)
		if err != nil {
			return err
		}
		for slot := range set.All() {
			// otherwise keys may have come back, or gone on to a third node
			if still, leaving := last.leaving[slot]; leaving && still == target {
				todo.Remove(slot)
			}
		}
	}
	return nil
}

// onlyUnowned reports whether no slot with an owner is left.
func (s *scan) onlyUnowned(todo *slots.Set) bool {
	for slot := range todo.All() {
		if _, ok := s.transport.Owner(slot); ok {
			return false
		}
	}
	return true
}

// keysOf yields the keys that a node has in a group of slots, whether it owns them or not.
func (s *scan) keysOf(ctx context.Context, from Endpoint, group *slots.Set) error {
	if group.Len() > fewSlots {
		return s.keysAmongAll(ctx, from, group)
	}
	var large slots.Set
	for slot := range group.All() {
		all, err := s.keysIn(ctx, from, slot)
		if err != nil || s.stopped {
			return err
		}
		if !all {
			large.Add(slot)
		}
	}
	if large.Empty() {
		return nil
	}
	return s.keysAmongAll(ctx, from, &large)
}

// keysAmongAll walks through all keys of a node, and yields those of a group of slots.
func (s *scan) keysAmongAll(ctx context.Context, from Endpoint, group *slots.Set) error {
	cursor := "0"
	for {
		line := []string{"SCAN", cursor, "COUNT", "512"}
		if s.pattern != "" {
			line = append(line, "MATCH", s.pattern)
		}
		reply, err := s.askNode(ctx, from, line...)
		if err != nil {
			return err
		}
		if len(reply.Elems) != 2 {
			return ReplyError("ERR SCAN replied with something else")
		}
		for i := range reply.Elems[1].Elems {
			if key := reply.Elems[1].Elems[i].Text(); group.Has(slots.OfString(key)) && !s.pass(key) {
				return nil
			}
		}
		if cursor = reply.Elems[0].Text(); cursor == "0" {
			return nil
		}
	}
}

// maxInSlot bounds the keys of one answer: CLUSTER GETKEYSINSLOT has no cursor.
const maxInSlot = 1 << 14

// keysIn yields the keys that a node has in one slot. If they are more than maxInSlot it
// yields none, and all is false.
func (s *scan) keysIn(ctx context.Context, from Endpoint, slot slots.Slot) (all bool, err error) {
	reply, err := s.askNode(ctx, from, "CLUSTER", "GETKEYSINSLOT", strconv.Itoa(int(slot)), strconv.Itoa(maxInSlot+1))
	if err != nil || len(reply.Elems) > maxInSlot {
		return false, err
	}
	for i := range reply.Elems {
		if key := reply.Elems[i].Text(); s.matches(key) && !s.pass(key) {
			return false, nil
		}
	}
	return true, nil
}

func (s *scan) pass(key string) bool {
	s.stopped = !s.yield(key, nil)
	return !s.stopped
}

func (s *scan) matches(key string) bool {
	return s.pattern == "" || glob.Match([]byte(s.pattern), []byte(key))
}

// scanStep bounds the wait for one answer. After it the node is asked again, or its
// successor.
const scanStep = 10 * time.Second

func (s *scan) askNode(ctx context.Context, to Endpoint, line ...string) (resp.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, scanStep)
	defer cancel()
	req := &request{}
	req.Sync = -1
	for _, word := range line {
		req.Args = append(req.Args, []byte(word))
	}
	reply, err := s.transport.Send(ctx, to, &req.Request)
	return reply.reply, err
}
