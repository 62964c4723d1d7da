package interop

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pairing makes a master of all slots and its replica of two servers, with the commands
// any tool would use.
func pairing(t *testing.T, p []*process) {
	t.Helper()
	master, replica := p[0], p[1]
	for _, out := range []string{
		master.cli("cluster", "addslotsrange", "0", "16383"),
		replica.cli("cluster", "meet", "127.0.0.1", fmt.Sprint(master.port)),
	} {
		if out != "OK" {
			t.Fatal(out)
		}
	}
	id := master.ask("cluster", "myid")
	replica.eventually("is a replica", 20*time.Second,
		func() bool { return replica.cli("cluster", "replicate", id) == "OK" })
	replica.eventually("is linked", 20*time.Second, func() bool {
		return replica.info()["master_link_status"] == "up" && strings.Contains(master.info()["slave0"], "state=online") &&
			strings.Contains(replica.ask("cluster", "info"), "cluster_state:ok") &&
			strings.Contains(master.ask("cluster", "info"), "cluster_state:ok") &&
			strings.Contains(master.cli("cluster", "slots"), fmt.Sprint(replica.port))
	})
}

var (
	hexIDs  = regexp.MustCompile(`[0-9a-f]{40}`)
	numbers = regexp.MustCompile(`\b\d+\b`)
)

// shape replaces what differs from server to server: ids, ports and figures.
func shape(p []*process, text string) string {
	text = hexIDs.ReplaceAllString(text, "ID")
	for i, x := range p {
		text = strings.ReplaceAll(text, fmt.Sprint(x.port+10_000), fmt.Sprintf("BUS%c", 'A'+i))
		text = strings.ReplaceAll(text, fmt.Sprint(x.port), fmt.Sprintf("PORT%c", 'A'+i))
	}
	text = strings.ReplaceAll(text, "127.0.0.1", "HOST")
	return numbers.ReplaceAllString(text, "N")
}

// TestReplicationRepliesLikeRedis compares the form of what a master and a replica tell
// with redis-server's.
func TestReplicationRepliesLikeRedis(t *testing.T) {
	t.Parallel()
	theirs := servers(t, 2, redisServer)
	ours := servers(t, 2, serve)
	pairing(t, theirs)
	pairing(t, ours)
	masterID := func(p []*process) string { return p[0].ask("cluster", "myid") }
	for _, command := range []string{"role", "cluster slots", "cluster shards", "cluster replicas ID",
		"cluster slaves ID", "cluster replicas nobody",
		"cluster replicate ID", "cluster failover now", "wait 1 100", "wait x 1", "wait 1 -1", "replicaof no one",
		"cluster count-failure-reports ID", "bgsave", "save x", "lastsave x", "bgsave x"} {
		for i, who := range []string{"master", "replica"} {
			ask := func(p []*process) string {
				return shape(p, p[i].cli(strings.Fields(strings.ReplaceAll(command, "ID", masterID(p)))...))
			}
			if want, got := ask(theirs), ask(ours); got != want {
				t.Errorf("%s at the %s answers\n%s\nredis-server\n%s", command, who, got, want)
			}
		}
	}
	for i, who := range []string{"master", "replica"} {
		want, got := fieldsOf(theirs[i].ask("info", "replication")), fieldsOf(ours[i].ask("info", "replication"))
		if got != want {
			t.Errorf("INFO replication of the %s has\n%s\nredis-server's\n%s", who, got, want)
		}
	}
}

// TestReplicationTroubleLikeRedis compares the names of what INFO tells when replicas are
// asked for, and when the master is away.
func TestReplicationTroubleLikeRedis(t *testing.T) {
	t.Parallel()
	var good, down [2]string
	for i, start := range []func(*testing.T, ...string) *process{redisServer, serve} {
		p := servers(t, 2, start)
		pairing(t, p)
		if out := p[0].cli("config", "set", "min-replicas-to-write", "1"); out != "OK" {
			t.Fatal(out)
		}
		good[i] = fieldsOf(p[0].ask("info", "replication"))
		p[0].kill(syscall.SIGKILL)
		p[1].eventually("has lost its master", 20*time.Second,
			func() bool { return p[1].info()["master_link_status"] == "down" })
		down[i] = fieldsOf(p[1].ask("info", "replication"))
	}
	for _, c := range [][2]string{good, down} {
		if c[0] != c[1] {
			t.Errorf("INFO replication has\n%s\nredis-server's\n%s", c[1], c[0])
		}
	}
}

// fieldsOf returns the names of INFO's fields, in order.
func fieldsOf(info string) string {
	var names []string
	for line := range strings.Lines(info) {
		if k, _, ok := strings.Cut(line, ":"); ok {
			names = append(names, k)
		}
	}
	return strings.Join(names, "\n")
}
