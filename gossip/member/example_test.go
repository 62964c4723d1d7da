package member_test

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/slots"
)

// pipes joins the members of one process: a connection is a net.Pipe.
type pipes struct {
	mu      sync.Mutex
	members map[string]*member.Member // by host
}

func (p *pipes) dial(_ context.Context, addr slots.Addr) (net.Conn, error) {
	p.mu.Lock()
	to := p.members[addr.Host]
	p.mu.Unlock()
	if to == nil {
		return nil, fmt.Errorf("no such host: %s", addr.Host)
	}
	ours, theirs := net.Pipe()
	to.Accept(theirs)
	return ours, nil
}

// host is a program with a member in it.
type host struct {
	*member.Member
	maps chan *slots.Map // the latest, if it has not been read
}

func (p *pipes) start(name string) *host {
	h := &host{maps: make(chan *slots.Map, 1)}
	m, err := member.New(member.Config{
		Core: gossip.Config{Addr: slots.Addr{Host: name, Port: 7000, BusPort: 17000}},
		Dial: p.dial,
		OnOutput: func(view *slots.Map, events []gossip.Event) {
			if view != nil {
				select {
				case <-h.maps: // nobody has read the one before
				default:
				}
				h.maps <- view
			}
			for _, e := range events {
				if _, ok := e.(gossip.WritesPaused); ok {
					// A host with data would stop its writes first, and tell where they end.
					go h.Do(context.Background(), gossip.ConfirmPause{Offset: 0})
				}
			}
		},
	})
	if err != nil {
		panic(err)
	}
	h.Member = m
	p.mu.Lock()
	p.members[name] = m
	p.mu.Unlock()
	h.Start()
	return h
}

func (h *host) do(cmd gossip.Command) {
	if err := h.Do(context.Background(), cmd); err != nil {
		panic(err)
	}
}

// await returns the first map that ok holds for.
func (h *host) await(ok func(*slots.Map) bool) *slots.Map {
	for {
		if m := <-h.maps; ok(m) {
			return m
		}
	}
}

// Three members form a cluster over pipes in memory, agree on who owns the slots, and
// elect: a replica takes its master's place, and no write is lost.
func Example() {
	net := &pipes{members: make(map[string]*member.Member)}
	a, b, c := net.start("a"), net.start("b"), net.start("c")
	defer a.Close()
	defer b.Close()
	defer c.Close()

	for i, r := range slots.Even(2) { // half of the slots each
		var half slots.Set
		half.AddRange(r)
		h := []*host{a, b}[i]
		h.do(gossip.AddSlots{Slots: half})
		h.do(gossip.SetConfigEpoch{Epoch: uint64(i + 1)})
	}
	for _, h := range []*host{b, c} {
		h.do(gossip.MeetNode{Addr: slots.Addr{Host: "a", Port: 7000}})
	}
	for _, h := range []*host{a, b, c} {
		m := h.await(func(m *slots.Map) bool { return m.State() == slots.OK && len(m.Nodes()) == 3 })
		fmt.Printf("%s: %d nodes, %d slots, %s\n", m.Self().Addr.Host, len(m.Nodes()), m.Assigned(), m.State())
	}

	master := a.Map().Self().ID
	c.do(gossip.Replicate{Master: master})
	a.await(func(m *slots.Map) bool { return len(m.Replicas(master)) == 1 })
	c.do(gossip.Failover{})
	for _, h := range []*host{a, b, c} {
		m := h.await(func(m *slots.Map) bool { return m.Owner(0).ID != master })
		fmt.Printf("%s: slot 0 belongs to %s\n", m.Self().Addr.Host, m.Owner(0).Addr.Host)
	}
	// Output:
	// a: 3 nodes, 16384 slots, ok
	// b: 3 nodes, 16384 slots, ok
	// c: 3 nodes, 16384 slots, ok
	// a: slot 0 belongs to c
	// b: slot 0 belongs to c
	// c: slot 0 belongs to c
}
