package slotmesh_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/pubsub"
)

// audience is a subscriber at some nodes of a cluster each, and what they have heard.
type audience struct {
	t *testing.T
	c *clustertest.Cluster

	mu    sync.Mutex // guards heard
	heard map[int][]string
}

func newAudience(t *testing.T, c *clustertest.Cluster, nodes ...int) *audience {
	a := &audience{t: t, c: c, heard: make(map[int][]string)}
	for _, i := range nodes {
		a.join(i)
	}
	return a
}

// join makes a subscriber at node i.
func (a *audience) join(i int) {
	slotmesh.Hear(a.c.Node(i), pubsub.Channel, "news", func(m *pubsub.Message) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.heard[i] = append(a.heard[i], string(m.Payload))
	})
}

// say publishes at node i.
func (a *audience) say(i int, payload string) { slotmesh.Say(a.c.Node(i), "news", []byte(payload)) }

// wantHeard wants node i to have heard these since the last call, and no more.
func (a *audience) wantHeard(i int, want ...string) {
	a.t.Helper()
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !slices.Equal(a.heard[i], want) {
		a.t.Errorf("node %d heard %q, want %q", i, a.heard[i], want)
	}
	delete(a.heard, i)
}

// What is published at any node, master or replica, is heard at every node, after exactly
// the time that the network takes.
func TestPublishReachesEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		const delay = 3 * time.Millisecond
		c.Delay(delay)
		a := newAudience(t, c, 0, 1, 2, 3, 4, 5)
		for from := range 6 {
			text := fmt.Sprint("from ", from)
			a.say(from, text)
			a.wantHeard(from, text)
			time.Sleep(delay - 1)
			for to := range 6 {
				a.wantHeard(to)
			}
			time.Sleep(1)
			for to := range 6 {
				if to != from {
					a.wantHeard(to, text)
				}
			}
		}
		st := c.Node(0).Stats().Messages
		if want := (slotmesh.MessageStats{Sent: 5, Received: 5, Sources: 5, Receivers: 5}); st != want {
			t.Errorf("%+v, want %+v", st, want)
		}
	})
}

// Only nodes with subscribers get messages, and without any nobody is connected for them.
func TestPublishWithoutSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3})
		a := newAudience(t, c)
		a.say(0, "nobody hears")
		if st := c.Node(0).Stats().Messages; st != (slotmesh.MessageStats{}) {
			t.Errorf("without a subscriber: %+v", st)
		}
		a.join(1)
		a.say(0, "one")
		a.wantHeard(1, "one")
		if st := c.Node(2).Stats().Messages; st.Received != 0 {
			t.Errorf("a node without subscribers has got %d messages", st.Received)
		}
	})
}

// Nodes that a partition has separated hear each other again soon after it has healed, and
// those on one side hear each other all the time.
func TestPublishAcrossAPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, NodeTimeout: 2 * time.Second})
		a := newAudience(t, c, 0, 1, 2)
		c.Partition([]int{0, 1}, []int{2})
		a.say(0, "1")
		a.wantHeard(0, "1")
		a.wantHeard(1, "1")
		time.Sleep(time.Minute)
		a.say(1, "2")
		a.wantHeard(0, "2")
		a.wantHeard(1, "2")
		a.wantHeard(2)
		c.Heal()
		c.WaitStable()
		time.Sleep(5 * time.Second) // the longest pause before a node dials again
		a.wantHeard(2)              // messages wait for nobody
		for from := range 3 {
			a.say(from, "3")
			for to := range 3 {
				a.wantHeard(to, "3")
			}
		}
	})
}

// A node that dies and comes back is told who wants what, and tells what it wants.
func TestPublishAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		a := newAudience(t, c, 0, 1)
		c.Kill(0)
		e2e.Await(t, c, 3, e2e.Leads)
		a.say(2, "1")
		a.wantHeard(1, "1")
		c.Restart(0)
		c.WaitStable()
		time.Sleep(5 * time.Second)
		a.say(0, "2")
		a.wantHeard(0) // its client is gone
		a.wantHeard(1, "2")
		a.join(0)
		a.say(2, "3")
		a.wantHeard(0, "3")
		a.wantHeard(1, "3")
	})
}

