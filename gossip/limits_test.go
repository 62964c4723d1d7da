package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// liar is a member of a core's cluster that says whatever a test wants.
type liar struct {
	t    *testing.T
	c    *Core
	id   slots.NodeID
	link LinkID
	now  time.Time
}

// newLiar returns a core and a member of its cluster that owns half of the slots each.
func newLiar(t *testing.T) *liar {
	t.Helper()
	s := newSim(t, 1, 1, time.Second)
	l := &liar{t: t, c: s.nodes[0].core, id: newNodeID(s.rng), link: 1, now: simStart}
	l.c.noMap = false
	mine, theirs := setOf(0, 8191), setOf(8192, 16383)
	if err := l.c.Do(l.now, AddSlots{mine}); err != nil {
		t.Fatal(err)
	}
	l.c.LinkUp(l.now, l.link, slots.Addr{}, "10.1.1.1")
	l.say(Message{Type: TypeMeet, Self: &Record{ID: l.id, Incarnation: 1,
		Addr: slots.Addr{Host: "10.1.1.1", Port: 1, BusPort: 2}, ConfigEpoch: 1, Slots: &theirs}})
	if l.c.nodes[l.id] == nil {
		t.Fatal("not met")
	}
	return l
}

// say sends a message, with what all messages have filled in, and returns what follows.
func (l *liar) say(m Message) Output {
	m.Sender, m.Cluster = l.id, l.c.cluster
	m.Incarnation = max(m.Incarnation, 1)
	l.c.Step(l.now, l.link, &m)
	return l.c.Output()
}

// pass lets time go by, in which the liar sends heartbeats.
func (l *liar) pass(d time.Duration) (out Output) {
	for end := l.now.Add(d); l.now.Before(end); {
		l.now = l.now.Add(TickEvery)
		l.c.Tick(l.now)
		o := l.say(Message{Type: TypePong})
		out.Events = append(out.Events, o.Events...)
	}
	return out
}

// The index of a node in a Map has 16 bits: 32,768 members made up by one frame after
// another panicked every node that heard of them.
func TestMembersAreBounded(t *testing.T) {
	l := newLiar(t)
	l.c.noMap = true // as many maps would take their time
	var events []Event
	for i := 0; i < 40_000; i += 500 {
		m := Message{Type: TypeNews}
		for j := i; j < i+500; j++ {
			r := Record{Incarnation: 1}
			r.ID[0] = 0xff
			binary.BigEndian.PutUint32(r.ID[1:], uint32(j))
			if j == 39_999 {
				one := setOf(0, 0)
				r.Slots, r.ConfigEpoch = &one, 9
			}
			m.Records = append(m.Records, r)
		}
		events = append(events, l.say(m).Events...)
	}
	if got := len(l.c.list); got != slots.MaxNodes {
		t.Errorf("%d members", got)
	}
	l.c.noMap, l.c.mapDirty = false, true
	out := l.c.Output()
	for slot := range slots.Slot(slots.Count) {
		if out.Map.Owner(slot) == nil {
			t.Fatalf("slot %d has no owner", slot)
		}
	}
	if w := warnings(events); len(w) != 1 {
		t.Errorf("%d warnings: %.3q", len(w), w)
	}
	// Nobody can be met any more, by either side.
	if err := l.c.Do(l.now, MeetNode{slots.Addr{Host: "10.0.0.7", Port: 7}}); !errors.Is(err, ErrTooManyNodes) {
		t.Errorf("Meet: %v", err)
	}
	l.c.LinkUp(l.now, 2, slots.Addr{}, "10.1.1.2")
	stranger := slots.NodeID{1}
	l.c.Step(l.now, 2, &Message{Type: TypeMeet, Sender: stranger, Self: &Record{ID: stranger}, Join: &Join{}})
	out = l.c.Output()
	if last := out.Sends[len(out.Sends)-1].Msg; last.Type != TypeRefuse || last.Reason != errFull {
		t.Errorf("a stranger was answered with %v %q", last.Type, last.Reason)
	}
	if st := l.c.State(); st.validate() != nil {
		t.Errorf("its own state: %v", st.validate())
	}
}

