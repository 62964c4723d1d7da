package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// Random stories of a cluster with copies: nodes are cut off, connections break, slots move,
// and no node that is with the majority ever reads a value that is older than one whose Set
// had returned. SLOTMESH_SEEDS sets how many stories there are, 2 if it is not set.
func TestNoCopyIsOlderThanAnAcknowledgedWrite(t *testing.T) {
	seeds, long := 2, 2*time.Second
	if text := os.Getenv("SLOTMESH_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("SLOTMESH_SEEDS=%q is not a number", text)
		}
		seeds, long = n, 6*time.Second
	}
	first, _ := strconv.Atoi(os.Getenv("SLOTMESH_FIRST_SEED"))
	var sum copyStory
	for seed := range seeds {
		if !t.Run(fmt.Sprint(first+seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newCopyStory(t, uint64(first+seed))
				s.run(long)
				if s.old.Load() > 0 {
					t.Errorf("%d reads were older than an acknowledged write; the first: %s", s.old.Load(), *s.first.Load())
				}
				sum.count(s)
			})
		}) {
			return
		}
	}
	t.Logf("%d writes acknowledged, %d not; %d reads, %d of copies", sum.acked.Load(), sum.failed.Load(),
		sum.reads.Load(), sum.copied.Load())
	if sum.copied.Load() < sum.reads.Load()/10 {
		t.Error("hardly any read was of a copy: the stories show nothing")
	}
}

// The checker finds copies that hear of no change.
func TestOldCopiesAreNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newCopyStory(t, 1)
		for _, one := range s.caches {
			one.Deafen()
		}
		s.run(time.Second)
		if s.old.Load() == 0 {
			t.Errorf("of %d reads, %d of copies, none was older than an acknowledged write", s.reads.Load(), s.copied.Load())
		}
	})
}

// copyStory is a cluster of 10 nodes with copies, writers and readers of a few keys, and a
// checker.
type copyStory struct {
	t      *testing.T
	random *rand.Rand // of the test's goroutine
	c      *clustertest.Cluster
	caches []*cache.Cache[string]
	away   [10]atomic.Bool // cut off from the majority
	keys   [keysOfStory]atomic.Pointer[storyKey]

	acked, failed, reads, copied, old atomic.Int64
	first                             atomic.Pointer[string]
}

// storyKey is a key that one writer at a time writes to.
type storyKey struct {
	name   string
	latest atomic.Int64 // the version whose write was acknowledged last
}

const (
	keysOfStory = 30
	// A writer of each key waits so long on average before it writes again: that makes 1,000
	// writes a second.
	storyPause = 18 * time.Millisecond
	storyLimit = 2 * time.Second
)

func newCopyStory(t *testing.T, seed uint64) *copyStory {
	s := &copyStory{t: t, random: rand.New(rand.NewPCG(seed, 16))}
	s.c = clustertest.Start(t, clustertest.Config{Masters: 5, Replicas: 1, NodeTimeout: time.Second,
		Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = 1 }}) // or a failover may lose a write
	s.caches = open(t, s.c, cache.Config[string]{Name: "c", TTL: time.Hour, Copies: 1 << 20, OwnerTimeout: -1,
		LoadTTL: func(context.Context, string) (string, time.Duration, error) { return "0", -1, nil }})
	for i := range s.keys {
		s.keys[i].Store(&storyKey{name: fmt.Sprint(i)})
	}
	for i := range s.caches {
		for j := range i {
			s.c.DelayBetween(i, j, time.Duration(s.random.IntN(3000))*time.Microsecond)
		}
	}
	time.Sleep(time.Second)
	return s
}

func (s *copyStory) count(o *copyStory) {
	s.acked.Add(o.acked.Load())
	s.failed.Add(o.failed.Load())
	s.reads.Add(o.reads.Load())
	s.copied.Add(o.copied.Load())
}

