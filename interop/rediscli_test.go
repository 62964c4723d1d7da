package interop

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sixMasters starts six processes and makes them a cluster with the stock tool.
func sixMasters(t *testing.T, args ...string) []*process {
	t.Helper()
	needs(t, "redis-cli")
	var nodes []*process
	create := []string{"--cluster", "create"}
	for range 6 {
		p := serve(t, args...)
		nodes = append(nodes, p)
		create = append(create, p.addr())
	}
	out := redisCLI(t, append(create, "--cluster-replicas", "0", "--cluster-yes")...)
	if !strings.HasSuffix(out, "[OK] All 16384 slots covered.") {
		t.Fatalf("create printed:\n%s", out)
	}
	return nodes
}

func TestRedisCLICreateCheckInfo(t *testing.T) {
	t.Parallel()
	nodes := sixMasters(t)
	for _, p := range nodes {
		p.eventually("cluster_state:ok", 10*time.Second, func() bool {
			return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok")
		})
		check := redisCLI(t, "--cluster", "check", p.addr())
		if !strings.Contains(check, "[OK] All nodes agree about slots configuration.") ||
			!strings.Contains(check, "[OK] All 16384 slots covered.") {
			t.Errorf("check at port %d printed:\n%s", p.port, check)
		}
		info := redisCLI(t, "--cluster", "info", p.addr())
		if !strings.Contains(info, "[OK] 0 keys in 6 masters.") {
			t.Errorf("info at port %d printed:\n%s", p.port, info)
		}
	}
	// All nodes print the same ranges.
	for _, p := range nodes[1:] {
		if a, b := ranges(nodes[0]), ranges(p); a != b {
			t.Errorf("views differ:\n%s\nand\n%s", a, b)
		}
	}
}

// ranges returns "id slots" per node as p sees them.
func ranges(p *process) string {
	byID := make(map[string]string)
	for line := range strings.Lines(p.ask("cluster", "nodes")) {
		f := strings.Fields(line)
		byID[f[0]] = strings.Join(f[8:], " ")
	}
	return fmt.Sprint(byID) // prints maps in the order of their keys
}

func TestRedisCLIFollowsMoved(t *testing.T) {
	t.Parallel()
	nodes := sixMasters(t)
	if got := nodes[0].cli("cluster", "keyslot", "key:test:1"); got != "5191" {
		t.Errorf("keyslot key:test:1 is %s, want 5191", got)
	}
	moved := regexp.MustCompile(`^(?:\(error\) )?MOVED 9252 127\.0\.0\.1:(\d+)$`)
	redirects := 0
	for _, p := range nodes {
		out := p.cli("set", "key:test:2", "v")
		if m := moved.FindStringSubmatch(out); m != nil {
			redirects++
			if port, _ := strconv.Atoi(m[1]); port == p.port {
				t.Errorf("port %d sends clients to itself: %s", p.port, out)
			}
		} else if out != "OK" {
			t.Errorf("SET at port %d printed %q", p.port, out)
		}
		if out := redisCLI(t, "-c", "-p", strconv.Itoa(p.port), "get", "key:test:2"); out != "v" && redirects == 0 {
			t.Errorf("GET by way of port %d printed %q", p.port, out)
		}
	}
	if redirects != 5 {
		t.Errorf("%d nodes of 6 answered MOVED, want 5", redirects)
	}
}

func TestKilledNodesFindEachOtherAgain(t *testing.T) {
	t.Parallel()
	nodes := sixMasters(t, "--cluster-node-timeout", "2000")
	before := ranges(nodes[0])
	for _, p := range nodes {
		p.kill(syscall.SIGKILL)
	}
	for _, p := range nodes {
		p.start()
	}
	waitOK(nodes)
	for _, p := range nodes {
		if after := ranges(p); after != before {
			t.Errorf("port %d sees\n%s\nbefore the restart it was\n%s", p.port, after, before)
		}
	}

	// On other ports they need to be told one address.
	for _, p := range nodes {
		p.kill(syscall.SIGKILL)
	}
	for _, p := range nodes {
		p.port = freePort(t)
		p.start()
	}
	for _, p := range nodes[1:] {
		nodes[0].cli("cluster", "meet", "127.0.0.1", strconv.Itoa(p.port))
	}
	waitOK(nodes)
	for _, p := range nodes {
		if after := ranges(p); after != before {
			t.Errorf("on new ports, %d sees\n%s\nbefore it was\n%s", p.port, after, before)
		}
	}
}

// waitOK waits until the nodes of a cluster serve and are all connected.
func waitOK(nodes []*process) {
	for _, p := range nodes {
		p.eventually("cluster_state:ok, all nodes connected", 20*time.Second, func() bool {
			list := p.ask("cluster", "nodes")
			return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok") &&
				strings.Count(list, " connected") == len(nodes) && !strings.Contains(list, "fail")
		})
	}
}

func TestKilledMasterIsSeenAndForgiven(t *testing.T) {
	nodes := sixMasters(t, "--cluster-node-timeout", "1000")
	waitOK(nodes)
	victim, witness := nodes[5], nodes[0]
	id := victim.ask("cluster", "myid")
	flags := func() string {
		for line := range strings.Lines(witness.ask("cluster", "nodes")) {
			if f := strings.Fields(line); f[0] == id {
				return f[2]
			}
		}
		return "unknown"
	}
	victim.kill(syscall.SIGKILL)
	witness.eventually("flags master,fail", 10*time.Second, func() bool { return flags() == "master,fail" })
	witness.eventually("cluster_state:fail", time.Second, func() bool {
		return strings.Contains(witness.ask("cluster", "info"), "cluster_state:fail")
	})
	victim.start()
	waitOK(nodes)
	if got := flags(); got != "master" {
		t.Errorf("flags after the return: %s", got)
	}
}
