package gossip

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/disk"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// host runs a Driver on a host of an in-memory network.
type host struct {
	*Driver
	name   string
	addr   slots.Addr
	disk   *disk.Mem
	listen net.Listener
}

// startHost starts the driver of node i, with what its disk remembers.
func startHost(t testing.TB, network *memnet.Network, i int, timeout time.Duration, d *disk.Mem) *host {
	t.Helper()
	name := fmt.Sprintf("10.0.%d.%d", i/250, 1+i%250)
	at := network.Host(name)
	h := &host{name: name, addr: slots.Addr{Host: name, Port: 7000, BusPort: 17000}, disk: d}
	var err error
	if h.listen, err = at.Listen(":17000"); err != nil {
		t.Fatal(err)
	}
	h.Driver, err = NewDriver(DriverConfig{
		Core: Config{
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

func startHosts(t testing.TB, network *memnet.Network, n int, timeout time.Duration) []*host {
	list := make([]*host, n)
	for i := range list {
		list[i] = startHost(t, network, i, timeout, &disk.Mem{})
	}
	return list
}

func (h *host) must(t testing.TB, cmd Command) {
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
		hosts[i].must(t, AddSlots{set})
		hosts[i].must(t, SetConfigEpoch{uint64(i + 1)})
	}
	for _, h := range hosts[1:] {
		h.must(t, MeetNode{hosts[0].addr})
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
			if n.ID != o.ID || n.Addr != o.Addr || n.ConfigEpoch != o.ConfigEpoch || n.Health != o.Health || !sameSet(n.Slots, o.Slots) {
				return false
			}
		}
	}
	return true
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

func TestDriversFormACluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 6, 0)
		defer stopAll(hosts)
		create(t, hosts)
		took := until(t, 300*time.Millisecond, "six equal views", func() bool { return agreed(hosts) })
		t.Log("six nodes agree after", took)
	})
}
