package e2e_test

import (
	"bytes"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

const (
	busSecret     = "what every member knows"
	anotherSecret = "what no member ever knew"
)

func withSecret(cfg *slotmesh.Config) { cfg.Secret = busSecret }

// noticed counts what strangers have made the nodes of a cluster take notice of. Members
// do none of it while nothing happens.
func (c *attacked) noticed() (n uint64) {
	for _, node := range c.Nodes() {
		s := node.Stats()
		n += s.Bus.Received[gossip.TypeMeet] + uint64(len(node.Migrations())) + uint64(len(node.Map().Nodes()))
		n += s.Replication.FullSyncs + s.Replication.PartialSyncs + s.Replication.RefusedPartials
	}
	return n
}

// Without the secret nobody gets anything out of a cluster, or into it, even under the name
// of the node that would be entitled. Nor does a recording of one who knows it. That one is
// served.
func TestSecretKeepsStrangersOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startAttacked(t, withSecret)
		before := c.noticed()
		for name, secret := range map[string]string{"no secret": "", "another secret": anotherSecret} {
			for _, a := range attacks {
				s := newStranger(t, c.Host(strangerHost), a.by(c), secret)
				if done := a.run(s, c); done != "" {
					t.Errorf("%s: %s: %s", name, a.name, done)
				}
			}
			if s := newStranger(t, c.Host(strangerHost), c.replica().ID(), secret); !s.askCluster(c.victim()).IsZero() {
				t.Errorf("%s: a Ping is answered", name)
			}
		}
		if now := c.noticed(); now != before {
			t.Errorf("members have taken notice of %d things", now-before)
		}

		var heard overheard
		wire := &middle{Network: c.Host(strangerHost)}
		wire.put(heard.wire)
		for _, a := range attacks {
			if a.may == nil || a.kind == bus.Gossip {
				continue // to join is what the secret is for
			}
			if a.run(newStranger(t, wire, a.by(c), busSecret), c) == "" {
				t.Errorf("%s: not even by a node that may", a.name)
			}
		}
		if newStranger(t, wire, c.replica().ID(), busSecret).askCluster(c.victim()).IsZero() {
			t.Error("a Ping of one who knows the secret is not answered")
		}
		pass(time.Minute)

		before = c.noticed()
		recordings := heard.all()
		if len(recordings) < 5 {
			t.Fatalf("%d recordings of connections that were served", len(recordings))
		}
		for _, said := range recordings {
			if bytes.Contains(said[0], []byte(c.value)) || bytes.Contains(said[1], []byte(c.value)) {
				t.Error("a value can be read on the wire")
			}
			for _, n := range c.Nodes()[:2] {
				if answer := replay(t, c, n, said[0]); bytes.Contains(answer, said[1]) {
					t.Error("a recording is answered as what was recorded")
				}
			}
		}
		if now := c.noticed(); now != before {
			t.Errorf("members have taken notice of %d replayed things", now-before)
		}
	})
}

// replay sends a recording to a node and returns all that this answers.
func replay(t *testing.T, c *attacked, to *slotmesh.Node, recording []byte) []byte {
	t.Helper()
	conn, err := c.Host(strangerHost).Dial(t.Context(), to.Addr().Bus())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go conn.Write(recording)
	return drain(conn)
}

// drain returns what comes on a connection until it ends, which a node sees to soon.
func drain(conn net.Conn) []byte {
	conn.SetReadDeadline(time.Now().Add(answerLimit))
	var text bytes.Buffer
	text.ReadFrom(conn)
	return text.Bytes()
}

// Somebody stands between a replica and all others. As long as he only forwards, all goes on.
// When he ends TLS himself, and forwards the proofs, nothing gets through; nor when he gives
// the node its own proof back, or plays what another one has answered.
func TestSecretInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m *middle
		c := startAttacked(t, func(cfg *slotmesh.Config) {
			withSecret(cfg)
			if cfg.Addr == "10.0.0.4:7000" { // the victim's replica
				m = &middle{Network: cfg.Network}
				cfg.Network = m
			}
		})
		reconnect := func(i interceptor) string {
			m.put(i)
			for _, i := range []int{0, 1, 2, 4, 5} {
				c.Reset(3, i)
			}
			pass(time.Minute)
			return c.replica().Stats().Replication.Link.String()
		}
		var wire, inside overheard
		if link := reconnect(wire.wire); link != "connected" {
			t.Errorf("by a wire that only forwards the replica is %q", link)
		}
		for _, bad := range []struct {
			name string
			by   interceptor
		}{
			{"TLS of his own", inside.ownTLS(t)}, {"its own proof", inside.reflect(t)}, {"a recording", playBack(&wire)},
		} {
			if link := reconnect(bad.by); link == "connected" {
				t.Errorf("%s: the replica follows its master", bad.name)
			}
		}
		for _, said := range inside.all() {
			if text := append(said[0], said[1]...); bytes.Contains(text, []byte("SMB")) {
				t.Fatalf("a node told the man in the middle %.50q", text)
			}
		}
		if len(inside.all()) == 0 {
			t.Error("nothing went through the man in the middle")
		}
		if link := reconnect(nil); link != "connected" {
			t.Errorf("in the end the replica is %q", link)
		}
		c.WaitStable()
		e2e.WaitSynced(t, c.Cluster)
	})
}