func TestHandshakesAreBounded(t *testing.T) {
	c := newSim(t, 1, 1, time.Second).nodes[0].core
	for i := range maxHandshakes + 1 {
		err := c.Do(simStart, MeetNode{slots.Addr{Host: fmt.Sprintf("10.0.%d.%d", i/250, i%250), Port: 7}})
		if full := i == maxHandshakes; errors.Is(err, ErrTooManyMeets) != full {
			t.Fatalf("handshake %d: %v", i, err)
		}
	}
	c.Tick(simStart.Add(2 * time.Second))
	if err := c.Do(simStart, MeetNode{slots.Addr{Host: "10.9.9.9", Port: 7}}); err != nil {
		t.Errorf("after the others ended: %v", err)
	}
}

func TestLinksOfAPeerAreBounded(t *testing.T) {
	l := newLiar(t)
	for range 100 {
		l.now = l.now.Add(time.Millisecond)
		l.link++
		l.c.LinkUp(l.now, l.link, slots.Addr{}, "10.1.1.1")
		l.say(Message{Type: TypePing})
	}
	if n := len(l.c.nodes[l.id].links); n > maxPeerLinks || len(l.c.links) > maxPeerLinks {
		t.Errorf("%d links of one peer, %d in all", n, len(l.c.links))
	}
	if l.c.links[l.link] == nil {
		t.Error("the newest link is closed")
	}
}

func TestListsOfAPeerAreBounded(t *testing.T) {
	ids := make([]slots.NodeID, 40_000)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:], uint32(i+1))
	}
	m, err := DecodeMessage(AppendMessage(nil, &Message{Type: TypePing, Sender: slots.NodeID{1}, Suspects: ids}))
	if err != nil || len(m.Suspects) != maxSuspects || m.Suspects[maxSuspects-1] != ids[maxSuspects-1] {
		t.Errorf("%d suspects, %v", len(m.Suspects), err)
	}
	for name, m := range map[string]*Message{
		"summary": {Type: TypeSummary, Summary: make([]Entry, maxSummary+1)},
		"want":    {Type: TypeNews, Want: make([]uint64, maxSummary+1)},
	} {
		m.Sender = slots.NodeID{1}
		if _, err := DecodeMessage(AppendMessage(nil, m)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Names stand in the lines of CLUSTER NODES: one with a line break would forge a node.
func TestNamesOfAPeerAreChecked(t *testing.T) {
	for _, bad := range []string{"x\ny", "a b", "a,b", "a\x00"} {
		m := &Message{Type: TypePing, Sender: slots.NodeID{1}, You: bad,
			Self: &Record{ID: slots.NodeID{1}, Addr: slots.Addr{Host: bad, Port: 7}, Hostname: bad, Zone: bad}}
		got, err := DecodeMessage(AppendMessage(nil, m))
		if err != nil || got.You != "" || got.Self.Addr.Host != "" || got.Self.Hostname != "" || got.Self.Zone != "" ||
			got.Self.Addr.Port != 7 {
			t.Errorf("%q: %+v, %v", bad, got, err)
		}
		c := newSim(t, 1, 1, time.Second).nodes[0].core
		if err := c.Do(simStart, MeetNode{slots.Addr{Host: bad, Port: 7}}); !errors.Is(err, ErrInvalidAddr) ||
			strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("Meet %q: %v", bad, err)
		}
		if err := c.Do(simStart, Announce{Addr: slots.Addr{Host: bad, BusPort: 7}}); err == nil {
			t.Errorf("announcing the host %q", bad)
		}
		if err := c.Do(simStart, Announce{Addr: slots.Addr{BusPort: 7}, Hostname: bad}); err == nil ||
			!strings.Contains(err.Error(), "Hostnames may only contain") {
			t.Errorf("announcing the hostname %q: %v", bad, err)
		}
	}
}
