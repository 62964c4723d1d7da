package interop

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// moveAndKill begins to move n slots by a job, and kills -9 the victim once the target
// owns so many of them. It returns how many it owned then.
func moveAndKill(t *testing.T, from, to, victim *process, n, after int) int {
	t.Helper()
	before := slotsOf(t, to)
	beginMove(t, from, to, n)
	owned := 0
	to.eventually("slots arrive", 30*time.Second, func() bool {
		owned = countSlots(t, to) - before
		return owned >= after
	})
	victim.kill(syscall.SIGKILL)
	return owned
}

// countSlots is slotsOf, also while slots are open.
func countSlots(t *testing.T, p *process) (n int) {
	t.Helper()
	for line := range strings.Lines(p.ask("cluster", "nodes")) {
		if f := strings.Fields(line); strings.Contains(f[2], "myself") {
			for _, text := range f[8:] {
				if r, err := slots.ParseRange(text); err == nil { // others are open
					n += r.Len()
				}
			}
		}
	}
	return n
}

// TestKillSourceWhileItMoves: the source of a move is killed, comes back from its
// snapshot and goes on with it.
func TestKillSourceWhileItMoves(t *testing.T) {
	const keys, moved = 60_000, 3000
	nodes := masters(t, 3, 0)
	verify := fill(t, nodes, keys)
	for round, after := range []int{1, moved / 3, moved * 2 / 3} {
		from, to := nodes[round%2], nodes[1-round%2]
		want := slotsOf(t, to) + moved
		if out := from.cli("save"); out != "OK" {
			t.Fatal(out)
		}
		at := moveAndKill(t, from, to, from, moved, after)
		from.start()
		to.eventually("all slots have come", time.Minute, func() bool { return countSlots(t, to) == want })
		waitOK(nodes)
		clean(t, nodes, keys)
		verify()
		t.Logf("killed after %d slots of %d", at, moved)
	}
}

// TestKillEitherSideWhileItMoves: the source, or the target, of a move is killed for
// good, its replica goes on.
func TestKillEitherSideWhileItMoves(t *testing.T) {
	const keys, moved = 60_000, 3000
	c := createShards(t, "--cluster-node-timeout", "1000")
	verify := fill(t, c.nodes, keys)
	for round, side := range []string{"source", "target", "source", "target"} {
		masters := c.masters()
		from, to := masters[0], masters[1]
		if slotsOf(t, from) < slotsOf(t, to) {
			from, to = to, from
		}
		victim := from
		if side == "target" {
			victim = to
		}
		successor := c.replicaOf(victim)
		want := slotsOf(t, to) + moved
		at := moveAndKill(t, from, to, victim, moved, 1+round*moved/5)
		if victim == to {
			to = successor
		}
		to.eventually("all slots have come", time.Minute, func() bool { return countSlots(t, to) == want })
		victim.start()
		c.waitHealthy()
		clean(t, c.nodes, keys)
		verify()
		t.Logf("%s killed after %d slots of %d", side, at, moved)
	}
}
