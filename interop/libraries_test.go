package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

// TestLibraries uses Go libraries that need scripts, all at once, on three masters and
// three replicas: while slots of theirs move to another master, while that is killed and
// its replica takes over, and after. Every write waits for a replica, so that a library
// keeps its promise across the failover too: a lock has one holder, a limit is not
// exceeded by a single call, a task is not lost.
//
// SLOTMESH_ROUNDS is how often slots move and a master is killed, one time by default.
func TestLibraries(t *testing.T) {
	c := createShards(t, "--cluster-node-timeout", "2000", "--slotmesh-sync-replicas", "1", "--save", "")
	s := newLibraries(t, c)
	began := time.Now()
	s.begin(slices.Concat(lockUsages(s), limitUsages(s), queueUsages(s))...)
	s.Logf("all libraries are used after %v", time.Since(began))
	for range failoverRounds(1) {
		s.reshard()
		s.killMaster()
	}
	s.end()
}

// usage is what a program does with a library again and again.
type usage struct {
	name  string
	users int // that do it side by side
	// use does it once. The error is errBusy if the library said no, as it may.
	use func(ctx context.Context, user int) error
	// check says what is wrong at the end, when nobody uses it any more. It may be nil.
	check func(ctx context.Context, t *testing.T)

	uses atomic.Int64 // that succeeded

	mu       sync.Mutex // guards failures
	failures []failure
}

// failure is a use that failed.
type failure struct {
	began time.Time
	err   error
}

var errBusy = errors.New("busy")

// libraries is a cluster with programs that use libraries on it.
type libraries struct {
	*testing.T
	c       *shards
	rdb     *redis.ClusterClient
	admin   *admin.Client
	giver   *process  // the master whose slots move
	taker   *process  // and where to
	moving  slots.Set // which
	tags    []string  // hash tags in moving slots, for the libraries' keys
	still   []string  // and in others
	usages  []*usage
	blamed  time.Time // when blame was called last
	running sync.WaitGroup
	stop    context.CancelFunc
	ctx     context.Context // ends with stop
}

func newLibraries(t *testing.T, c *shards) *libraries {
	t.Helper()
	s := &libraries{T: t, c: c, rdb: c.client(), admin: adminClient(t, admin.Config{})}
	s.ctx, s.stop = context.WithCancel(soon(t))
	t.Cleanup(func() { s.stop(); s.running.Wait() })
	masters := c.masters()
	s.giver, s.taker = masters[0], masters[1]
	s.moving = s.plan().Moves.Moves[0].Slots
	const each = 8
	for i := 0; len(s.tags) < each || len(s.still) < each; i++ {
		tag := fmt.Sprint("tag", i)
		if s.moving.Has(slots.OfString(tag)) {
			s.tags = append(s.tags, tag)
		} else {
			s.still = append(s.still, tag)
		}
	}
	return s
}

func (s *libraries) plan() *admin.MovePlan {
	s.Helper()
	agreed(s.T, s.admin, s.giver)
	plan, err := s.admin.PlanReshard(view(s.T, s.admin, s.giver), admin.Reshard{Slots: 600, To: s.taker.addr(),
		From: []string{s.giver.addr()}})
	if err != nil {
		s.Fatal(err)
	}
	return plan
}

// begin starts users, and returns when each of them has succeeded.
func (s *libraries) begin(list ...*usage) {
	s.Helper()
	for _, u := range list {
		s.usages = append(s.usages, u)
		for user := range u.users {
			s.running.Go(func() { u.run(s.ctx, user) })
		}
	}
	s.goesOn("the beginning", true)
}

// pause is between two uses: without it the cluster would be asked for the same locks and
// the same limits tens of thousands of times a second.
const pause = 5 * time.Millisecond

func (u *usage) run(ctx context.Context, user int) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for ctx.Err() == nil {
		began := time.Now()
		err := u.use(ctx, user)
		switch {
		case err == nil:
			u.uses.Add(1)
		case ctx.Err() == nil && !errors.Is(err, errBusy):
			u.mu.Lock()
			u.failures = append(u.failures, failure{began, err})
			u.mu.Unlock()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// goesOn returns when each library has been used again. Errors since the last call fail the
// test, unless they are excused: nobody can use a master that is dead.
func (s *libraries) goesOn(when string, clean bool) {
	s.Helper()
	const more = 10
	want := make([]int64, len(s.usages))
	for i, u := range s.usages {
		want[i] = u.uses.Load() + more
	}
	defer s.blame(when, clean)
	for i, u := range s.usages {
		s.giver.eventually(u.name+" is used, "+when, 40*time.Second, func() bool { return u.uses.Load() >= want[i] })
	}
}

// blame reports the uses that failed since its last call. They fail the test if it should be
// clean, unless they had begun before.
func (s *libraries) blame(when string, clean bool) {
	s.Helper()
	now := time.Now()
	for _, u := range s.usages {
		u.mu.Lock()
		list := u.failures
		u.failures = nil
		u.mu.Unlock()
		for i, f := range list {
			if clean && f.began.After(s.blamed) {
				s.Errorf("%s: %s: %v", when, u.name, f.err)
			} else if i == 0 {
				s.Logf("%s: %s failed %d times, first with: %v", when, u.name, len(list), f.err)
			}
		}
	}
	s.blamed = now
}

// reshard moves the slots of the libraries' keys: nobody may notice.
func (s *libraries) reshard() {
	s.Helper()
	began := time.Now()
	plan := s.plan()
	if err := s.admin.Move(s.ctx, view(s.T, s.admin, s.giver), plan, admin.MoveOptions{}); err != nil {
		s.Fatal(err)
	}
	s.Logf("%d slots moved in %v", plan.Moves.Len(), time.Since(began))
	s.goesOn("the reshard", true)
}

// killMaster kills the master to which the slots went, and starts it again as soon as its
// replica has taken over. The next slots go the other way.
func (s *libraries) killMaster() {
	s.Helper()
	successor := s.c.replicaOf(s.taker)
	began := time.Now()
	s.taker.kill(syscall.SIGKILL)
	successor.eventually("takes over", 40*time.Second,
		func() bool { return strings.Contains(successor.cli("role"), "master") })
	s.taker.start()
	s.c.waitHealthy()
	s.goesOn("the failover", false)
	s.Logf("all libraries go on %v after the kill", time.Since(began))
	s.goesOn("after the failover", true)
	s.giver, s.taker = successor, s.giver
}

func (s *libraries) end() {
	s.Helper()
	s.stop()
	s.running.Wait()
	for _, u := range s.usages {
		began := time.Now()
		if u.check != nil {
			u.check(soon(s.T), s.T)
		}
		s.Logf("%s was used %d times, checked in %v", u.name, u.uses.Load(), time.Since(began).Round(time.Millisecond))
	}
}
