package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/clustertest"
)

// TestAsynqLife leads tasks through all that asynq can do with them, in fake time: so that
// what should happen after a minute is seen to happen then, also when the queue's master
// was killed meanwhile.
func TestAsynqLife(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *clustertest.Cluster, rdb *redis.ClusterClient) {
		l := &life{T: t, cluster: cluster, runs: make(map[string][]time.Time), client: asynq.NewClientFromRedisClient(rdb),
			inspector: asynq.NewInspectorFromRedisClient(rdb)}
		server := l.serve(rdb)
		defer server.Shutdown()
		for _, tell := range []func(*life){(*life).schedules, (*life).retries, (*life).keepsUnique, (*life).pauses,
			(*life).aggregates, (*life).keepsResults, (*life).endsByTimeout, (*life).recovers, (*life).cancels,
			(*life).isInspected} {
			tell(l)
		}
		l.repeats(rdb)
	})
}

// life is a client, an inspector and a server of asynq.
type life struct {
	*testing.T
	cluster   *clustertest.Cluster
	client    *asynq.Client
	inspector *asynq.Inspector

	mu   sync.Mutex             // guards runs
	runs map[string][]time.Time // by payload: when it was processed
}

// asynqQueue is the queue of all tasks here, asynqTick how often its server looks for those
// whose time has come, and for any at all.
const (
	asynqQueue = "life"
	asynqTick  = time.Second
)

func (l *life) serve(rdb redis.UniversalClient) *asynq.Server {
	server := asynq.NewServerFromRedisClient(rdb, asynq.Config{
		Concurrency: 5, Queues: map[string]int{asynqQueue: 1}, LogLevel: asynq.FatalLevel,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Minute },
		DelayedTaskCheckInterval: asynqTick, TaskCheckInterval: asynqTick, JanitorInterval: asynqTick,
		GroupGracePeriod: 20 * time.Second,
		GroupAggregator: asynq.GroupAggregatorFunc(func(group string, tasks []*asynq.Task) *asynq.Task {
			var parts []string
			for _, t := range tasks {
				parts = append(parts, string(t.Payload()))
			}
			slices.Sort(parts)
			return asynq.NewTask("count", []byte(group+": "+strings.Join(parts, " ")))
		}),
	})
	mux := asynq.NewServeMux()
	mux.HandleFunc("count", l.count)
	mux.HandleFunc("fail", func(ctx context.Context, task *asynq.Task) error {
		l.count(ctx, task)
		return errors.New("cannot do it")
	})
	mux.HandleFunc("hang", func(ctx context.Context, task *asynq.Task) error {
		l.count(ctx, task)
		<-ctx.Done()
		return ctx.Err()
	})
	l.must(server.Start(mux))
	return server
}

// count notes that a task was processed, and writes a result.
func (l *life) count(_ context.Context, task *asynq.Task) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := string(task.Payload())
	l.runs[name] = append(l.runs[name], time.Now())
	_, err := task.ResultWriter().Write([]byte("result of " + name))
	return err
}

func (l *life) times(name string) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.runs[name])
}

func (l *life) must(err error) {
	l.Helper()
	if err != nil {
		l.Fatal(err)
	}
}

func (l *life) enqueue(kind, name string, options ...asynq.Option) *asynq.TaskInfo {
	l.Helper()
	info, err := l.client.Enqueue(asynq.NewTask(kind, []byte(name)), append(options, asynq.Queue(asynqQueue))...)
	l.must(err)
	return info
}

// want fails the test unless a task was processed at these times, counted from begin, or a
// few ticks later.
func (l *life) want(name string, begin time.Time, after ...time.Duration) {
	l.Helper()
	got := l.times(name)
	if len(got) != len(after) {
		l.Fatalf("%s was processed %d times, want %d: %v", name, len(got), len(after), got)
	}
	for i, d := range after {
		if late := got[i].Sub(begin.Add(d)); late < 0 || late > 5*asynqTick {
			l.Errorf("%s was processed %v after the time, want %v", name, got[i].Sub(begin), d)
		}
	}
}

func (l *life) state(id string, want asynq.TaskState) *asynq.TaskInfo {
	l.Helper()
	info, err := l.inspector.GetTaskInfo(asynqQueue, id)
	l.must(err)
	if info.State != want {
		l.Fatalf("task %s is %v, want %v", info.Payload, info.State, want)
	}
	return info
}

func (l *life) killMaster() {
	l.Helper()
	killMasterOf(l.T, l.cluster, asynqQueue)
}

func (l *life) schedules() {
	begin := time.Now()
	info := l.enqueue("count", "scheduled", asynq.ProcessIn(2*time.Minute))
	l.state(info.ID, asynq.TaskStateScheduled)
	l.killMaster()
	time.Sleep(time.Until(begin.Add(2*time.Minute + 5*asynqTick)))
	l.want("scheduled", begin, 2*time.Minute)
}

