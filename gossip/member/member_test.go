package member

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// host runs a Member on a host of an in-memory network.
type host struct {
	*Member
	name   string
	addr   slots.Addr
	disk   *storage.Memory
	listen net.Listener
}

// startHost starts the member of node i, with what its disk remembers.
func startHost(t testing.TB, network *memnet.Network, i int, timeout time.Duration, d *storage.Memory) *host {
	t.Helper()
	name := fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250)
	at := network.Host(name)
	h := &host{name: name, addr: slots.Addr{Host: name, Port: 7000, BusPort: 17000}, disk: d}
	var err error
	if h.listen, err = at.Listen(":17000"); err != nil {
		t.Fatal(err)
	}
	h.Member, err = New(Config{
		Core: gossip.Config{
			Addr: slots.Addr{Port: 7000, BusPort: 17000}, NodeTimeout: timeout,
			Rand: rand.New(rand.NewPCG(uint64(i), 1)),
		},
		Disk: d,
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) { return at.Dial(ctx, addr.Bus()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	go func() {
		for {
			conn, err := h.listen.Accept()
			if err != nil {
				return
			}
			h.Accept(conn)
		}
	}()
	return h
}

func (h *host) stop() {
	h.listen.Close()
	h.Close()
}

// startDelay is how long a restarted master waits before it serves (docs/spec.md §5.2).
const startDelay = 2 * time.Second

func startHosts(t testing.TB, network *memnet.Network, n int, timeout time.Duration) []*host {
	list := make([]*host, n)
	for i := range list {
		list[i] = startHost(t, network, i, timeout, &storage.Memory{})
	}
	return list
}

func (h *host) must(t testing.TB, cmd gossip.Command) {
	t.Helper()
	if err := h.Do(t.Context(), cmd); err != nil {
		t.Fatalf("%T on %s: %v", cmd, h.name, err)
	}
}

// create assigns the slots evenly to all hosts and introduces each to the first.
func create(t testing.TB, hosts []*host) {
	t.Helper()
	for i, r := range slots.Even(len(hosts)) {
		var set slots.Set
		set.AddRange(r)
		hosts[i].must(t, gossip.AddSlots{Slots: set})
		hosts[i].must(t, gossip.SetConfigEpoch{Epoch: uint64(i + 1)})
	}
	for _, h := range hosts[1:] {
		h.must(t, gossip.MeetNode{Addr: hosts[0].addr})
	}
}

// agreed reports whether all hosts serve, with equal views.
func agreed(hosts []*host) bool {
	first := hosts[0].Map()
	if first.State() != slots.OK || len(first.Nodes()) != len(hosts) {
		return false
	}
	for _, h := range hosts[1:] {
		m := h.Map()
		if m.State() != slots.OK || len(m.Nodes()) != len(hosts) {
			return false
		}
		for i, n := range m.Nodes() {
			o := first.Nodes()[i]
			if n.ID != o.ID || n.Addr != o.Addr || n.ConfigEpoch != o.ConfigEpoch || n.Health != o.Health ||
				!sameSet(n.Slots, o.Slots) {
				return false
			}
		}
	}
	return true
}

func sameSet(a, b *slots.Set) bool {
	if a == nil || b == nil {
		return (a == nil || a.Empty()) && (b == nil || b.Empty())
	}
	return *a == *b
}

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

func stopAll(hosts []*host) {
	for _, h := range hosts {
		h.stop()
	}
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
