package server

import (
	"net"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// TestClientFlags: the letters are those of redis-server 7.0.15, in its order.
func TestClientFlags(t *testing.T) {
	all := uint32(clientReadOnly | clientNoEvict | clientNoTouch | clientRESP3 | clientUnix | clientPubsub |
		clientMonitor | clientTracking | clientBrokenRedirect | clientBroadcast)
	for flags, want := range map[uint32]string{
		0:                                    "N",
		clientRESP3:                          "N",
		clientPubsub | clientReadOnly:        "Pr",
		clientTracking | clientBroadcast:     "tB",
		clientTracking | clientPubsub:        "Pt",
		clientNoEvict | clientNoTouch:        "eT",
		clientMonitor | clientBrokenRedirect: "OR",
		all:                                  "OPtRBUreT",
	} {
		if got := clientFlags(flags, false, false); got != want {
			t.Errorf("flags %#x: %s, want %s", flags, got, want)
		}
	}
	if got := clientFlags(clientPubsub|clientTracking, true, true); got != "Pxbt" {
		t.Errorf("got %s, want Pxbt", got)
	}
}

// TestClientListOfSubscriber: a client with subscriptions is of the type pubsub, and its
// line says what it has and what waits for it.
func TestClientListOfSubscriber(t *testing.T) {
	srv := startServer(t, Config{})
	admin := connect(t, srv)
	client, conn := net.Pipe()
	defer client.Close()
	s := srv.open(conn)
	s.startPushing()
	s.setFlag(clientPubsub|clientTracking, true)
	s.shared.channels.Store(2)
	s.shared.patterns.Store(3)
	s.shared.shardChannels.Store(4)
	s.shared.redirect.Store(17)
	s.push([]byte("0123456789"))
	s.push([]byte("0123456789"))
	list := do(t, admin, "CLIENT LIST TYPE pubsub")
	for _, want := range []string{" sub=2 psub=3 ssub=4 ", " flags=Pt ", " redir=17 ", " oll=2 ", " omem=84 "} {
		if !strings.Contains(list, want) {
			t.Errorf("CLIENT LIST has not %q: %s", want, list)
		}
	}
	if strings.Count(list, "id=") != 1 {
		t.Errorf("CLIENT LIST TYPE pubsub: %s", list)
	}
	if list := do(t, admin, "CLIENT LIST TYPE normal"); strings.Contains(list, "flags=P") ||
		!strings.Contains(list, " redir=-1 ") {
		t.Errorf("CLIENT LIST TYPE normal: %s", list)
	}
	go s.run()
	expect(t, admin, "CLIENT KILL TYPE replica", ":0")
	expect(t, admin, "CLIENT KILL TYPE pubsub", ":1")
	<-s.ended
}

// TestNoTouch: what a client with NO-TOUCH reads does not count as used; TOUCH does.
func TestNoTouch(t *testing.T) {
	store := keyspace.New(keyspace.Config{})
	store.SetPolicy(keyspace.AllKeysLFU)
	srv := startServer(t, Config{Engine: engine.New(store)})
	c := connect(t, srv)
	freq := func() string { return do(t, c, "OBJECT FREQ k") }
	expect(t, c, "SET k v", "+OK")
	expect(t, c, "HSET h f v", ":1")
	fresh := freq()
	expect(t, c, "CLIENT NO-TOUCH maybe", "-ERR syntax error")
	expect(t, c, "CLIENT NO-TOUCH ON", "+OK")
	if info := do(t, c, "CLIENT INFO"); !strings.Contains(info, " flags=T ") {
		t.Errorf("CLIENT INFO: %s", info)
	}
	reads := func(c *resp.Conn) {
		for range 50 {
			expect(t, c, "GET k", `"v"`)
			expect(t, c, "GETRANGE k 0 -1", `"v"`)
			expect(t, c, "HGET h f", `"v"`)
		}
		expect(t, c, "MULTI", "+OK")
		expect(t, c, "GET k", "+QUEUED")
		expect(t, c, "EXEC", `["v"]`)
	}
	reads(c)
	if got := freq(); got != fresh {
		t.Errorf("OBJECT FREQ is %s after reads, want %s", got, fresh)
	}
	for range 50 {
		expect(t, c, "TOUCH k", ":1")
	}
	touched := freq()
	if touched == fresh {
		t.Error("TOUCH does not count as a use")
	}
	expect(t, c, "RESET", "+RESET")
	if info := do(t, c, "CLIENT INFO"); !strings.Contains(info, " flags=N ") {
		t.Errorf("CLIENT INFO after RESET: %s", info)
	}
	for range 20 {
		reads(c)
	}
	if got := freq(); got == touched {
		t.Errorf("OBJECT FREQ is still %s", got)
	}
}
