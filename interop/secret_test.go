package interop

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// secretFile returns a file that holds a cluster secret.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Six processes that share a secret do all that others do, driven by the stock tool: they
// become a cluster, move slots under load, fail over and bring an empty replica up to date.
// A process with another secret, or none, stays outside, and the logs of both sides say why.
func TestSecret(t *testing.T) {
	c := createShards(t, "--cluster-secret-file", secretFile(t, "what all members know"), "--cluster-node-timeout", "2000")
	masters := c.masters()

	w := watch(t, c.nodes, 4)
	moveByCLI(t, masters[0], masters[1], 8)
	moveByJob(t, masters[1], masters[2], 1024)
	w.stop(t)

	victim := masters[1]
	replica := c.replicaOf(victim)
	replica.kill(syscall.SIGKILL)
	if err := os.Remove(filepath.Join(replica.dir, "dump.rdb")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	full, _ := victim.resyncs()
	replica.start()
	c.waitHealthy()
	if now, _ := victim.resyncs(); now != full+1 {
		t.Errorf("the empty replica came back by %d full syncs", now-full)
	}
	if got, want := replica.cli("dbsize"), victim.cli("dbsize"); got != want {
		t.Errorf("the replica holds %s keys, its master %s", got, want)
	}

	key := c.keysOf(victim, 1)[0]
	victim.kill(syscall.SIGKILL)
	if _, err := replica.firstWrite(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	victim.start()
	c.waitHealthy()

	for name, args := range map[string][]string{
		"another secret": {"--cluster-node-timeout", "2000", "--cluster-secret-file", secretFile(t, "what no member knows")},
		"no secret":      {"--cluster-node-timeout", "2000", "--protected-mode", "no"},
	} {
		t.Run(name, func(t *testing.T) { c.staysOut(t, args) })
	}
}

// staysOut starts a process that does not belong, and lets it and a member meet each other.
func (c *shards) staysOut(t *testing.T, args []string) {
	member := c.nodes[0]
	before, known := len(member.out.String()), member.ask("cluster", "nodes")
	stranger := serve(t, args...)
	stranger.cli("cluster", "meet", "127.0.0.1", strconv.Itoa(member.port))
	member.cli("cluster", "meet", "127.0.0.1", strconv.Itoa(stranger.port))
	for p, from := range map[*process]int{member: before, stranger: 0} {
		p.eventually("the log says why", 10*time.Second, func() bool {
			return strings.Contains(p.out.String()[from:], "secret")
		})
		p.eventually("the handshake is given up", 10*time.Second, func() bool {
			return !strings.Contains(p.ask("cluster", "nodes"), "handshake")
		})
	}
	if got := stranger.ask("cluster", "nodes"); strings.Contains(got, "\n") {
		t.Errorf("the stranger knows\n%s", got)
	}
	if now := member.ask("cluster", "nodes"); strings.Count(now, "\n") != strings.Count(known, "\n") {
		t.Errorf("the member knows\n%s\nand knew\n%s", now, known)
	}
}
