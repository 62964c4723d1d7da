package interop

import (
	"encoding/json"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/slotmesh/slotmesh/admin"
)

// top runs slotmesh top and returns what it printed.
func top(t *testing.T, args ...string) string {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, append([]string{"top"}, args...)...)
	cmd.Env = append(cmd.Environ(), "COLUMNS=80")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("slotmesh top %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Clusters of redis-server and of slotmesh in 80 columns: what each node does, a slot that
// moves, a node that is stopped, and one that is gone.
func TestTop(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		nodes := servers(t, 6, b.start, "--cluster-node-timeout", "60000") // nobody fails over meanwhile
		c := adminClient(t, admin.Config{})
		ctx := soon(t)
		plan, err := admin.PlanCreate(addrs(nodes), 1)
		if err == nil {
			err = c.Create(ctx, plan)
		}
		if err != nil {
			t.Fatal(err)
		}
		entry := nodes[0]
		entry.eventually("the replicas are in step", time.Minute, func() bool {
			return strings.Count(top(t, entry.addr(), "--once"), " ok ") == len(nodes)
		})
		const keys = 21
		for i := range keys {
			entry.eventually("takes a key", time.Minute, func() bool { // another node may take its cluster for down
				return entry.cli("-c", "SET", "key"+strconv.Itoa(i), "value") == "OK"
			})
		}
		text := top(t, entry.addr(), "-n", "2", "--interval", "500ms", "--sort", "keys")
		frames := strings.Split(text, "\n\n")
		if len(frames) != 2 || !strings.Contains(frames[1], "cluster ok, 3 shards, 6 nodes\n") {
			t.Fatalf("got\n%s", text)
		}
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(line) - 1; n > 80 {
				t.Errorf("%d columns: %s", n, line)
			}
		}
		// From slots to the processor's time the second table has all figures.
		row := regexp.MustCompile(`(?m)^total` + strings.Repeat(` +[0-9.]+[kMGT]?`, 9))
		if !row.MatchString(frames[1]) || !regexp.MustCompile(`(?m)^total +16384 +21 `).MatchString(frames[1]) {
			t.Errorf("totals:\n%s", frames[1])
		}

		entry.cli("cluster", "setslot", "5", "migrating", nodes[1].ask("cluster", "myid"))
		nodes[5].cmd.Process.Signal(syscall.SIGSTOP)
		defer nodes[5].cmd.Process.Signal(syscall.SIGCONT)
		nodes[4].kill(syscall.SIGKILL)
		text = top(t, entry.addr(), "--once")
		if !strings.Contains(text, "moving 1 slot "+entry.addr()+" -> "+nodes[1].addr()+"\n") {
			t.Errorf("nothing moves:\n%s", text)
		}
		if !strings.Contains(text, "6 nodes, 2 without an answer") || strings.Count(text, " silent ") != 2 {
			t.Errorf("two nodes are gone:\n%s", text)
		}
	})
}

// A server outside cluster mode, and its replica.
func TestTopOfStandaloneServer(t *testing.T) {
	t.Parallel()
	master := redisServer(t, "--cluster-enabled", "no")
	replica := redisServer(t, "--cluster-enabled", "no", "--replicaof", "127.0.0.1 "+strconv.Itoa(master.port))
	replica.eventually("follows", time.Minute, func() bool {
		return strings.Contains(replica.ask("INFO", "replication"), "master_link_status:up")
	})
	text := top(t, master.addr(), "--once")
	if !strings.Contains(text, "not in cluster mode, 2 nodes\n") || !strings.Contains(text, "\nM "+master.addr()+" ") ||
		!strings.Contains(text, "\nR "+replica.addr()+" ") {
		t.Errorf("got\n%s", text)
	}
	var sample struct {
		Nodes []struct {
			Health string   `json:"health"`
			Slots  *float64 `json:"slots"`
			Lag    *float64 `json:"lag"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal([]byte(top(t, master.addr(), "--once", "--json")), &sample); err != nil {
		t.Fatal(err)
	}
	if len(sample.Nodes) != 2 || sample.Nodes[1].Lag == nil || sample.Nodes[1].Slots != nil || sample.Nodes[1].Health != "ok" {
		t.Errorf("got %+v", sample)
	}
}
