package admin

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// world is a cluster to make views of: what each node says can be bent.
type world struct {
	t     *testing.T
	nodes []*Node
}

// nodeID returns the id of node i of every world.
func nodeID(i int) slots.NodeID {
	id, err := slots.ParseNodeID(fmt.Sprintf("%040x", i+1))
	if err != nil {
		panic(err)
	}
	return id
}

// newWorld returns masters that share all slots evenly, each on its own host, and agree.
func newWorld(t *testing.T, masters int) *world {
	w := &world{t: t}
	for i, r := range slots.Even(masters) {
		w.add(Member{Flags: []string{"master"}, Epoch: uint64(i + 1), Ranges: []slots.Range{r}})
	}
	return w
}

// add adds a node as m says, with an id and an address.
func (w *world) add(m Member) *Node {
	i := len(w.nodes)
	m.ID, m.Connected = nodeID(i), true
	m.Addr = slots.Addr{Host: fmt.Sprintf("10.0.0.%d", i+1), Port: 7000, BusPort: 17000}
	n := &Node{Member: m, Address: m.Addr.Client(), Cluster: Fields{"cluster_state": "ok"}, Info: Fields{}}
	w.nodes = append(w.nodes, n)
	return n
}

// replica adds a replica of node i.
func (w *world) replica(i int) *Node {
	return w.add(Member{Flags: []string{"slave"}, Master: nodeID(i), Epoch: uint64(i + 1)})
}

// view returns what the nodes say: everybody repeats what each says of itself, then bend
// changes the opinion of some.
func (w *world) view(bend ...func(v *View)) *View {
	v := &View{Nodes: w.nodes}
	for _, n := range w.nodes {
		n.Members = nil
		for _, other := range w.nodes {
			m := other.Member
			m.Ranges, m.Flags = slices.Clone(m.Ranges), slices.Clone(m.Flags)
			if other != n {
				m.Open = nil
			}
			n.Members = append(n.Members, m)
		}
	}
	for _, f := range bend {
		f(v)
	}
	return v
}

func (n *Node) opinion(i int) *Member { return n.member(nodeID(i)) }

var errGone = errors.New("gone")

// own makes node i say that it owns exactly these slots.
func (w *world) own(i int, text string) {
	w.t.Helper()
	set, err := slots.ParseSet(text)
	if err != nil {
		w.t.Fatal(err)
	}
	w.nodes[i].Ranges = slices.Collect(set.Ranges())
}

func (w *world) open(i int, slot slots.Slot, importing bool, peer int) {
	w.nodes[i].Open = append(w.nodes[i].Open, OpenSlot{Slot: slot, Importing: importing, Peer: nodeID(peer)})
}
