package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// TestVerbsOnACluster runs verbs as users do, on a cluster that up has started. What they
// do to clusters of processes, and to those of Redis, is tested in module interop.
func TestVerbsOnACluster(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	up := start(t, "up", "--port", "0", "--nodes", "3", "--replicas", "1")
	nodes := regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+`).FindAllString(up.stdout.waitFor(t, "Ctrl-C ends it."), -1)
	if len(nodes) != 6 {
		t.Fatalf("up printed the nodes %v", nodes)
	}
	entry := nodes[0]
	for _, c := range []struct {
		args string // without the node that is asked
		code int
		want []string
	}{
		{"check", exitOK, []string{">>> Performing Cluster Check (using node " + entry + ")", " " + entry +
			"\n   slots:[0-5460] (5461 slots) master\n   1 additional replica(s)",
			"slots: (0 slots) slave\n   replicates ", "[OK] All nodes agree about slots configuration.", "[OK] No open slots.",
			"[OK] All 16384 slots covered."}},
		{"info", exitOK, []string{"-> 0 keys | 5461 slots | 1 slaves.", "[OK] 0 keys in 3 masters."}},
		{"top --once", exitOK, []string{"cluster ok, 3 shards, 6 nodes\nM/R NODE ", "\nM " + entry, "\ntotal "}},
		{"top --json -n 2 --interval 100ms --slots --sort ops", exitOK, []string{`"role":"replica","health":"ok"`,
			"}\n{\"time\":"}},
		{"why foo", exitOK, []string{`Key "foo" belongs to slot 12182.`, "Slot 12182 is owned by " + nodes[2],
			"It is not open"}},
		{"call config get maxmemory", exitOK, []string{entry + ": 1) maxmemory\n" + strings.Repeat(" ", len(entry)) +
			"  2) 0\n"}},
		{"call nosuch", exitError, []string{entry + ": (error) ERR unknown command", "6 of 6 nodes did not do it"}},
		{"reshard --cluster-to " + entry + " --cluster-slots 10 --dry-run", exitOK, []string{"10 slots in 2 moves."}},
		{"reshard --cluster-to " + entry + " --cluster-slots 10", exitError,
			[]string{"(type 'yes' to accept)", "not confirmed: nothing was changed"}},
		{"reshard --cluster-to " + entry + " --cluster-slots 10 --yes", exitOK,
			[]string{">>> moving ", "[OK] 10 slots with 0 keys moved in "}},
		{"reshard --cluster-to " + nodes[3] + " --cluster-slots 10 --yes", exitError,
			[]string{"is a replica of " + entry, "name a master"}},
		{"rebalance", exitOK, []string{"*** No rebalancing needed! All nodes are within the 2.00% threshold."}},
		{"balance status", exitOK, []string{"balances:no\npaused:no\ncoordinator:none\n"}},
		{"balance plan", exitOK, []string{"nothing to do"}},
		{"balance pause", exitOK, []string{"OK"}},
		{"balance status", exitOK, []string{"paused:yes"}},
		{"balance resume", exitOK, []string{"OK"}},
		{"balance now", exitUsage, []string{"say one of pause, resume, status, plan after the address"}},
		{"fix", exitOK, []string{"Nothing to fix.", "[OK] All 16384 slots covered."}},
		{"failover " + nodes[1], exitError, []string{"is a master; name one of its replicas"}},
		{"failover " + nodes[3], exitOK, []string{"[OK] " + nodes[3] + " is the master now."}},
		{"del-node " + nodes[1], exitError, []string{"not empty: master " + nodes[1], "move them first: slotmesh drain " +
			entry}},
		{"del-node " + entry, exitError, []string{"ask another node of its cluster: slotmesh del-node 127.0.0.1:"}},
		{"restore /nonexistent", exitError, []string{"holds no complete backup"}},
	} {
		words := strings.Fields(c.args)
		code, stdout, stderr := call(append([]string{words[0], entry}, words[1:]...)...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("slotmesh %s: exit code %d, want %d with %q in\n%s%s", c.args, code, c.code, want, stdout, stderr)
			}
		}
	}
	if code, stdout, stderr := call(append([]string{"create"}, nodes...)...); code != exitError ||
		!strings.Contains(stderr, "it owns slots") ||
		strings.Contains(stdout, "Can I set") {
		t.Errorf("create of nodes that are taken: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := call("add-node", nodes[1], entry); code != exitError ||
		!strings.Contains(stderr, "it is in this cluster already, and owns slots") {
		t.Errorf("add-node of a master of the cluster: exit code %d\n%s", code, stderr)
	}

	_, stdout, stderr := call("check", entry, "--json")
	var report struct {
		OK    bool
		Nodes []listed
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || stderr != "" || !report.OK ||
		len(report.Nodes) != 6 || report.Nodes[0].Role != "replica" {
		t.Errorf("check --json: %v, %+v, standard error %q", err, report, stderr)
	}
	_, stdout, stderr = call("reshard", entry, "--cluster-to", nodes[1], "--cluster-slots", "20", "--json", "--yes")
	var moved struct{ Slots, Keys int }
	if err := json.Unmarshal([]byte(stdout), &moved); err != nil || stderr != "" || moved.Slots != 20 {
		t.Errorf("reshard --json: %v, %+v, standard error %q", err, moved, stderr)
	}
}
