package server

import "github.com/slotmesh/slotmesh/slots"

// peerID is a second master, which joinPeer makes known.
var peerID = slots.NodeID{0x11, 0x22}

// amend changes the topology and publishes it.
func (c *fakeCluster) amend(change func(*slots.Topology)) {
	top := c.top
	c.version++
	top.Version = c.version
	change(&top)
	c.use(top)
}

// joinPeer makes peerID known, as the owner of theirs; the rest stays this node's.
func (c *fakeCluster) joinPeer(theirs slots.Set) {
	c.amend(func(top *slots.Topology) {
		mine := slots.Full()
		mine.Subtract(&theirs)
		top.Nodes = []slots.Node{
			{ID: c.id, Addr: c.addr(), Slots: &mine},
			{ID: peerID, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002, BusPort: 17002}, Slots: &theirs},
		}
	})
}