func (l *life) retries() {
	begin := time.Now()
	info := l.enqueue("fail", "failing", asynq.MaxRetry(2))
	time.Sleep(5 * asynqTick)
	l.state(info.ID, asynq.TaskStateRetry)
	time.Sleep(2*time.Minute + 10*asynqTick)
	l.want("failing", begin, 0, time.Minute, 2*time.Minute)
	if got := l.state(info.ID, asynq.TaskStateArchived); got.Retried != 2 || got.LastErr != "cannot do it" {
		l.Errorf("archived after %d retries: %s", got.Retried, got.LastErr)
	}
	l.must(l.inspector.RunTask(asynqQueue, info.ID))
	time.Sleep(5 * asynqTick)
	if n := len(l.times("failing")); n != 4 {
		l.Errorf("an archived task that was asked for was processed %d times in all, want 4", n)
	}
	n, err := l.inspector.DeleteAllArchivedTasks(asynqQueue)
	if err != nil || n != 1 {
		l.Errorf("%d archived tasks were deleted, %v", n, err)
	}
}

func (l *life) keepsUnique() {
	l.must(l.inspector.PauseQueue(asynqQueue)) // a task that was processed is not in the way any more
	options := []asynq.Option{asynq.Queue(asynqQueue), asynq.Unique(time.Minute)}
	task := asynq.NewTask("count", []byte("unique"))
	info, err := l.client.Enqueue(task, options...)
	l.must(err)
	l.killMaster()
	if _, err := l.client.Enqueue(task, options...); !errors.Is(err, asynq.ErrDuplicateTask) {
		l.Errorf("a unique task was enqueued twice: %v", err)
	}
	_, err = l.client.Enqueue(asynq.NewTask("count", nil), asynq.Queue(asynqQueue), asynq.TaskID(info.ID))
	if !errors.Is(err, asynq.ErrTaskIDConflict) {
		l.Errorf("an id was used twice: %v", err)
	}
	time.Sleep(time.Minute)
	again, err := l.client.Enqueue(task, options...)
	l.must(err)
	for _, id := range []string{info.ID, again.ID} {
		l.must(l.inspector.DeleteTask(asynqQueue, id))
	}
	l.must(l.inspector.UnpauseQueue(asynqQueue))
}

func (l *life) pauses() {
	l.must(l.inspector.PauseQueue(asynqQueue))
	info := l.enqueue("count", "paused")
	time.Sleep(10 * asynqTick)
	l.state(info.ID, asynq.TaskStatePending)
	begin := time.Now()
	l.must(l.inspector.UnpauseQueue(asynqQueue))
	time.Sleep(5 * asynqTick)
	l.want("paused", begin, 0)
}

func (l *life) aggregates() {
	for i := range 3 {
		l.enqueue("count", fmt.Sprint("part", i), asynq.Group("sum"))
	}
	groups, err := l.inspector.Groups(asynqQueue)
	if err != nil || len(groups) != 1 || groups[0].Size != 3 {
		l.Errorf("groups: %v, %v", groups, err)
	}
	begin := time.Now()
	time.Sleep(40 * time.Second)
	if n := len(l.times("sum: part0 part1 part2")); n != 1 {
		l.Errorf("%v after three tasks joined a group, it was processed %d times", time.Since(begin), n)
	}
}

func (l *life) keepsResults() {
	info := l.enqueue("count", "kept", asynq.Retention(time.Minute))
	time.Sleep(5 * asynqTick)
	got := l.state(info.ID, asynq.TaskStateCompleted)
	if string(got.Result) != "result of kept" {
		l.Errorf("the result is %q", got.Result)
	}
	time.Sleep(time.Minute + 10*asynqTick)
	if _, err := l.inspector.GetTaskInfo(asynqQueue, info.ID); !errors.Is(err, asynq.ErrTaskNotFound) {
		l.Errorf("a task is kept for longer than asked for: %v", err)
	}
}

func (l *life) endsByTimeout() {
	info := l.enqueue("hang", "slow", asynq.Timeout(10*time.Second), asynq.MaxRetry(0))
	time.Sleep(10*time.Second + 5*asynqTick)
	if got := l.state(info.ID, asynq.TaskStateArchived); got.LastErr != context.DeadlineExceeded.Error() {
		l.Errorf("archived because of %q", got.LastErr)
	}
	l.must(l.inspector.DeleteTask(asynqQueue, info.ID))
}

// recovers cuts a second server off while it has a task: when the lease has ended, the
// first has it.
func (l *life) recovers() {
	l.must(l.inspector.PauseQueue(asynqQueue))
	cable := &cable{dial: l.cluster.Dial}
	rdb := bubbleClient(l.cluster, cable.Dial)
	defer rdb.Close()
	other := asynq.NewServerFromRedisClient(rdb, asynq.Config{Concurrency: 1, Queues: map[string]int{asynqQueue: 1},
		LogLevel: asynq.FatalLevel, TaskCheckInterval: time.Millisecond, ShutdownTimeout: time.Second})
	got := make(chan struct{}, 1)
	l.must(other.Start(asynq.HandlerFunc(func(ctx context.Context, _ *asynq.Task) error {
		got <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	})))
	begin := time.Now()
	l.enqueue("count", "recovered", asynq.MaxRetry(1))
	l.must(l.inspector.UnpauseQueue(asynqQueue))
	select {
	case <-got:
		other.Stop() // or it would ask for more tasks without a pause
		cable.cut()
		l.killMaster()
		time.Sleep(time.Until(begin.Add(4 * time.Minute)))
		// Leases last for 30 s, and end at most 30 s before a server looks, once in a minute; then
		// the task is tried again after a minute.
		const least, most = 2 * time.Minute, 3*time.Minute + 10*time.Second
		if runs := l.times("recovered"); len(runs) != 1 || runs[0].Sub(begin) < least || runs[0].Sub(begin) > most {
			l.Errorf("a task whose server was cut off at %v was processed at %v", begin, runs)
		}
	case <-time.After(time.Minute):
		l.Error("the second server got no task")
	}
	cable.mend()
	other.Shutdown()
}

