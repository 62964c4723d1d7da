package gossip

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// self returns the record that the liar told of itself last.
func (l *liar) self() Record { return l.c.nodes[l.id].rec }

// An epoch that cannot be exceeded would end all elections.
func TestEpochFarAheadIsIgnored(t *testing.T) {
	for name, epoch := range map[string]uint64{"greatest": math.MaxUint64, "above all": maxCounter + 1,
		"one too far": 2 + maxJump} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t)
			out := l.say(Message{Type: TypePing, Epoch: epoch})
			if l.c.currentEpoch != 1 {
				t.Errorf("epoch %d", l.c.currentEpoch)
			}
			if w := warnings(out.Events); len(w) != 1 || !strings.Contains(w[0], "SET-CONFIG-EPOCH") {
				t.Errorf("warnings: %q", w)
			}
			if len(out.Sends) != 1 || out.Sends[0].Msg.Type != TypePong {
				t.Errorf("the rest of the message is lost: %+v", out.Sends) // the peer would take this node for failed
			}
			// Nor does a claim win with it, a record be passed on, or a vote be given.
			rec, all := l.self(), slots.Full()
			rec.Seq, rec.ConfigEpoch, rec.Slots = 5, epoch, &all
			l.say(Message{Type: TypeNews, Self: &rec, Records: []Record{rec}})
			l.say(Message{Type: TypeVoteRequest, Epoch: epoch, Subject: l.c.ID(), Slots: &all, Forced: true,
				Electorate: l.c.electorate()})
			if l.c.self.owned.Len() != 8192 || l.self().ConfigEpoch != 1 || l.c.lastVoteEpoch >= epoch {
				t.Errorf("%d slots left, record %+v, voted in %d", l.c.self.owned.Len(), l.self(), l.c.lastVoteEpoch)
			}
			if w := warnings(l.pass(3 * refusalEvery).Events); len(w) != 0 {
				t.Errorf("warnings without a cause: %q", w)
			}
		})
	}
}

// A node that is new, or was away for long, finds epochs far ahead of its own.
func TestEpochAheadIsFollowed(t *testing.T) {
	l := newLiar(t)
	l.say(Message{Type: TypePing, Epoch: maxJump})
	if l.c.currentEpoch != maxJump {
		t.Fatalf("epoch %d", l.c.currentEpoch)
	}
	// Several steps one after another are no way around the bound …
	out := l.say(Message{Type: TypePing, Epoch: maxJump + maxJump/2})
	if l.c.currentEpoch != maxJump || len(warnings(out.Events)) != 1 {
		t.Errorf("epoch %d, %q", l.c.currentEpoch, warnings(out.Events))
	}
	// … and what is ignored is told with a count.
	l.pass(refusalEvery / 2)
	l.say(Message{Type: TypePing, Epoch: maxJump + maxJump/2})
	l.pass(refusalEvery / 2)
	out = l.say(Message{Type: TypePing, Epoch: maxJump + maxJump/2})
	if w := warnings(out.Events); len(w) != 1 || !strings.Contains(w[0], "1 times more") {
		t.Errorf("told %q", w)
	}
	l.now = l.now.Add(jumpTime / 2)
	l.say(Message{Type: TypePing, Epoch: maxJump + maxJump/2})
	if l.c.currentEpoch != maxJump+maxJump/2 {
		t.Errorf("half an hour later: epoch %d", l.c.currentEpoch)
	}
	// What this node does itself has no bound but the end.
	l.c.currentEpoch = maxCounter - 1
	l.c.bumpEpoch("a test")
	l.c.bumpEpoch("a test")
	if l.c.currentEpoch != maxCounter || l.c.self.rec.ConfigEpoch != maxCounter {
		t.Errorf("at the end: epoch %d, own %d", l.c.currentEpoch, l.c.self.rec.ConfigEpoch)
	}
}

// A lie about a node's incarnation would be newer than anything that the node says.
func TestIncarnationFarAheadIsIgnored(t *testing.T) {
	l := newLiar(t)
	third := Record{ID: slots.NodeID{3}, Incarnation: 7, Hostname: "true"}
	l.say(Message{Type: TypeNews, Records: []Record{third}})
	lie := func(r Record, incarnation uint64) {
		r.Incarnation, r.Hostname = incarnation, "lie"
		l.say(Message{Type: TypeNews, Records: []Record{r}})
	}
	lie(third, math.MaxUint64)
	lie(third, 8+maxJump)
	lie(l.c.self.rec, math.MaxUint64)
	lie(Record{ID: slots.NodeID{4}}, math.MaxUint64)
	if got := l.c.nodes[third.ID].rec; got.Hostname != "true" || l.c.self.rec.Incarnation > 2 ||
		l.c.nodes[slots.NodeID{4}] != nil {
		t.Fatalf("%+v, own incarnation %d", got, l.c.self.rec.Incarnation)
	}
	// One that is believed is outnumbered by its subject.
	was := l.c.self.rec.Incarnation
	lie(l.c.self.rec, was+maxJump)
	if got := l.c.self.rec; got.Incarnation != was+maxJump+1 || got.Hostname == "lie" {
		t.Errorf("own record %+v", got)
	}
}

