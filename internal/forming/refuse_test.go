package forming

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

func testCore(t *testing.T, id byte, terms Terms, st *State) *Core {
	t.Helper()
	c, err := New(Config{
		Terms: terms, Rand: rand.New(rand.NewPCG(uint64(id), 0)),
		Self: Peer{ID: slots.NodeID{id}, Addr: slots.Addr{Host: "n" + string('0'+rune(id)), Port: 7000, BusPort: 17000}},
	}, st, start)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// runCores lets cores talk for a while: at says which one answers at an address.
func runCores(at map[string]*Core, cores []*Core, from, d time.Duration) (refused []Refusal) {
	for now := start.Add(from); now.Before(start.Add(from + d)); now = now.Add(TickEvery) {
		for _, c := range cores {
			c.Tick(now)
			out := c.Output()
			refused = append(refused, out.Refused...)
			for _, s := range out.Sends {
				if to := at[s.Address]; to != nil {
					c.Answer(now, s.Address, to.Handle(now, s.Request))
				} else {
					c.Failed(now, s.Address, s.Request.Seq)
				}
			}
		}
	}
	return refused
}

func contains(list []Refusal, text string) bool {
	for _, r := range list {
		if strings.Contains(r.Text, text) {
			return true
		}
	}
	return false
}

// Nodes of other terms found nothing together, and both tell both values.
func TestOtherTermsAreRefused(t *testing.T) {
	list := []string{"n1:7000", "n2:7000"}
	terms := Terms{Name: "shop", List: list, Expect: 2}
	for name, c := range map[string]struct {
		other Terms
		want  []string
	}{
		"name":   {Terms{Name: "bank", List: list, Expect: 2}, []string{`"shop" at this node and "bank" at`}},
		"expect": {Terms{Name: "shop", List: list, Expect: 3}, []string{"expect is 2 at this node and 3 at n2"}},
		"replicas": {Terms{Name: "shop", List: list, Expect: 2, Replicas: 1},
			[]string{"replicas is 0 at this node and 1 at"}},
		"list": {Terms{Name: "shop", List: append([]string{"n3:7000"}, list...), Expect: 2},
			[]string{"join is n1:7000,n2:7000 at this node and n1:7000,n2:7000,n3:7000 at"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := testCore(t, 1, terms, nil), testCore(t, 2, c.other, nil)
			refused := runCores(map[string]*Core{"n1:7000": a, "n2:7000": b}, []*Core{a, b}, 0, 3*time.Second)
			if a.Decision() != nil || b.Decision() != nil {
				t.Error("they have founded a cluster")
			}
			for _, text := range c.want {
				if !contains(refused, text) || !contains(a.Status().Refusals, text) {
					t.Errorf("nothing says %q: %q, %q", text, refused, a.Status().Refusals)
				}
			}
			if len(refused) > 4 {
				t.Errorf("%d refusals are told, of one reason", len(refused))
			}
		})
	}
}

// Two entries that are the same node have one vote between them, which is none.
func TestOneNodeTwiceInTheList(t *testing.T) {
	terms := Terms{List: []string{"localhost:7000", "n1:7000", "n2:7000"}, Expect: 1}
	a := testCore(t, 1, terms, nil)
	refused := runCores(map[string]*Core{"localhost:7000": a, "n1:7000": a}, []*Core{a}, 0, 5*time.Second)
	if a.Decision() != nil {
		t.Error("it has founded a cluster with two votes of its own")
	}
	if !contains(refused, "localhost:7000 and n1:7000 of the list of addresses to join are the same node") {
		t.Errorf("refused: %q", refused)
	}
}

// A node that finds a member of a cluster that has slots joins it, and founds none.
func TestMembersAreJoined(t *testing.T) {
	terms := Terms{List: []string{"n1:7000", "n2:7000"}, Expect: 1}
	a, b := testCore(t, 1, terms, nil), testCore(t, 2, terms, nil)
	b.SetCluster(start, gossip.ClusterID{5}, true)
	at := map[string]*Core{"n1:7000": a, "n2:7000": b}
	for now := start; a.Status().Phase != PhaseJoining; now = now.Add(TickEvery) {
		if a.Tick(now); now.Sub(start) > time.Second {
			t.Fatal("it does not join")
		}
		for _, s := range a.Output().Sends {
			a.Answer(now, s.Address, at[s.Address].Handle(now, s.Request))
		}
	}
	a.Tick(start.Add(2 * time.Second))
	if out := a.Output(); out.Join == nil || out.Join.Cluster != (gossip.ClusterID{5}) {
		t.Errorf("it is not told to join: %+v", out)
	}
	delete(at, "n2:7000") // the member cannot be reached for a while
	runCores(at, []*Core{a}, 3*time.Second, 20*time.Second)
	if a.Decision() != nil {
		t.Error("it has founded a second cluster")
	}
}

// A node that answers at an address in place of another one has not promised what that one
// has: its answer ends the proposal.
func TestAnotherNodeAtAnAddressDoesNotCount(t *testing.T) {
	a := testCore(t, 1, Terms{List: []string{"n1:7000", "n2:7000"}, Expect: 1}, nil)
	reply := func(s Send, id byte) Reply {
		return Reply{Type: s.Request.Type, Seq: s.Request.Seq, Ballot: s.Request.Ballot, Terms: a.cfg.Terms, OK: true,
			From: Peer{ID: slots.NodeID{id}, Addr: slots.Addr{Host: "h", BusPort: 1}}, Promised: s.Request.Ballot}
	}
	accepts := 0
	for now := start; accepts == 0; now = now.Add(TickEvery) {
		if a.Tick(now); now.Sub(start) > 5*time.Second {
			t.Fatal("no proposal")
		}
		for _, s := range a.Output().Sends {
			id := byte(s.Address[1] - '0')
			if s.Request.Type == TypeAccept {
				id = 3 // which has come in the place of 2
				accepts++
			}
			a.Answer(now, s.Address, reply(s, id))
		}
		for _, s := range a.Output().Sends {
			if s.Request.Type == TypeAccept {
				a.Answer(now, s.Address, reply(s, 3))
				accepts++
			}
		}
	}
	if a.Decision() != nil || a.proposal != nil {
		t.Errorf("the vote counts: %+v", a.proposal)
	}
}

// A node that has accepted something does not go on under another list.
func TestAcceptedUnderOtherTerms(t *testing.T) {
	b := Ballot{Round: 1, Node: slots.NodeID{1}}
	terms := Terms{List: []string{"n1:7000", "n2:7000"}, Expect: 2}
	st := &State{Terms: terms, Promised: b, Accepted: b, Value: sampleValue(3, 0)}
	testCore(t, 1, terms, st)
	other := terms
	other.Expect = 3
	cfg := Config{Terms: other, Rand: rand.New(rand.NewPCG(1, 1)),
		Self: Peer{ID: slots.NodeID{1}, Addr: slots.Addr{BusPort: 1}}}
	const want = "3 at this node and 2 when it accepted"
	if _, err := New(cfg, st, start); err == nil || !strings.Contains(err.Error(), want) {
		t.Error(err)
	}
	st.Decided = true
	if _, err := New(cfg, st, start); err != nil {
		t.Errorf("the decision does not bind any more: %v", err)
	}
}

func TestParseList(t *testing.T) {
	list, err := ParseList([]string{" B:7001 ", "a:7000", "b:7001", "dns:Nodes:7000", "[::1]:7000"})
	if want := "[::1]:7000 a:7000 b:7001 dns:nodes:7000"; err != nil || strings.Join(list, " ") != want {
		t.Errorf("%q, %v, want %s", list, err, want)
	}
	for _, bad := range []string{"", "a", "a:", "a:0", "a:65536", "a:x", "a b:1", ":1", "::1:7000", "dns:", "dns:a"} {
		if _, err := ParseList([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
