package interop

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gocraft/work"
	"github.com/gomodule/redigo/redis"

	"github.com/slotmesh/slotmesh/slots"
)

// jobs are those of gocraft/work, which knows nothing of clusters: its namespace is a hash
// tag, and its pool connects to the tag's master.
type jobs struct {
	s         *libraries
	namespace string
	pool      *redis.Pool
	enqueuer  *work.Enqueuer
	workers   *work.WorkerPool
	next      atomic.Int64
	done      tally
	accepted  accepted
}

func newJobs(s *libraries) *jobs {
	j := &jobs{s: s, namespace: "{" + s.tags[7] + "}"}
	j.pool = clusterPool(s.tags[7], addrs(s.c.nodes))
	s.Cleanup(func() { j.pool.Close() })
	j.enqueuer = work.NewEnqueuer(j.namespace, j.pool)
	j.start()
	return j
}

// clusterPool returns a pool of connections to the master that owns a key's slot.
func clusterPool(key string, addrs []string) *redis.Pool {
	return &redis.Pool{
		MaxIdle: 20,
		Dial: func() (redis.Conn, error) {
			var last error
			for _, addr := range addrs {
				conn, err := dialMaster(key, addr)
				if err == nil {
					return conn, nil
				}
				last = err
			}
			<-time.After(pause) // its workers would ask all nodes again at once
			return nil, last
		},
		TestOnBorrow: func(conn redis.Conn, _ time.Time) error {
			_, err := conn.Do("EXISTS", key) // MOVED, if its slot has
			return err
		},
	}
}

// dialMaster connects to the master that the node at addr says owns the key's slot.
func dialMaster(key, addr string) (redis.Conn, error) {
	const patience = time.Second
	options := []redis.DialOption{redis.DialConnectTimeout(patience), redis.DialReadTimeout(5 * patience),
		redis.DialWriteTimeout(patience)}
	conn, err := redis.Dial("tcp", addr, options...)
	if err != nil {
		return nil, err
	}
	_, err = conn.Do("EXISTS", key)
	if err == nil {
		return conn, nil
	}
	conn.Close()
	moved, ok := strings.CutPrefix(err.Error(), fmt.Sprintf("MOVED %d ", slots.OfString(key)))
	if !ok || moved == addr {
		return nil, err
	}
	if conn, err = redis.Dial("tcp", moved, options...); err != nil {
		return nil, err
	}
	if _, err = conn.Do("EXISTS", key); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// workers is how many jobs of gocraft/work run at once.
const workers = 4

func (j *jobs) start() {
	j.workers = work.NewWorkerPool(struct{}{}, workers, j.namespace, j.pool)
	j.workers.Job("count", func(job *work.Job) error {
		j.done.add(job.ArgString("name"))
		return job.ArgError()
	})
	j.workers.Start()
}

func (j *jobs) usage() *usage {
	return &usage{name: "gocraft/work", users: 2, check: j.check, use: func(ctx context.Context, _ int) error {
		name := fmt.Sprint("job ", j.next.Add(1))
		for {
			// Every other job is unique, which takes a script.
			enqueue := j.enqueuer.Enqueue
			if len(name)%2 == 0 {
				enqueue = j.enqueuer.EnqueueUnique
			}
			_, err := enqueue("count", work.Q{"name": name})
			if err == nil {
				j.accepted.add(name)
			}
			if err == nil || ctx.Err() != nil || !redirected(err) {
				return err
			}
			// The slot moved, or is moving, after the connection was tried.
		}
	}}
}

// redirected reports whether a node did nothing, and said to ask another one, or again.
func redirected(err error) bool {
	kind, _, _ := strings.Cut(err.Error(), " ")
	return kind == "MOVED" || kind == "ASK" || kind == "TRYAGAIN"
}

// check fails the test if an accepted job has not run, and is not one that a worker did not
// hear that it has.
func (j *jobs) check(ctx context.Context, t *testing.T) {
	j.workers.Drain()
	j.workers.Stop()
	keys, err := allKeys(ctx, j.s.rdb, "{"+j.s.tags[7]+"}:jobs:count:*:inprogress")
	if err != nil {
		t.Fatal(err)
	}
	inProgress := 0
	for _, key := range keys {
		list, err := j.s.rdb.LRange(ctx, key, 0, -1).Result()
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range list {
			inProgress++
			for _, name := range j.accepted.names {
				if strings.Contains(text, fmt.Sprintf("%q", name)) && j.done.of(name) == 0 {
					j.done.add(name) // it will be
				}
			}
		}
	}
	more := j.accepted.compare(t, "gocraft/work", &j.done, once)
	t.Logf("gocraft/work: %d jobs wait for their pool to be held for dead", inProgress)
	// A pool that was silent for ten seconds is held for dead, and has its jobs done again.
	if more > len(j.accepted.names)/10 {
		t.Errorf("gocraft/work: %d jobs were done twice", more)
	}
}
