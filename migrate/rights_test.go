package migrate

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The nodes of these tests: node T is asked to take slots. S owns 0 and 1, V owns 2 and 3,
// R is a replica of V. Slot 3 is coming to T from V.
var (
	nodeT, nodeS, nodeV, nodeR = slots.NodeID{'T'}, slots.NodeID{'S'}, slots.NodeID{'V'}, slots.NodeID{'R'}
	jobOfV                     = JobID{'V'}
)

// asked is a target, and a session in which some node says things.
type asked struct {
	t *testing.T
	m *slots.Map
	*Receiver
}

func newAsked(t *testing.T, from slots.NodeID) *asked {
	t.Helper()
	a := &asked{t: t, m: viewOf(t, slots.NewSet(2, 3))}
	known := func(id JobID) (job Job, ok bool) {
		if id != jobOfV {
			return job, false
		}
		return Job{ID: jobOfV, Kind: KindMove, Slots: slots.NewSet(2, 3), Source: nodeV, Target: nodeT}, true
	}
	a.Receiver = NewReceiver(ReceiverConfig{Map: func() *slots.Map { return a.m }, From: from, Known: known})
	return a
}

// viewOf is the map in which R has taken all slots of V but those in left.
func viewOf(t *testing.T, left slots.Set) *slots.Map {
	t.Helper()
	mine, ofS, taken := slots.NewSet(5), slots.NewSet(0, 1), slots.NewSet(2, 3)
	taken.Subtract(&left)
	r := slots.Node{ID: nodeR, Master: nodeV}
	if !taken.Empty() {
		r = slots.Node{ID: nodeR, Slots: &taken}
	}
	m, err := slots.NewMap(slots.Topology{Self: nodeT, State: slots.OK,
		Nodes:     []slots.Node{{ID: nodeT, Slots: &mine}, {ID: nodeS, Slots: &ofS}, {ID: nodeV, Slots: &left}, r},
		Importing: map[slots.Slot]slots.NodeID{3: nodeV}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// say returns the reasons with which a message is refused, and what else is to be done.
func (a *asked) say(m Message) (refused string, rest []Effect) {
	a.t.Helper()
	if err := a.Receive(time.Unix(1000, 0), m); err != nil {
		a.t.Fatal(err)
	}
	for _, e := range a.output() {
		if s, ok := e.(Send); ok && s.Message.typ == msgRefuse {
			refused = s.Message.text
		} else if !ok {
			rest = append(rest, e)
		}
	}
	return refused, rest
}

func hello(id JobID, kind Kind, source slots.NodeID, set slots.Set) Message {
	return Message{typ: msgHello, job: id, kind: kind, source: source, target: nodeT, slots: &set}
}

// A session begins only with a node that has some of the slots to give, or had them when
// the job began.
func TestHelloOnlyOfAnOwner(t *testing.T) {
	for name, c := range map[string]struct {
		from   slots.NodeID
		hello  Message
		left   slots.Set // of V's slots
		refuse string
	}{
		"an owner": {nodeS, hello(JobID{1}, KindMove, nodeS, slots.NewSet(0, 1)), slots.NewSet(2, 3),
			""},
		"of an unknown connection": {slots.NodeID{}, hello(JobID{1}, KindMove, nodeS, slots.NewSet(0)),
			slots.NewSet(2, 3), ""},
		"in the name of an owner": {nodeV, hello(JobID{1}, KindMove, nodeS, slots.NewSet(0)), slots.NewSet(2, 3),
			"comes from node"},
		"slots of another": {nodeS, hello(JobID{1}, KindMove, nodeS, slots.NewSet(2, 3)), slots.NewSet(2, 3),
			"owns none of slots"},
		"slots of nobody": {nodeS, hello(JobID{1}, KindMove, nodeS, slots.NewSet(9)), slots.NewSet(2, 3),
			"owns none of slots"},
		"slots of the target": {nodeS, hello(JobID{1}, KindMove, nodeS, slots.NewSet(5)), slots.NewSet(2, 3),
			"owns none of slots"},
		"no slots": {nodeS, hello(JobID{1}, KindMove, nodeS, slots.NewSet()), slots.NewSet(2, 3),
			"owns none of slots"},
		"the job of another": {nodeS, hello(jobOfV, KindMove, nodeS, slots.NewSet(1, 2)), slots.NewSet(2, 3),
			"owns none of slots"},
		"the job of another, for its own slots": {nodeS, hello(jobOfV, KindMove, nodeS, slots.NewSet(0, 1)),
			slots.NewSet(2, 3), "owns none of slots"},
		"a job that goes on": {nodeV, hello(jobOfV, KindMove, nodeV, slots.NewSet(2, 3)), slots.NewSet(2, 3),
			""},
		"a job whose slots are gone": {nodeV, hello(jobOfV, KindMove, nodeV, slots.NewSet(2, 3)), slots.NewSet(), ""},
		"a replica, too early": {nodeR, hello(jobOfV, KindMove, nodeR, slots.NewSet(2, 3)), slots.NewSet(2, 3),
			"owns none of slots"},
		"a replica that was promoted": {nodeR, hello(jobOfV, KindMove, nodeR, slots.NewSet(2, 3)), slots.NewSet(), ""},
		"a return by a master": {nodeS, hello(JobID{1}, KindReturn, nodeS, slots.NewSet(5)), slots.NewSet(2, 3),
			""},
		"a return by a replica": {nodeR, hello(JobID{1}, KindReturn, nodeR, slots.NewSet(5)), slots.NewSet(2, 3),
			"is a replica"},
		"a return that ends a move": {nodeS, hello(jobOfV, KindReturn, nodeS, slots.NewSet(5)), slots.NewSet(2, 3),
			"moves slots of node"},
		"a return in the name of another": {nodeV, hello(JobID{1}, KindReturn, nodeS, slots.NewSet(5)), slots.NewSet(2, 3),
			"comes from node"},
	} {
		a := newAsked(t, c.from)
		a.m = viewOf(t, c.left)
		refused, rest := a.say(c.hello)
		if !strings.Contains(refused, c.refuse) || (refused == "") != (c.refuse == "") {
			t.Errorf("%s: refused with %q, want %q", name, refused, c.refuse)
		}
		if _, told := rest[0].(RefuseSource); told != (c.refuse != "") {
			t.Errorf("%s: and then %+v", name, rest)
		}
	}
}

// Within a session too, a node disposes of its own slots only.
func TestSessionDisposesOfItsOwnSlotsOnly(t *testing.T) {
	all := slots.NewSet(0, 1, 2, 3, 5, 9)
	for name, c := range map[string]struct {
		typ  msgType
		slot slots.Slot
	}{
		"opens another's slot": {msgPrepare, 2}, "opens a slot that comes from another": {msgPrepare, 3},
		"opens the target's slot": {msgPrepare, 5}, "opens an unowned slot": {msgPrepare, 9},
		"claims another's slot": {msgFinalise, 2}, "claims a slot that comes from another": {msgFinalise, 3},
		"claims a slot that was not opened": {msgFinalise, 0}, "claims an unowned slot": {msgFinalise, 9},
		"lists another's keys": {msgList, 3}, "lists the target's keys": {msgList, 5},
	} {
		a := newAsked(t, nodeS)
		a.say(hello(JobID{1}, KindMove, nodeS, all))
		set := slots.NewSet(c.slot)
		if refused, rest := a.say(Message{typ: c.typ, n: 1, slots: &set}); refused == "" || len(rest) > 0 {
			t.Errorf("%s: refused with %q, and then %+v", name, refused, rest)
		}
		op := keyspace.AppendOp(nil, &keyspace.Op{Kind: keyspace.OpPut, Slot: c.slot, Key: []byte("k"), Value: []byte("lie"),
			Version: 9})
		_, rest := a.say(Message{typ: msgPart, n: 2, size: uint64(len(op)), data: op})
		i := slices.IndexFunc(rest, func(e Effect) bool { _, ok := e.(StoreBatch); return ok })
		engine := NewEngine(keyspace.New(keyspace.Config{}))
		if _, _, err := rest[i].(StoreBatch).Import(engine, nil); err == nil || engine.Store().Len() > 0 {
			t.Errorf("%s: its key is stored, %v", name, err)
		}
	}
	a := newAsked(t, nodeS)
	a.say(hello(JobID{1}, KindMove, nodeS, all))
	set := slots.NewSet(3)
	if refused, rest := a.say(Message{typ: msgAbandon, n: 1, slots: &set}); refused != "" || len(rest) > 0 {
		t.Errorf("ends another's import: %q, %+v", refused, rest)
	}
}

// A return brings keys that are missing; it opens and claims nothing.
func TestReturnChangesNoSlots(t *testing.T) {
	for _, typ := range []msgType{msgPrepare, msgFinalise, msgList} {
		for _, slot := range []slots.Slot{0, 2, 3, 9} {
			a := newAsked(t, nodeS)
			a.say(hello(JobID{1}, KindReturn, nodeS, slots.NewSet(0, 2, 3, 5, 9)))
			set := slots.NewSet(slot)
			if refused, rest := a.say(Message{typ: typ, n: 1, slots: &set}); refused == "" || len(rest) > 0 {
				t.Errorf("message %d about slot %d: %q, %+v", typ, slot, refused, rest)
			}
		}
	}
}

// What a job opens is looked after, and nothing else.
func TestWhatAJobIsLookedAfterFor(t *testing.T) {
	kept := func(rest []Effect) slots.Set {
		t.Helper()
		for _, e := range rest {
			if e, ok := e.(SaveJob); ok {
				return e.Job.Slots
			}
		}
		return slots.Set{}
	}
	a := newAsked(t, nodeS)
	_, rest := a.say(hello(JobID{1}, KindMove, nodeS, slots.NewSet(0, 2, 3, 5, 9)))
	if got, want := kept(rest), slots.NewSet(0, 5); got != want { // the source's, and what is here
		t.Errorf("slots %s, want %s", got, want)
	}
	theirs := slots.NewSet(0, 1, 9)
	mine, ofV := slots.NewSet(5), slots.NewSet(2, 3)
	m, err := slots.NewMap(slots.Topology{Self: nodeT, Nodes: []slots.Node{{ID: nodeT, Slots: &mine},
		{ID: nodeS, Slots: &theirs}, {ID: nodeV, Slots: &ofV}}})
	if err != nil {
		t.Fatal(err)
	}
	a.m = m // the source has slot 9 by now
	nine := slots.NewSet(9)
	refused, rest := a.say(Message{typ: msgPrepare, n: 1, slots: &nine})
	if got, want := kept(rest), slots.NewSet(0, 5, 9); refused != "" || got != want {
		t.Errorf("slots %s, want %s; %s", got, want, refused)
	}
	if err := a.Receive(time.Unix(1000, 0), Message{typ: msgBye}); err == nil {
		t.Error("a job ends while it opens slots")
	}
}

// A job that names fewer slots when it comes again is still looked after for all.
func TestRegistryKeepsWhatAJobOpened(t *testing.T) {
	a := newAsked(t, nodeV)
	_, rest := a.say(hello(jobOfV, KindMove, nodeV, slots.NewSet(2)))
	registry := NewRegistry()
	for _, e := range rest {
		if e, ok := e.(SaveJob); ok {
			registry.Add(e.Job, time.Unix(1000, 0))
		}
	}
	if got, want := registry.Slots(), slots.NewSet(2, 3); got != want {
		t.Errorf("slots %s, want %s", got, want)
	}
}
