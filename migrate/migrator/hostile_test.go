package migrator

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// countingDisk counts the writes of the journal, each of which takes some time.
type countingDisk struct {
	storage.Disk
	writes *int
	delay  time.Duration
}

func (d countingDisk) Create(name string) (storage.File, error) {
	*d.writes++
	time.Sleep(d.delay)
	return d.Disk.Create(name)
}

// sayHello opens a connection to node i and says hello in the name of node 0.
func (c *testCluster) sayHello(i int, id migrate.JobID, set slots.Set) *wire {
	c.t.Helper()
	return c.sayHelloAs(0, i, migrate.Job{ID: id, Kind: migrate.KindMove, Slots: set})
}

// sayHelloAs opens a connection to node i and says hello in the name of another one, for a
// job whose slots all are its own to give, as it sees it.
func (c *testCluster) sayHelloAs(as, i int, job migrate.Job) *wire {
	c.t.Helper()
	conn, err := c.nodes[as].host.Dial(c.t.Context(), c.nodes[i].ln.Addr().String())
	if err != nil {
		c.t.Fatal(err)
	}
	w, now := newWire(conn), time.Now()
	job.Target = c.nodes[i].id
	mine, theirs := job.Slots, slots.Set{}
	if job.Kind == migrate.KindReturn {
		mine, theirs = theirs, mine
	}
	m, err := slots.NewMap(slots.Topology{Self: c.nodes[as].id, Nodes: []slots.Node{{ID: c.nodes[as].id, Slots: &mine},
		{ID: job.Target, Slots: &theirs}}})
	if err != nil {
		c.t.Fatal(err)
	}
	s := migrate.NewSender(now, migrate.SenderConfig{Job: job, Map: m, Engine: migrate.NewEngine(c.nodes[as].store)})
	for s.Tick(now); ; {
		switch e, ok := s.Next(now); e := e.(type) {
		case migrate.Dial:
			s.Connected(now)
		case migrate.Send: // the first message
			w.send(&e.Message)
			return w
		default:
			if !ok {
				c.t.Fatal("no hello")
			}
		}
	}
}

// A peer can open connections as fast as it likes; what it asks to be written is bounded.
func TestHellosAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		writes := 0
		cl.nodes[1].driver.cfg.Disk = countingDisk{cl.nodes[1].disk, &writes, 0}
		welcome, refused := 0, 0
		hello := func(i, n int) {
			w := cl.sayHello(1, migrate.JobID{byte(i >> 8), byte(i), 1}, slots.NewSet(slots.Slot(n)))
			if _, err := w.receive(migrate.MaxMessage); err == nil {
				welcome++
			} else {
				refused++
			}
			w.close()
		}
		began := time.Now()
		for i := range 40 { // one after another
			hello(i, 0)
		}
		for n := range 40 { // for one job, with ever other slots
			hello(0, n+1)
		}
		if most := helloBurst + int(time.Since(began)/helloPace) + 1; writes > most || welcome != 80 {
			t.Errorf("%d writes in %v, at most %d are due; %d were welcome", writes, time.Since(began), most, welcome)
		}
		d := cl.nodes[1].driver
		d.mu.Lock()
		for i := d.registry.Len(); i < maxJobs; i++ {
			d.registry.Add(migrate.Job{ID: migrate.JobID{1, byte(i >> 8), byte(i)}, Kind: migrate.KindMove}, time.Now())
		}
		d.mu.Unlock()
		welcome, writes = 0, 0
		if hello(1000, 0); refused != 1 || writes != 0 {
			t.Errorf("a job too many: %d refused, %d writes", refused, writes)
		}
		if hello(1, 0); welcome != 1 {
			t.Error("a job that is known is refused")
		}
	})
}

