package interop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// tasks are those of asynq: users enqueue them in three queues, two of which move, and two
// servers process them.
type tasks struct {
	s         *libraries
	client    *asynq.Client
	inspector *asynq.Inspector
	queues    []string
	servers   []*asynq.Server
	next      atomic.Int64
	pending   []int64 // per user: the task that it has to enqueue again, or 0
	done      tally
	accepted  accepted
}

// leastTasks are processed, more if the story takes longer.
const leastTasks = 10_000

func newTasks(s *libraries) *tasks {
	const users = 20
	a := &tasks{s: s, client: asynq.NewClientFromRedisClient(s.rdb), inspector: asynq.NewInspectorFromRedisClient(s.rdb),
		queues: append(s.tags[4:6:6], s.still[2]), pending: make([]int64, users)}
	for range 2 {
		a.startServer()
	}
	return a
}

func (a *tasks) shutdown() {
	for _, server := range a.servers {
		server.Shutdown()
	}
	a.servers = nil
}

func (a *tasks) startServer() {
	rdb := a.s.c.client()
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency: 20, Queues: map[string]int{a.queues[0]: 1, a.queues[1]: 1, a.queues[2]: 1},
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return 0 },
		DelayedTaskCheckInterval: time.Second, TaskCheckInterval: 20 * time.Millisecond,
		LogLevel: asynq.FatalLevel,
	})
	if err := server.Start(asynq.HandlerFunc(a.process)); err != nil {
		a.s.Fatal(err)
	}
	a.servers = append(a.servers, server)
	a.s.Cleanup(server.Shutdown) // before its client is closed
}

func (a *tasks) process(_ context.Context, task *asynq.Task) error {
	name := string(task.Payload())
	if a.done.add(name) < timesProcessed(name) {
		return errors.New("fails the first time")
	}
	return nil
}

// timesProcessed is how often a task is processed: some fail the first time.
func timesProcessed(name string) int {
	if name[len(name)-1] == '7' {
		return 2
	}
	return 1
}

func (a *tasks) usage() *usage {
	return &usage{name: "asynq", users: len(a.pending), check: a.check,
		use: func(_ context.Context, user int) error {
			if a.pending[user] == 0 {
				a.pending[user] = a.next.Add(1)
			}
			// Also what its user has no answer to is asked for again: it may be there.
			err := a.enqueue(a.pending[user])
			if err == nil {
				a.pending[user] = 0
			}
			return err
		}}
}

func (a *tasks) enqueue(i int64) error {
	name := fmt.Sprint("task ", i)
	_, err := a.client.Enqueue(asynq.NewTask("count", []byte(name)), asynq.TaskID(name), asynq.MaxRetry(5),
		asynq.Queue(a.queues[i%3]), asynq.Retention(time.Hour))
	if err == nil || errors.Is(err, asynq.ErrTaskIDConflict) {
		a.accepted.add(name)
		return nil
	}
	return err
}

// check processes what is left, and fails the test if a task is lost, or was processed more
// often than asynq promises: a task whose server did not hear that it has it, or was not
// heard when it had done it, is processed again when its lease has ended.
func (a *tasks) check(ctx context.Context, t *testing.T) {
	a.enqueueRest()
	a.s.giver.eventually("asynq's queues are empty", time.Minute, func() bool {
		sum := a.count()
		return sum.Pending+sum.Retry+sum.Scheduled == 0
	})
	a.shutdown()
	leased := a.expireLeases(ctx)
	a.startServer() // it looks for ended leases when it starts
	a.s.giver.eventually("all tasks are completed", time.Minute, func() bool {
		return a.count().Completed == len(a.accepted.names)
	})
	sum := a.count()
	t.Logf("asynq: %d tasks were leased without a server; %+v", leased, sum)
	more := a.accepted.compare(t, "asynq", &a.done, timesProcessed)
	if more > leased || sum.Archived > 0 {
		t.Errorf("asynq: %d tasks were processed too often, %d are archived; %d had an ended lease", more, sum.Archived,
			leased)
	}
}

// enqueueRest enqueues what users have no answer to, and the least number of tasks.
func (a *tasks) enqueueRest() {
	var users sync.WaitGroup
	for _, i := range a.pending {
		users.Go(func() {
			for i == 0 || a.enqueue(i) == nil {
				if i = a.next.Add(1); i > leastTasks {
					return
				}
			}
			a.s.Errorf("asynq: a task was refused when the cluster was well")
		})
	}
	users.Wait()
}

func (a *tasks) must(err error) {
	a.s.Helper()
	if err != nil {
		a.s.Fatal(err)
	}
}

// count sums up the tasks of all queues.
func (a *tasks) count() (sum asynq.QueueInfo) {
	a.s.Helper()
	for _, queue := range a.queues {
		info, err := a.inspector.GetQueueInfo(queue)
		a.must(err)
		sum.Pending += info.Pending
		sum.Active += info.Active
		sum.Scheduled += info.Scheduled
		sum.Retry += info.Retry
		sum.Archived += info.Archived
		sum.Completed += info.Completed
		sum.MemoryUsage += info.MemoryUsage
	}
	return sum
}

// expireLeases ends the leases of tasks that no server has any more, as the next minute
// would, and returns how many there are.
func (a *tasks) expireLeases(ctx context.Context) (n int) {
	for _, queue := range a.queues {
		key := fmt.Sprintf("asynq:{%s}:lease", queue)
		ids, err := a.s.rdb.ZRange(ctx, key, 0, -1).Result()
		a.must(err)
		for _, id := range ids {
			a.must(a.s.rdb.ZAdd(ctx, key, redis.Z{Score: 1, Member: id}).Err())
		}
		n += len(ids)
	}
	return n
}
