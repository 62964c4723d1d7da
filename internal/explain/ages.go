package explain

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// ages tell since when nodes have failed or been silent.
type ages struct {
	peers map[slots.NodeID]gossip.Peer
	now   time.Time
}

func (v View) ages() ages {
	a := ages{make(map[slots.NodeID]gossip.Peer), v.Now}
	for _, p := range v.Peers() {
		a.peers[p.ID] = p
	}
	return a
}

// describe names a node and says what is wrong with it: "node 0123abcd (10.0.0.1:7000)
// failed 12s ago".
func (a ages) describe(n *slots.Node) string {
	name := fmt.Sprintf("node %s (%s)", n.ID.Short(), n.Addr.Client())
	p, known := a.peers[n.ID]
	switch {
	case n.Health == slots.Failed && known && !p.FailedAt.IsZero():
		return name + " failed " + ago(p.FailedAt, a.now)
	case n.Health == slots.Suspected && known && !p.PongReceived.IsZero():
		return name + " was last heard " + ago(p.PongReceived, a.now)
	case n.Health == slots.Suspected:
		return name + " does not answer"
	}
	return name + " is " + n.Health.String()
}

func ago(then, now time.Time) string { return now.Sub(then).Round(time.Second).String() + " ago" }
