package member

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// until waits in fake time, and returns how long.
func until(t testing.TB, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !ok() {
		if time.Since(start) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(start)
}

func TestMembersFormACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 6, 0)
		defer stopAll(hosts)
		create(t, hosts)
		took := until(t, 300*time.Millisecond, "six equal views", func() bool { return agreed(hosts) })
		t.Log("six nodes agree after", took)
	})
}

// A whole story on real connections, with exact times for T = 15 s.
func TestMembersFailAndReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		network := memnet.New()
		hosts := startHosts(t, network, 6, T)
		defer func() { stopAll(hosts) }()
		create(t, hosts)
		until(t, time.Second, "equal views", func() bool { return agreed(hosts) })
		time.Sleep(time.Minute)

		victim := hosts[5]
		id := victim.Map().Self().ID
		victim.stop()
		health := func(h slots.Health) func() bool {
			return func() bool { return hosts[0].Map().Node(id).Health == h }
		}
		took := until(t, 2*T, "failed", health(slots.Failed))
		if took < T || took > T+3*gossip.TickEvery {
			t.Errorf("failed after %v, want T = %v to the tick", took, T)
		}
		if hosts[0].Map().State() != slots.Down {
			t.Error("the cluster serves although a master failed")
		}
		hosts[5] = startHost(t, network, 5, T, victim.disk)
		took = until(t, 3*T, "all well again", func() bool { return agreed(hosts) })
		if took < startDelay || took > startDelay+gossip.TickEvery { // no replica: docs/spec.md §3.5 has nothing to wait for
			t.Errorf("back after %v, want the %v that a restarted master waits", took, startDelay)
		}
		if hosts[5].Map().Self().ID != id {
			t.Error("another id after the restart")
		}
	})
}

func TestClosedMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 2, time.Second)
		create(t, hosts)
		time.Sleep(time.Second)
		for range 2 {
			stopAll(hosts)
		}
		h := hosts[0]
		if err := h.Do(t.Context(), gossip.BumpEpoch{}); !errors.Is(err, ErrClosed) {
			t.Errorf("Do after Close: %v", err)
		}
		if len(h.Peers()) != 1 || h.Stats().Sent[gossip.TypePong] == 0 || h.Map() == nil {
			t.Error("what was known is gone after Close")
		}
		a, b := net.Pipe()
		h.Accept(a)
		if _, err := b.Read(make([]byte, 1)); err == nil {
			t.Error("a connection was accepted after Close")
		}
	}) // which fails if a goroutine is left
}

// A master's host dies; its replica serves its slots in little more than T.
func TestMembersFailOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		network := memnet.New()
		hosts := startHosts(t, network, 6, T)
		defer func() { stopAll(hosts) }()
		create(t, hosts[:3])
		for _, h := range hosts[3:] {
			h.must(t, gossip.MeetNode{Addr: hosts[0].addr})
		}
		until(t, time.Second, "equal views", func() bool { return agreed(hosts) })
		for i, h := range hosts[3:] {
			h.must(t, gossip.Replicate{Master: hosts[i].Map().Self().ID})
		}
		time.Sleep(time.Minute)
		master, replica := hosts[0], hosts[3]
		replica.SetData(gossip.Data{Offset: 7})

		master.stop()
		took := until(t, 2*T, "the replica serves", func() bool {
			m := replica.Map()
			return m.State() == slots.OK && m.IsMine(0)
		})
		if took < T || took > T+3*gossip.TickEvery {
			t.Errorf("took over after %v, T = %v", took, T)
		}
		hosts[0] = startHost(t, network, 0, T, master.disk)
		until(t, 5*time.Second, "the old master is a replica", func() bool {
			return hosts[0].Map().Self().Master == replica.Map().Self().ID
		})
		until(t, 2*T+T/2, "equal views", func() bool { return agreed(hosts) })

		// And back, by agreement: the host program stops writes and ships what is left.
		back := hosts[0]
		back.must(t, gossip.Failover{})
		time.Sleep(time.Millisecond)
		replica.must(t, gossip.ConfirmPause{Offset: 9})
		time.Sleep(time.Millisecond)
		if back.Map().IsMine(0) {
			t.Fatal("took over before it had all data")
		}
		back.SetData(gossip.Data{Offset: 9})
		took = until(t, time.Second, "back in office", func() bool { return back.Map().IsMine(0) })
		if took > 10*time.Millisecond {
			t.Errorf("the hand-over took %v after the replica had all data", took)
		}
	})
}
