package admin

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// handMove moves slots between two nodes by SETSLOT and MIGRATE (docs/spec.md §8.1):
// importing at the target, migrating at the source, the keys, then the new owner at the
// target first, so that at no moment a slot has no owner.
//
// A window of slots goes through these steps together: their commands travel in one round
// trip, and a node saves its state once instead of once per slot. Every step can be
// repeated, so an interrupted move is continued by doing it again.
type handMove struct {
	c        *Client
	view     *View
	from, to *Node
	o        MoveOptions
	track    *tracker
	target   slots.Addr // of to, as from dials it; zero before the first keys
	batch    int        // keys to take per round trip, 0 before the first

	refusal error     // why some keys were not taken in the last round trip
	refused time.Time // since when this goes on; zero if it does not
}

const (
	// window bounds how many slots an interruption leaves open.
	window = 128
	// busyTarget is how long the source may be kept from its clients.
	busyTarget = 50 * time.Millisecond
	firstBatch = 200
	leastBatch = 10
	mostBatch  = 5000
	// migrateMost is how many keys one MIGRATE takes at most.
	migrateMost = 1000
)

func (h *handMove) run(ctx context.Context, set slots.Set) error {
	var list []slots.Slot
	for slot := range set.All() {
		list = append(list, slot)
	}
	for len(list) > 0 {
		n := min(window, len(list))
		if err := h.window(ctx, list[:n]); err != nil {
			return fmt.Errorf("slots %s from %s to %s: %w", slotList(slots.NewSet(list[:n]...)), h.from.Name(), h.to.Name(), err)
		}
		list = list[n:]
	}
	return nil
}

func (h *handMove) window(ctx context.Context, list []slots.Slot) error {
	open, err := h.open(ctx, list)
	if err != nil {
		return err
	}
	if err := h.drain(ctx, open); err != nil {
		return err
	}
	return h.close(ctx, list)
}

// open opens the slots at both ends and returns those that were not the target's already.
func (h *handMove) open(ctx context.Context, list []slots.Slot) (open []slots.Slot, err error) {
	replies, err := h.setSlots(ctx, h.to, list, "IMPORTING", h.from.ID)
	if err != nil {
		return nil, err
	}
	for i, r := range replies {
		err := r.Err()
		switch {
		case err == nil:
			open = append(open, list[i])
		case refused(err, "already the owner"): // an interrupted run got that far
		default:
			return nil, &NodeError{h.to.Address, "CLUSTER SETSLOT " + slotText(list[i]) + " IMPORTING", err}
		}
	}
	replies, err = h.setSlots(ctx, h.from, open, "MIGRATING", h.to.ID)
	if err != nil {
		return nil, err
	}
	for i, r := range replies {
		if err := r.Err(); err != nil {
			return nil, &NodeError{h.from.Address, "CLUSTER SETSLOT " + slotText(open[i]) + " MIGRATING", err}
		}
	}
	return open, nil
}

func (h *handMove) setSlots(ctx context.Context, n *Node, list []slots.Slot, state string,
	peer slots.NodeID) ([]resp.Reply, error) {
	commands := make([][]string, len(list))
	for i, slot := range list {
		commands[i] = []string{"CLUSTER", "SETSLOT", slotText(slot), state, peer.String()}
	}
	return h.c.pipe(ctx, n.Address, commands)
}

