package migrate

import (
	"fmt"

	"github.com/slotmesh/slotmesh/slots"
)

// A target believes a source about its own slots only. It opens and claims a slot in a
// session with the node that owns the slot by the map, stores keys of slots that come from
// that node, and takes back what that node prepared. A source that has become the owner by
// a failover of which the target has not heard yet is refused, and tries again. So what a
// node can do that lies, or works with an old map, is to give its own slots away.
//
// A Return changes no ownership. It may bring keys that are not there to the slots' owner,
// from any master: which masters have had such keys is known to none of them.

// rights are what a session may do at the target.
type rights struct {
	kind   Kind
	source slots.NodeID
	slots  slots.Set // of the job
}

// owns reports whether a node owns slot by the map.
func owns(m *slots.Map, id slots.NodeID, slot slots.Slot) bool {
	o := m.Owner(slot)
	return o != nil && o.ID == id
}

// ownerOf names the owner of a slot, for messages.
func ownerOf(m *slots.Map, slot slots.Slot) string {
	if o := m.Owner(slot); o != nil {
		return "node " + o.ID.Short()
	}
	return "no node"
}

// accept reports whether keys of slot may be stored here.
func (r *rights) accept(m *slots.Map, slot slots.Slot, returning func(slots.Slot) bool) bool {
	switch {
	case !r.slots.Has(slot):
		return false
	case r.kind == KindReturn:
		return m.IsMine(slot)
	}
	from, importing := m.Importing(slot)
	return importing && from == r.source && !returning(slot)
}

// comes reports whether slot is importing here because of the session's source.
func (r *Receiver) comes(slot slots.Slot) bool {
	from, importing := r.m.Importing(slot)
	return r.kind == KindMove && r.slots.Has(slot) && importing && from == r.source
}

// mayBring returns why the sender of a hello must not bring the job's slots, or keys, nil
// if it may; and which of the slots this node looks after on behalf of the job. These are
// the source's, those that are here already, and those that it has looked after before: to
// look after others would be to return keys that the job of another source brings.
func (r *Receiver) mayBring(m *Message) (kept slots.Set, err error) {
	source := r.m.Node(m.source)
	if m.source != r.cfg.From && !r.cfg.From.IsZero() {
		return kept, fmt.Errorf("a job of node %s comes from node %s", m.source.Short(), r.cfg.From.Short())
	}
	known, ok := r.cfg.Known(m.job)
	if m.kind == KindReturn {
		switch {
		case !source.IsMaster():
			return kept, fmt.Errorf("node %s is a replica here", m.source.Short())
		case ok:
			return kept, fmt.Errorf("job %s moves slots of node %s", m.job, known.Source.Short())
		}
		return *m.slots, nil
	}
	stake := ok && known.Source == m.source // if only to say that the job is over
	if ok {
		kept = known.Slots
	}
	for slot := range m.slots.All() {
		of := !ok || known.Slots.Has(slot)
		switch {
		case owns(r.m, m.source, slot):
			stake = stake || of
			kept.Add(slot)
		case r.m.IsMine(slot):
			kept.Add(slot)
		}
	}
	if !stake {
		return kept, fmt.Errorf("node %s owns none of slots %s here", m.source.Short(), m.slots.Short())
	}
	if ok && known.Source != m.source {
		if known.Source == r.m.Self().ID {
			return kept, fmt.Errorf("job %s is of node %s itself", m.job, known.Source.Short())
		}
		for slot := range known.Slots.All() {
			if owns(r.m, known.Source, slot) {
				return kept, fmt.Errorf("job %s is of node %s, which owns slot %d here", m.job, known.Source.Short(), slot)
			}
		}
	}
	return kept, nil
}

// save makes the job durable, with the slots that are looked after.
func (r *Receiver) save() {
	r.put(SaveJob{Job{ID: r.job, Kind: r.kind, Slots: r.kept, Source: r.source, Target: r.m.Self().ID}})
}

// list tells the source which keys of slots are here.
func (r *Receiver) list(m Message) {
	for slot := range m.slots.All() {
		if !r.comes(slot) {
			r.refuse(m.n, "slot %d does not come here", slot)
			return
		}
	}
	r.put(ListKeys{m.n, *m.slots})
}
