package e2e_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// caller speaks the bus protocol under an id, from a machine of its own.
type caller struct {
	t  *testing.T
	id slots.NodeID
	*bus.Bus
}

func newCaller(t *testing.T, c *clustertest.Cluster, id slots.NodeID) *caller {
	b := bus.New(t.Context(), bus.Config{Network: c.Host("10.99.0.1"), Logger: hclog.NewNullLogger(),
		ID: func() slots.NodeID { return id }, Silence: time.Second})
	return &caller{t, id, b}
}

func (c *caller) dial(n *slotmesh.Node, kind bus.Kind) net.Conn {
	c.t.Helper()
	conn, err := c.Dial(c.t.Context(), n.Addr(), kind)
	if err != nil {
		c.t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// asks calls node n with a command that reads a key.
func (c *caller) asks(n *slotmesh.Node, key string) error {
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	_, err := c.Call(ctx, n.ID(), n.Addr(), &peer.Request{Args: [][]byte{[]byte("GET"), []byte(key)}})
	return err
}

// cluster asks n for the id of its cluster, by gossip, which answers strangers.
func (c *caller) cluster(n *slotmesh.Node) [16]byte {
	c.t.Helper()
	conn := c.dial(n, bus.Gossip)
	defer conn.Close()
	b, start := frame.Begin(nil)
	conn.Write(frame.Finish(gossip.AppendMessage(b, &gossip.Message{Type: gossip.TypePing, Sender: c.id}), start))
	b, err := frame.NewReader(conn, gossip.MaxMessage).Next()
	if err != nil {
		c.t.Fatal(err)
	}
	m, err := gossip.DecodeMessage(b)
	if err != nil {
		c.t.Fatal(err)
	}
	return m.Cluster
}

// replicates says the hello of a replica of n, in its own name or another's, and returns
// the first answer.
func (c *caller) replicates(n *slotmesh.Node, as slots.NodeID, cluster [16]byte) (m replication.Message, err error) {
	c.t.Helper()
	conn := c.dial(n, bus.Replication)
	defer conn.Close()
	conn.Write(replication.AppendMessage(nil, &replication.Message{Kind: replication.KindHello, Incarnation: 1 << 40,
		Version: replication.ProtocolVersion, Node: as, Master: n.ID(), Cluster: cluster}))
	err = replication.NewMessageReader(conn, replication.MaxMessage).Next(&m)
	return m, err
}

// moves lets the caller hand slots to n as if they were its own, in its own name or
// another's, and returns what keeps it from that.
func (c *caller) moves(n *slotmesh.Node, as slots.NodeID, set slots.Set) (waiting string) {
	c.t.Helper()
	conn := c.dial(n, bus.Migration)
	defer conn.Close()
	now := time.Now()
	m, err := slots.NewMap(slots.Topology{Self: as, Nodes: []slots.Node{{ID: as, Slots: &set}, {ID: n.ID()}}})
	if err != nil {
		c.t.Fatal(err)
	}
	s := migrate.NewSender(now, migrate.SenderConfig{Map: m, Engine: migrate.NewEngine(keyspace.New(keyspace.Config{})),
		Job: migrate.Job{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: set, Target: n.ID()}})
	s.Tick(now)
	in := frame.NewReader(conn, migrate.MaxAnswer)
	for range 100 {
		for e, ok := s.Next(now); ok; e, ok = s.Next(now) {
			switch e := e.(type) {
			case migrate.Dial:
				s.Connected(now)
			case migrate.Send:
				b, start := frame.Begin(nil)
				conn.Write(frame.Finish(migrate.AppendMessage(b, &e.Message), start))
			case migrate.SetSlots:
				s.Changed(now, e.N, nil)
			}
		}
		b, err := in.Next()
		if err != nil {
			return err.Error()
		}
		m, err := migrate.DecodeMessage(b)
		if err != nil {
			c.t.Fatal(err)
		}
		if s.Receive(now, m); s.Status(now).Progress.Waiting != "" {
			return s.Status(now).Progress.Waiting
		}
	}
	return ""
}

// What a node may do at another one follows from the map: a stranger nothing, a member what
// its role asks for, a node that was forgotten nothing any more.
func TestRightsBetweenNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		master, victim, replica := c.Node(0), c.Node(1), c.Node(3)
		key := e2e.KeyOf(master)
		if err := master.Local().Set(slotmesh.WithSync(t.Context(), 1), key, []byte("secret"), 0); err != nil {
			t.Fatal(err)
		}
		ofVictim := *victim.Map().Self().Slots
		stranger := newCaller(t, c, slots.NodeID{0xee})
		cluster := stranger.cluster(master)
		if err := stranger.asks(master, key); !errors.Is(err, peer.ErrNotSent) {
			t.Errorf("a stranger's call: %v", err)
		}
		if m, err := stranger.replicates(master, stranger.id, cluster); !errors.Is(err, io.EOF) {
			t.Errorf("a stranger's hello as a replica is answered with %+v, %v", m, err)
		}
		if why := stranger.moves(master, victim.ID(), ofVictim); !strings.Contains(why, "EOF") {
			t.Errorf("a stranger moves slots: %s", why)
		}

		member := newCaller(t, c, victim.ID()) // it says of itself what it is; what it asks for is not its own
		if err := member.asks(master, key); err != nil {
			t.Errorf("a member's call: %v", err)
		}
		for as, want := range map[slots.NodeID]string{member.id: "is a master", replica.ID(): "says that it is node"} {
			m, err := member.replicates(master, as, cluster)
			if err != nil || m.Kind != replication.KindRefuse || !strings.Contains(m.Text, want) {
				t.Errorf("a hello of another shard's master is answered with %+v, %v", m, err)
			}
		}
		third := c.Node(2).ID()
		for as, want := range map[slots.NodeID]string{member.id: "owns none", third: "comes from node"} {
			if why := member.moves(master, as, *c.Node(2).Map().Self().Slots); !strings.Contains(why, want) {
				t.Errorf("a master moves slots of another in the name of %s: %q", as.Short(), why)
			}
		}
		c.WaitStable()
		if got := replica.Map().Self().Master; got != master.ID() || !victim.Map().Self().HasSlots() {
			t.Error("roles have changed")
		}
		if info := (e2e.Operator{T: t, Cluster: c}).Do(0, "INFO replication"); !strings.Contains(info,
			"connected_slaves:1\r") {
			t.Errorf("INFO: %s", info)
		}
	})
}