// close makes the target the owner, there first, then at the source, then at the other
// masters; these would also hear it by gossip.
func (h *handMove) close(ctx context.Context, list []slots.Slot) error {
	for _, n := range []*Node{h.to, h.from} {
		replies, err := h.setSlots(ctx, n, list, "NODE", h.to.ID)
		if err != nil {
			return err
		}
		for i, r := range replies {
			err := r.Err()
			if n == h.from && refused(err, "only with masters") {
				continue // with its last slot gone it has become a replica
			}
			if err != nil {
				return &NodeError{n.Address, "CLUSTER SETSLOT " + slotText(list[i]) + " NODE", err}
			}
		}
	}
	var others []*Node
	for _, n := range h.view.Masters() {
		if n != h.from && n != h.to && n.Alive() {
			others = append(others, n)
		}
	}
	err := each(len(others), func(i int) error {
		_, err := h.setSlots(ctx, others[i], list, "NODE", h.to.ID)
		return err
	})
	if err != nil && ctx.Err() == nil {
		h.c.notice("", "the new owner is in force, but was not told everywhere: %v; gossip will", err)
		err = nil
	}
	h.track.add(len(list), 0)
	return err
}

// drain moves all keys of open slots. New ones cannot appear at the source: for a
// key that is not there, it sends clients to the target (docs/spec.md §7).
func (h *handMove) drain(ctx context.Context, open []slots.Slot) error {
	left, err := h.count(ctx, open)
	if err != nil {
		return err
	}
	if len(left) > 0 && h.target.IsZero() {
		if err := h.findTarget(ctx); err != nil {
			return err
		}
	}
	for len(left) > 0 {
		found, err := h.find(ctx, left)
		if err != nil {
			return err
		}
		if err := h.send(ctx, found); err != nil {
			return err
		}
		if err := h.wait(ctx); err != nil {
			return err
		}
		var again []load
		for _, l := range found {
			if l.more {
				again = append(again, load{slot: l.slot, count: max(1, l.count-len(l.keys))})
			}
		}
		left = append(again, left[len(found):]...)
	}
	return nil
}

// load is what there is to move of a slot.
type load struct {
	slot  slots.Slot
	count int      // about how many keys there are
	keys  []string // the next ones to move
	more  bool     // there may be others
}

// count returns the slots that hold keys.
func (h *handMove) count(ctx context.Context, open []slots.Slot) ([]load, error) {
	counts, err := h.c.countKeys(ctx, []*Node{h.from}, slots.NewSet(open...))
	if err != nil {
		return nil, err
	}
	var list []load
	for _, slot := range open {
		if n := counts[slot][h.from.ID]; n > 0 {
			list = append(list, load{slot: slot, count: n})
		}
	}
	return list, nil
}

// find returns the first loads, as many as make a batch, with keys.
func (h *handMove) find(ctx context.Context, left []load) ([]load, error) {
	if h.batch == 0 {
		h.batch = firstBatch
	}
	per := min(h.batch, migrateMost)
	var commands [][]string
	total := 0
	for _, l := range left {
		if total += min(l.count, per); total > h.batch && len(commands) > 0 {
			break
		}
		commands = append(commands, []string{"CLUSTER", "GETKEYSINSLOT", slotText(l.slot), strconv.Itoa(per)})
	}
	replies, err := h.c.pipe(ctx, h.from.Address, commands)
	if err != nil {
		return nil, err
	}
	found := left[:len(replies):len(replies)]
	for i, r := range replies {
		if err := r.Err(); err != nil {
			return nil, &NodeError{h.from.Address, brief(commands[i]), err}
		}
		found[i].more = len(r.Elems) == per
		for j := range r.Elems {
			found[i].keys = append(found[i].keys, string(r.Elems[j].Str))
		}
	}
	return found, nil
}

// send moves the keys, one MIGRATE per slot, in one round trip.
func (h *handMove) send(ctx context.Context, found []load) error {
	var loads []*load
	var commands [][]string
	for i := range found {
		if f := &found[i]; len(f.keys) > 0 {
			loads = append(loads, f)
			commands = append(commands, h.migrate(*f, h.o.Replace || h.resumed(f.slot)))
		}
	}
	begin := time.Now()
	replies, err := h.c.pipeFor(ctx, h.limit(), h.from.Address, commands)
	if err != nil {
		return err
	}
	h.adapt(time.Since(begin))
	for i, r := range replies {
		err := r.Err()
		if refused(err, "BUSYKEY") {
			err = h.replaceEqual(ctx, *loads[i])
		}
		if transient(err) {
			h.refusal = err
			loads[i].more = true
			continue
		}
		if err != nil {
			return &NodeError{h.from.Address, "MIGRATE of " + plural(len(loads[i].keys), "key") + " in slot " +
				slotText(loads[i].slot), err}
		}
		h.track.add(0, int64(len(loads[i].keys)))
	}
	return nil
}

