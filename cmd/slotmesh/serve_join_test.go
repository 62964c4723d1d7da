package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Six nodes with one command line become a cluster, and are the same one after all of them
// were killed, also if their buses listen at other ports then.
func TestServeFormsCluster(t *testing.T) {
	var ports, dirs []string
	for range 6 {
		ports, dirs = append(ports, freePort(t)), append(dirs, t.TempDir())
	}
	list := fmt.Sprintf("127.0.0.1:%s,127.0.0.1:%s,127.0.0.1:%s", ports[0], ports[1], ports[2])
	before := ""
	for _, round := range []string{"new", "again"} {
		var nodes []*session
		for i, port := range ports {
			nodes = append(nodes, start(t, "serve", "--port", port, "--cluster-port", freePort(t), "--dir", dirs[i],
				"--bind", "127.0.0.1", "--join", list, "--expect", "6", "--replicas", "1"))
		}
		for i, port := range ports {
			nodes[i].stdout.waitFor(t, "ready to accept connections")
			deadline := time.Now().Add(waitLimit)
			for {
				info := ask(t, "127.0.0.1:"+port, "CLUSTER", "INFO")
				if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:6") &&
					strings.Contains(info, "cluster_size:3") {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: node %d: %s", round, i, info)
				}
			}
		}
		id := ask(t, "127.0.0.1:"+ports[0], "CLUSTER", "MYID")
		if before != "" && before != id {
			t.Errorf("the node had the id %s and has %s", before, id)
		}
		before = id
		for _, n := range nodes {
			n.signal(t, syscall.SIGKILL)
			<-n.code
		}
	}
}