// Hellos that come at once share a write.
func TestHellosShareAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		writes := 0
		cl.nodes[1].driver.cfg.Disk = countingDisk{cl.nodes[1].disk, &writes, 10 * time.Millisecond}
		began := time.Now()
		var wires []*wire
		for i := range 100 {
			wires = append(wires, cl.sayHello(1, migrate.JobID{byte(i), 1}, slots.NewSet(1)))
		}
		for _, w := range wires {
			if _, err := w.receive(migrate.MaxMessage); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); writes > 3 || took > time.Second {
			t.Errorf("%d writes, %v", writes, took)
		}
		for _, w := range wires {
			w.close()
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		d := cl.nodes[1].driver
		for range maxSessions {
			conn, err := cl.nodes[0].host.Dial(t.Context(), cl.nodes[1].ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
		synctest.Wait()
		w := cl.sayHello(1, migrate.JobID{1}, slots.NewSet(1))
		if m, err := w.receive(migrate.MaxMessage); err == nil {
			t.Errorf("one too many is answered: %+v", m)
		}
		w.close()
		time.Sleep(2 * sessionSilence)
		d.mu.Lock()
		defer d.mu.Unlock()
		if len(d.sessions) != 0 {
			t.Errorf("%d connections without a hello", len(d.sessions))
		}
	})
}

// The session of a job ends when its source connects anew, and not because another node
// names the same job.
func TestJobOfAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 3)
		for _, job := range []migrate.Job{
			{ID: migrate.JobID{1}, Kind: migrate.KindMove, Slots: slots.NewSet(1, 2)},
			{ID: migrate.JobID{2}, Kind: migrate.KindReturn, Slots: slots.NewSet(testSlots + 1)},
		} {
			honest := cl.sayHelloAs(0, 1, job)
			if _, err := honest.receive(migrate.MaxMessage); err != nil {
				t.Fatalf("%v: %v", job.Kind, err)
			}
			other := cl.sayHelloAs(2, 1, job)
			synctest.Wait()
			d := cl.nodes[1].driver
			sources := func() (list []slots.NodeID) {
				d.mu.Lock()
				defer d.mu.Unlock()
				for s := range d.sessions {
					if s.job == job.ID {
						list = append(list, s.source)
					}
				}
				return list
			}
			if got := sources(); len(got) != 1 || got[0] != cl.nodes[0].id {
				t.Errorf("%v: sessions of %v", job.Kind, got)
			}
			other.close()
			again := cl.sayHelloAs(0, 1, job)
			if _, err := again.receive(migrate.MaxMessage); err != nil {
				t.Errorf("%v: the source connects anew: %v", job.Kind, err)
			}
			synctest.Wait()
			if got := sources(); len(got) != 1 {
				t.Errorf("%v: %d sessions", job.Kind, len(got))
			}
			honest.close()
			again.close()
		}
	})
}

// A node that is forgotten brings no more slots.
func TestSessionOfAForgottenNodeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestCluster(t, 2)
		w := cl.sayHello(1, migrate.JobID{1}, slots.NewSet(1))
		defer w.close()
		if _, err := w.receive(migrate.MaxMessage); err != nil {
			t.Fatal(err)
		}
		n := cl.nodes[1]
		n.mu.Lock()
		var none slots.Set
		m, err := slots.NewMap(slots.Topology{Self: n.id, Nodes: []slots.Node{{ID: n.id, Slots: &none}}})
		n.m = m
		n.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		n.driver.MapChanged()
		if m, err := w.receive(migrate.MaxMessage); err == nil {
			t.Errorf("the session goes on: %+v", m)
		}
	})
}

// A node that opens connections and says nothing leaves room for the others.
func TestSilentSessionsOfANodeAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newTestCluster(t, 2).nodes[1].driver
		open := func(from slots.NodeID) (ended bool) {
			near, far := net.Pipe()
			t.Cleanup(func() { near.Close() })
			d.Accept(far, from)
			near.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := near.Read(make([]byte, 1))
			return !errors.Is(err, os.ErrDeadlineExceeded)
		}
		greedy, other := slots.NodeID{8}, slots.NodeID{9}
		for i := range 2 * maxSilent {
			if ended := open(greedy); ended != (i >= maxSilent) {
				t.Fatalf("connection %d has ended: %v", i, ended)
			}
		}
		if open(other) {
			t.Error("another node is refused")
		}
	})
}