// A node floods others with messages, one of which does not read them: heartbeats are not
// late, nobody is suspected, and memory is bounded.
func TestFloodDoesNotDelayGossip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, NodeTimeout: 2 * time.Second})
		a := newAudience(t, c, 1)
		stuck := make(chan struct{})
		slotmesh.Hear(c.Node(2), pubsub.Channel, "news", func(*pubsub.Message) { <-stuck })
		for _, n := range c.Nodes() {
			go func() {
				for e := range n.Events(t.Context()) {
					if e, ok := e.(gossip.HealthChanged); ok {
						t.Errorf("%s: %+v", n.Addr(), e)
					}
				}
			}()
		}
		payload := string(make([]byte, 100_000))
		for range 400 { // 4 s, 10 MB a second
			a.say(0, payload)
			time.Sleep(10 * time.Millisecond)
		}
		for _, p := range c.Node(0).Map().Nodes() {
			if p.Health.String() != "online" {
				t.Errorf("%s is %s", p.Addr, p.Health)
			}
		}
		st := c.Node(0).Stats().Messages
		a.mu.Lock()
		heard := len(a.heard[1])
		a.mu.Unlock()
		if heard != 400 || st.Dropped == 0 {
			t.Errorf("the node that reads heard %d of 400 messages; %d were dropped", heard, st.Dropped)
		}
		close(stuck)
	})
}

// ledger counts, at one node, what the publishers of numbered messages have sent.
type ledger struct {
	mu    sync.Mutex // guards the fields below
	next  [2]uint32  // by the publisher
	wrong int        // messages that were not the next one
}

func (l *ledger) add(m *pubsub.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, n := m.Payload[0], binary.BigEndian.Uint32(m.Payload[1:])
	if n != l.next[from] {
		l.wrong++
	}
	l.next[from] = n + 1
}

// While slots move and a master fails and is replaced, 10,000 messages a second are
// published: subscribers at the nodes that survive miss none, and get them in order.
func TestMessagesDuringAReshardAndAFailover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 2 * time.Second})
		e2e.WriteKeys(t, c, 3000)
		ledgers := make(map[int]*ledger)
		for _, i := range []int{1, 2, 3, 4, 5} { // all but the one that is to fail
			ledgers[i] = &ledger{}
			slotmesh.Hear(c.Node(i), pubsub.Channel, "news", ledgers[i].add)
		}
		slotmesh.Hear(c.Node(0), pubsub.Pattern, "*", func(*pubsub.Message) {})
		const perMillisecond = 10 // by both publishers
		stop, stopped := make(chan struct{}), make(chan [2]uint32)
		go func() {
			var sent [2]uint32
			publishers := []*slotmesh.Node{c.Node(1), c.Node(5)}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					stopped <- sent
					return
				case <-tick.C:
				}
				for i := range perMillisecond {
					from := i % 2
					payload := binary.BigEndian.AppendUint32([]byte{byte(from)}, sent[from])
					slotmesh.Say(publishers[from], "news", payload)
					sent[from]++
				}
			}
		}()
		began := time.Now()
		set := e2e.StartMove(t, c, 0)
		e2e.WaitMoved(t, c.Node(1), &set, c.Node(1).ID)
		moved := time.Since(began)
		c.Kill(0)
		e2e.Await(t, c, 3, e2e.Leads)
		time.Sleep(time.Second)
		close(stop)
		sent := <-stopped
		time.Sleep(time.Second)
		total := sent[0] + sent[1]
		t.Logf("%d messages in %v, %v of them during the move; each to %d subscribers", total, time.Since(began), moved,
			len(ledgers))
		for i, l := range ledgers {
			l.mu.Lock()
			if l.next != sent || l.wrong != 0 {
				t.Errorf("node %d heard up to %d, of %d sent; %d were missing or out of order", i, l.next, sent, l.wrong)
			}
			l.mu.Unlock()
		}
	})
}
