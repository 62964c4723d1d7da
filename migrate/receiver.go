package migrate

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// maxBatch bounds a batch, in bytes: the greatest value of Redis, and room.
const maxBatch = 513 << 20

// receiver is the target's side of one connection: a passive core. It keeps nothing
// that must outlive the connection; what does is the slots' open state and the record of
// imports that the driver keeps.
type receiver struct {
	m *slots.Map
	// returning reports whether a slot's keys are on their way from here back to its owner.
	returning func(slots.Slot) bool
	// leaving returns those of a set's slots that this node moves, or is about to move, to
	// a node: their keys need not be returned.
	leaving func(to slots.NodeID, set *slots.Set) slots.Set
	// standing is that of Replicas.
	standing func(k int) (want, good int)

	job     JobID
	kind    Kind
	source  slots.NodeID
	slots   slots.Set // of the job
	greeted bool
	pending map[uint64]*slots.Set // setSlots under way: of a prepare the slots, else nil
	told    []promise             // that writers at the source were told, as far as it has said so on this connection

	batch uint64
	blob  []byte
	out   []effect
}

func newReceiver(m *slots.Map, returning func(slots.Slot) bool, leaving func(slots.NodeID, *slots.Set) slots.Set,
	standing func(int) (want, good int)) *receiver {
	return &receiver{m: m, returning: returning, leaving: leaving, standing: standing,
		pending: make(map[uint64]*slots.Set)}
}

func (r *receiver) output() []effect {
	out := r.out
	r.out = nil
	return out
}

func (r *receiver) put(e effect) { r.out = append(r.out, e) }

func (r *receiver) send(m message) { r.put(send{m}) }

func (r *receiver) refuse(n uint64, format string, args ...any) {
	r.send(message{Type: msgRefuse, N: n, Text: fmt.Sprintf(format, args...)})
}

// mapChanged follows the cluster.
func (r *receiver) mapChanged(m *slots.Map) { r.m = m }

// receive takes a message of the source. An error means that the connection is of no use.
func (r *receiver) receive(m message) error {
	if m.Type == msgHello {
		if r.greeted {
			return fmt.Errorf("migrate: a second hello on one connection: %w", ErrMalformed)
		}
		r.hello(m)
		return nil
	}
	if !r.greeted {
		return fmt.Errorf("migrate: the first message is of type %d, not a hello: %w", m.Type, ErrMalformed)
	}
	switch m.Type {
	case msgPing:
		r.send(message{Type: msgPong})
	case msgPrepare:
		r.prepare(m)
	case msgFinalise:
		r.finalise(m)
	case msgAbandon:
		r.abandon(m)
	case msgList:
		r.put(list{m.N, *m.Slots})
	case msgPart:
		return r.part(m)
	case msgBye:
		r.put(forget{})
	}
	return nil
}

func (r *receiver) hello(m message) {
	self := r.m.Self()
	switch {
	case m.Target != self.ID: // an address is only where a node was last heard
		r.refuse(m.N, "it is node %s that answers, not node %s", self.ID.Short(), m.Target.Short())
		return
	case r.m.Node(m.Source) == nil:
		r.refuse(m.N, "node %s does not know node %s", self.ID.Short(), m.Source.Short())
		return
	case !self.IsMaster():
		r.refuse(m.N, "node %s is a replica", self.ID.Short())
		return
	case m.Kind != KindMove && m.Kind != KindReturn:
		r.refuse(m.N, "node %s does not understand jobs of kind %d", self.ID.Short(), m.Kind)
		return
	}
	if !r.enough(m) {
		return
	}
	r.job, r.kind, r.source, r.slots, r.greeted = m.Job, m.Kind, m.Source, *m.Slots, true
	r.put(save{Job{ID: m.Job, Kind: m.Kind, Slots: *m.Slots, Source: m.Source, Target: self.ID}})
	r.promise(m.Promises)
	welcome := message{Type: msgWelcome, N: m.N, Slots: new(slots.Set)}
	if m.Kind == KindReturn {
		*welcome.Slots = r.leaving(m.Source, m.Slots)
	}
	r.send(welcome)
}

// from reports whether slot is, as far as this node knows, the source's to give.
func (r *receiver) from(slot slots.Slot) bool {
	o := r.m.Owner(slot)
	return o == nil || o.ID == r.source
}

// prepare makes slots ready to take keys. Keys that are here already stay: they can be
// what an earlier life of the job brought before it lost a race of epochs.
func (r *receiver) prepare(m message) {
	var change slots.Set
	for slot := range m.Slots.All() {
		switch from, importing := r.m.Importing(slot); {
		case !r.slots.Has(slot): // the registry would not look after it
			r.refuse(m.N, "slot %d is not one of the job's", slot)
			return
		case !r.from(slot):
			r.refuse(m.N, "slot %d belongs to node %s here", slot, r.m.Owner(slot).ID.Short())
			return
		case r.returning(slot):
			r.refuse(m.N, "slot %d: its keys are being returned to its owner", slot)
			return
		case !importing || from != r.source:
			change.Add(slot)
		}
	}
	if !r.enough(m) {
		return
	}
	r.promise(m.Promises)
	r.change(m.N, change, Importing, r.source, m.Slots)
}

