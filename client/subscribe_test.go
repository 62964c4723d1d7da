package client_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// heard collects what a subscription yields, from a goroutine that ends with the test.
type heard struct {
	list []string
	over chan struct{} // closed when the loop has ended
}

func hear(seq iter.Seq2[client.Message, error]) *heard {
	h := &heard{over: make(chan struct{})}
	go func() {
		defer close(h.over)
		for m, err := range seq {
			if err != nil {
				h.list = append(h.list, "error: "+err.Error())
				continue
			}
			h.list = append(h.list, strings.TrimSpace(fmt.Sprint(m.Pattern, " ", m.Channel, "=", string(m.Payload))))
		}
	}()
	return h
}

// expect compares what was heard since the last time, once nothing moves any more.
func (h *heard) expect(t *testing.T, what string, want ...string) {
	t.Helper()
	synctest.Wait()
	got := h.list
	h.list = nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s heard %q, want %q", what, got, want)
	}
}

func dial(t *testing.T, c *clustertest.Cluster, i int) *client.Client {
	t.Helper()
	cl, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{c.Addrs()[i]}, Network: c.ClientNetwork()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cl.Close() })
	return cl
}

// TestSubscribe: what is published at any node, by a node or a client, reaches subscribers
// at all nodes, and those of a Client.
func TestSubscribe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		ctx, cancel := context.WithCancel(t.Context())
		cl := dial(t, c, 1)
		all := make(map[string]*heard)
		for i, n := range c.Nodes() {
			all[fmt.Sprint("node ", i)] = hear(n.Subscribe(ctx, "news", "weather"))
			all[fmt.Sprint("node ", i, " by pattern")] = hear(n.SubscribePattern(ctx, "n?ws"))
		}
		all["the client"] = hear(cl.Subscribe(ctx, "news", "weather"))
		all["the client by pattern"] = hear(cl.SubscribePattern(ctx, "n?ws"))
		for i, publish := range []func(context.Context, string, []byte) (int, error){
			c.Node(0).Publish, c.Node(5).Publish, c.Node(2).Router().Publish, cl.Publish,
		} {
			for _, channel := range []string{"news", "weather", "other"} {
				if _, err := publish(t.Context(), channel, []byte(strconv.Itoa(i))); err != nil {
					t.Fatal(err)
				}
				synctest.Wait() // channels have no order among each other
			}
			for what, h := range all {
				if strings.Contains(what, "pattern") {
					h.expect(t, what, fmt.Sprint("n?ws news=", i))
				} else {
					h.expect(t, what, fmt.Sprint("news=", i), fmt.Sprint("weather=", i))
				}
			}
		}
		cancel()
		for what, h := range all {
			<-h.over
			h.expect(t, what)
		}
		synctest.Wait()
		if n, err := c.Node(0).Publish(t.Context(), "news", nil); n != 0 || err != nil {
			t.Errorf("after the end of all loops a message has %d receivers, %v", n, err)
		}
	})
}

// TestSubscribeWaits: messages wait for a loop that begins later, and a sequence that is
// used again subscribes again.
func TestSubscribeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		for _, r := range []*client.Router{c.Node(0).Router(), &dial(t, c, 0).Router} {
			seq := r.Subscribe(t.Context(), "a")
			for round := range 2 {
				if round == 0 {
					for _, text := range []string{"1", "2"} {
						c.Node(1).Publish(t.Context(), "a", []byte(text))
					}
					synctest.Wait() // both have come: the second goes with the loop, the next one must not see it
				} else {
					go func() {
						time.Sleep(time.Second)
						c.Node(1).Publish(t.Context(), "a", []byte("1"))
					}()
				}
				for m, err := range seq {
					if err != nil || string(m.Payload) != "1" {
						t.Errorf("round %d: %q, %v", round, m.Payload, err)
					}
					break
				}
			}
		}
	})
}