// transient reports whether a node said no only for now: a master serves nothing for the
// first 2 s after its start, or while a majority is away (docs/spec.md §5.2).
func transient(err error) bool {
	return refused(err, "CLUSTERDOWN") || refused(err, "LOADING") || refused(err, "TRYAGAIN")
}

// wait waits before keys are sent again that a node did not take for now, but not for ever.
func (h *handMove) wait(ctx context.Context) error {
	if h.refusal == nil {
		h.refused = time.Time{}
		return nil
	}
	err := &NodeError{h.from.Address, "MIGRATE", h.refusal}
	h.refusal = nil
	switch now := time.Now(); {
	case h.refused.IsZero():
		h.c.notice(h.from.Address, "waiting: %v", err.Err)
		h.refused = now
	case now.Sub(h.refused) > agreeLimit:
		return err
	}
	return pause(ctx, lastPoll)
}

// limit is how long a MIGRATE may take: the nodes end it before we do.
func (h *handMove) limit() time.Duration { return 2*h.o.Timeout + h.c.cfg.Timeout }

// adapt aims at round trips that keep the source busy for busyTarget.
func (h *handMove) adapt(took time.Duration) {
	switch {
	case h.o.Pipeline > 0:
	case took > busyTarget:
		h.batch = max(leastBatch, h.batch/2)
	case took < busyTarget/2:
		h.batch = min(mostBatch, h.batch*2)
	}
}

// resumed reports whether the slot was open at both ends when we came. Then the source's
// keys are right: while it has a key, nobody is sent to the target for it.
func (h *handMove) resumed(slot slots.Slot) bool {
	return h.from.IsOpen(slot, false, h.to.ID) && h.to.IsOpen(slot, true, h.from.ID)
}

// dump returns the values of keys at a node, which may own their slot or import it.
func (h *handMove) dump(ctx context.Context, n *Node, keys []string) (values []resp.Reply, err error) {
	var commands [][]string
	for _, key := range keys {
		commands = append(commands, []string{"ASKING"}, []string{"DUMP", key})
	}
	replies, err := h.c.pipe(ctx, n.Address, commands)
	if err != nil {
		return nil, err
	}
	for i, key := range keys {
		value := replies[2*i+1]
		if err := value.Err(); refused(err, "ASK ") {
			value = resp.Reply{} // it is not here any more
		} else if err != nil {
			return nil, &NodeError{n.Address, "DUMP " + strconv.Quote(key), err}
		}
		values = append(values, value)
	}
	return values, nil
}

// replaceEqual moves keys that the target has already, if they are the same there.
func (h *handMove) replaceEqual(ctx context.Context, l load) error {
	ours, err := h.dump(ctx, h.from, l.keys)
	if err != nil {
		return err
	}
	theirs, err := h.dump(ctx, h.to, l.keys)
	if err != nil {
		return err
	}
	for i := range ours {
		a, b := ours[i], theirs[i]
		if a.Kind != resp.Null && b.Kind != resp.Null && !bytes.Equal(a.Str, b.Str) {
			return fmt.Errorf("key %q of slot %d is at both nodes with different values: repeat with --cluster-replace to "+
				"overwrite that of %s by that of %s, "+
				"or delete the one you do not want", l.keys[i], l.slot, h.to.Name(), h.from.Name())
		}
	}
	replies, err := h.c.pipeFor(ctx, h.limit(), h.from.Address, [][]string{h.migrate(l, true)})
	if err != nil {
		return err
	}
	return replies[0].Err()
}
