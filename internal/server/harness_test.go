package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
)

// startServer returns a server with an engine of its own; in a cluster it owns all
// slots.
func startServer(t testing.TB, cfg Config) *Server {
	t.Helper()
	if cfg.Engine == nil {
		cfg.Engine = engine.New(keyspace.New(keyspace.Config{}))
	}
	if c, ok := cfg.Cluster.(*fakeCluster); ok {
		c.engine = cfg.Engine
		c.publish(slots.Full())
	}
	srv, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	return srv
}

// connect returns a client on an in-memory connection.
func connect(t testing.TB, srv *Server) *resp.Conn {
	t.Helper()
	conn := resp.NewConn(pipeTo(t, srv))
	return conn
}

func pipeTo(t testing.TB, srv *Server) net.Conn {
	t.Helper()
	near, far := net.Pipe()
	go srv.ServeConn(far)
	t.Cleanup(func() { near.Close() })
	return near
}

// do sends a command line and returns the reply as render shows it.
func do(t testing.TB, c *resp.Conn, line string) string {
	t.Helper()
	args, ok := resp.SplitWords(nil, []byte(line))
	if !ok {
		t.Fatalf("unbalanced quotes: %s", line)
	}
	c.SendBytes(args...)
	reply, err := c.Receive()
	if _, isReply := err.(resp.Error); err != nil && !isReply {
		return "closed"
	}
	return render(reply)
}

// expect fails the test if the reply to line is not want.
func expect(t testing.TB, c *resp.Conn, line, want string) {
	t.Helper()
	if got := do(t, c, line); got != want {
		t.Fatalf("%s\n got %s\nwant %s", line, got, want)
	}
}

// render shows a reply on one line, with its type.
func render(r resp.Reply) string {
	switch r.Kind {
	case resp.Null:
		return "nil"
	case resp.Simple:
		return "+" + string(r.Str)
	case resp.ErrorMsg:
		return "-" + string(r.Str)
	case resp.Int:
		return fmt.Sprintf(":%d", r.Int)
	case resp.Bulk:
		return fmt.Sprintf("%q", r.Str)
	case resp.Double:
		return fmt.Sprintf(",%v", r.Float)
	case resp.Bool:
		return fmt.Sprintf("#%t", r.Int == 1)
	case resp.Map:
		return "%" + renderList(r.Elems)
	case resp.Set:
		return "~" + renderList(r.Elems)
	case resp.Push:
		return ">" + renderList(r.Elems)
	}
	return renderList(r.Elems)
}

func renderList(elems []resp.Reply) string {
	parts := make([]string, len(elems))
	for i, e := range elems {
		parts[i] = render(e)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// fakeCluster is a node's cluster of one, without a bus.
type fakeCluster struct {
	engine *engine.Engine

	mu      sync.Mutex // guards what follows
	id      slots.NodeID
	epoch   uint64
	version uint64
	top     slots.Topology
	peers   []Peer
	links   []Link
	met     []string
	resets  []bool
	jobs    []migrate.Status
	err     error // of every change
	vacated slots.Set
}

func newFakeCluster() *fakeCluster {
	id, _ := slots.ParseNodeID("0123456789abcdef0123456789abcdef01234567")
	return &fakeCluster{id: id}
}

func (c *fakeCluster) addr() slots.Addr {
	return slots.Addr{Host: "127.0.0.1", Port: 7001, BusPort: 17001}
}

// publish makes a map in which this node owns set and nobody else is known.
func (c *fakeCluster) publish(set slots.Set) {
	c.version++
	state := slots.OK
	if set != slots.Full() {
		state = slots.Down
	}
	c.top = slots.Topology{Version: c.version, Self: c.id, State: state, CurrentEpoch: c.epoch,
		Nodes: []slots.Node{{ID: c.id, Addr: c.addr(), ConfigEpoch: c.epoch, Slots: &set}}}
	c.use(c.top)
}

func (c *fakeCluster) use(top slots.Topology) {
	m, err := slots.NewMap(top)
	if err != nil {
		panic(err)
	}
	c.top = top
	c.engine.Publish(m)
}

func (c *fakeCluster) mine() slots.Set { return *c.engine.Map().Self().Slots }

func (c *fakeCluster) Peers() []Peer { return c.peers }
func (c *fakeCluster) Links() []Link { return c.links }
func (c *fakeCluster) Counters() []Counter {
	return []Counter{{Name: "cluster_stats_messages_sent", Value: 0}, {Name: "cluster_stats_messages_received", Value: 0}}
}

func (c *fakeCluster) FailureReports(id slots.NodeID) (int, bool) { return 0, id == c.id }

func (c *fakeCluster) Meet(_ context.Context, host string, port, bus uint16) error {
	c.met = append(c.met, fmt.Sprintf("%s:%d@%d", host, port, bus))
	return c.err
}

func (c *fakeCluster) Forget(_ context.Context, id slots.NodeID) error {
	if id == c.id {
		return replyError("ERR I tried hard but I can't forget myself...")
	}
	return replyError("ERR Unknown node " + id.String())
}

func (c *fakeCluster) Reset(_ context.Context, hard bool) error {
	c.resets = append(c.resets, hard)
	if hard {
		c.id[0]++
		c.epoch = 0
	}
	c.publish(slots.Set{})
	return nil
}

func (c *fakeCluster) SetConfigEpoch(_ context.Context, epoch uint64) error {
	if c.epoch != 0 {
		return replyError("ERR Node config epoch is already non-zero")
	}
	c.epoch = epoch
	c.publish(c.mine())
	return nil
}

func (c *fakeCluster) BumpEpoch(context.Context) (uint64, bool, error) {
	bumped := c.epoch == 0
	if bumped {
		c.epoch = 1
		c.publish(c.mine())
	}
	return c.epoch, bumped, nil
}

func (c *fakeCluster) SaveConfig(context.Context) error { return nil }

func (c *fakeCluster) AddSlots(_ context.Context, set slots.Set) error {
	mine := c.mine()
	for slot := range set.All() {
		if mine.Has(slot) {
			return fmt.Errorf("Slot %d is already busy", slot)
		}
	}
	mine.Union(&set)
	c.publish(mine)
	return nil
}

func (c *fakeCluster) DelSlots(_ context.Context, set slots.Set) error {
	mine := c.mine()
	for slot := range set.All() {
		if c.engine.Map().Owner(slot) == nil {
			return fmt.Errorf("Slot %d is already unassigned", slot)
		}
	}
	left := mine
	if left.Subtract(&set); left != mine { // only the owner can give up a slot
		c.publish(left)
	}
	return nil
}

func (c *fakeCluster) Vacated() slots.Set { return c.vacated }

func (c *fakeCluster) FlushSlots(context.Context) error {
	c.publish(slots.Set{})
	return nil
}

// waitFor polls a condition that another goroutine or process brings about.
func waitFor(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-deadline:
			t.Fatalf("timed out waiting for %s", what)
		case <-tick.C:
		}
	}
}

func (*fakeCluster) Replicate(context.Context, slots.NodeID) error { return nil }

func (*fakeCluster) BeginFailover(context.Context, FailoverMode) error {
	return replyError("ERR You should send CLUSTER FAILOVER to a replica")
}

// selfSigned makes a certificate.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
