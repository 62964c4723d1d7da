package committer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// slowDisk is a disk in memory on which a Sync takes a while, and fails when told to. What
// is not synced is in the file all the same.
type slowDisk struct {
	storage.Memory
	sync  time.Duration
	slow  atomic.Int64 // that a Sync takes longer, in ns
	syncs atomic.Int64
	fault atomic.Pointer[error] // of Write and Sync of open files and of new ones
}

var errDisk = errors.New("input/output error")

func (d *slowDisk) fail(err error) {
	if err == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&err)
}

func (d *slowDisk) Append(name string) (storage.LogFile, error) {
	if err := d.fault.Load(); err != nil {
		return nil, *err
	}
	f, err := d.Memory.Append(name)
	return &slowFile{f, d}, err
}

type slowFile struct {
	storage.LogFile
	disk *slowDisk
}

func (f *slowFile) Sync() error {
	time.Sleep(f.disk.sync + time.Duration(f.disk.slow.Load()))
	if err := f.disk.fault.Load(); err != nil {
		return *err
	}
	f.disk.syncs.Add(1)
	return f.LogFile.Sync()
}

// node is a store with its stream and its log.
type node struct {
	t     *testing.T
	disk  *slowDisk
	store *keyspace.Store
	log   *replicator.Backlog
	repl  *replicator.Replicator
	*Committer
	held   atomic.Int32 // Hold was called and not ended
	mu     sync.Mutex
	events []replication.Event
	waited map[string][]time.Duration // as told to LATENCY
}

// open starts a node with what is on the disk.
func open(t *testing.T, disk *slowDisk, s Settings) *node {
	t.Helper()
	n := &node{t: t, disk: disk, log: replicator.NewBacklog(0), waited: make(map[string][]time.Duration)}
	n.store = keyspace.New(keyspace.Config{Sink: n.log})
	loaded, err := oplog.Load(disk, n.store, oplog.Options{})
	if err == nil {
		n.log.RestoreLog(loaded.Stream)
	} else if loaded = nil; !isNone(disk) {
		t.Fatal(err)
	}
	n.repl, err = replicator.New(replicator.Config{
		Self: func() (slots.NodeID, uint64) { return slots.NodeID{}, 1 }, Store: n.store, Log: n.log,
		Dial: func(context.Context, slots.Node) (net.Conn, error) { return nil, errDisk },
	})
	if err == nil {
		n.Committer, err = New(Config{
			Settings: s, Disk: disk, Backlog: n.log, Keys: n.store.Len, Base: n.repl.Base,
			Hold: func() func() {
				n.held.Add(1)
				return func() { n.held.Add(-1) }
			},
			OnEvent: func(e replication.Event) {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.events = append(n.events, e)
			},
			Latency: func(event string, took time.Duration) {
				n.mu.Lock()
				defer n.mu.Unlock()
				n.waited[event] = append(n.waited[event], took)
			},
		}, loaded)
	}
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	if err := n.Ready(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n
}

func isNone(disk storage.Disk) bool {
	found, err := oplog.Exists(disk)
	return err == nil && !found
}

func (n *node) put(key, value string) {
	n.t.Helper()
	err := n.store.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		return tx.Put([]byte(key), keyspace.String, []byte(value), 0)
	})
	if err != nil {
		n.t.Fatal(err)
	}
}

// write is put with the wait before its reply.
func (n *node) write(key, value string) error {
	n.put(key, value)
	return n.Await(n.t.Context(), true)
}

func (n *node) get(key string) (value string) {
	n.store.View(slots.OfString(key), func(tx *keyspace.Tx) error {
		if e, ok := tx.Get([]byte(key)); ok {
			value = string(e.Value)
		}
		return nil
	})
	return value
}

func (n *node) close() {
	n.t.Helper()
	if err := n.Close(); err != nil {
		n.t.Error(err)
	}
	n.repl.Close()
}

func (n *node) told(name string) (times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.EventName() == name {
			times++
		}
	}
	return times
}

