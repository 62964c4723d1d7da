package gossip

import (
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// witness is a core with two members that own slots: a liar, and a third one, which has a
// link of its own.
type witness struct {
	*liar
	third slots.NodeID
	link3 LinkID
}

func newWitness(t *testing.T) *witness {
	w := &witness{liar: newLiar(t), third: slots.NodeID{0xcc}, link3: 77}
	give := setOf(8192, 12000)
	rec := w.self()
	rec.Seq, rec.Slots = 1, &give
	w.say(Message{Type: TypeNews, Records: []Record{rec}})
	theirs := setOf(12001, 16383)
	w.c.LinkUp(w.now, w.link3, slots.Addr{}, "10.1.1.3")
	w.tell(Message{Type: TypeMeet, Self: &Record{ID: w.third, Incarnation: 5, Slots: &theirs, ConfigEpoch: 7,
		Addr: slots.Addr{Host: "10.1.1.3", Port: 7, BusPort: 8}}})
	if n := w.c.nodes[w.third]; n == nil || n.owned == nil {
		t.Fatal("not met")
	}
	return w
}

// tell is what the third one says.
func (w *witness) tell(m Message) Output {
	m.Sender, m.Cluster, m.Incarnation = w.third, w.c.cluster, 5
	w.c.Step(w.now, w.link3, &m)
	return w.c.Output()
}

func (w *witness) of3() Record { return w.c.nodes[w.third].rec }

// A lie about a member that works does not evict it: not from its slots, its role or its
// address.
func TestLieAboutAMemberThatSpeaks(t *testing.T) {
	all := slots.Full()
	for name, lie := range map[string]func(*Record){
		"has no slots":      func(r *Record) { r.Slots = nil },
		"is a replica":      func(r *Record) { r.Master, r.Slots = slots.NodeID{1}, nil },
		"lives elsewhere":   func(r *Record) { r.Addr.Host = "10.6.6.6" },
		"has all slots":     func(r *Record) { r.Slots, r.ConfigEpoch = &all, 900 },
		"is fenced":         func(r *Record) { r.Fenced = true },
		"does not stand":    func(r *Record) { r.NoFailover = true },
		"has another epoch": func(r *Record) { r.ConfigEpoch++ },
	} {
		for _, started := range []bool{false, true} {
			w := newWitness(t)
			was := w.of3()
			told := was
			told.Seq++
			if started {
				told.Incarnation++
			}
			lie(&told)
			out := w.say(Message{Type: TypeNews, Records: []Record{told}})
			if got := w.of3(); got != was {
				t.Errorf("%s: believed: %+v", name, got)
			}
			if n := w.c.nodes[w.third]; len(n.links) != 1 || n.owned.Len() != 16384-12001 || w.c.self.owned.Len() != 8192 {
				t.Errorf("%s: links, slots: %+v", name, n)
			}
			asked := 0
			for _, s := range out.Sends {
				if s.Link == w.link3 && s.Msg.Type == TypeNews && len(s.Msg.Want) == 1 {
					asked++
				}
			}
			if asked != 1 {
				t.Errorf("%s: the subject was asked %d times", name, asked)
			}
			w.tell(Message{Type: TypeNews, Records: []Record{told}}) // of itself it is the truth
			if got := w.of3(); got != told {
				t.Errorf("%s: the subject itself is not believed: %+v", name, got)
			}
		}
	}
}

// What others say is believed of a member that this node does not hear.
func TestNewsOfAMemberThatIsNotHeard(t *testing.T) {
	for name, lost := range map[string]func(*witness){
		"no link": func(w *witness) { w.c.LinkDown(w.now, w.link3, nil) },
		"silent":  func(w *witness) { w.pass(2 * time.Second) },
	} {
		w := newWitness(t)
		lost(w)
		told := w.of3()
		told.Incarnation, told.Slots = 6, nil
		w.say(Message{Type: TypeNews, Records: []Record{told}})
		if got := w.of3(); got != told {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The node that gives slots up says which one has them: at no time are they without an
// owner.
func TestLoserNamesTheWinner(t *testing.T) {
	w := newWitness(t)
	one := setOf(8192, 8192)
	mine, theirs := w.self(), w.of3()
	left, more := *mine.Slots, *theirs.Slots
	left.Subtract(&one)
	more.Union(&one)
	mine.Seq, mine.Slots = mine.Seq+1, &left
	theirs.Seq, theirs.Slots, theirs.ConfigEpoch = theirs.Seq+1, &more, 8
	w.say(Message{Type: TypeNews, Records: []Record{theirs, mine}})
	if o := w.c.owner(8192); o == nil || o.rec.ID != w.third {
		t.Errorf("slot 8192 is owned by %+v", o)
	}
	// One that gives away what is not its own is not believed, and nothing is lost meanwhile.
	foreign := setOf(0, 8193) // this node's slots, and one of the liar's
	less, most := left, more
	less.Subtract(&foreign)
	most.Union(&foreign)
	mine.Seq, mine.Slots = mine.Seq+1, &less
	theirs.Seq, theirs.Slots, theirs.ConfigEpoch = theirs.Seq+1, &most, 9
	w.say(Message{Type: TypeNews, Records: []Record{theirs, mine}})
	if o := w.c.owner(8193); o == nil || o.rec.ID != w.id || w.c.self.owned.Len() != 8192 {
		t.Errorf("slot 8193 is owned by %+v, %d are left here", o, w.c.self.owned.Len())
	}
}

// A member that lies again and again does not make this node ask again and again.
func TestAskingIsBounded(t *testing.T) {
	w := newWitness(t)
	told, asked := w.of3(), 0
	for range 1000 {
		told.Seq, told.Slots = told.Seq+1, nil
		for _, s := range w.say(Message{Type: TypeNews, Records: []Record{told}}).Sends {
			if s.Link == w.link3 && len(s.Msg.Want) > 0 {
				asked++
			}
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times at once", asked)
	}
}

// One member's word that a node has failed counts if this node misses it too, or a second
// master does.
func TestWordThatANodeFailed(t *testing.T) {
	failed := func(w *witness) bool { return w.c.nodes[w.third].health == slots.Failed }
	w := newWitness(t)
	w.say(Message{Type: TypeFail, Subject: w.third})
	w.say(Message{Type: TypeVoteRequest, Epoch: 9, Subject: w.third, Slots: w.c.nodes[w.third].owned})
	w.say(Message{Type: TypePong, Suspects: []slots.NodeID{w.third}})
	if failed(w) {
		t.Error("the word of one is enough")
	}

	fourth, link4 := slots.NodeID{0xdd}, LinkID(78)
	one := setOf(12000, 12000)
	rec := w.self()
	left := *rec.Slots
	left.Subtract(&one)
	rec.Seq, rec.Slots = 2, &left
	w.say(Message{Type: TypeNews, Records: []Record{rec}})
	w.c.LinkUp(w.now, link4, slots.Addr{}, "10.1.1.4")
	say4 := func(m Message) {
		m.Sender, m.Cluster, m.Incarnation = fourth, w.c.cluster, 1
		w.c.Step(w.now, link4, &m)
		w.c.Output()
	}
	say4(Message{Type: TypeMeet, Self: &Record{ID: fourth, Incarnation: 1, Slots: &one, ConfigEpoch: 3}})
	say4(Message{Type: TypePong, Suspects: []slots.NodeID{w.third}})
	if !failed(w) {
		t.Error("two masters say so, one of them that a majority does")
	}

	w = newWitness(t)
	n := w.c.nodes[w.third]
	n.pingSent, n.lastHeard = w.now.Add(-w.c.cfg.NodeTimeout), w.now.Add(-w.c.cfg.NodeTimeout)
	w.say(Message{Type: TypeFail, Subject: w.third})
	if !failed(w) {
		t.Error("this node misses it too")
	}
}

// Data beyond what a node can write must not win elections, nor use up terms.
func TestDataBeyondAllIsIgnored(t *testing.T) {
	w := newWitness(t)
	w.say(Message{Type: TypePong, Term: 3, Offset: 5})
	for _, m := range []Message{{Term: maxCounter + 1}, {Term: 8 + maxJump}, {Offset: maxCounter + 1}, {Offset: 1 << 63}} {
		m.Type = TypePong
		w.say(m)
		if got := w.c.nodes[w.id].data; got != (Data{Term: 3, Offset: 5}) {
			t.Errorf("%+v", got)
		}
	}
}

// A stranger's own record counts beside what it says of its cluster, and a stranger that is
// refused names nobody's address.
func TestStrangerThatClaimsSlots(t *testing.T) {
	l := newLiar(t)
	l.c.served = true
	all, id := slots.Full(), slots.NodeID{9}
	host := l.c.self.rec.Addr.Host
	l.c.LinkUp(l.now, 9, slots.Addr{}, "10.6.6.6")
	l.c.Step(l.now, 9, &Message{Type: TypeMeet, Sender: id, Cluster: ClusterID{7}, You: "10.6.6.7", Join: &Join{},
		Self: &Record{ID: id, Incarnation: 1, ConfigEpoch: 1 << 31, Slots: &all}})
	out := l.c.Output()
	if last := out.Sends[len(out.Sends)-1].Msg; l.c.nodes[id] != nil || last.Type != TypeRefuse {
		t.Errorf("answered with %v", last.Type)
	}
	if got := l.c.self.rec.Addr.Host; got != host {
		t.Errorf("this node announces %q", got)
	}
}

// Nodes that a peer makes up must not bring back one that was forgotten.
func TestMadeUpTombstones(t *testing.T) {
	w := newWitness(t)
	if err := w.c.Do(w.now, ForgetNode{w.third}); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxTombstones {
		id := slots.NodeID{0xee, byte(i >> 8), byte(i)}
		w.say(Message{Type: TypeNews, Records: []Record{{ID: id, Gen: 3, Gone: true}}})
	}
	if n := len(w.c.gone.order); n != maxTombstones || len(w.c.gone.byID) != n {
		t.Errorf("%d forgotten nodes are remembered", n)
	}
	w.say(Message{Type: TypeNews, Records: []Record{{ID: w.third, Incarnation: 9}}})
	if w.c.nodes[w.third] != nil {
		t.Error("the forgotten node is back")
	}
}

// Lies about the numbers of a member do not use up what it may raise itself.
func TestLieLeavesRoomForTheTruth(t *testing.T) {
	w := newWitness(t)
	told := w.of3()
	told.Incarnation += maxJump - 1
	w.say(Message{Type: TypeNews, Records: []Record{told}})
	told.Incarnation = 6 + maxJump/2
	w.tell(Message{Type: TypeNews, Records: []Record{told}})
	if got := w.of3(); got != told {
		t.Errorf("%+v", got)
	}
	if w.c.currentEpoch > 100 {
		t.Errorf("epoch %d", w.c.currentEpoch)
	}
}