// TestSubscribeShard: a subscription to a sharded channel follows its slot. A node's misses
// nothing; a Client's says when it has subscribed again.
func TestSubscribeShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		cl := dial(t, c, 2)
		channel := e2e.KeyOf(c.Node(0))
		other := e2e.KeyOf(c.Node(2))
		var nodes []*heard
		for _, n := range c.Nodes() {
			nodes = append(nodes, hear(n.SubscribeShard(t.Context(), channel, other)))
		}
		far := hear(cl.SubscribeShard(t.Context(), channel, other))
		published := 0
		publish := func() {
			for _, r := range []*client.Router{&cl.Router, c.Node(0).Router(), c.Node(1).Router(), c.Node(2).Router()} {
				published++
				if _, err := r.PublishShard(t.Context(), channel, []byte(strconv.Itoa(published))); err != nil {
					t.Fatal(err)
				}
			}
		}
		publish()
		far.expect(t, "the client", numbered(channel, 1, 4)...)
		for target := range 3 {
			id, err := c.Node((target+2)%3).MigrateSlots(t.Context(), slots.NewSet(slots.OfString(channel)), c.Node(target).ID())
			if target == 0 {
				continue // it is there
			}
			if err == nil {
				err = c.Node((target+2)%3).WaitMigration(t.Context(), id)
			}
			if err != nil {
				t.Fatal(err)
			}
			publish()
			c.WaitStable()
			time.Sleep(time.Second)
			synctest.Wait()
			if !strings.Contains(fmt.Sprint(far.list), "error: slotmesh: messages may be missing: ") {
				t.Errorf("after the move the client heard %q", far.list)
			}
			far.list = nil
			publish()
			far.expect(t, "the client", numbered(channel, published-3, published)...)
		}
		for i, h := range nodes {
			synctest.Wait()
			slices.SortFunc(h.list, func(a, b string) int { // of several publishers, while the slot moved
				return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
			})
			h.expect(t, fmt.Sprint("node ", i), numbered(channel, 1, published)...)
		}
		cl.PublishShard(t.Context(), other, []byte("x"))
		far.expect(t, "the client", other+"=x")
		if n, err := cl.Publish(t.Context(), channel, nil); n != 0 || err != nil {
			t.Errorf("a channel of the cluster of the same name has %d receivers, %v", n, err)
		}
	})
}

func numbered(channel string, from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(channel, "=", i))
	}
	return list
}

// TestSubscribeLost: a Client whose node fails subscribes at another one, and says so once
// it has.
func TestSubscribeLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 5, Replicas: 1})
		cl := dial(t, c, 0)
		h := hear(cl.Subscribe(t.Context(), "a", "b"))
		shard := hear(cl.SubscribeShard(t.Context(), e2e.KeyOf(c.Node(0))))
		for i := range 5 {
			n, err := c.Node(i).Publish(t.Context(), "a", nil)
			if err != nil {
				t.Fatal(err)
			}
			if n > 0 || i == 0 { // here are the channels, or the shard
				c.Kill(i)
			}
		}
		synctest.Wait()
		c.WaitStable()
		time.Sleep(time.Minute)
		for what, got := range map[string]*heard{"channels": h, "shard": shard} {
			synctest.Wait()
			if !strings.Contains(fmt.Sprint(got.list), "error: slotmesh: messages may be missing: ") {
				t.Errorf("%s heard %q", what, got.list)
			}
			got.list = nil
		}
		if _, err := cl.Publish(t.Context(), "a", []byte("1")); err != nil {
			t.Fatal(err)
		}
		h.expect(t, "the client", "a=1")
	})
}

// TestSubscribeEnds: the last error says why.
func TestSubscribeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		cl := dial(t, c, 0)
		h, node := hear(cl.Subscribe(t.Context(), "a")), hear(c.Node(1).Subscribe(t.Context(), "a"))
		for _, r := range []*client.Router{&cl.Router, c.Node(1).Router()} {
			for _, err := range r.Subscribe(t.Context()) {
				if err == nil || !strings.Contains(err.Error(), "at least one channel") {
					t.Errorf("a subscription to nothing: %v", err)
				}
			}
		}
		cl.Close()
		<-h.over
		h.expect(t, "the client", "error: "+client.ErrClosed.Error())
		for _, err := range cl.Subscribe(t.Context(), "a") {
			if !errors.Is(err, client.ErrClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		c.Stop(1)
		<-node.over
		node.expect(t, "the node", "error: "+client.ErrClosed.Error())
	})
}

// TestSubscribeRefused: a client without the right to a channel is told so.
func TestSubscribeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1})
		cl := dial(t, c, 0)
		if _, err := c.Node(0).Do(t.Context(), "PING"); err != nil {
			t.Logf("PING: %v", err)
		}
		o := e2e.Operator{T: t, Cluster: c}
		o.Must(0, "ACL SETUSER default resetchannels &mine:*")
		h := hear(cl.Subscribe(t.Context(), "others:1"))
		<-h.over
		synctest.Wait()
		if len(h.list) != 1 || !strings.HasPrefix(h.list[0], "error: NOPERM") {
			t.Errorf("heard %q", h.list)
		}
	})
}
