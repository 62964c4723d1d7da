package interop

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// masterOfAll gives a server all slots.
func masterOfAll(p *process) *process {
	p.t.Helper()
	if out := p.cli("cluster", "addslotsrange", "0", "16383"); out != "OK" {
		p.t.Fatal(out)
	}
	p.eventually("serves", 20*time.Second, func() bool { return p.cli("set", "k", "v") == "OK" })
	return p
}

// persistence returns the fields of INFO persistence.
func persistence(p *process) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(p.ask("info", "persistence")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

// TestPersistenceLikeRedis compares what clients see of snapshots and of the append-only
// file with redis-server's.
func TestPersistenceLikeRedis(t *testing.T) {
	t.Parallel()
	theirs, ours := masterOfAll(redisServer(t)), masterOfAll(serve(t))
	same := func(commands ...string) {
		t.Helper()
		for _, command := range commands {
			words := strings.Fields(command)
			if want, got := theirs.cli(words...), ours.cli(words...); got != want {
				t.Errorf("%s answers\n%s\nredis-server\n%s", command, got, want)
			}
		}
	}
	sameInfo := func(when string) {
		t.Helper()
		want, got := fieldsOf(theirs.ask("info", "persistence")), fieldsOf(ours.ask("info", "persistence"))
		if got != want {
			t.Errorf("%s, INFO persistence has\n%s\nredis-server's\n%s", when, got, want)
		}
	}
	sameInfo("without a file")
	sameDirectives := func() {
		t.Helper()
		for _, name := range []string{"appendonly", "appendfsync", "no-appendfsync-on-rewrite", "auto-aof-rewrite-percentage",
			"auto-aof-rewrite-min-size", "aof-load-truncated", "aof-use-rdb-preamble"} {
			same("config get " + name)
		}
	}
	sameDirectives()
	same("config set appendfsync sometimes", "config set appendonly maybe", "config set auto-aof-rewrite-percentage -1",
		"config set auto-aof-rewrite-percentage 50", "config set auto-aof-rewrite-min-size 1mb",
		"config set auto-aof-rewrite-min-size x", "config set no-appendfsync-on-rewrite yes",
		"config set aof-load-truncated no", "config set appendonly yes", "config set appendonly yes appendfsync always",
		"set k v2")
	sameDirectives()
	rewritten := func(p *process) bool { return persistence(p)["aof_rewrite_in_progress"] == "0" }
	for _, p := range []*process{theirs, ours} {
		p.eventually("has a file", 20*time.Second, func() bool {
			return rewritten(p) && persistence(p)["aof_current_size"] != "0" && persistence(p)["aof_enabled"] == "1"
		})
	}
	sameInfo("with a file")
	same("bgrewriteaof", "bgrewriteaof x")
	for _, p := range []*process{theirs, ours} {
		p.eventually("has rewritten its file", 20*time.Second, func() bool { return rewritten(p) })
		if fields := persistence(p); fields["aof_last_bgrewrite_status"] != "ok" || fields["aof_last_write_status"] != "ok" ||
			fields["aof_last_rewrite_time_sec"] == "-1" || fields["aof_rewrites"] == "0" {
			t.Errorf("INFO after a rewrite: %v", fields)
		}
	}
	same("bgsave x", "bgsave schedule", "config set appendonly no", "config get appendonly")
	sameInfo("without a file again")
}

// TestKilledNodeKeepsItsLog: with appendfsync always every write that was answered outlives
// a SIGKILL, time and again, whether the log has been rewritten in between or not.
func TestKilledNodeKeepsItsLog(t *testing.T) {
	t.Parallel()
	p := serve(t, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	masterOfAll(p)
	for round := range 5 {
		for i := range 20 {
			if out := p.cli("set", fmt.Sprintf("k%d-%d", round, i), "v"); out != "OK" {
				t.Fatal(out)
			}
		}
		if round%2 == 1 {
			p.cli("bgrewriteaof")
		}
		if out := p.cli("waitaof", "1", "0", "1000"); out != "1\n0" {
			t.Errorf("WAITAOF answers %q", out)
		}
		p.kill(syscall.SIGKILL)
		p.start()
		p.eventually("serves again", 20*time.Second, func() bool { return p.cli("set", "k", "v") == "OK" })
		if n := p.cli("dbsize"); n != fmt.Sprint(20*(round+1)+1) {
			t.Fatalf("round %d: %s keys are left", round, n)
		}
	}
}