// isInspected looks at what there is, and changes it.
func (l *life) isInspected() {
	queues, err := l.inspector.Queues()
	l.must(err)
	if !slices.Equal(queues, []string{asynqQueue}) {
		l.Errorf("queues: %v", queues)
	}
	servers, err := l.inspector.Servers()
	l.must(err)
	if len(servers) != 1 || servers[0].Status != "active" {
		l.Errorf("servers: %v", servers)
	}
	nodes, err := l.inspector.ClusterNodes(asynqQueue)
	l.must(err)
	if len(nodes) != 2 {
		l.Errorf("%d nodes have the queue", len(nodes))
	}
	later := asynq.ProcessIn(time.Hour)
	a, b, c := l.enqueue("count", "a", later), l.enqueue("count", "b", later), l.enqueue("count", "c", later)
	list, err := l.inspector.ListScheduledTasks(asynqQueue, asynq.PageSize(2), asynq.Page(2))
	if err != nil || len(list) != 1 {
		l.Errorf("the second page of three tasks: %v, %v", list, err)
	}
	l.must(l.inspector.UpdateTaskPayload(asynqQueue, a.ID, []byte("changed")))
	l.must(l.inspector.RunTask(asynqQueue, a.ID))
	l.must(l.inspector.ArchiveTask(asynqQueue, b.ID))
	l.must(l.inspector.DeleteTask(asynqQueue, c.ID))
	time.Sleep(5 * asynqTick)
	if n := len(l.times("changed")); n != 1 {
		l.Errorf("a task that was changed was processed %d times", n)
	}
	info, err := l.inspector.GetQueueInfo(asynqQueue)
	l.must(err)
	if info.Size != 1 || info.Archived != 1 || info.MemoryUsage <= 0 || info.Failed == 0 || info.Processed <= info.Failed {
		l.Errorf("the queue: %+v", info)
	}
	history, err := l.inspector.History(asynqQueue, 2)
	if err != nil || len(history) != 2 || history[0].Processed != info.Processed {
		l.Errorf("history: %+v, %v", history[0], err)
	}
	if err := l.inspector.DeleteQueue(asynqQueue, false); !errors.Is(err, asynq.ErrQueueNotEmpty) {
		l.Errorf("a queue with a task was deleted: %v", err)
	}
	l.must(l.inspector.DeleteQueue(asynqQueue, true))
}

// cancels ends a task that hangs by a word from the inspector, which reaches the server by
// PUBLISH.
func (l *life) cancels() {
	begin := time.Now()
	info := l.enqueue("hang", "canceled", asynq.Timeout(time.Hour), asynq.MaxRetry(0))
	time.Sleep(5 * asynqTick)
	l.state(info.ID, asynq.TaskStateActive)
	l.must(l.inspector.CancelProcessing(info.ID))
	time.Sleep(asynqTick)
	if info := l.state(info.ID, asynq.TaskStateArchived); info.LastErr != context.Canceled.Error() {
		l.Errorf("the task ended by %q", info.LastErr)
	}
	l.want("canceled", begin, 0)
	l.must(l.inspector.DeleteTask(asynqQueue, info.ID))
}

// repeats lets asynq's scheduler enqueue a task once a minute.
func (l *life) repeats(rdb redis.UniversalClient) {
	scheduler := asynq.NewSchedulerFromRedisClient(rdb, &asynq.SchedulerOpts{LogLevel: asynq.FatalLevel})
	id, err := scheduler.Register("@every 1m", asynq.NewTask("count", []byte("periodic")), asynq.Queue(asynqQueue))
	l.must(err)
	l.must(scheduler.Start())
	begin := time.Now().Truncate(time.Second) // as the scheduler does
	time.Sleep(30 * time.Second)
	l.killMaster()
	time.Sleep(time.Until(begin.Add(5*time.Minute + 10*asynqTick)))
	l.want("periodic", begin, time.Minute, 2*time.Minute, 3*time.Minute, 4*time.Minute, 5*time.Minute)
	entries, err := l.inspector.SchedulerEntries()
	if err != nil || len(entries) != 1 || entries[0].ID != id {
		l.Errorf("entries: %v, %v", entries, err)
	}
	events, err := l.inspector.ListSchedulerEnqueueEvents(id)
	if err != nil || len(events) != 5 {
		l.Errorf("%d events, %v", len(events), err)
	}
	scheduler.Shutdown()
}
