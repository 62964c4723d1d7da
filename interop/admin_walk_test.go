package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// tool runs a verb of administration the way one command does.
type tool struct {
	name string
	run  func(t *testing.T, args ...string) (string, error)
}

// ours is the command of this module.
var ours = tool{"slotmesh", func(t *testing.T, args ...string) (string, error) {
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	return string(out), err
}}

// stock is redis-cli.
var stock = tool{"redis-cli", func(t *testing.T, args ...string) (string, error) {
	needs(t, "redis-cli")
	out, err := exec.Command("redis-cli", append([]string{"--cluster"}, args...)...).CombinedOutput()
	return string(out), err
}}

// walk is a cluster's life.
type walk struct {
	t     *testing.T
	tool  tool
	start startFunc
	admin *admin.Client // looks on
	nodes []*process
}

// do runs a verb, which must succeed and print all of want.
func (w *walk) do(want string, args ...string) string {
	w.t.Helper()
	out, err := w.tool.run(w.t, args...)
	if err != nil || !strings.Contains(out, want) {
		w.t.Fatalf("%s %s: %v, want %q in\n%s", w.tool.name, strings.Join(args, " "), err, want, tail(out, 60))
	}
	return out
}

func (w *walk) id(p *process) string { return p.ask("cluster", "myid") }

// join starts another node.
func (w *walk) join() *process {
	p := w.start(w.t)
	w.nodes = append(w.nodes, p)
	return p
}

// owned returns how many slots a node owns.
func (w *walk) owned(p *process) int {
	w.t.Helper()
	v := view(w.t, w.admin, w.nodes[0])
	n, err := v.Find(p.addr())
	if err != nil {
		w.t.Fatal(err)
	}
	set := n.Slots()
	return set.Len()
}

// agreed waits until check is clean and all nodes agree: the stock tool does not wait for
// gossip.
func (w *walk) agreed() {
	w.t.Helper()
	w.nodes[0].eventually("check is clean, all nodes know all", time.Minute, func() bool {
		v := view(w.t, w.admin, w.nodes[0])
		for _, n := range v.Nodes {
			if len(n.Members) != len(w.nodes) {
				return false
			}
		}
		return len(v.Nodes) == len(w.nodes) && admin.Check(v).OK()
	})
	w.do("[OK] All 16384 slots covered.", "check", w.nodes[0].addr())
}

func TestAdminWalk(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		for _, tool := range []tool{ours, stock} {
			t.Run(b.name+"/"+tool.name, func(t *testing.T) {
				t.Parallel()
				w := &walk{t: t, tool: tool, start: b.start, admin: adminClient(t, admin.Config{}), nodes: servers(t, 6, b.start)}
				w.life()
			})
		}
	}
}

