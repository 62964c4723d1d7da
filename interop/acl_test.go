package interop

import (
	"strconv"
	"strings"
	"testing"
	"time"
)

// Users of a cluster: the stock tool makes it and moves slots as an administrator, a client
// of an application reaches its own keys on every node, by redirects too, and nothing else.
func TestUsersOfACluster(t *testing.T) {
	t.Parallel()
	needs(t, "redis-cli")
	admin := func(args ...string) string {
		return redisCLI(t, append([]string{"--user", "admin", "--pass", "pw", "--no-auth-warning"}, args...)...)
	}
	create := []string{"--cluster", "create"}
	var nodes []*process
	for range 3 {
		p := serve(t, "--user", "default", "off", "--user", "admin", "on", ">pw", "~*", "&*", "+@all",
			"--user", "app", "on", ">secret", "~app:*", "+@read", "+@write", "-@dangerous")
		nodes = append(nodes, p)
		create = append(create, p.addr())
	}
	out := admin(append(create, "--cluster-replicas", "0", "--cluster-yes")...)
	if !strings.HasSuffix(out, "[OK] All 16384 slots covered.") {
		t.Fatalf("create printed:\n%s", out)
	}
	port := func(p *process) string { return strconv.Itoa(p.port) }
	app := func(p *process, args ...string) string {
		return redisCLI(t, append([]string{"-c", "-p", port(p), "--user", "app", "--pass", "secret", "--no-auth-warning"},
			args...)...)
	}
	for _, p := range nodes {
		p.eventually("cluster_state:ok", 10*time.Second, func() bool {
			return strings.Contains(admin("-p", port(p), "cluster", "info"), "cluster_state:ok")
		})
		if got := p.cli("get", "app:1"); got != "NOAUTH Authentication required." {
			t.Errorf("without AUTH: %s", got)
		}
	}

	keys := []string{"app:{06S}", "app:1", "app:2", "app:3"} // the first is in slot 0, which is going to move
	for i, key := range keys {
		if got := app(nodes[i%3], "set", key, key); got != "OK" {
			t.Errorf("SET %s: %s", key, got)
		}
	}
	const noKey = "NOPERM this user has no permissions to access one of the keys used as arguments"
	for i, p := range nodes {
		if got := app(p, "get", "other"); got != noKey { // also where another node has the key
			t.Errorf("GET other at node %d: %s", i, got)
		}
		if got := app(p, "flushall"); got != "NOPERM this user has no permissions to run the 'flushall' command" {
			t.Errorf("FLUSHALL at node %d: %s", i, got)
		}
	}

	from, to := admin("-p", port(nodes[0]), "cluster", "myid"), admin("-p", port(nodes[1]), "cluster", "myid")
	out = admin("--cluster", "reshard", nodes[2].addr(), "--cluster-from", from, "--cluster-to", to, "--cluster-slots",
		"20", "--cluster-yes")
	if got := admin("--cluster", "check", nodes[2].addr()); !strings.Contains(got, "[OK] All 16384 slots covered.") {
		t.Fatalf("after reshard check printed:\n%s\nand reshard\n%s", got, tail(out, 10))
	}
	if got := admin("-p", port(nodes[1]), "cluster", "countkeysinslot", "0"); got != "1" {
		t.Errorf("the new owner of slot 0 has %s keys in it", got)
	}
	for i, key := range keys {
		if got := app(nodes[i%3], "get", key); got != key {
			t.Errorf("GET %s after slots moved: %s", key, got)
		}
	}

	// A right that is taken away on all nodes is gone on all nodes.
	admin("--cluster", "call", nodes[0].addr(), "acl", "setuser", "app", "nocommands")
	for i, p := range nodes {
		if got := app(p, "get", "app:1"); got != "NOPERM this user has no permissions to run the 'get' command" {
			t.Errorf("GET at node %d without the right: %s", i, got)
		}
	}
}
