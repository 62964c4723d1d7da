package admin

import (
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

func TestCheckFindsNothing(t *testing.T) {
	w := newWorld(t, 3)
	for i := range 3 {
		w.replica(i)
	}
	if r := Check(w.view()); len(r) != 0 || !r.OK() || !strings.HasSuffix(r.String(), "[OK] All 16384 slots covered.\n") {
		t.Errorf("a healthy cluster has\n%s", r)
	}
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name  string
		hurt  func(w *world) *View
		want  Problem
		ok    bool // a warning only
		slots string
		text  string
	}{
		{"slots of nobody", func(w *world) *View { w.own(0, "0-5000"); return w.view() }, Uncovered, false, "5001-5460",
			"460 slots (5001-5460)"},
		{"two owners", func(w *world) *View { w.own(1, "5460-10922"); return w.view() }, SeveralOwners, false, "5460",
			"both own 5460"},
		{"migrating", func(w *world) *View { w.open(0, 7, false, 1); return w.view() }, Migrating, false, "7",
			"migrating state to 10.0.0.2:7000"},
		{"importing from nobody known", func(w *world) *View { w.open(0, 7, true, 99); return w.view() }, Importing, false,
			"7", "from an unknown node"},
		{"unreachable master", func(w *world) *View { w.nodes[2].Err = errGone; return w.view() }, Unreachable, false, "",
			"gone"},
		{"unreachable replica", func(w *world) *View { w.replica(0).Err = errGone; return w.view() }, Unreachable, true, "",
			"slotmesh del-node"},
		{"suspected", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[0].opinion(1).Flags = []string{"master", "fail?"} })
		}, Failing, true, "", "1 node hold it for failed"},
		{"another opinion", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[0].opinion(1).Ranges = []slots.Range{{First: 5461, Last: 9999}} })
		}, Disagreement, false, "10000-10922", "Nodes don't agree about configuration"},
		{"stranger", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[2].Members = v.Nodes[2].Members[1:] })
		}, Stranger, false, "", "10.0.0.3:7000 (00000000…) does not know node 10.0.0.1:7000"},
		{"no replica", func(w *world) *View { w.replica(0); w.replica(1); return w.view() }, NoReplica, true, "",
			"Master 10.0.0.3:7000"},
		{"same host", func(w *world) *View { w.replica(0).Addr.Host = "10.0.0.1"; return w.view() }, SameHost, true, "",
			"same host"},
		{"no link", func(w *world) *View { w.replica(0).Info["master_link_status"] = "down"; return w.view() }, ReplicaLag,
			true, "", "no link to its master 10.0.0.1:7000"},
		{"replica of a replica", func(w *world) *View { w.replica(0); w.replica(3); return w.view() }, BadMaster, false, "",
			"which is no master"},
		{"same epoch", func(w *world) *View { w.nodes[1].Epoch = 1; return w.view() }, EpochClash, true, "",
			"same config epoch 1"},
		{"old epoch", func(w *world) *View {
			return w.view(func(v *View) { v.Nodes[0].opinion(2).Epoch = 0 })
		}, EpochBehind, true, "", "is 3; it knows 0"},
		{"does not serve", func(w *world) *View { w.nodes[0].Cluster["cluster_state"] = "fail"; return w.view() },
			StateFail, true, "", "cluster_state is fail"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := Check(tc.hurt(newWorld(t, 3)))
			if !r.Has(tc.want) || r.OK() != tc.ok {
				t.Fatalf("want %s, OK %v; found\n%s", tc.want, tc.ok, r)
			}
			if got := r.Slots(tc.want); got.String() != tc.slots {
				t.Errorf("about slots %s, want %s", got, tc.slots)
			}
			if !strings.Contains(r.String(), tc.text) {
				t.Errorf("the text lacks %q:\n%s", tc.text, r)
			}
			if err := r.err("a:1"); (err == nil) != tc.ok {
				t.Errorf("as an error: %v", err)
			}
		})
	}
}

// A witness is named as one, and no plan gives it slots.
func TestWitnessInSummary(t *testing.T) {
	w := newWorld(t, 4)
	w.own(3, "")
	w.nodes[3].Flags = append(w.nodes[3].Flags, "witness")
	v := w.view()
	text := Summarize(v).String()
	witness := "10.0.0.4:7000 (00000000...) -> witness: it votes"
	if !strings.Contains(text, witness) || !strings.Contains(text, "3 masters") {
		t.Error(text)
	}
	if n := len(v.plannable()); n != 3 {
		t.Errorf("%d nodes can be given slots, want 3", n)
	}
}

func TestSummary(t *testing.T) {
	w := newWorld(t, 3)
	w.replica(1)
	w.nodes[0].Keys, w.nodes[1].Keys = 16384, 16384
	want := `10.0.0.1:7000 (00000000...) -> 16384 keys | 5461 slots | 0 slaves.
10.0.0.2:7000 (00000000...) -> 16384 keys | 5462 slots | 1 slaves.
10.0.0.3:7000 (00000000...) -> 0 keys | 5461 slots | 0 slaves.
[OK] 32768 keys in 3 masters.
2.00 keys per slot on average.
`
	if got := Summarize(w.view()).String(); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