func (w *walk) life() {
	t, entry := w.t, w.nodes[0].addr()
	const keys = 5000

	// Create, check, and a check of what is no cluster.
	w.do("[OK] All 16384 slots covered.", append(append([]string{"create"}, addrs(w.nodes)...), "--cluster-replicas",
		"1", "--cluster-yes")...)
	w.agreed()
	lone := w.start(t, "--cluster-enabled", "no")
	if out, err := w.tool.run(t, "check", lone.addr()); err == nil ||
		!strings.Contains(out, "[ERR] Node "+lone.addr()+" is not configured as a cluster node.") {
		t.Errorf("check of a node that is no cluster: %v\n%s", err, out)
	}
	for _, p := range w.nodes {
		p.eventually("cluster_state:ok", time.Minute, func() bool {
			return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok")
		})
	}
	verify := fill(t, w.nodes, keys)
	if out := w.do("", "rebalance", entry); !regexp.MustCompile(`All nodes are within the 2\.00% threshold`).MatchString(out) {
		t.Errorf("rebalance printed\n%s", out)
	}

	// A fourth shard.
	master := w.join()
	w.do("[OK] New node added correctly.", "add-node", master.addr(), entry)
	w.agreed()
	replica := w.join()
	w.do("[OK] New node added correctly.", "add-node", replica.addr(), entry, "--cluster-slave", "--cluster-master-id",
		w.id(master))
	w.agreed()
	if out := w.do(fmt.Sprintf("[OK] %d keys in 4 masters.", keys), "info",
		entry); !regexp.MustCompile(regexp.QuoteMeta(master.addr()) + ` .* 0 slots \| 1 slaves`).MatchString(out) {
		t.Errorf("info printed\n%s", out)
	}

	// Slots for it: from all, then from one.
	w.do("", "reshard", entry, "--cluster-from", "all", "--cluster-to", w.id(master), "--cluster-slots", "512",
		"--cluster-yes")
	w.agreed()
	if n := w.owned(master); n < 509 || n > 512 {
		t.Errorf("after the reshard the new master owns %d slots, want about 512", n)
	}
	before := w.owned(master)
	w.do("", "reshard", entry, "--cluster-from", w.id(w.source()), "--cluster-to", w.id(master), "--cluster-slots", "10",
		"--cluster-yes")
	w.agreed()
	if n := w.owned(master); n != before+10 {
		t.Errorf("after 10 slots from one source the new master owns %d, want %d", n, before+10)
	}

	// A master that owns nothing becomes a replica.
	idle := w.join()
	w.do("[OK] New node added correctly.", "add-node", idle.addr(), entry)
	w.agreed()
	if w.tool.name == ours.name {
		w.do("[OK]", "replicate", entry, idle.addr(), w.id(w.nodes[0]))
	} else if got := idle.cli("cluster", "replicate", w.id(w.nodes[0])); got != "OK" {
		t.Fatalf("cluster replicate: %s", got)
	}
	w.agreed()

	// The fourth shard's slots go three ways, then its nodes.
	w.do("", "reshard", entry, "--cluster-from", w.id(master), "--cluster-to", w.id(w.source()), "--cluster-slots",
		"100", "--cluster-yes")
	w.agreed()
	w.do("", "rebalance", entry, "--cluster-weight", w.id(master)+"=0.05", "--cluster-yes")
	w.agreed()
	if n := w.owned(master); n > 280 { // 0.05 of 3.05 are 269
		t.Errorf("after the rebalance with weight 0.05 the master owns %d slots", n)
	}
	if w.tool.name == ours.name {
		w.do("[OK]", "drain", entry, master.addr(), "--yes")
	} else {
		w.do("", "rebalance", entry, "--cluster-weight", w.id(master)+"=0", "--cluster-yes")
	}
	w.agreed()
	if n := w.owned(master); n != 0 {
		t.Errorf("the drained master owns %d slots", n)
	}
	for _, p := range []*process{replica, master} {
		w.remove(p)
	}
	w.agreed()
	verify()
	if out := w.do("", "info", entry); !strings.Contains(out, fmt.Sprintf("[OK] %d keys in 3 masters.", keys)) {
		t.Errorf("at the end info printed\n%s", out)
	}
}

// source returns one of the first masters.
func (w *walk) source() *process {
	w.t.Helper()
	v := view(w.t, w.admin, w.nodes[0])
	for _, p := range w.nodes[:6] {
		if n, err := v.Find(p.addr()); err == nil && n.Serves() {
			return p
		}
	}
	w.t.Fatal("none of the first nodes is a master")
	return nil
}

// remove takes a node out; its process ends. The stock tool of this version only resets it.
func (w *walk) remove(p *process) {
	w.t.Helper()
	id := w.id(p)
	w.do("", "del-node", w.nodes[0].addr(), id, "--cluster-yes")
	if w.tool.name == stock.name {
		exec.Command("redis-cli", "-p", strconv.Itoa(p.port), "shutdown", "nosave").Run()
	}
	p.eventually("ends after del-node", time.Minute, func() bool { return ended(p) })
	w.nodes = slices.DeleteFunc(w.nodes, func(x *process) bool { return x == p })
	if v := view(w.t, w.admin, w.nodes[0]); v != nil {
		if _, err := v.Find(id); !errors.Is(err, admin.ErrUnknownNode) {
			w.t.Errorf("node %s is still known: %v", id, err)
		}
	}
}
