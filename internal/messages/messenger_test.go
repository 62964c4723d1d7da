package messages

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/slots"
)

// A message reaches the nodes that want it, and no others.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 4)
		a, b, p, none := c.members[0], c.members[1], c.members[2], c.members[3]
		a.subscribe("news")
		b.Want(interest.Pattern, "n*", true)
		b.AwaitInterest(nil)
		p.Publish([]byte("news"), []byte("1"))
		p.Publish([]byte("notes"), []byte("2"))
		p.Publish([]byte("other"), []byte("3"))
		a.wantTaken("news=1")
		b.wantTaken("news=1", "notes=2")
		p.wantTaken()
		none.wantTaken()
		if st := p.Stats(); st.Sent != 3 || st.Receivers != 2 || st.Sources != 0 {
			t.Errorf("%+v, want 3 messages sent, to 2 receivers", st)
		}

		a.Want(interest.Channel, "news", false)
		a.AwaitInterest(nil)
		p.Publish([]byte("news"), []byte("4"))
		a.wantTaken()
		b.wantTaken("news=4")
	})
}

// A message to a sharded channel reaches the nodes of its shard that want it.
func TestPublishShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 4)
		master, replica, outside := c.members[0], c.members[1], c.members[2]
		all := slots.Full()
		c.changeMap(func(n *slots.Node) {
			switch n.ID {
			case master.id:
				n.Slots = &all
			case replica.id:
				n.Master = master.id
			}
		})
		for _, x := range c.members {
			x.Want(interest.Shard, "s", true)
			x.AwaitInterest(nil)
		}
		master.PublishShard(slots.OfString("s"), []byte("s"), []byte("1"))
		replica.wantTaken("s=1")
		replica.PublishShard(slots.OfString("s"), []byte("s"), []byte("2"))
		master.wantTaken("s=2")
		outside.wantTaken()
		if n := outside.Stats().Received + outside.Stats().ReceivedShard; n != 0 {
			t.Errorf("the node of another shard has received %d messages", n)
		}
		c.changeMap(func(n *slots.Node) { // outside joins the shard
			switch n.ID {
			case master.id:
				n.Slots = &all
			case replica.id, outside.id:
				n.Master = master.id
			}
		})
		time.Sleep(time.Millisecond)
		replica.PublishShard(slots.OfString("s"), []byte("s"), []byte("3"))
		outside.wantTaken("s=3")
	})
}
