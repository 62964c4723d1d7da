package main

import (
	"strings"
	"syscall"
	"testing"
)

// With --leave-on-term a node gives its slots away before it ends, and the others forget
// it; one that cannot ends all the same.
func TestServeLeavesOnTerm(t *testing.T) {
	var nodes []*session
	var addrs []string
	for range 3 {
		port := freePort(t)
		s := start(t, "serve", "--port", port, "--cluster-port", freePort(t), "--dir", t.TempDir(), "--bind", "127.0.0.1",
			"--cluster-enabled", "yes", "--leave-on-term", "--leave-timeout", "20s")
		s.stdout.waitFor(t, "ready to accept connections")
		nodes, addrs = append(nodes, s), append(addrs, "127.0.0.1:"+port)
	}
	s := start(t, append([]string{"create", "--yes"}, addrs...)...)
	if code := <-s.code; code != exitOK {
		t.Fatalf("create: exit code %d\n%s", code, s.stderr.buf.String())
	}
	for i, want := range []string{"left the cluster", "left the cluster", "ends as a member of the cluster"} {
		nodes[i].signal(t, syscall.SIGTERM)
		nodes[i].stdout.waitFor(t, want)
		if code := <-nodes[i].code; code != exitOK {
			t.Errorf("node %d: exit code %d", i, code)
		}
		if i == 2 {
			break
		}
		known := "cluster_known_nodes:" + string(rune('2'-i)) + "\r\n"
		if got := ask(t, addrs[2], "CLUSTER", "INFO"); !strings.Contains(got, "cluster_slots_assigned:16384\r\n") ||
			!strings.Contains(got, known) {
			t.Errorf("after node %d has left: %s", i, got)
		}
	}
}

func TestLeaveOptions(t *testing.T) {
	args := []string{"a.conf", "--leave-timeout=5s", "--leave-on-term", "--port=1", "--save", ""}
	o, others, err := readLeaveOptions(args)
	if err != nil || !o.onTerm || o.limit.Seconds() != 5 || strings.Join(others, "|") != "a.conf|--port=1|--save|" {
		t.Errorf("%+v, %q, %v", o, others, err)
	}
	for _, args := range [][]string{{"--leave-timeout"}, {"--leave-timeout", "5"}, {"--leave-timeout=-1s"}} {
		if _, _, err := readLeaveOptions(args); err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}
