package messages

import (
	"context"
	"fmt"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/slots"
)

// Messages of one node to one channel arrive in their order, also while its link breaks
// again and again.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.subscribe("news")
		for i := range 5000 {
			p.Publish([]byte("news"), fmt.Appendf(nil, "%05d", i))
			switch {
			case i%500 == 499:
				c.net.Reset(s.host, p.host)
			case i%100 == 0:
				time.Sleep(20 * time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		got := s.taken()
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Error("messages came out of order, or twice")
		}
		if len(got) < 100 || len(got) == 5000 { // how many depends on the pauses, which have jitter
			t.Errorf("%d of 5000 messages arrived; a part of them was to be lost", len(got))
		}
	})
}

// A link that breaks is replaced within the first pause, and tells the whole interest again.
func TestLinkIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.subscribe("a")
		s.subscribe("b")
		c.net.Reset(s.host, p.host)
		s.Want(interest.Channel, "b", false)
		time.Sleep(firstPause)
		p.Publish([]byte("a"), []byte("1"))
		p.Publish([]byte("b"), []byte("2"))
		s.wantTaken("a=1")
		if st := p.Stats(); st.Receivers != 1 {
			t.Errorf("%+v, want one receiver", st)
		}
	})
}

// A node that is started anew is told again, and its own interest of before is gone.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		a, b, p := c.members[0], c.members[1], c.members[2]
		a.subscribe("news")
		b.subscribe("news")
		a.end()
		a.start(Config{})
		b.Publish([]byte("news"), []byte("1"))
		a.wantTaken() // it wants nothing now
		a.subscribe("other")
		b.Publish([]byte("other"), []byte("2"))
		a.wantTaken("other=2")
		time.Sleep(firstPause)
		a.Publish([]byte("news"), []byte("3"))
		b.wantTaken("news=3")
		p.Publish([]byte("news"), []byte("4"))
		b.wantTaken("news=4")
	})
}

// A process of before, whose connection comes late, does not take the place of the one that
// runs now.
func TestOlderIncarnationIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.incarnation = 5
		s.end()
		s.start(Config{})
		s.subscribe("news")
		conn := s.dialled(p)
		conn.Write(hello{wanted: p.id, incarnation: 5}.append(nil))
		synctest.Wait()
		if got := (*p.receivers.Load())[0].incarnation; got != 6 {
			t.Fatalf("the link is of incarnation %d", got)
		}
		p.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
	})
}

// A connection that was meant for another node ends.
func TestLinkForAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		conn := s.dialled(p)
		conn.Write(hello{wanted: slots.NodeID{99}, incarnation: 1}.append(nil))
		if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
			t.Errorf("it was answered: %d, %v", n, err)
		}
		if len(*p.receivers.Load()) != 0 {
			t.Error("it is a receiver")
		}
	})
}

// dialled opens a connection as a Source does, and says nothing yet.
func (x *member) dialled(to *member) net.Conn {
	conn, err := x.cfg.Dial(context.Background(), to.addr)
	if err != nil {
		x.mesh.t.Fatal(err)
	}
	return conn
}

// A member that has a new address is dialled there at once, however long the pause was.
func TestNewAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		p.end()
		s.subscribe("news")
		time.Sleep(time.Minute) // the pauses have grown
		p.host = "10.0.0.9"
		p.addr.Host = p.host
		p.start(Config{})
		c.changeMap(nil)
		synctest.Wait()
		p.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
	})
}

// A member that was failed is dialled at once when the map says that it is back.
func TestFailedAndBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		p.end()
		c.changeMap(func(n *slots.Node) {
			if n.ID == p.id {
				n.Health = slots.Failed
			}
		})
		began := time.Now()
		s.subscribe("news")
		if took := time.Since(began); took != 0 {
			t.Errorf("a subscription waited for %v for a member that is down", took)
		}
		time.Sleep(time.Minute)
		p.start(Config{})
		c.changeMap(nil)
		synctest.Wait()
		p.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
	})
}

// A node that is forgotten gets nothing more, and is not dialled any more.
func TestForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		gone, s, p := c.members[0], c.members[1], c.members[2]
		gone.subscribe("news")
		s.subscribe("news")
		c.members = []*member{s, p}
		c.changeMap(nil)
		c.members = []*member{gone, s, p}
		synctest.Wait()
		p.Publish([]byte("news"), []byte("1"))
		gone.wantTaken()
		s.wantTaken("news=1")
		if st := p.Stats(); st.Receivers != 1 {
			t.Errorf("%+v, want one receiver", st)
		}
		if st := s.Stats(); st.Sources != 1 {
			t.Errorf("%+v, want one source", st)
		}
		time.Sleep(time.Minute) // it dials again and again
		if st := p.Stats(); st.Receivers != 1 {
			t.Errorf("%+v, want one receiver: the other is no member", st)
		}
	})
}

// A member that joins is told what is wanted.
func TestJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		s, late := c.members[0], c.members[2]
		all := c.members
		c.members = all[:2]
		c.changeMap(nil)
		s.subscribe("news")
		c.members = all
		c.changeMap(nil)
		synctest.Wait()
		late.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
	})
}