func (s *copyStory) run(d time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for key := range keysOfStory {
		r := rand.New(rand.NewPCG(s.random.Uint64(), 1))
		wg.Go(func() { s.write(ctx, r, key) })
	}
	for i := range s.caches {
		r := rand.New(rand.NewPCG(s.random.Uint64(), 2))
		wg.Go(func() { s.read(ctx, r, i) })
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		s.disturb()
		time.Sleep(time.Duration(50+s.random.IntN(400)) * time.Millisecond)
		if s.random.IntN(4) == 0 { // long enough for a failover
			time.Sleep(time.Duration(s.random.IntN(3000)) * time.Millisecond)
		}
	}
	s.heal()
	time.Sleep(200 * time.Millisecond)
	cancel()
	wg.Wait()
	for _, one := range s.caches {
		s.copied.Add(int64(one.Stats().Copies))
	}
}

// write writes ever greater versions of a key, at any node that is with the majority. After a
// write whose fate is unknown, which may still be carried out much later, it takes another key.
func (s *copyStory) write(ctx context.Context, r *rand.Rand, at int) {
	key := s.keys[at].Load()
	for version := int64(1); ctx.Err() == nil; version++ {
		i := r.IntN(len(s.caches))
		for s.away[i].Load() {
			i = r.IntN(len(s.caches))
		}
		bounded, cancel := context.WithTimeout(ctx, storyLimit)
		if err := s.caches[i].Set(bounded, key.name, strconv.FormatInt(version, 10)); err == nil {
			s.acked.Add(1)
			key.latest.Store(version)
		} else {
			s.failed.Add(1)
			key = &storyKey{name: fmt.Sprint(at, " ", version)}
			s.keys[at].Store(key)
		}
		cancel()
		time.Sleep(time.Duration(r.Int64N(int64(2 * storyPause))))
	}
}

// read reads keys at node i, each a few times, so that there are copies of it. What it reads
// while the node is cut off counts for nothing.
func (s *copyStory) read(ctx context.Context, r *rand.Rand, i int) {
	for at := 0; ctx.Err() == nil; {
		if r.IntN(20) == 0 {
			at = r.IntN(keysOfStory)
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
		key, away := s.keys[at].Load(), s.away[i].Load()
		least := key.latest.Load()
		before := s.caches[i].Stats().Copies
		bounded, cancel := context.WithTimeout(ctx, storyLimit)
		v, err := s.caches[i].Get(bounded, key.name)
		cancel()
		if err != nil || away || s.away[i].Load() {
			continue
		}
		s.reads.Add(1)
		if got, _ := strconv.ParseInt(v, 10, 64); got < least {
			s.old.Add(1)
			text := fmt.Sprintf("at %v node %d read version %d of %q (slot %d), of a copy: %v; %d had been acknowledged",
				time.Now().Format("05.000"), i, got, key.name, slots.OfString("c:"+key.name),
				s.caches[i].Stats().Copies > before, least)
			s.first.CompareAndSwap(nil, &text)
		}
	}
}

// disturb does the cluster harm, or ends what was done.
func (s *copyStory) disturb() {
	a, b := s.random.IntN(len(s.caches)), s.random.IntN(len(s.caches))
	switch n := s.random.IntN(10); {
	case n < 3:
		s.heal()
	case n < 6:
		s.isolate(1 + s.random.IntN(3))
	case a == b:
	case n < 7:
		s.c.Partition([]int{a}, []int{b}) // both are with the majority still
	case n < 8:
		s.c.Drop(a, b)
	case n < 9:
		s.c.Reset(a, b)
	default:
		s.move(a, b)
	}
}

// isolate cuts some nodes off from the others.
func (s *copyStory) isolate(count int) {
	s.heal()
	order := s.random.Perm(len(s.caches))
	few, others := order[:count], order[count:]
	for _, i := range few {
		s.away[i].Store(true)
	}
	s.c.Partition(few, others)
}

func (s *copyStory) heal() {
	s.c.Heal()
	for i := range s.away {
		s.away[i].Store(false)
	}
}

// move begins to move the slot of a key from one node to another, if they are masters.
func (s *copyStory) move(from, to int) {
	m := s.c.Node(from).Map()
	for key := range keysOfStory {
		if slot := slots.OfString("c:" + s.keys[key].Load().name); m.IsMine(slot) {
			s.c.Node(from).MigrateSlots(context.Background(), slots.NewSet(slot), s.c.Node(to).ID())
			return
		}
	}
}
