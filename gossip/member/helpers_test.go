package member

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
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

func stopAll(hosts []*host) {
	for _, h := range hosts {
		h.stop()
	}
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
