package gossip_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// network drives cores by hand: its clock is a number, its wire a queue. Nothing else
// happens than what is in the queue, so every run is the same.
type network struct {
	now   time.Time
	nodes map[string]*node // by host
	names map[slots.NodeID]string
	order []*node // as they were started
	last  gossip.LinkID
	queue []func()
}

// node is a core, and what a driver keeps for it.
type node struct {
	*network
	name  string
	core  *gossip.Core
	file  []byte     // the state file
	view  *slots.Map // the latest
	links map[gossip.LinkID]end
}

// end is the other end of a link.
type end struct {
	node *node
	link gossip.LinkID
}

func (net *network) start(name string) *node {
	core, err := gossip.NewCore(gossip.Config{
		Addr: slots.Addr{Host: name, Port: 7000, BusPort: 17000},
		Rand: rand.New(rand.NewPCG(1, uint64(len(net.order)))),
	}, nil, net.now)
	if err != nil {
		panic(err)
	}
	n := &node{network: net, name: name, core: core, links: make(map[gossip.LinkID]end)}
	net.nodes[name], net.names[core.ID()] = n, name
	net.order = append(net.order, n)
	n.carryOut()
	return n
}

// run lets d pass.
func (net *network) run(d time.Duration) {
	for end := net.now.Add(d); net.now.Before(end); {
		net.now = net.now.Add(gossip.TickEvery)
		for _, n := range net.order {
			n.core.Tick(net.now)
			n.carryOut()
		}
		for len(net.queue) > 0 {
			next := net.queue[0]
			net.queue = net.queue[1:]
			next()
		}
	}
}

func (n *node) do(cmd gossip.Command) {
	if err := n.core.Do(n.now, cmd); err != nil {
		panic(err)
	}
	n.carryOut()
}

// carryOut does what the core asks for, in the order of Output's fields.
func (n *node) carryOut() {
	out := n.core.Output()
	if out.Save != nil {
		n.file = gossip.EncodeState(out.Save)
	}
	if out.Map != nil {
		n.view = out.Map
	}
	for _, e := range out.Events {
		n.report(e)
	}
	for _, s := range out.Sends {
		if to, ok := n.links[s.Link]; ok {
			bytes := gossip.AppendMessage(nil, s.Msg)
			n.queue = append(n.queue, func() { to.node.receive(to.link, bytes) })
		}
	}
	for _, addr := range out.Dials {
		n.queue = append(n.queue, func() { n.dial(addr) })
	}
	for _, id := range out.Closes {
		if to, ok := n.links[id]; ok {
			delete(n.links, id)
			n.queue = append(n.queue, func() { to.node.closed(to.link) })
		}
	}
}

func (n *node) receive(link gossip.LinkID, bytes []byte) {
	m, err := gossip.DecodeMessage(bytes)
	if err != nil {
		panic(err)
	}
	n.core.Step(n.now, link, m)
	n.carryOut()
}

func (n *node) dial(addr slots.Addr) {
	to := n.nodes[addr.Host]
	if to == nil {
		n.core.DialFailed(n.now, addr, errors.New("no such host"))
		n.carryOut()
		return
	}
	ours, theirs := n.last+1, n.last+2
	n.last = theirs
	n.links[ours], to.links[theirs] = end{to, theirs}, end{n, ours}
	to.core.LinkUp(n.now, theirs, slots.Addr{}, n.name)
	to.carryOut()
	n.core.LinkUp(n.now, ours, addr, to.name)
	n.carryOut()
}

func (n *node) closed(link gossip.LinkID) {
	delete(n.links, link)
	n.core.LinkDown(n.now, link, nil)
	n.carryOut()
}

// report prints what a node says of itself.
func (n *node) report(e gossip.Event) {
	switch e := e.(type) {
	case gossip.StateChanged:
		fmt.Printf("%s: the cluster is %s\n", n.name, e.Now)
	case gossip.ElectionStarted:
		fmt.Printf("%s: asks for votes in epoch %d, to succeed %s\n", n.name, e.Epoch, n.names[e.Master])
	case gossip.SlotsChanged:
		if e.Acquired != nil {
			fmt.Printf("%s: owns slots %s\n", n.name, e.Acquired)
		}
		if e.Lost != nil {
			fmt.Printf("%s: lost slots %s\n", n.name, e.Lost)
		}
	case gossip.RoleChanged:
		if e.Node == n.core.ID() && !e.Master.IsZero() {
			fmt.Printf("%s: is a replica of %s\n", n.name, n.names[e.Master])
		}
	}
}

// Three cores become a cluster of two masters and a replica; then the replica asks for
// votes and succeeds its master. What a driver does with goroutines, connections and a
// disk is done here in a loop.
func Example() {
	net := &network{now: time.Unix(0, 0), nodes: make(map[string]*node), names: make(map[slots.NodeID]string)}
	a, b, c := net.start("a"), net.start("b"), net.start("c")

	for i, r := range slots.Even(2) { // half of the slots each
		var half slots.Set
		half.AddRange(r)
		net.order[i].do(gossip.AddSlots{Slots: half})
		net.order[i].do(gossip.SetConfigEpoch{Epoch: uint64(i + 1)})
	}
	b.do(gossip.MeetNode{Addr: slots.Addr{Host: "a", Port: 7000}})
	c.do(gossip.MeetNode{Addr: slots.Addr{Host: "a", Port: 7000}})
	net.run(time.Second)
	c.do(gossip.Replicate{Master: a.core.ID()})
	net.run(time.Second)

	c.do(gossip.Failover{Mode: gossip.FailoverForce})
	net.run(time.Second)
	for _, n := range net.order {
		fmt.Printf("%s sees slot 0 at %s, under config epoch %d\n", n.name,
			n.names[n.view.Owner(0).ID], n.view.Owner(0).ConfigEpoch)
	}
	// Output:
	// a: owns slots 0-8191
	// b: owns slots 8192-16383
	// b: the cluster is ok
	// a: the cluster is ok
	// c: the cluster is ok
	// c: is a replica of a
	// c: asks for votes in epoch 3, to succeed a
	// c: owns slots 0-8191
	// a: lost slots 0-8191
	// a: is a replica of c
	// a sees slot 0 at c, under config epoch 3
	// b sees slot 0 at c, under config epoch 3
	// c sees slot 0 at c, under config epoch 3
}