// A tombstone of the greatest generation would keep a node out for ever.
func TestTombstoneFarAheadIsIgnored(t *testing.T) {
	l := newLiar(t)
	third := Record{ID: slots.NodeID{3}, Incarnation: 1}
	l.say(Message{Type: TypeNews, Records: []Record{third}})
	tombstone := func(id slots.NodeID, gen uint64) {
		l.say(Message{Type: TypeNews, Records: []Record{{ID: id, Gen: gen, Gone: true}}})
	}
	unknown := slots.NodeID{4}
	for _, id := range []slots.NodeID{third.ID, unknown} {
		tombstone(id, math.MaxUint64)
		tombstone(id, maxJump+1)
	}
	if l.c.nodes[third.ID] == nil || l.c.gone.covers(unknown, 0) {
		t.Fatal("believed")
	}
	tombstone(l.c.ID(), math.MaxUint64)
	if len(l.c.list) != 3 || l.c.self.rec.Gen != 0 {
		t.Fatal("expelled for ever")
	}
	tombstone(third.ID, maxJump) // it is believed: then a MEET must still be possible
	if l.c.nodes[third.ID] != nil || !l.c.gone.covers(third.ID, maxJump) {
		t.Fatal("a tombstone within the bounds is not believed")
	}
	tombstone(third.ID, 2*maxJump) // not around the bound by way of the tombstone
	l.c.LinkUp(l.now, 3, slots.Addr{}, "10.1.1.3")
	l.c.Step(l.now, 3, &Message{Type: TypeMeet, Sender: third.ID, Self: &third, Cluster: l.c.cluster})
	if n := l.c.nodes[third.ID]; n == nil || n.rec.Gen != maxJump+1 {
		t.Fatalf("met again: %+v", n)
	}
	tombstone(third.ID, 2*maxJump)
	if l.c.nodes[third.ID] == nil {
		t.Error("around the bound by way of a MEET")
	}
}

// A stranger whose numbers are not believed is not let in, on either side.
func TestMeetWithNumbersFarAheadIsRefused(t *testing.T) {
	for _, r := range []Record{{ConfigEpoch: math.MaxUint64}, {Incarnation: math.MaxUint64}, {Gen: math.MaxUint64}} {
		c := newSim(t, 1, 1, time.Second).nodes[0].core
		r.ID = slots.NodeID{9}
		c.LinkUp(simStart, 1, slots.Addr{}, "10.1.1.1")
		c.Step(simStart, 1, &Message{Type: TypeMeet, Sender: r.ID, Self: &r, Join: &Join{}})
		out := c.Output()
		if last := out.Sends[len(out.Sends)-1].Msg; len(c.list) != 1 || last.Type != TypeRefuse ||
			last.Reason != errUnbelieved {
			t.Errorf("%+v was met, and answered with %v %q", r, last.Type, last.Reason)
		}
		addr := slots.Addr{Host: "10.1.1.2", Port: 7, BusPort: 8}
		c.Do(simStart, MeetNode{addr})
		c.LinkUp(simStart, 2, addr, addr.Host)
		c.Step(simStart.Add(hastyTime+1), 2, &Message{Type: TypePong, Sender: r.ID, Self: &r, Join: &Join{Member: true}})
		out = c.Output()
		if e, ok := out.Events[len(out.Events)-1].(MeetFailed); len(c.list) != 1 || !ok ||
			!strings.Contains(e.Err.Error(), errUnbelieved) {
			t.Errorf("%+v was met: %v", r, out.Events)
		}
	}
}

func TestNumbersAboveAllAreNoState(t *testing.T) {
	for name, st := range map[string]*State{
		"epoch":       {Nodes: []Record{{ID: slots.NodeID{1}}}, CurrentEpoch: math.MaxUint64},
		"vote":        {Nodes: []Record{{ID: slots.NodeID{1}}}, LastVoteEpoch: math.MaxUint64},
		"incarnation": {Nodes: []Record{{ID: slots.NodeID{1}}, {ID: slots.NodeID{2}, Incarnation: math.MaxUint64}}},
	} {
		if err := st.validate(); err == nil || !strings.Contains(err.Error(), "start as a new node") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := newSim(t, 1, 1, time.Second).nodes[0].core
	if err := c.Do(simStart, SetConfigEpoch{maxCounter + 1}); !errors.Is(err, ErrInvalidEpoch) {
		t.Errorf("SetConfigEpoch: %v", err)
	}
	if err := c.Do(simStart, SetConfigEpoch{maxCounter}); err != nil {
		t.Errorf("SetConfigEpoch: %v", err)
	}
}

func TestAllowance(t *testing.T) {
	var a allowance
	at := simStart
	n := uint64(0)
	for range 5 * 3600 { // as fast as it goes
		for step := uint64(maxJump); step > 0; step /= 2 {
			if a.raise(at, n, n+step) {
				n += step
			}
		}
		at = at.Add(time.Second)
	}
	if limit := uint64(6*maxJump + maxJump/1000); n > limit || n < 5*maxJump {
		t.Errorf("%d in five hours, %.2f times the bound", n, float64(n)/maxJump)
	}
	if !a.raise(at.Add(-time.Hour), n, n) || a.raise(at.Add(-time.Hour), n, n+maxJump) {
		t.Error("a clock that goes back")
	}
}
