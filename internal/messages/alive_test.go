package messages

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/interest"
)

// A link between two sides of a partition is given up after Silence at both ends; when the
// partition heals, messages flow again.
func TestPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		s, p, other := c.members[0], c.members[1], c.members[2]
		s.subscribe("news")
		time.Sleep(time.Second)
		c.net.Cut(s.host, p.host)
		p.Publish([]byte("news"), []byte("lost"))
		other.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
		time.Sleep(defaultSilence + 2*defaultSilence/pingsPerSilence)
		if p, s := p.Stats(), s.Stats(); p.Receivers != 0 || s.Sources != 1 {
			t.Errorf("the publisher has %d receivers, the subscriber %d sources; want none, and the other one", p.Receivers,
				s.Sources)
		}
		c.net.Heal()
		time.Sleep(lastPause)
		p.Publish([]byte("news"), []byte("2"))
		s.wantTaken("news=2")
	})
}

// A link on which nothing is published stays.
func TestQuietLinkStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.subscribe("news")
		r := (*p.receivers.Load())[0]
		time.Sleep(time.Hour)
		if got := *p.receivers.Load(); len(got) != 1 || got[0] != r {
			t.Error("the link was replaced")
		}
		if age := time.Since(r.lastHeard()); age > defaultSilence/pingsPerSilence {
			t.Errorf("the last ping is %v old", age)
		}
	})
}

// A node that wants nothing any more ends its links after a minute, and makes new ones when
// it wants something again.
func TestIdleLinkEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.subscribe("news")
		s.Want(interest.Channel, "news", false)
		time.Sleep(idleAfter - time.Second)
		if st := p.Stats(); st.Receivers != 1 {
			t.Errorf("before its time the link has ended: %+v", st)
		}
		time.Sleep(2*defaultSilence/pingsPerSilence + time.Second)
		if st := p.Stats(); st.Receivers != 0 {
			t.Errorf("the link is still there: %+v", st)
		}
		s.subscribe("news")
		p.Publish([]byte("news"), []byte("1"))
		s.wantTaken("news=1")
	})
}

// AwaitInterest takes one way there and back when the link stands, and three when it has to
// be made: connection, greeting, interest.
func TestAwaitInterestTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		const delay = 7 * time.Millisecond
		for _, x := range c.members {
			for _, y := range c.members {
				if x != y {
					c.net.SetDelay(x.host, y.host, delay)
				}
			}
		}
		took := func(channel string) time.Duration {
			began := time.Now()
			c.members[0].subscribe(channel)
			return time.Since(began)
		}
		if got := took("a"); got != 6*delay {
			t.Errorf("the first subscription took %v, want %v", got, 6*delay)
		}
		if got := took("b"); got != 2*delay {
			t.Errorf("the second one took %v, want %v", got, 2*delay)
		}
		began := time.Now()
		if c.members[0].AwaitInterest(nil); time.Since(began) != 0 {
			t.Errorf("without a change it took %v", time.Since(began))
		}
	})
}

// A member that hangs holds subscriptions up for maxWait, once.
func TestHangingMember(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		s, hangs, p := c.members[0], c.members[1], c.members[2]
		s.subscribe("a")
		c.net.Cut(s.host, hangs.host)
		for i, want := range []time.Duration{maxWait, 0, 0} {
			began := time.Now()
			s.subscribe(fmt.Sprint("channel", i))
			if took := time.Since(began); took != want {
				t.Errorf("subscription %d took %v, want %v", i, took, want)
			}
			p.Publish(fmt.Append(nil, "channel", i), nil)
			s.wantTaken(fmt.Sprint("channel", i, "="))
		}
		c.net.Heal()
		time.Sleep(time.Second)
		hangs.Publish([]byte("channel2"), []byte("x"))
		s.wantTaken("channel2=x")
		done := make(chan struct{})
		close(done)
		c.net.Cut(s.host, hangs.host)
		s.Want(interest.Channel, "z", true)
		began := time.Now()
		if s.AwaitInterest(done); time.Since(began) != 0 {
			t.Error("done does not end the waiting")
		}
	})
}
