package migrate

import (
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// maxBatch bounds a batch, in bytes: the largest value of Redis, and some room.
const maxBatch = 513 << 20

// batchTime is how long an incomplete batch is kept with no further part of it arriving:
// it may be as large as maxBatch.
const batchTime = 30 * time.Second

// ReceiverConfig says what a Receiver knows of its node. Map is needed. The functions must
// not block.
type ReceiverConfig struct {
	// Map returns the cluster as the node sees it now.
	Map func() *slots.Map
	// From is the node at the other end, as the connection says: the hello must name the
	// same. Zero: not known.
	From slots.NodeID
	// Known returns a job that the node looks after: see [Registry.Job]. Default: none.
	Known func(JobID) (Job, bool)
	// Returning reports whether a slot's keys are on their way from here back to its owner:
	// a Return has it. Default: no slot's are.
	Returning func(slots.Slot) bool
	// Leaving returns those of a set's slots that this node moves, or is about to move, to a
	// node: their keys need not be returned. Default: none.
	Leaving func(to slots.NodeID, set *slots.Set) slots.Set
	// Standing returns how many replicas must hold what comes here, which is k or what this
	// node's own settings ask for, and how many are in good standing. Default: none of either.
	Standing func(k int) (want, good int)
	// Staging is shared by all Receivers of the node. Default: one of its own.
	Staging *Staging
}

// Receiver is the target's side of one connection: a passive core. After each input, Next
// returns, one by one, what the driver has to do. It keeps nothing that must outlive the
// connection; what does is the slots' open state and the [Registry].
type Receiver struct {
	cfg ReceiverConfig
	m   *slots.Map // as of the latest message

	job      JobID
	*bringer           // of the session, once it is greeted
	kept     slots.Set // those of its slots that the registry looks after
	greeted  bool
	pending  map[uint64]*slots.Set // SetSlots under way: of a prepare the slots, else nil
	told     []promise             // what writers at the source were told, as far as it has said on this connection

	batch  uint64
	blob   []byte
	partAt time.Time // when the latest part of a batch arrived
	out    []Effect
}

// NewReceiver returns a Receiver for a connection that a Sender has dialled.
func NewReceiver(c ReceiverConfig) *Receiver {
	if c.Known == nil {
		c.Known = func(JobID) (none Job, ok bool) { return none, false }
	}
	if c.Returning == nil {
		c.Returning = func(slots.Slot) bool { return false }
	}
	if c.Leaving == nil {
		c.Leaving = func(slots.NodeID, *slots.Set) (none slots.Set) { return none }
	}
	if c.Standing == nil {
		c.Standing = func(int) (want, good int) { return 0, 0 }
	}
	if c.Staging == nil {
		c.Staging = new(Staging)
	}
	return &Receiver{cfg: c, pending: make(map[uint64]*slots.Set)}
}

// Next returns the next effect to be carried out; ok is false when there is none left. It
// is to be called after each other input until then.
func (r *Receiver) Next() (e Effect, ok bool) {
	if len(r.out) == 0 {
		return nil, false
	}
	e, r.out[0] = r.out[0], nil
	if r.out = r.out[1:]; len(r.out) == 0 {
		r.out = nil
	}
	return e, true
}

func (r *Receiver) put(e Effect) { r.out = append(r.out, e) }

func (r *Receiver) send(m Message) { r.put(Send{m}) }

func (r *Receiver) refuse(n uint64, format string, args ...any) {
	r.send(Message{typ: msgRefuse, n: n, text: fmt.Sprintf(format, args...)})
}

// Receive takes a message of the source. An error means that the connection is of no use.
func (r *Receiver) Receive(now time.Time, m Message) error {
	r.m = r.cfg.Map()
	if m.typ == msgPart || len(r.blob) == 0 {
		r.partAt = now
	} else if now.Sub(r.partAt) > batchTime {
		return fmt.Errorf("migrate: %d bytes of a batch, and nothing more of it for %v", len(r.blob), batchTime)
	}
	if m.typ == msgHello {
		if r.greeted {
			return fmt.Errorf("migrate: a second hello on one connection: %w", ErrMalformed)
		}
		r.hello(m)
		return nil
	}
	if !r.greeted {
		return fmt.Errorf("migrate: the first message is of type %d, not a hello: %w", m.typ, ErrMalformed)
	}
	switch m.typ {
	case msgPing:
		r.send(Message{typ: msgPong})
	case msgPrepare:
		r.prepare(m)
	case msgFinalise:
		r.finalise(m)
	case msgAbandon:
		r.abandon(m)
	case msgList:
		r.list(m)
	case msgPart:
		return r.part(m)
	case msgBye:
		if len(r.pending) > 0 { // nobody would look after what these open
			return fmt.Errorf("migrate: the end of a job of which %d questions are not answered: %w", len(r.pending),
				ErrMalformed)
		}
		r.put(ForgetJob{})
	}
	return nil
}

func (r *Receiver) hello(m Message) {
	self := r.m.Self()
	switch {
	case m.target != self.ID: // an address is only where a node was last heard
		r.refuse(m.n, "it is node %s that answers, not node %s", self.ID.Short(), m.target.Short())
		return
	case r.m.Node(m.source) == nil:
		r.refuse(m.n, "node %s does not know node %s", self.ID.Short(), m.source.Short())
		return
	case !self.IsMaster():
		r.refuse(m.n, "node %s is a replica", self.ID.Short())
		return
	case m.kind != KindMove && m.kind != KindReturn:
		r.refuse(m.n, "node %s does not understand jobs of kind %d", self.ID.Short(), m.kind)
		return
	}
	kept, err := r.mayBring(&m)
	if err != nil {
		r.refuse(m.n, "%v", err)
		r.put(RefuseSource{m.source, err})
		return
	}
	if !r.enough(m) {
		return
	}
	r.job, r.kept, r.greeted = m.job, kept, true
	r.bringer = &bringer{rights{m.kind, m.source, *m.slots}, &r.cfg}
	r.save()
	r.promise(m.promises)
	welcome := Message{typ: msgWelcome, n: m.n, slots: new(slots.Set)}
	if m.kind == KindReturn {
		*welcome.slots = r.cfg.Leaving(m.source, m.slots)
	}
	r.send(welcome)
}

// prepare makes slots ready to take keys. Keys that are here already stay: an earlier run
// of the job may have brought them before it lost a race of epochs.
func (r *Receiver) prepare(m Message) {
	var change slots.Set
	for slot := range m.slots.All() {
		switch from, importing := r.m.Importing(slot); {
		case !r.slots.Has(slot):
			r.refuse(m.n, "slot %d is not one of the job's", slot)
			return
		case r.kind != KindMove:
			r.refuse(m.n, "a return changes no slots")
			return
		case !owns(r.m, r.source, slot):
			r.refuse(m.n, "slot %d belongs to %s here", slot, ownerOf(r.m, slot))
			return
		case r.cfg.Returning(slot):
			r.refuse(m.n, "slot %d: its keys are being returned to its owner", slot)
			return
		case !importing || from != r.source:
			change.Add(slot)
		}
	}
	if !r.enough(m) {
		return
	}
	added := *m.slots
	if added.Subtract(&r.kept); !added.Empty() { // the source's since the hello, by the map
		r.kept.Union(&added)
		r.save()
	}
	r.promise(m.promises)
	r.change(m.n, change, Importing, r.source, m.slots)
}

// enough refuses slots, or keys, for which more replicas were promised than this node has
// now.
func (r *Receiver) enough(m Message) bool {
	if want, good := r.cfg.Standing(mostPromised(m.promises)); want > good {
		r.refuse(m.n, "%v", lacking(r.m.Self().ID, want, good))
		return false
	}
	return true
}

// promise takes over what writers at the source were told.
func (r *Receiver) promise(list []promise) {
	for _, p := range list {
		r.put(RaisePromise{p.slots, p.replicas})
		r.told = addPromise(r.told, p)
	}
}

// finalise claims slots that the source has emptied.
func (r *Receiver) finalise(m Message) {
	var change slots.Set
	for slot := range m.slots.All() {
		_, importing := r.m.Importing(slot)
		switch {
		case r.m.IsMine(slot) && !importing:
		case r.cfg.Returning(slot):
			r.refuse(m.n, "slot %d: its keys are being returned to its owner", slot)
			return
		case r.comes(slot) && (r.m.IsMine(slot) || owns(r.m, r.source, slot)):
			change.Add(slot)
		default:
			r.refuse(m.n, "slot %d is not being imported here any more", slot)
			return
		}
	}
	r.change(m.n, change, Assign, r.m.Self().ID, nil)
}

// abandon stops importing slots that will not come.
func (r *Receiver) abandon(m Message) {
	var change slots.Set
	for slot := range m.slots.All() {
		if r.comes(slot) && !r.m.IsMine(slot) {
			change.Add(slot)
		}
	}
	r.change(m.n, change, Stable, slots.NodeID{}, nil)
}

// change answers message n when the slots' state is durable. The source may then open
// those in prepared.
func (r *Receiver) change(n uint64, set slots.Set, action Action, peer slots.NodeID, prepared *slots.Set) {
	if set.Empty() {
		r.done(n, prepared)
		return
	}
	r.pending[n] = prepared
	r.put(SetSlots{n, set, action, peer})
}

// Changed tells how a SetSlots ended.
func (r *Receiver) Changed(n uint64, err error) {
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

func (r *Receiver) done(n uint64, prepared *slots.Set) {
	if prepared != nil {
		r.put(RememberDeletions{prepared})
	}
	r.send(Message{typ: msgDone, n: n})
}

// part puts a batch together. A batch that starts again, or another one, takes the place
// of one that was not completed.
func (r *Receiver) part(m Message) error {
	if m.offset == 0 {
		r.batch, r.blob = m.n, r.blob[:0]
	}
	end := m.offset + uint64(len(m.data))
	if m.n != r.batch || m.offset != uint64(len(r.blob)) || m.size > maxBatch || end > m.size {
		return fmt.Errorf("migrate: bytes %d to %d of %d of batch %d do not follow byte %d of batch %d: %w",
			m.offset, end, m.size, m.n, len(r.blob), r.batch, ErrMalformed)
	}
	r.blob = append(grown(r.blob, end, m.size), m.data...)
	if end < m.size {
		r.send(Message{typ: msgAck, n: m.n, size: end})
		return nil
	}
	r.put(StoreBatch{N: m.n, Batch: r.blob, told: slices.Clone(r.told), from: r.bringer})
	return nil
}

const (
	// keepBlob is the largest buffer that is kept for the next batch, in bytes. A larger one
	// may become part of the store, see own.
	keepBlob = 1 << 20
	// copyStep is how much is copied at once, in bytes. The runtime cannot interrupt a copy,
	// nor a loop of nothing but copies, and a garbage collection that begins meanwhile stops
	// all other goroutines until it ends.
	copyStep = 64 << 10
)

// grown returns b with room for need bytes of a batch that is to have size. Nothing is
// allocated for a size that is merely announced: the room doubles. Once a third of a
// large batch is there the room is exact, since a large value stays in this buffer for
// good.
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

// DropStaged drops what has come of large keys that are not complete: the source brings them
// no more, or begins anew. It is to be called when the connection has ended; done ends what
// waits in the Engine.
func (r *Receiver) DropStaged(e Engine, done <-chan struct{}) error {
	if r.bringer == nil {
		return nil
	}
	return r.cfg.Staging.drop(e, r.bringer, done)
}

// Stored tells how a StoreBatch ended, and how many replicas have the batch. An error means
// that the source must hear of no refusal, and the connection has to end: part of the
// batch may be here, and the source brings it again.
func (r *Receiver) Stored(n uint64, held int, err error) error {
	size := uint64(len(r.blob))
	r.blob = r.blob[:0]
	if cap(r.blob) > keepBlob {
		r.blob = nil
	}
	switch {
	case err == nil:
		r.send(Message{typ: msgAck, n: n, size: size, held: held})
	case cutShort(err):
		return err
	default:
		r.refuse(n, "%v", err)
	}
	return nil
}
