package interop

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

// masters starts n nodes that share the slots; further ones own none.
func masters(t *testing.T, n, without int) []*process {
	t.Helper()
	needs(t, "redis-cli")
	nodes := servers(t, n+without, serve)
	for _, p := range nodes {
		p.eventually("has started", 10*time.Second, func() bool { return p.ask("ping") == "PONG" })
	}
	args := append([]string{"--cluster", "create"}, addrs(nodes[:n])...)
	if out := redisCLI(t, append(args, "--cluster-replicas", "0", "--cluster-yes")...); !strings.HasSuffix(out,
		"[OK] All 16384 slots covered.") {
		t.Fatalf("create printed:\n%s", out)
	}
	for _, p := range nodes[n:] {
		if out := redisCLI(t, "--cluster", "add-node", p.addr(), nodes[0].addr()); !strings.HasSuffix(out,
			"[OK] New node added correctly.") {
			t.Fatalf("add-node printed:\n%s", out)
		}
	}
	for _, p := range nodes {
		p.eventually("all nodes agree", 20*time.Second, func() bool {
			list := p.ask("cluster", "nodes")
			return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok") && strings.Count(list, " connected") == n+
				without
		})
	}
	return nodes
}

// clean fails the test unless the stock check is clean and counts so many keys.
func clean(t *testing.T, nodes []*process, keys int) {
	t.Helper()
	// Who is not concerned by a move hears of it by gossip.
	out := ""
	nodes[0].eventually("a clean check", 10*time.Second, func() bool {
		out = redisCLI(t, "--cluster", "check", nodes[0].addr())
		return strings.Contains(out, "[OK] All nodes agree about slots configuration.")
	})
	for _, bad := range []string{"[WARNING]", "[ERR]"} {
		if strings.Contains(out, bad) {
			t.Errorf("check printed:\n%s", out)
		}
	}
	if want := fmt.Sprintf("[OK] %d keys in ", keys); !strings.Contains(out, want) ||
		!strings.Contains(out, "[OK] All 16384 slots covered.") {
		t.Errorf("check lacks %q, or slots:\n%s", want, out)
	}
}

// many returns the number that CI takes, or a smaller one: the stock tool moves a slot
// after the other, and each costs several syncs of a disk.
func many(inCI, elsewhere int) int {
	if os.Getenv("CI") != "" {
		return inCI
	}
	return elsewhere
}

// slotsOf returns how many slots a node owns.
func slotsOf(t *testing.T, p *process) (n int) {
	t.Helper()
	for _, r := range rangesOf(t, p) {
		n += r.Len()
	}
	return n
}

// rangesOf returns the slots that a node says it owns, none of which may be open.
func rangesOf(t *testing.T, p *process) (list []slots.Range) {
	t.Helper()
	for line := range strings.Lines(p.ask("cluster", "nodes")) {
		f := strings.Fields(line)
		if !strings.Contains(f[2], "myself") {
			continue
		}
		for _, text := range f[8:] {
			r, err := slots.ParseRange(text)
			if err != nil {
				t.Fatalf("open slots: %s", line)
			}
			list = append(list, r)
		}
	}
	return list
}

func TestRedisCLIReshard(t *testing.T) {
	t.Parallel()
	nodes := masters(t, 3, 0)
	const keys = 20_000
	verify := fill(t, nodes, keys)
	ids := make([]string, len(nodes))
	for i, p := range nodes {
		ids[i] = p.ask("cluster", "myid")
	}
	reshard := func(from, to, n, pipeline int) {
		t.Helper()
		begin := time.Now()
		out := redisCLI(t, "--cluster", "reshard", nodes[0].addr(), "--cluster-from", ids[from], "--cluster-to", ids[to],
			"--cluster-slots", strconv.Itoa(n), "--cluster-pipeline", strconv.Itoa(pipeline), "--cluster-yes")
		t.Logf("%d slots in %v, pipeline %d", n, time.Since(begin).Round(time.Millisecond), pipeline)
		if strings.Contains(out, "ERR") || strings.Contains(out, "rror") {
			t.Fatalf("reshard printed:\n%s", tail(out, 20))
		}
		clean(t, nodes, keys)
		verify()
	}
	n := many(4096, 512)
	reshard(0, 1, n, 10)
	if got := slotsOf(t, nodes[1]); got != 5462+n {
		t.Errorf("the target owns %d slots", got)
	}
	reshard(1, 0, n, 100)
	// From all.
	out := redisCLI(t, "--cluster", "reshard", nodes[1].addr(), "--cluster-from", "all", "--cluster-to", ids[2],
		"--cluster-slots", "300", "--cluster-yes")
	if strings.Contains(out, "ERR") {
		t.Errorf("reshard from all printed:\n%s", tail(out, 20))
	}
	clean(t, nodes, keys)
	verify()
}

