package e2e_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/storage"
)

// withLog gives each node a log and no snapshots by rules.
func withLog(sync slotmesh.LogSync) func(int, *slotmesh.Config) {
	return func(_ int, cfg *slotmesh.Config) {
		cfg.Log.Sync = sync
		cfg.Snapshot.Rules = []replication.SaveRule{}
	}
}

// counters are keys that writers count up, each its own, until they are stopped.
type counters struct {
	acked [8]atomic.Int64 // what was acknowledged last
	at    [8]atomic.Int64 // when, in ms of the test
	stop  chan struct{}
	group sync.WaitGroup
}

func (w *counters) key(i int) string { return fmt.Sprint("counter:", i) }

// run writes by node n's calls to the owners.
func (w *counters) run(t *testing.T, n *slotmesh.Node) {
	w.stop = make(chan struct{})
	for i := range w.acked {
		w.group.Go(func() {
			for v := w.acked[i].Load() + 1; ; v++ {
				select {
				case <-w.stop:
					return
				default:
				}
				if err := n.Set(t.Context(), w.key(i), fmt.Append(nil, v), 0); err != nil {
					return // of a node that was killed
				}
				w.acked[i].Store(v)
				w.at[i].Store(time.Now().UnixMilli())
				time.Sleep(time.Millisecond)
			}
		})
	}
}

// All nodes are killed at once, in the middle of writes, again and again. With LogAlways
// each acknowledged write is there when they have started again.
func TestLogSurvivesTheDeathOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, WithoutFailover: true,
			Node: withLog(slotmesh.LogAlways)})
		var w counters
		for round := range 5 {
			w.run(t, cluster.Node(round%6))
			time.Sleep(time.Duration(100+37*round) * time.Millisecond)
			for i := range 6 {
				cluster.Kill(i)
			}
			close(w.stop)
			w.group.Wait()
			for i := range 6 {
				cluster.Restart(i)
			}
			cluster.WaitStable()
			for i := range w.acked {
				b, err := cluster.Node(0).Get(t.Context(), w.key(i))
				var got int64
				fmt.Sscan(string(b), &got)
				if want := w.acked[i].Load(); err != nil || got < want {
					t.Errorf("round %d: counter %d is %d, %v; %d was acknowledged", round, i, got, err, want)
				}
				w.acked[i].Store(got)
			}
		}
	})
}

// A replica that was killed and one that was stopped, and a master alike, go on where they
// were: no full sync.
func TestLogResumesPartially(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cluster := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, WithoutFailover: true,
			Node: withLog(slotmesh.LogEverySecond)})
		master, replica := 0, 3
		e2e.WriteKeys(t, cluster, 500)
		time.Sleep(2 * time.Second)
		full := func(i int) uint64 { return cluster.Node(i).Stats().Replication.FullSyncs }
		for _, how := range []struct {
			name string
			end  func(int)
		}{{"killed", cluster.Kill}, {"stopped", cluster.Stop}} {
			before := full(master)
			how.end(replica)
			e2e.WriteKeys(t, cluster, 200)
			cluster.Restart(replica)
			cluster.WaitStable()
			e2e.WaitSynced(t, cluster)
			if st := cluster.Node(master).Stats().Replication; st.FullSyncs != before || st.PartialSyncs == 0 {
				t.Errorf("the replica was %s: %d full syncs, %d partial ones", how.name, st.FullSyncs-before, st.PartialSyncs)
			}
			time.Sleep(2 * time.Second)
			cluster.Kill(master)
			cluster.Restart(master)
			cluster.WaitStable()
			e2e.WaitSynced(t, cluster)
			leader := master
			if !cluster.Node(master).Map().Self().IsMaster() {
				leader = replica
			}
			if st := cluster.Node(leader).Stats().Replication; leader == master && st.FullSyncs > 0 || st.PartialSyncs == 0 {
				t.Errorf("the master was killed: node %d has given %d full syncs, %d partial ones", leader, st.FullSyncs,
					st.PartialSyncs)
			}
			if leader != master {
				t.Fatal("the replica took over within the node timeout")
			}
		}
	})
}

// disk works again, the node has a log.
func TestLogFailurePromotesReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &storage.Memory{}
		cluster := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, WithoutFailover: true,
			Node: func(i int, cfg *slotmesh.Config) {
				withLog(slotmesh.LogAlways)(i, cfg)
				if i == 0 {
					cfg.Disk = logDisk{Memory: disk}
				}
			}})
		node := cluster.Node(0)
		key := e2e.KeyOf(node)
		if err := node.Local().Set(t.Context(), key, []byte("1"), 0); err != nil {
			t.Fatal(err)
		}
		brokenLog.Store(true)
		defer brokenLog.Store(false)
		err := node.Local().Set(t.Context(), key, []byte("2"), 0)
		if !errors.Is(err, keyspace.ErrAmbiguous) || !errors.Is(err, keyspace.ErrNotLogged) {
			t.Errorf("a write while the disk fails: %v", err)
		}
		began := time.Now()
		e2e.Await(t, cluster, 3, e2e.Leads)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("the replica took over after %v", took)
		}
		if err := cluster.Node(1).Set(t.Context(), key, []byte("3"), 0); err != nil {
			t.Errorf("a write after that: %v", err)
		}
		brokenLog.Store(false)
		time.Sleep(2 * time.Minute)
		cluster.WaitStable()
		cluster.Stop(3)
		e2e.Await(t, cluster, 0, e2e.Leads)
		if err := cluster.Node(1).Set(t.Context(), key, []byte("4"), 0); err != nil {
			t.Errorf("a write to the node whose disk had failed: %v", err)
		}
	})
}

var brokenLog atomic.Bool

// logDisk is a disk whose files that grow fail while brokenLog.
type logDisk struct{ *storage.Memory }

var errBrokenLog = errors.New("input/output error")

func (d logDisk) Append(name string) (storage.LogFile, error) {
	if brokenLog.Load() {
		return nil, errBrokenLog
	}
	f, err := d.Memory.Append(name)
	return brokenFile{f}, err
}

type brokenFile struct{ storage.LogFile }

func (f brokenFile) Sync() error {
	if brokenLog.Load() {
		return errBrokenLog
	}
	return f.LogFile.Sync()
}
