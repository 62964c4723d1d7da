package interop

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// TestStreams uses consumers of streams, all at once, on three masters and three replicas:
// while slots of their streams move to another master, while that is killed and its replica
// takes over, and after. Every write waits for a replica: what was acknowledged to its
// producer is handled at least once, and nothing stays behind in a group.
//
// SLOTMESH_ROUNDS is how often slots move and a master is killed, one time by default.
func TestStreams(t *testing.T) {
	c := createShards(t, "--cluster-node-timeout", "2000", "--slotmesh-sync-replicas", "1", "--save", "")
	s := newLibraries(t, c)
	topics, group := newTopics(s), newStreamGroup(s)
	usages := []*usage{topics.usage(), newStreamReader(s, topics.names, &topics.accepted).usage(), group.usage()}
	works := []*accepted{&topics.accepted, &group.accepted}
	t.Run("BullMQ", func(t *testing.T) { bullCalls(t, c) })
	if queue := newBull(s); queue != nil {
		usages = append(usages, queue.usages()...)
		works = append(works, &queue.accepted)
	}
	began := time.Now()
	s.begin(usages...)
	s.Logf("all streams are used after %v", time.Since(began))
	for range failoverRounds(1) {
		s.reshard()
		s.killMaster()
	}
	s.giver.eventually(fmt.Sprintf("%d messages of each kind are accepted", enough), 2*time.Minute, func() bool {
		for _, work := range works {
			if work.len() < enough {
				return false
			}
		}
		return true
	})
	s.end()
}

const (
	enough  = 10_000 // that are accepted at least
	batch   = 10     // that a producer sends in one use, until then
	backlog = 1000   // that wait to be handled, at most
)

// room returns how many messages a producer should send: none while consumers are far behind,
// one at a time when there have been enough.
func (a *accepted) room(done *tally) int {
	switch n := a.len(); {
	case n > done.len()+backlog:
		return 0
	case n > enough:
		return 1
	}
	return batch
}

// groupIsEmpty reports whether all entries of a stream were delivered to the group, and none
// is pending.
func groupIsEmpty(ctx context.Context, rdb *redis.ClusterClient, stream, group string) bool {
	groups, err := rdb.XInfoGroups(ctx, stream).Result()
	if err != nil {
		return false
	}
	for _, g := range groups {
		if g.Name == group {
			last, err := rdb.XInfoStream(ctx, stream).Result()
			return err == nil && g.Pending == 0 && g.LastDeliveredID == last.LastGeneratedID
		}
	}
	return false
}

// consumers run beside a library's users, and go on until its check is done.
type consumers struct {
	ctx     context.Context
	running sync.WaitGroup
}

func newConsumers(t *testing.T) *consumers {
	ctx, stop := context.WithCancel(context.Background())
	c := &consumers{ctx: ctx}
	t.Cleanup(func() { stop(); c.running.Wait() })
	return c
}

// again calls f until the test ends, after a pause if it fails, as it does while no master
// serves its streams.
func (c *consumers) again(f func(ctx context.Context) error) {
	c.running.Go(func() {
		for c.ctx.Err() == nil {
			if f(c.ctx) == nil {
				continue
			}
			select {
			case <-time.After(10 * pause):
			case <-c.ctx.Done():
			}
		}
	})
}

// streamReader reads streams from their beginnings without a group: every acknowledged entry comes,
// in the order of the IDs.
type streamReader struct {
	s         *libraries
	accepted  *accepted
	done      tally
	came      progress
	consumers *consumers
}

func newStreamReader(s *libraries, streams []string, accepted *accepted) *streamReader {
	f := &streamReader{s: s, accepted: accepted}
	rdb := s.c.client()
	f.consumers = newConsumers(s.T)
	for _, stream := range streams {
		last := "0-0"
		f.consumers.again(func(ctx context.Context) error {
			read, err := rdb.XRead(ctx, &redis.XReadArgs{Streams: []string{stream, last}, Count: 100, Block: time.Second}).Result()
			if err == redis.Nil {
				return nil
			}
			if err != nil {
				return err
			}
			for _, m := range read[0].Messages {
				if !isAfter(m.ID, last) {
					s.Errorf("entry %s of %s comes after %s", m.ID, stream, last)
				}
				last = m.ID
				f.done.add(m.Values["payload"].(string))
				f.came.add()
			}
			return nil
		})
	}
	return f
}

// isAfter reports whether an entry's ID is greater than another.
func isAfter(id, than string) bool {
	var a, b [2]uint64
	fmt.Sscanf(id, "%d-%d", &a[0], &a[1])
	fmt.Sscanf(than, "%d-%d", &b[0], &b[1])
	return slices.Compare(a[:], b[:]) > 0
}

func (f *streamReader) usage() *usage {
	return &usage{name: "XREAD", users: 1, use: f.came.use, check: func(_ context.Context, t *testing.T) {
		f.accepted.await(&f.done)
		if more := f.accepted.compare(t, "XREAD", &f.done, once); more > 0 {
			t.Logf("XREAD: %d were added twice by their producer", more)
		}
	}}
}

// await returns when all accepted work is done, or nothing more may be hoped for.
func (a *accepted) await(done *tally) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); a.missing(done) > 0 && time.Now().Before(end); {
		<-tick.C
	}
}

// progress counts what comes by itself: a use of it succeeds if something has come since the
// last one.
type progress struct{ came, seen atomic.Int64 }

func (p *progress) add() { p.came.Add(1) }

func (p *progress) use(context.Context, int) error {
	came := p.came.Load()
	if p.seen.Swap(came) == came {
		return errBusy
	}
	return nil
}
