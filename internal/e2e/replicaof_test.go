package e2e_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/memnet"
)

// pair is a standalone node that follows another one.
type pair struct {
	t               *testing.T
	rnd             *rand.Rand
	network         *memnet.Network
	master, replica *alone
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{t: t, rnd: rand.New(rand.NewPCG(rand.Uint64(), 0)), network: memnet.New()}
	start := func(host string) *alone {
		cfg := slotmesh.Config{}
		cfg.Replication.Timeout = 10 * time.Second // as serve has it
		n := newAloneAt(t, p.network, host, cfg)
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return n
	}
	p.master, p.replica = start("10.0.0.1"), start("10.0.0.2")
	p.write(50)
	p.expect(p.replica, "REPLICAOF 10.0.0.1 7000", "OK")
	p.linked()
	return p
}

func (p *pair) expect(n *alone, line, want string) {
	p.t.Helper()
	if got := n.ask(line); got != want {
		p.t.Errorf("%s: %s, want %s", line, got, want)
	}
}

// write writes n commands at the master.
func (p *pair) write(n int) {
	for i := range n {
		k, w := p.rnd.IntN(10), p.rnd.IntN(1000)
		lines := []string{"SET s%d %d", "APPEND s%d %d", "RPUSH l%d %d", "LPUSH l%d %d", "SADD i%d %d", "HSET h%d f %d",
			"ZADD z%d 1 %d", "PEXPIRE s%d 99999%d", "XADD x%d * f %d"}
		if line := lines[p.rnd.IntN(len(lines))]; i%10 == 9 {
			p.master.ask(fmt.Sprint("LPOP l", k))
		} else {
			p.master.ask(fmt.Sprintf(line, k, w))
		}
	}
}

// linked waits until the replica has all that the master has.
func (p *pair) linked() {
	p.t.Helper()
	for range 600 {
		if strings.Contains(p.replica.ask("INFO replication"), "master_link_status:up") && p.equal("") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	p.equal("after a minute")
	p.t.Fatal("the replica does not become equal")
}

// equal reports whether both have the same keys; a reason says that they must.
func (p *pair) equal(why string) bool {
	p.t.Helper()
	for _, kind := range []string{"s", "l", "i", "h", "z", "x"} {
		for k := range 10 {
			key := fmt.Sprint(kind, k)
			for _, cmd := range []string{"DUMP ", "PEXPIRETIME "} {
				if a, b := p.master.ask(cmd+key), p.replica.ask(cmd+key); a != b {
					if why != "" {
						p.t.Errorf("%s: %s is %q at the master, %q at the replica", why, key, a, b)
					}
					return false
				}
			}
		}
	}
	return true
}

func (p *pair) syncs(full, partial int64) {
	p.t.Helper()
	if f, n := p.master.info("sync_full"), p.master.info("sync_partial_ok"); f != full || n != partial {
		p.t.Errorf("the master has given %d full syncs and %d partial ones, want %d and %d", f, n, full, partial)
	}
}

// A node that follows another goes on where its link ended, however that was; the master
// sends one file.
func TestNodeFollowsNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.syncs(1, 0)
		p.expect(p.replica, "SET a 1", "READONLY You can't write against a read only replica.")
		for _, c := range []struct {
			partial int64 // syncs in all
			cut     func()
		}{
			{1, func() { p.expect(p.master, "CLIENT KILL TYPE replica", "1") }},
			{2, func() { p.network.Reset("10.0.0.1", "10.0.0.2") }},
			{2, func() { // shorter than anyone waits
				p.network.Cut("10.0.0.1", "10.0.0.2")
				p.write(50)
				time.Sleep(30 * time.Second)
				p.network.Heal()
			}},
			{3, func() { // both give the link up
				p.network.Cut("10.0.0.1", "10.0.0.2")
				time.Sleep(3 * time.Minute)
				p.write(50)
				p.network.Heal()
			}},
			{3, func() { time.Sleep(5 * time.Minute) }}, // nobody writes: the link stays
		} {
			p.write(50)
			c.cut()
			p.write(50)
			p.linked()
			p.syncs(1, c.partial)
		}
		p.expect(p.replica, "REPLICAOF NO ONE", "OK")
		p.expect(p.replica, "SET a 1", "OK")
		p.write(10)
		if time.Sleep(time.Minute); p.replica.ask("GET a") != "1" || p.equal("") {
			t.Error("a node that follows nobody any more gets its master's writes")
		}
		p.expect(p.replica, "REPLICAOF 10.0.0.1 7000", "OK") // what it has written is given up
		p.linked()
		p.expect(p.replica, "EXISTS a", "0")
		p.syncs(2, 3)
	})
}

// A replica that is made a master is followed by its former master.
func TestMasterAndReplicaChangePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPair(t)
		p.expect(p.replica, "REPLICAOF NO ONE", "OK")
		p.expect(p.master, "REPLICAOF 10.0.0.2 7000", "OK")
		p.master, p.replica = p.replica, p.master
		p.write(50)
		p.linked()
		p.syncs(1, 0)
		p.expect(p.replica, "SET a 1", "READONLY You can't write against a read only replica.")
	})
}
