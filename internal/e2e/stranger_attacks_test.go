package e2e_test

import (
	"bytes"
	"context"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// attacked is a cluster with a password for clients, and what attacks aim at.
type attacked struct {
	*clustertest.Cluster
	key, value string    // of the victim
	before     slots.Set // that the victim owns
}

// The nodes of the cluster by what attacks use them for.
func (c *attacked) victim() *slotmesh.Node    { return c.Node(0) }
func (c *attacked) bystander() *slotmesh.Node { return c.Node(1) } // another master
func (c *attacked) replica() *slotmesh.Node   { return c.Node(3) } // the victim's

// attack is something that only a certain node may do. Its run returns what was done to
// the cluster in spite of that, "" if nothing was.
type attack struct {
	name string
	kind bus.Kind
	may  func(c *attacked) *slotmesh.Node // nil: no node may
	run  func(s *stranger, c *attacked) string
}

// by returns the node in whose name an attack has the best chance.
func (a *attack) by(c *attacked) slots.NodeID {
	if a.may == nil {
		return c.bystander().ID()
	}
	return a.may(c).ID()
}

// attacks are in an order in which each finds the cluster as it needs it, even if those
// before have had their effect.
var attacks = []attack{
	{"read a key by a call", bus.Calls, (*attacked).bystander, readKey},
	{"write a key by a call", bus.Calls, (*attacked).bystander, writeKey},
	{"take a dump by a replication hello", bus.Replication, (*attacked).replica, takeDump},
	{"forge WAIT", bus.Replication, nil, forgeWait},
	{"evict a replica", bus.Replication, nil, evictReplica},
	{"make another master claim a shard's slots", bus.Migration, (*attacked).victim, claimByMigration},
	{"make a replica take over from a master that works", bus.Gossip, nil, reportFailure},
	{"join with a high epoch", bus.Gossip, nil, joinWithHighEpoch},
}

func readKey(s *stranger, c *attacked) string {
	reply := s.call(c.victim(), "GET", c.key)
	return effect(strings.Contains(reply, c.value), "read %q", reply)
}

func writeKey(s *stranger, c *attacked) string {
	s.call(c.victim(), "SET", c.key, "forged")
	v, err := c.victim().Local().Get(s.t.Context(), c.key)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.victim().Local().Set(s.t.Context(), c.key, []byte(c.value), 0); err != nil {
		s.t.Fatal(err)
	}
	return effect(string(v) != c.value, "wrote %q", v)
}

func takeDump(s *stranger, c *attacked) string {
	f := s.follow(c.victim(), s.id)
	if f == nil {
		return ""
	}
	defer f.Close()
	data, complete := f.sync()
	return effect(len(data) > 0 || complete, "took %d bytes, the value among them: %v", len(data),
		bytes.Contains(data, []byte(c.value)))
}

// The shard has one replica. A write that two have confirmed was confirmed by the stranger.
func forgeWait(s *stranger, c *attacked) string {
	f := s.follow(c.victim(), s.id)
	if f == nil {
		return ""
	}
	defer f.Close()
	go f.acknowledge()
	pass(time.Second)
	ctx, cancel := context.WithTimeout(slotmesh.WithSync(s.t.Context(), 2), answerLimit)
	defer cancel()
	err := c.victim().Local().Set(ctx, c.key, []byte(c.value), 0)
	return effect(err == nil, "two replicas hold a write")
}

// The stranger says that it is the replica, started anew.
func evictReplica(s *stranger, c *attacked) string {
	f := s.follow(c.victim(), c.replica().ID())
	if f == nil {
		return ""
	}
	defer f.Close()
	pass(5 * time.Second)
	link := c.replica().Stats().Replication.Link.String()
	return effect(link != "connected", "the replica's link to its master is in state %q", link)
}

// The stranger says that it is the victim, and moves all its slots, empty as they seem, to
// another master.
func claimByMigration(s *stranger, c *attacked) string {
	if m := c.victim().Map(); m.Self().HasSlots() {
		s.moveSlots(m, c.bystander())
	}
	pass(time.Second)
	var taken slots.Set
	if m := c.bystander().Map(); m.Self().HasSlots() {
		taken = *m.Self().Slots
	}
	taken.Intersect(&c.before)
	return effect(!taken.Empty(), "%d slots of the victim went over; it holds %d keys", taken.Len(),
		c.victim().Stats().Store.Keys)
}

// moveSlots runs a job that moves all slots of m's own node to a target. Its store is
// empty. It returns when the target answers no more.
func (s *stranger) moveSlots(m *slots.Map, target *slotmesh.Node) {
	s.t.Helper()
	conn := s.dial(target, bus.Migration)
	if conn == nil {
		return
	}
	defer conn.Close()
	answers := frame.NewReader(conn, migrate.MaxAnswer)
	sender := migrate.NewSender(time.Now(), migrate.SenderConfig{Map: m,
		Job:    migrate.Job{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: *m.Self().Slots, Target: target.ID()},
		Engine: migrate.NewEngine(keyspace.New(keyspace.Config{}))})
	defer sender.Close()
	open := make(map[slots.Slot]slots.NodeID)
	for {
		sender.Tick(time.Now())
		for e, ok := sender.Next(time.Now()); ok; e, ok = sender.Next(time.Now()) {
			switch e := e.(type) {
			case migrate.Dial:
				sender.Connected(time.Now())
			case migrate.Send:
				b, start := frame.Begin(nil)
				conn.Write(frame.Finish(migrate.AppendMessage(b, &e.Message), start))
			case migrate.SetSlots:
				for slot := range e.Set.All() {
					open[slot] = e.Peer
				}
				next, err := slots.NewMap(slots.Topology{Self: m.Self().ID, Nodes: m.Nodes(), State: slots.OK, Migrating: open})
				if err != nil {
					s.t.Fatal(err)
				}
				sender.MapChanged(time.Now(), next)
				sender.Changed(time.Now(), e.N, nil)
			case migrate.Finish, migrate.HangUp:
				return
			}
		}
		b, err := answers.Next()
		if err != nil {
			return
		}
		answer, err := migrate.DecodeMessage(b)
		if err != nil {
			s.t.Fatal(err)
		}
		sender.Receive(time.Now(), answer)
	}
}

// The stranger tells all others that the masters have agreed: the victim is down.
func reportFailure(s *stranger, c *attacked) string {
	cluster := s.askCluster(c.victim())
	for _, n := range c.Nodes()[1:] {
		if g := s.gossip(n); g != nil {
			defer g.Close()
			g.say(&gossip.Message{Type: gossip.TypeFail, Cluster: cluster, Sender: s.id, Subject: c.victim().ID()})
		}
	}
	pass(5 * time.Second)
	return effect(c.replica().Map().Self().IsMaster(), "the replica is a master")
}

// The stranger asks to be a member, and claims all slots in an epoch that no master has
// reached. It learns the id of the cluster before.
func joinWithHighEpoch(s *stranger, c *attacked) string {
	const epoch = 1 << 31
	cluster := s.askCluster(c.victim())
	g := s.gossip(c.victim())
	if g == nil {
		return ""
	}
	defer g.Close()
	all := slots.Full()
	g.say(&gossip.Message{
		Type: gossip.TypeMeet, Cluster: cluster, Sender: s.id, Incarnation: 1, Epoch: epoch,
		Join: &gossip.Join{Slots: all},
		Self: &gossip.Record{ID: s.id, Incarnation: 1, Seq: 1, ConfigEpoch: epoch, Slots: &all,
			Addr: slots.Addr{Host: strangerHost, Port: 7000, BusPort: 17000}},
	})
	pass(5 * time.Second)
	masters := 0
	for i := range 3 {
		if c.Node(i).Map().Self().HasSlots() {
			masters++
		}
	}
	return effect(masters != 3, "%d of 3 masters are left with slots", masters)
}
