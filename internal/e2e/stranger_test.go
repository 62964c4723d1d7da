package e2e_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// strangerHost is the machine that attacks come from. It is none of the cluster's.
const strangerHost = "10.0.9.9"

// answerLimit is how long a stranger waits for an answer. A node that refuses a connection
// closes it long before.
const answerLimit = 20 * time.Second

// A stranger speaks the protocols of the bus with the codecs of the nodes themselves, and
// says in them what suits it.
type stranger struct {
	t   *testing.T
	id  slots.NodeID // the node that it says it is
	bus *bus.Bus     // to dial with; it listens nowhere
}

// newStranger returns a stranger that says it is the node id. It proves that it knows a
// secret, unless that is "".
func newStranger(t *testing.T, network slotmesh.Network, id slots.NodeID, secret string) *stranger {
	t.Helper()
	life, end := context.WithCancel(t.Context())
	t.Cleanup(end)
	b := bus.New(life, bus.Config{
		Network: network, Logger: hclog.NewNullLogger(), ID: func() slots.NodeID { return id },
	})
	if err := b.Secure(bus.Security{Secret: secret}); err != nil {
		t.Fatal(err)
	}
	return &stranger{t: t, id: id, bus: b}
}

// dial opens a connection of a kind to a node; nil if that refused it already.
func (s *stranger) dial(to *slotmesh.Node, kind bus.Kind) net.Conn {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), answerLimit)
	defer cancel()
	conn, err := s.bus.Dial(ctx, to.Addr(), kind)
	if err != nil {
		return nil
	}
	conn.SetDeadline(time.Now().Add(answerLimit))
	return conn
}

// call sends a command line to a node as another node does, and returns its reply, "" if
// there is none.
func (s *stranger) call(to *slotmesh.Node, args ...string) string {
	s.t.Helper()
	conn := s.dial(to, bus.Calls)
	if conn == nil {
		return ""
	}
	defer conn.Close()
	id := to.ID()
	if _, err := conn.Write(id[:]); err != nil {
		return ""
	}
	if n, err := conn.Read(make([]byte, 1)); n != 1 || err != nil {
		return ""
	}
	calls := peer.NewConn(conn, answerLimit)
	defer calls.Close()
	r := &peer.Request{}
	for _, arg := range args {
		r.Args = append(r.Args, []byte(arg))
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), answerLimit)
	defer cancel()
	reply, err := calls.Call(ctx, r)
	if err != nil {
		return ""
	}
	return string(reply)
}

// gossiping is a connection for gossip.
type gossiping struct {
	net.Conn
	frames *frame.Reader
}

func (s *stranger) gossip(to *slotmesh.Node) *gossiping {
	s.t.Helper()
	conn := s.dial(to, bus.Gossip)
	if conn == nil {
		return nil
	}
	return &gossiping{conn, frame.NewReader(conn, gossip.MaxMessage)}
}

// say sends a message.
func (g *gossiping) say(m *gossip.Message) {
	b, start := frame.Begin(nil)
	g.Write(frame.Finish(gossip.AppendMessage(b, m), start))
}

// hear returns the next message; nil if the connection ends, or nothing comes.
func (g *gossiping) hear() *gossip.Message {
	payload, err := g.frames.Next()
	if err != nil {
		return nil
	}
	m, _ := gossip.DecodeMessage(payload)
	return m
}

// askCluster returns the id of a node's cluster, which any Ping is answered with; zero if
// it is not answered.
func (s *stranger) askCluster(of *slotmesh.Node) (id gossip.ClusterID) {
	s.t.Helper()
	g := s.gossip(of)
	if g == nil {
		return id
	}
	defer g.Close()
	g.say(&gossip.Message{Type: gossip.TypePing, Sender: slots.NodeID{9, 9, 9}, Incarnation: 1})
	if m := g.hear(); m != nil {
		id = m.Cluster
	}
	return id
}

// following is a connection on which a replica follows a master.
type following struct {
	net.Conn
	messages *replication.MessageReader
}

// follow says hello to a master as one of its replicas, the node id; nil if it does not
// get as far.
func (s *stranger) follow(master *slotmesh.Node, id slots.NodeID) *following {
	s.t.Helper()
	cluster := s.askCluster(master)
	conn := s.dial(master, bus.Replication)
	if conn == nil {
		return nil
	}
	hello := replication.Message{
		Kind: replication.KindHello, Version: replication.ProtocolVersion, Node: id, Incarnation: 1 << 20,
		Addr: slots.Addr{Host: strangerHost, Port: 7000, BusPort: 17000}, Master: master.ID(), Cluster: cluster,
	}
	if _, err := conn.Write(replication.AppendMessage(nil, &hello)); err != nil {
		conn.Close()
		return nil
	}
	return &following{conn, replication.NewMessageReader(conn, replication.MaxMessage)}
}

// sync takes what the master sends, until that is complete, and acknowledges it. It
// returns all data.
func (f *following) sync() (data []byte, ok bool) {
	var m replication.Message
	for f.messages.Next(&m) == nil {
		switch m.Kind {
		case replication.KindDump, replication.KindStream:
			data = append(data, m.Data...)
		case replication.KindSynced:
			f.ack(m.Offset)
			return data, true
		case replication.KindRefuse:
			return data, false
		}
	}
	return data, false
}

// acknowledge acknowledges whatever comes, without keeping any of it, until the connection
// ends.
func (f *following) acknowledge() {
	f.SetDeadline(time.Time{})
	var m replication.Message
	for f.messages.Next(&m) == nil {
		switch m.Kind {
		case replication.KindStream:
			f.ack(m.Offset + int64(len(m.Data)))
		case replication.KindSynced, replication.KindPing:
			f.ack(m.Offset)
		}
	}
}

func (f *following) ack(offset int64) {
	f.Write(replication.AppendMessage(nil, &replication.Message{Kind: replication.KindAck, Offset: offset}))
}

// effect describes what an attack has done, "" for nothing.
func effect(done bool, format string, args ...any) string {
	if !done {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
