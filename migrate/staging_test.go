package migrate

import (
	"fmt"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

const stagedParts = 5000

// returner brings a large key of slot 1 to its owner, some parts at a time.
type returner struct {
	t      *testing.T
	id     slots.NodeID
	engine *StoreEngine
	copy   *keyCopy
	batch  uint64
	r      *Receiver
}

func newReturner(t *testing.T, id byte, target ReceiverConfig) *returner {
	b := &returner{t: t, id: slots.NodeID{id}, engine: NewEngine(keyspace.New(keyspace.Config{}))}
	if err := b.engine.Store().Update(1, func(tx *keyspace.Tx) error {
		h, err := tx.Hash([]byte("large"))
		for i := 0; err == nil && i < stagedParts; i++ {
			_, err = h.Set(fmt.Appendf(nil, "field %d", i), make([]byte, 20))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	b.r = NewReceiver(target)
	set := slots.NewSet(1)
	if err := b.r.Receive(time.Unix(1000, 0), Message{typ: msgHello, job: JobID{id}, kind: KindReturn, source: b.id,
		target: target.Map().Self().ID, slots: &set}); err != nil {
		t.Fatal(err)
	}
	b.r.output()
	b.begin()
	return b
}

// begin copies the key from its beginning.
func (b *returner) begin() {
	if b.copy != nil {
		b.copy.end(b.engine, nil)
	}
	b.copy = newKeyCopy(b.engine, &largeKey{slot: 1, key: []byte("large")})
}

// step brings the next parts to the target, and returns whether these were the last, and
// the target's refusal.
func (b *returner) step(target Engine) (done bool, refusal string) {
	b.t.Helper()
	blob, state, _ := b.copy.appendStep(b.engine, nil, 128<<10, true)
	if state == keyspace.PrecopyHeld {
		b.t.Fatal("the key is held")
	}
	b.batch++
	m := Message{typ: msgPart, n: b.batch, size: uint64(len(blob)), data: blob}
	if err := b.r.Receive(time.Unix(1000, 0), m); err != nil {
		b.t.Fatal(err)
	}
	for _, e := range b.r.output() {
		batch := e.(StoreBatch)
		_, _, err := batch.Import(target, nil)
		if err := b.r.Stored(batch.N, 0, err); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, e := range b.r.output() {
		if m := e.(Send).Message; m.typ == msgRefuse {
			refusal = m.text
		}
	}
	return state == keyspace.PrecopyDone, refusal
}

// owner is a node to which the keys of slot 1 are returned.
func owner(t *testing.T, others ...byte) (*StoreEngine, ReceiverConfig) {
	mine := slots.NewSet(1)
	top := slots.Topology{Self: slots.NodeID{'T'}, State: slots.OK,
		Nodes: []slots.Node{{ID: slots.NodeID{'T'}, Slots: &mine}}}
	for _, id := range others {
		top.Nodes = append(top.Nodes, slots.Node{ID: slots.NodeID{id}})
	}
	m, err := slots.NewMap(top)
	if err != nil {
		t.Fatal(err)
	}
	return NewEngine(keyspace.New(keyspace.Config{})), ReceiverConfig{Map: func() *slots.Map { return m },
		Staging: new(Staging)}
}

func partsOf(e Engine) (parts int) {
	e.Store().View(1, func(tx *keyspace.Tx) error {
		h, err := tx.Hash([]byte("large"))
		if err == nil {
			parts = h.Len()
		}
		return err
	})
	return parts
}

// Two nodes return the same large key to its owner at the same time, as both ends of a
// move do that lost its slot. It comes from one of them, whole.
func TestALargeKeyComesOnOneConnection(t *testing.T) {
	engine, cfg := owner(t, 'A', 'B')
	a, b := newReturner(t, 'A', cfg), newReturner(t, 'B', cfg)
	refused := 0
	for done := false; !done; {
		var refusal string
		if done, refusal = a.step(engine); refusal != "" {
			t.Fatal("the first one is refused: ", refusal)
		}
		if _, refusal := b.step(engine); refusal != "" {
			refused++
			b.begin()
		}
	}
	if got := partsOf(engine); got != stagedParts {
		t.Errorf("%d of %d parts have come", got, stagedParts)
	}
	if refused == 0 {
		t.Error("the second one was never refused")
	}
	b.begin()
	for done := false; !done; {
		var refusal string
		if done, refusal = b.step(engine); refusal != "" {
			t.Fatal("the second one is refused when the first one is through: ", refusal)
		}
	}
	if staged := engine.Store().Staged(); partsOf(engine) != stagedParts || !staged.Empty() {
		t.Errorf("%d of %d parts are here, and slots %s have staged keys", partsOf(engine), stagedParts, staged)
	}
}

// What a connection has staged goes with it, and nothing of another's.
func TestStagedKeysGoWithTheirConnection(t *testing.T) {
	engine, cfg := owner(t, 'A', 'B')
	a, b := newReturner(t, 'A', cfg), newReturner(t, 'B', cfg)
	a.step(engine)
	all := slots.Full()
	if err := cfg.Staging.DropAbandoned(engine, &all, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.r.DropStaged(engine, nil); err != nil {
		t.Fatal(err)
	}
	if _, refusal := a.step(engine); refusal != "" {
		t.Fatal(refusal)
	}
	if err := a.r.DropStaged(engine, nil); err != nil {
		t.Fatal(err)
	}
	if staged := engine.Store().Staged(); !staged.Empty() {
		t.Errorf("slots %s have staged keys", staged)
	}
	if _, refusal := a.step(engine); refusal != keyspace.ErrNotStaged.Error() {
		t.Errorf("parts without a beginning are answered by %q", refusal)
	}
	b.begin()
	if _, refusal := b.step(engine); refusal != "" {
		t.Error("when the first one is gone, the second one is refused: ", refusal)
	}
}

// What was staged by nobody who is connected now, before a restart, is not added to.
func TestAbandonedKeysAreNotAddedTo(t *testing.T) {
	engine, cfg := owner(t, 'A')
	a := newReturner(t, 'A', cfg)
	a.step(engine)
	cfg.Staging = new(Staging) // after a restart
	late := newReturner(t, 'A', cfg)
	late.engine, late.copy = a.engine, a.copy
	if _, refusal := late.step(engine); refusal != keyspace.ErrNotStaged.Error() {
		t.Errorf("parts without a beginning are answered by %q", refusal)
	}
	all := slots.Full()
	if err := cfg.Staging.DropAbandoned(engine, &all, nil); err != nil {
		t.Fatal(err)
	}
	if staged := engine.Store().Staged(); !staged.Empty() {
		t.Errorf("slots %s have staged keys", staged)
	}
}
