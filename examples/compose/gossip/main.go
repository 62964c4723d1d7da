// Command gossip runs three members of a cluster in one process, joined by pipes in
// memory: they meet, agree on who owns the slots, and elect a successor of a master.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/slots"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// host is a program that takes part in the cluster.
type host struct {
	*member.Member
	name    string
	changed chan struct{} // has a value after each new map
}

// links finds the members by the host of their address. It is complete before any member
// dials.
type links map[string]*host

// dial connects to a member as TCP would to another machine.
func (l links) dial(_ context.Context, addr slots.Addr) (net.Conn, error) {
	to, ok := l[addr.Host]
	if !ok {
		return nil, fmt.Errorf("no host %q", addr.Host)
	}
	ours, theirs := net.Pipe()
	to.Accept(theirs)
	return ours, nil
}

// add makes a member that has not been started. Its state lives in memory.
func (l links) add(name string) (err error) {
	h := &host{name: name, changed: make(chan struct{}, 1)}
	h.Member, err = member.New(member.Config{
		Core:     gossip.Config{Addr: slots.Addr{Host: name, Port: 7000, BusPort: 17000}},
		Dial:     l.dial,
		OnOutput: h.onOutput,
	})
	l[name] = h
	return err
}

// onOutput hears what happens to a member. It must not wait for the member.
func (h *host) onOutput(view *slots.Map, events []gossip.Event) {
	if view != nil {
		select {
		case h.changed <- struct{}{}:
		default:
		}
	}
	for _, e := range events {
		if _, ok := e.(gossip.WritesPaused); ok {
			// A replica wants to take over and has asked this master to stop its writes. There
			// are none here, so the replica has all of the data already.
			go h.Do(context.Background(), gossip.ConfirmPause{Offset: 0})
		}
	}
}

// await returns the first map of the member for which ok holds.
func (h *host) await(ctx context.Context, ok func(*slots.Map) bool) (*slots.Map, error) {
	for {
		if m := h.Map(); ok(m) {
			return m, nil
		}
		select {
		case <-h.changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("member %s: %w", h.name, ctx.Err())
		}
	}
}

func run(ctx context.Context, out io.Writer) error {
	cluster := make(links)
	names := []string{"a", "b", "c"}
	for _, name := range names {
		if err := cluster.add(name); err != nil {
			return err
		}
		defer cluster[name].Close()
	}
	for _, h := range cluster {
		h.Start()
	}
	if err := form(ctx, cluster); err != nil {
		return err
	}
	for _, name := range names {
		m, err := cluster[name].await(ctx, func(m *slots.Map) bool { return m.State() == slots.OK && len(m.Nodes()) == 3 })
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s knows %d nodes and the owners of %d slots\n", name, len(m.Nodes()), m.Assigned())
	}

	// c becomes a replica of a, and then asks a and b for their votes to succeed it.
	a, c := cluster["a"], cluster["c"]
	master := a.Map().Self().ID
	if err := c.Do(ctx, gossip.Replicate{Master: master}); err != nil {
		return err
	}
	if _, err := a.await(ctx, func(m *slots.Map) bool { return len(m.Replicas(master)) == 1 }); err != nil {
		return err
	}
	if err := c.Do(ctx, gossip.Failover{}); err != nil {
		return err
	}
	for _, name := range names {
		m, err := cluster[name].await(ctx, func(m *slots.Map) bool { return m.Owner(0).ID != master })
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s knows that %s owns slots %s\n", name, m.Owner(0).Addr.Host, m.Owner(0).Slots)
	}
	return nil
}

// form gives a and b half of the slots each, and introduces b and c to a.
func form(ctx context.Context, cluster links) error {
	halves := slots.Even(2)
	for i, name := range []string{"a", "b"} {
		var half slots.Set
		half.AddRange(halves[i])
		if err := cluster[name].Do(ctx, gossip.AddSlots{Slots: half}); err != nil {
			return err
		}
		// Config epochs of their own from the start spare the two a collision.
		if err := cluster[name].Do(ctx, gossip.SetConfigEpoch{Epoch: uint64(i + 1)}); err != nil {
			return err
		}
	}
	for _, name := range []string{"b", "c"} {
		if err := cluster[name].Do(ctx, gossip.MeetNode{Addr: slots.Addr{Host: "a", Port: 7000}}); err != nil {
			return err
		}
	}
	return nil
}