// With Always a write waits for one Sync, or for a second one if the first was under way,
// however many write at once; a start finds all of them.
func TestGroupCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{sync: 10 * time.Millisecond}
		n := open(t, disk, Settings{Policy: Always})
		before, began := disk.syncs.Load(), time.Now()
		var clients sync.WaitGroup
		for i := range 100 {
			clients.Go(func() {
				for j := range 10 {
					sent := time.Now()
					if err := n.write(fmt.Sprint("key", i), fmt.Sprint(j)); err != nil {
						t.Error(err)
					}
					if took := time.Since(sent); took > 20*time.Millisecond {
						t.Errorf("a write waited for %v", took)
					}
				}
			})
		}
		clients.Wait()
		if took := time.Since(began); took > 200*time.Millisecond {
			t.Errorf("1000 writes of 100 clients took %v", took)
		}
		if syncs := disk.syncs.Load() - before; syncs > 20 {
			t.Errorf("%d syncs for 1000 writes of 100 clients", syncs)
		}
		st := n.Status()
		if times := st.SyncTimes; times.Count() != st.Syncs || times.Sum != time.Duration(st.Syncs)*disk.sync ||
			times.Counts[6] != st.Syncs { // up to 10 ms
			t.Errorf("%d syncs of 10 ms: %+v", st.Syncs, times)
		}
		if waited := n.waited["aof-fsync-always"]; uint64(len(waited)) != st.Syncs || slices.Max(waited) != disk.sync {
			t.Errorf("LATENCY is told of %d syncs: %v", st.Syncs, waited)
		}
		if groups := st.GroupSizes; groups.Count() == 0 || groups.Sum != n.log.Offset() {
			t.Errorf("%d bytes in groups, as: %+v", n.log.Offset(), groups)
		}
		if n.Behind() || n.Durable() != n.log.Offset() {
			t.Errorf("durable up to %d of %d", n.Durable(), n.log.Offset())
		}
		n.close()
		n = open(t, disk, Settings{Policy: Always})
		for i := range 100 {
			if got := n.get(fmt.Sprint("key", i)); got != "9" {
				t.Fatalf("key%d is %q after a start", i, got)
			}
		}
		n.close()
	})
}

// With EverySecond nobody waits, what is written is synced within a second or so, and Sync
// does it at once. With Never only Sync, and Close, do.
func TestPolicies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{sync: 10 * time.Millisecond}
		n := open(t, disk, Settings{Policy: EverySecond})
		for range 100 {
			began := time.Now()
			if err := n.write("k", began.String()); err != nil || time.Since(began) > 0 {
				t.Fatalf("a write waited for %v: %v", time.Since(began), err)
			}
			time.Sleep(30 * time.Millisecond)
			if st := n.Status(); st.Pending > 0 {
				t.Fatalf("%d bytes are not written after 30 ms", st.Pending)
			}
		}
		began := time.Now()
		if err := n.Wait(t.Context(), n.log.Offset()); err != nil || time.Since(began) > 1020*time.Millisecond {
			t.Errorf("the next sync came after %v: %v", time.Since(began), err)
		}
		n.put("k", "sync")
		began = time.Now()
		if err := n.Sync(t.Context()); err != nil || time.Since(began) > 20*time.Millisecond {
			t.Errorf("Sync took %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Minute)
		syncs := disk.syncs.Load()
		time.Sleep(time.Hour)
		if disk.syncs.Load() != syncs {
			t.Error("syncs while nothing is written")
		}
		n.Set(Settings{Policy: Never})
		n.put("k", "never")
		time.Sleep(time.Minute)
		if st := n.Status(); st.Unsynced == 0 || st.Pending > 0 || disk.syncs.Load() != syncs {
			t.Errorf("with Never: %+v", st)
		}
		n.Set(Settings{Policy: Always})
		began = time.Now()
		if err := n.write("k", "always"); err != nil || time.Since(began) < 10*time.Millisecond || n.Behind() {
			t.Errorf("with Always: %v after %v", err, time.Since(began))
		}
		n.close()
	})
}

// A rewrite that is asked for, or due because the log has grown, leaves a start with the
// same keys and fewer bytes; writes go on meanwhile.
func TestRewrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{sync: time.Millisecond}
		n := open(t, disk, Settings{Policy: Always, RewritePercent: 100, RewriteMinSize: 64 << 10})
		for i := range 3000 {
			if err := n.write(fmt.Sprint("key", i%10), fmt.Sprintf("%100d", i)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		st := n.Status()
		if st.Rewrites < 3 || st.Size > 128<<10 || st.LastRewriteErr != nil || st.Rewriting || st.LastRewrite < 0 {
			t.Errorf("after 400 KB in ten keys: %+v", st)
		}
		rewrites := st.Rewrites
		if scheduled, err := n.Rewrite(); scheduled || err != nil {
			t.Error(scheduled, err)
		}
		if _, err := n.Rewrite(); !errors.Is(err, ErrRewriting) {
			t.Errorf("a second one: %v", err)
		}
		time.Sleep(time.Second)
		if st = n.Status(); st.Rewrites != rewrites+1 || st.Size > 8<<10 {
			t.Errorf("after Rewrite: %+v", st)
		}
		if files, _ := disk.List("log."); len(files) != 3 {
			t.Errorf("files: %v", files)
		}
		n.put("last", "one")
		n.close()
		n = open(t, disk, Settings{Policy: Always})
		if n.store.Len() != 11 || n.get("last") != "one" || n.get("key9") != fmt.Sprintf("%100d", 2999) {
			t.Errorf("%d keys after a start", n.store.Len())
		}
		n.close()
	})
}