func TestRedisCLIRebalance(t *testing.T) {
	t.Parallel()
	nodes := masters(t, 3, 1)
	const keys = 5_000
	verify := fill(t, nodes[:3], keys)
	rebalance := func(args ...string) {
		t.Helper()
		out := redisCLI(t, append([]string{"--cluster", "rebalance", nodes[0].addr()}, args...)...)
		if strings.Contains(out, "ERR") || strings.Contains(out, "rror") {
			t.Fatalf("rebalance printed:\n%s", tail(out, 20))
		}
		clean(t, nodes, keys)
		verify()
	}
	rebalance("--cluster-use-empty-masters")
	for _, p := range nodes {
		if got := slotsOf(t, p); got < 4090 || got > 4100 { // the tool rounds
			t.Errorf("port %d owns %d slots after rebalancing", p.port, got)
		}
	}
}

// The ways to leave a slot open by hand that the stock fix repairs.
func TestRedisCLIFix(t *testing.T) {
	t.Parallel()
	nodes := masters(t, 3, 0)
	const keys = 20_000
	verify := fill(t, nodes, keys)
	s := newSurgery(t, adminClient(t, admin.Config{}), nodes)
	for _, w := range []struct {
		name string
		cut  func() (slot int)
	}{
		{"importing only", func() int {
			slot := s.owned(0, 2)
			s.must(1, "cluster", "setslot", slot, "importing", s.ids[0])
			return slot
		}},
		{"migrating only", func() int {
			slot := s.owned(0, 2)
			s.must(0, "cluster", "setslot", slot, "migrating", s.ids[1])
			return slot
		}},
		{"both with keys split", func() int {
			slot := s.owned(1, 3)
			s.open(1, 2, slot)
			s.push(1, 2, slot, 1)
			return slot
		}},
		{"both with most keys moved", func() int {
			slot := s.owned(1, 4)
			s.open(1, 2, slot)
			s.push(1, 2, slot, s.count(1, slot)-1)
			return slot
		}},
		{"both with all keys moved", func() int {
			slot := s.owned(1, 2)
			s.open(1, 2, slot)
			s.push(1, 2, slot, s.count(1, slot))
			return slot
		}},
		{"importing only with keys split", func() int {
			slot := s.owned(1, 3)
			s.open(1, 2, slot)
			s.push(1, 2, slot, 1)
			s.must(1, "cluster", "setslot", slot, "stable")
			return slot
		}},
		{"importing only with most keys moved", func() int {
			slot := s.owned(1, 4)
			s.open(1, 2, slot)
			s.push(1, 2, slot, s.count(1, slot)-1)
			s.must(1, "cluster", "setslot", slot, "stable")
			return slot
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			s.t = t
			slot := w.cut()
			open := regexp.MustCompile(fmt.Sprintf(`\[%d-[<>]-`, slot))
			if nodes := nodes[0].ask("cluster", "nodes") + nodes[1].ask("cluster", "nodes") +
				nodes[2].ask("cluster", "nodes"); !open.MatchString(nodes) {
				t.Fatalf("slot %d is not open:\n%s", slot, nodes)
			}
			out := redisCLI(t, "--cluster", "fix", nodes[0].addr(), "--cluster-yes")
			clean(t, nodes, keys)
			if t.Failed() {
				t.Fatalf("fix printed:\n%s", out)
			}
			verify()
		})
	}
}
