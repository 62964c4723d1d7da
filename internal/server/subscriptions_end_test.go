package server

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// listener is a client that sees messages of RESP3, which a resp.Conn passes over.
type listener struct {
	conn net.Conn
	r    *resp.Reader
}

func listenTo(t testing.TB, srv *Server) *listener {
	conn := pipeTo(t, srv)
	return &listener{conn, resp.NewReader(conn)}
}

// expect sends a command line, "" for none, and compares the next thing that comes.
func (l *listener) expect(t testing.TB, line, want string) {
	t.Helper()
	if line != "" {
		l.conn.Write(resp.AppendCommand(nil, strings.Fields(line)...))
	}
	reply, err := l.r.Read()
	got := render(reply)
	if err != nil {
		got = "closed"
	}
	if !strings.HasPrefix(got, want) {
		t.Fatalf("%s\n got %s\nwant %s", line, got, want)
	}
}

// receive returns the next thing that a client gets, as render shows it.
func receive(t testing.TB, c *resp.Conn) string {
	t.Helper()
	reply, err := c.Receive()
	if _, isReply := err.(resp.Error); err != nil && !isReply {
		return "closed"
	}
	return render(reply)
}

func expectNext(t testing.TB, c *resp.Conn, want string) {
	t.Helper()
	if got := receive(t, c); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

// change makes a new topology and tells the server, as a node does.
func (c *fakeCluster) change(srv *Server, change func(*slots.Topology)) {
	before := c.engine.Map()
	c.amend(change)
	srv.MapChanged(before, c.engine.Map())
}

// TestSlotOfChannelLeaves: subscribers of a slot that leaves are told, and sent on; those of
// others stay, and so do those of the cluster's channels.
func TestSlotOfChannelLeaves(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.joinPeer(slots.NewSet(slots.OfString("elsewhere")))
	old, modern, other := connect(t, srv), listenTo(t, srv), connect(t, srv)
	modern.expect(t, "HELLO 3", "%")
	for _, line := range []string{"SSUBSCRIBE b", "SSUBSCRIBE stays", "SUBSCRIBE b"} {
		do(t, old, line)
		modern.expect(t, line, ">")
	}
	slot := slots.OfString("b")
	before := cluster.engine.Map()
	cluster.SetSlot(t.Context(), slot, SlotMigrating, peerID)
	srv.MapChanged(before, cluster.engine.Map())
	expect(t, other, "SPUBLISH b 1", ":2") // while it moves the source serves all
	expect(t, other, "SSUBSCRIBE {b}late", `["ssubscribe", "{b}late", :1]`)
	before = cluster.engine.Map()
	cluster.SetSlot(t.Context(), slot, SlotNode, peerID)
	srv.MapChanged(before, cluster.engine.Map())
	for _, want := range []string{`["smessage", "b", "1"]`, `["sunsubscribe", "b", :1]`} {
		expectNext(t, old, want)
		modern.expect(t, "", ">"+want)
	}
	expectNext(t, other, `["sunsubscribe", "{b}late", :0]`)
	expect(t, other, "SPUBLISH b 1", "-MOVED 3300 10.0.0.2:7002") // it has no subscription any more, and may do this
	expect(t, old, "SSUBSCRIBE b", "-MOVED 3300 10.0.0.2:7002")
	expect(t, old, "SUNSUBSCRIBE b", "-MOVED 3300 10.0.0.2:7002")
	expect(t, other, "SPUBLISH stays 2", ":2")
	expect(t, other, "PUBLISH b 3", ":2")
	for _, want := range []string{`["smessage", "stays", "2"]`, `["message", "b", "3"]`} {
		expectNext(t, old, want)
		modern.expect(t, "", ">"+want)
	}
}

// TestFailoverKeepsSubscribers: a master that becomes a replica of its replica still belongs
// to the shard; one that becomes the replica of another shard does not.
func TestFailoverKeepsSubscribers(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	c, other := connect(t, srv), connect(t, srv)
	do(t, c, "SSUBSCRIBE b")
	third := slots.NodeID{0x33}
	all, none := slots.Full(), slots.Set{}
	nodes := func(theirs, thirds *slots.Set, master slots.NodeID) func(*slots.Topology) {
		return func(top *slots.Topology) {
			top.Nodes = []slots.Node{{ID: cluster.id, Addr: cluster.addr(), Master: master},
				{ID: peerID, Addr: slots.Addr{Host: "10.0.0.2", Port: 7002, BusPort: 17002}, Slots: theirs},
				{ID: third, Addr: slots.Addr{Host: "10.0.0.3", Port: 7003, BusPort: 17003}, Slots: thirds}}
		}
	}
	cluster.change(srv, nodes(&all, &none, peerID))
	expect(t, other, "SPUBLISH b 1", ":1")
	expectNext(t, c, `["smessage", "b", "1"]`)
	expect(t, other, "GET b", "-MOVED 3300 10.0.0.2:7002")
	expect(t, c, "SSUBSCRIBE {b}2", `["ssubscribe", "{b}2", :2]`)
	cluster.change(srv, nodes(&all, &none, third))
	got := []string{receive(t, c), receive(t, c)}
	if all := strings.Join(got, " "); !strings.Contains(all, `"{b}2"`) || !strings.Contains(got[1], ":0]") {
		t.Errorf("got %s", all)
	}
	expect(t, c, "SSUBSCRIBE b", "-MOVED 3300 10.0.0.2:7002")
}

// TestSubscribeWhileSlotLeaves: however the two meet, no subscription is left in a slot that
// has left, and each that was confirmed has been ended.
func TestSubscribeWhileSlotLeaves(t *testing.T) {
	cluster := newFakeCluster()
	srv := startServer(t, Config{Cluster: cluster})
	cluster.joinPeer(slots.NewSet(slots.OfString("elsewhere")))
	slot := slots.OfString("b")
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 3 {
		conn := connect(t, srv)
		wg.Go(func() {
			subscribed := 0
			for i := 0; ; i++ {
				select {
				case <-stop:
					conn.Send("UNSUBSCRIBE", "end")
				default:
					conn.Send("SSUBSCRIBE", fmt.Sprintf("{b}%d", i%10))
				}
				for answered := false; !answered; {
					got := receive(t, conn)
					switch {
					case strings.HasPrefix(got, `["sunsubscribe"`):
						subscribed--
						continue
					case strings.HasPrefix(got, `["ssubscribe"`):
						n := subscribed
						fmt.Sscanf(got[strings.Index(got, ":"):], ":%d]", &n)
						subscribed = n
					case strings.HasPrefix(got, `["unsubscribe"`):
						if subscribed != 0 {
							t.Errorf("%d subscriptions were not ended", subscribed)
						}
						return
					}
					answered = true
				}
			}
		})
	}
	for range 100 {
		for _, owner := range []slots.NodeID{peerID, cluster.id} {
			before := cluster.engine.Map()
			cluster.SetSlot(t.Context(), slot, SlotNode, owner)
			srv.MapChanged(before, cluster.engine.Map())
			if n := srv.cfg.Pubsub.Len(pubsub.Shard); owner == peerID && n != 0 {
				t.Errorf("%d channels are left in a slot that is not here", n)
			}
		}
	}
	before := cluster.engine.Map()
	cluster.SetSlot(t.Context(), slot, SlotNode, peerID)
	srv.MapChanged(before, cluster.engine.Map())
	close(stop)
	wg.Wait()
}