// When the disk fails, those who wait get the error, writes are refused, and the log is made
// anew once the disk works again.
func TestFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{sync: time.Millisecond}
		n := open(t, disk, Settings{Policy: Always})
		if err := n.write("a", "1"); err != nil || n.MayWrite() != nil {
			t.Fatal(err, n.MayWrite())
		}
		durable := n.Durable()
		disk.fail(errDisk)
		err := n.write("b", "1")
		if !errors.Is(err, keyspace.ErrAmbiguous) || !errors.Is(err, keyspace.ErrNotLogged) || !errors.Is(err, errDisk) {
			t.Errorf("a write while the disk fails: %v", err)
		}
		if err := n.MayWrite(); err == nil || err.Error() != "MISCONF Errors writing to the AOF file: input/output error" ||
			!errors.Is(err, keyspace.ErrNotLogged) {
			t.Errorf("after that: %v", err)
		}
		if err := n.Await(t.Context(), false); !errors.Is(err, errDisk) || errors.Is(err, keyspace.ErrAmbiguous) {
			t.Errorf("a reply that shows what may vanish: %v", err)
		}
		if err := n.MayShow(); !errors.Is(err, errDisk) {
			t.Errorf("what may vanish is shown: %v", err)
		}
		time.Sleep(10 * time.Second)
		if n.told("log-failed") != 1 || n.told("log-recovered") != 0 || n.Durable() != durable {
			t.Errorf("events: %v", n.events)
		}
		disk.fail(nil)
		time.Sleep(time.Minute)
		if n.MayWrite() != nil || n.MayShow() != nil || n.told("log-recovered") != 1 || n.Behind() {
			t.Fatalf("after a minute with a disk that works: %v, %v", n.MayWrite(), n.events)
		}
		if err := n.write("c", "1"); err != nil {
			t.Error(err)
		}
		n.close()
		n = open(t, disk, Settings{Policy: Always})
		if n.get("a") != "1" || n.get("b") != "1" || n.get("c") != "1" {
			t.Error("a start does not find what was there after the recovery")
		}
		n.close()
	})
}

// A change of names goes into the log; another stream begins it anew. While Replace runs
// there is no log on disk.
func TestStreamChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{sync: time.Millisecond}
		n := open(t, disk, Settings{Policy: EverySecond})
		n.put("a", "1")
		n.repl.BeginTerm(5)
		n.put("a", "2")
		h := n.log.History()
		n.close()
		n = open(t, disk, Settings{Policy: Always})
		again := n.log.History()
		if again.PrevID != h.ID || again.PrevLimit != h.Offset || again.Offset != h.Offset || again.Term != h.Term {
			t.Errorf("after a start: %+v, before: %+v", again, h)
		}
		if n.get("a") != "2" {
			t.Error("a is", n.get("a"))
		}
		err := n.Replace(func() error {
			if !isNone(disk) {
				t.Error("there is a log meanwhile")
			}
			n.put("a", "3")
			return n.Await(t.Context(), true)
		})
		if err != nil {
			t.Error(err)
		}
		if err := n.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		n.put("b", "1")
		n.close()
		n = open(t, disk, Settings{Policy: Always})
		if n.get("a") != "3" || n.get("b") != "1" {
			t.Errorf("a is %q, b %q", n.get("a"), n.get("b"))
		}
		n.close()
	})
}

// What the log held of a stream that a full sync has replaced does not count for the new
// one, not even before the log has noticed.
func TestNothingIsDurableOfAnotherStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := open(t, &slowDisk{sync: time.Second}, Settings{Policy: Always})
		defer n.close()
		n.put("a", "1")
		if err := n.Await(t.Context(), true); err != nil || n.Durable() != n.log.Offset() {
			t.Fatal(err, n.Durable(), n.log.Offset())
		}
		other := replication.NewStream(replication.StreamConfig{})
		other.Restore(replication.History{ID: replication.ID{1}, Offset: n.log.Offset()})
		n.log.RestoreLog(other)
		if n.Durable() != -1 {
			t.Error("on disk up to", n.Durable(), "of", n.log.Offset())
		}
		time.Sleep(10 * time.Second) // of a new base
		if n.Durable() != n.log.Offset() {
			t.Error("on disk up to", n.Durable(), "of", n.log.Offset())
		}
	})
}
