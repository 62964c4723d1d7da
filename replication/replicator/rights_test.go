package replicator

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// members is what a test's map says: the nodes that are replicas.
type members struct {
	mu  sync.Mutex
	ids map[slots.NodeID]bool
}

func (m *members) set(x *testNode, is bool) {
	m.mu.Lock()
	m.ids[x.id] = is
	m.mu.Unlock()
}

// rights gives a master a map, with no replicas so far.
func rights(master *testNode) *members {
	m := &members{ids: make(map[slots.NodeID]bool)}
	master.cfg.MayFollow = func(id slots.NodeID) error {
		m.mu.Lock()
		defer m.mu.Unlock()
		if !m.ids[id] {
			return errors.New("node " + id.Short() + " is no replica")
		}
		return nil
	}
	return m
}

// A hello alone must bring nobody the data of a shard.
func TestStrangerGetsNoData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		rights(master)
		master.set("k", "v")
		began := time.Now()
		l := newLiar(t, master)
		var m replication.Message
		if err := l.in.Next(&m); err != nil || m.Kind != replication.KindRefuse || !strings.Contains(m.Text, "no replica") {
			t.Errorf("answered with %+v, %v", m, err)
		}
		if took := time.Since(began); took != newsLimit {
			t.Errorf("refused after %v", took)
		}
		if _, err := l.hear(0); err == nil {
			t.Error("the link goes on")
		}
		synctest.Wait()
		if st := master.Status(); st.FullSyncs != 0 || len(st.Replicas) != 0 || st.Backlog.Active {
			t.Errorf("%+v", st)
		}
	})
}

// A node may say hello before the news that it is a replica has reached its master.
func TestHelloBeforeTheMap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		known := rights(master)
		master.set("k", "v")
		began := time.Now()
		replica.follow(master)
		// the first is about another one
		for _, news := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond} {
			time.Sleep(time.Until(began.Add(news)))
			known.set(replica, news > 500*time.Millisecond)
			master.MapChanged()
		}
		replica.connect(master)
		if took := time.Since(began); took != 700*time.Millisecond {
			t.Errorf("in step after %v", took)
		}
		if _, lost := last[replication.LinkLost](replica); lost {
			t.Error("the replica was refused meanwhile")
		}
	})
}

// One that comes much too early hears why, and is served when it is a replica.
func TestRefusedReplicaComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		known := rights(master)
		replica.follow(master)
		time.Sleep(10 * time.Second)
		if lost, _ := last[replication.LinkLost](replica); lost.Err == nil ||
			!strings.Contains(lost.Err.Error(), "no replica") {
			t.Errorf("refused with %v", lost.Err)
		}
		known.set(replica, true)
		master.MapChanged()
		began := time.Now()
		replica.connect(master)
		if took := time.Since(began); took > maxPause {
			t.Errorf("served %v later", took)
		}
	})
}

// A node that is no replica any more gets nothing of the stream, and what it says of the
// stream counts for nothing.
func TestFormerReplicaIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica, other := tn.node(1), tn.node(2), tn.node(3)
		defer master.stop()
		defer replica.stop()
		defer other.stop()
		known := rights(master)
		known.set(replica, true)
		known.set(other, true)
		for _, x := range []*testNode{replica, other} {
			x.follow(master)
			x.connect(master)
		}
		master.set("k", "v")
		if n, err := master.WaitAcked(t.Context(), master.Mark(master.Term()), 2); n != 2 {
			t.Fatalf("acknowledged by %d: %v", n, err)
		}
		known.set(replica, false)
		master.MapChanged()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if n, _ := master.WaitAcked(ctx, master.Mark(master.Term()), 2); n != 1 {
			t.Errorf("acknowledged by %d", n)
		}
		master.set("k", "new")
		time.Sleep(time.Minute)
		if got := replica.get("k"); got != "v" {
			t.Errorf("the former replica has %q", got)
		}
		if got := other.get("k"); got != "new" {
			t.Errorf("the other replica has %q", got)
		}
	})
}

// A node speaks for itself only: it must not take the link of another one.
func TestHelloInTheNameOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(9)
		defer master.stop()
		defer replica.stop()
		replica.follow(master)
		replica.connect(master)
		l := newLiarFrom(t, master, slots.NodeID{8}) // says that it is node 9, like all of them
		m, err := l.hear(replication.KindRefuse)
		if err != nil || !strings.Contains(m.Text, "says that it is node") {
			t.Errorf("refused with %q, %v", m.Text, err)
		}
		time.Sleep(time.Minute)
		if _, left := last[replication.ReplicaLeft](master); left || len(master.Status().Replicas) != 1 {
			t.Errorf("the master serves %+v", master.Status().Replicas)
		}
		now := newLiarFrom(t, master, slots.NodeID{9}) // of itself a node may have another one
		if _, err := now.hear(replication.KindFull); err != nil {
			t.Error(err)
		}
	})
}

// A node has one connection without a hello, so that it cannot use up those of others.
func TestOneUnusedLinkForANode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		rights(master)
		for range 100 {
			newLiarFrom(t, master, slots.NodeID{9}) // waits for its right
			near, far := net.Pipe()
			defer near.Close()
			master.Accept(far, slots.NodeID{8})
		}
		synctest.Wait()
		if n := len(*master.replicas.Load()); n != 2 {
			t.Errorf("%d links", n)
		}
	})
}

// A node that comes again and again does not fill the log.
func TestRefusalsInTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		master := newTestNet(t).node(1)
		defer master.stop()
		rights(master)
		var out bytes.Buffer
		master.Replicator.log = hclog.New(&hclog.LoggerOptions{Output: &out, Level: hclog.Info})
		began := time.Now()
		for time.Since(began) < 3*time.Minute {
			newLiar(t, master).hear(0)
			synctest.Wait()
		}
		if lines := strings.Count(out.String(), "\n"); lines != 3 || !strings.Contains(out.String(), "no replica") {
			t.Errorf("%d lines: %s", lines, out.String())
		}
	})
}