// enough refuses slots, or keys, that more replicas have to hold than this node has now.
func (r *receiver) enough(m message) bool {
	if want, good := r.standing(mostPromised(m.Promises)); want > good {
		r.refuse(m.N, "%v", lacking(r.m.Self().ID, want, good))
		return false
	}
	return true
}

// promise takes over what writers at the source were told.
func (r *receiver) promise(list []promise) {
	for _, p := range list {
		r.put(promised{p})
		r.told = addPromise(r.told, p)
	}
}

// finalise claims slots that the source has emptied.
func (r *receiver) finalise(m message) {
	var change slots.Set
	for slot := range m.Slots.All() {
		_, importing := r.m.Importing(slot)
		switch {
		case r.m.IsMine(slot) && !importing:
		case r.returning(slot):
			r.refuse(m.N, "slot %d: its keys are being returned to its owner", slot)
			return
		case r.m.IsMine(slot) || importing && r.from(slot):
			change.Add(slot)
		default:
			r.refuse(m.N, "slot %d is not being imported here any more", slot)
			return
		}
	}
	r.change(m.N, change, Assign, r.m.Self().ID, nil)
}

// abandon forgets that slots were to come.
func (r *receiver) abandon(m message) {
	var change slots.Set
	for slot := range m.Slots.All() {
		if _, importing := r.m.Importing(slot); importing && !r.m.IsMine(slot) {
			change.Add(slot)
		}
	}
	r.change(m.N, change, Stable, slots.NodeID{}, nil)
}

// change answers message n when the slots' state is durable. Those of prepared may then
// be opened at the source.
func (r *receiver) change(n uint64, set slots.Set, action Action, peer slots.NodeID, prepared *slots.Set) {
	if set.Empty() {
		r.done(n, prepared)
		return
	}
	r.pending[n] = prepared
	r.put(setSlots{n, set, action, peer})
}

// changed tells how a setSlots ended.
func (r *receiver) changed(n uint64, err error) {
	prepared, ok := r.pending[n]
	if !ok {
		return
	}
	delete(r.pending, n)
	if err != nil {
		r.refuse(n, "%v", err)
		return
	}
	r.done(n, prepared)
}

func (r *receiver) done(n uint64, prepared *slots.Set) {
	if prepared != nil {
		r.put(remember{prepared})
	}
	r.send(message{Type: msgDone, N: n})
}

// part puts a batch together. A batch that starts again, or another one, takes the place
// of one that was not completed.
func (r *receiver) part(m message) error {
	if m.Offset == 0 {
		r.batch, r.blob = m.N, r.blob[:0]
	}
	end := m.Offset + uint64(len(m.Data))
	if m.N != r.batch || m.Offset != uint64(len(r.blob)) || m.Size > maxBatch || end > m.Size {
		return fmt.Errorf("migrate: bytes %d to %d of %d of batch %d do not follow byte %d of batch %d: %w",
			m.Offset, end, m.Size, m.N, len(r.blob), r.batch, ErrMalformed)
	}
	r.blob = append(grown(r.blob, end, m.Size), m.Data...)
	if end < m.Size {
		r.send(message{Type: msgAck, N: m.N, Size: end})
		return nil
	}
	r.put(store{m.N, r.kind, r.blob, slices.Clone(r.told)})
	return nil
}

const (
	// keepBlob is the greatest buffer that is kept for the next batch, in bytes. A greater
	// one may become part of the store, see importBatch.
	keepBlob = 1 << 20
	// copyStep is how much is copied at once, in bytes. The runtime cannot interrupt a copy,
	// nor a loop of nothing but copies: a collection of garbage that begins meanwhile holds
	// everybody up.
	copyStep = 64 << 10
)

// grown returns b with room for need bytes of a batch that is to have size. Nothing is
// allocated for what is merely announced: the room doubles. Once a third of a great batch
// is there it is exact, since a large value stays where it was put together.
func grown(b []byte, need, size uint64) []byte {
	if need <= uint64(cap(b)) {
		return b
	}
	room := max(need, 2*uint64(cap(b)), copyStep)
	if size > keepBlob && room > size/3*2 {
		room = size
	}
	next := make([]byte, 0, room)
	for len(b) > 0 {
		n := min(len(b), copyStep)
		next, b = append(next, b[:n]...), b[n:]
		runtime.Gosched()
	}
	return next
}

// stored tells how a store ended, and how many replicas have the batch.
func (r *receiver) stored(n uint64, held int, err error) {
	size := uint64(len(r.blob))
	r.blob = r.blob[:0]
	if cap(r.blob) > keepBlob {
		r.blob = nil
	}
	if err != nil {
		r.refuse(n, "%v", err)
		return
	}
	r.send(message{Type: msgAck, N: n, Size: size, Held: held})
}

// accepts reports whether keys of slot may be stored here: those of a slot that comes from
// the source, or is this node's own. returning is that of newReceiver.
func accepts(kind Kind, m *slots.Map, slot slots.Slot, returning func(slots.Slot) bool) bool {
	if m.IsMine(slot) {
		return true
	}
	_, importing := m.Importing(slot)
	return kind == KindMove && importing && !returning(slot)
}
