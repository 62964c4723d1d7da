package interop

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/adjust/rmq/v5"
	"github.com/redis/go-redis/v9"
)

// deliveries are those of rmq: users publish them in two queues, one of which moves, and a
// connection of its own consumes them.
type deliveries struct {
	s         *libraries
	publisher rmq.Connection
	queues    []rmq.Queue
	names     []string
	next      atomic.Int64
	done      tally
	accepted  accepted
	unsure    atomic.Int64 // deliveries that may have been published twice

	clients []*redis.ClusterClient // of consumers, to end them
	stop    []func()
}

func newDeliveries(s *libraries) *deliveries {
	d := &deliveries{s: s, publisher: rmqConnection(s, "publisher", s.rdb), names: []string{s.tags[6], s.still[3]}}
	d.queues = d.open(d.publisher)
	d.consume()
	return d
}

func rmqConnection(s *libraries, tag string, rdb *redis.ClusterClient) rmq.Connection {
	s.Helper()
	conn, err := rmq.OpenClusterConnection(tag, rdb, nil)
	if err != nil {
		s.Fatal(err)
	}
	return conn
}

func (d *deliveries) open(conn rmq.Connection) (list []rmq.Queue) {
	d.s.Helper()
	for _, name := range d.names {
		queue, err := conn.OpenQueue(name)
		if err != nil {
			d.s.Fatal(err)
		}
		list = append(list, queue)
	}
	return list
}

// consume starts a consumer, which is a program of its own in that it can die.
func (d *deliveries) consume() {
	d.s.Helper()
	rdb := d.s.c.client()
	conn := rmqConnection(d.s, "consumer", rdb)
	for _, queue := range d.open(conn) {
		err := queue.StartConsuming(20, 10*time.Millisecond)
		if err == nil {
			_, err = queue.AddConsumerFunc("count", func(delivery rmq.Delivery) {
				d.done.add(delivery.Payload())
				_ = delivery.Ack() // rmq tries again by itself
			})
		}
		if err != nil {
			d.s.Fatal(err)
		}
	}
	d.clients = append(d.clients, rdb)
	d.stop = append(d.stop, func() { <-conn.StopAllConsuming() })
}

func (d *deliveries) usage() *usage {
	const users = 2
	return &usage{name: "rmq", users: users, check: d.check, use: func(_ context.Context, user int) error {
		i := d.next.Add(1)
		name := fmt.Sprint("delivery ", i)
		err := d.queues[i%2].Publish(name)
		if err != nil {
			d.unsure.Add(1)
			return err
		}
		d.accepted.add(name)
		return nil
	}}
}

// check ends the consumer and lets another have what the first did not finish.
func (d *deliveries) check(ctx context.Context, t *testing.T) {
	d.empty()
	for _, stop := range d.stop {
		stop()
	}
	unacked := d.die(ctx)
	returned, err := rmq.NewCleaner(d.publisher).Clean()
	if err != nil || returned != unacked {
		t.Errorf("rmq: its cleaner returned %d deliveries, %v; %d were not acknowledged", returned, err, unacked)
	}
	d.consume()
	d.empty()
	d.stop[len(d.stop)-1]()
	more := d.accepted.compare(t, "rmq", &d.done, once)
	t.Logf("rmq: %d were delivered again after their consumer's end; %d were perhaps published", unacked, d.unsure.Load())
	// The client repeats a call that a dying master did not answer: one for each user and kill.
	if most := int(unacked) + 2*failoverRounds(1); more > most {
		t.Errorf("rmq: %d were done twice, want %d at most", more, most)
	}
}

func (d *deliveries) empty() {
	d.s.Helper()
	d.s.giver.eventually("rmq's queues are empty", time.Minute, func() bool {
		stats, err := d.publisher.CollectStats(d.names)
		if err != nil {
			d.s.Fatal(err)
		}
		for _, q := range stats.QueueStats {
			if q.ReadyCount > 0 {
				return false
			}
		}
		return true
	})
}

// die makes the consumer's connection one that has not been heard of for a minute, and
// returns how many deliveries it did not acknowledge.
func (d *deliveries) die(ctx context.Context) (unacked int64) {
	d.s.Helper()
	stats, err := d.publisher.CollectStats(d.names)
	if err != nil {
		d.s.Fatal(err)
	}
	for _, q := range stats.QueueStats {
		unacked += q.UnackedCount()
	}
	for _, rdb := range d.clients {
		rdb.Close()
	}
	keys, err := allKeys(ctx, d.s.rdb, "rmq::connection::consumer-*::heartbeat")
	if err != nil {
		d.s.Fatal(err)
	}
	for _, key := range keys {
		if err := d.s.rdb.Del(ctx, key).Err(); err != nil {
			d.s.Fatal(err)
		}
	}
	return unacked
}

// allKeys returns the keys of all masters that match a pattern.
func allKeys(ctx context.Context, rdb *redis.ClusterClient, pattern string) (keys []string, err error) {
	var mu sync.Mutex
	err = rdb.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
		list, err := master.Keys(ctx, pattern).Result()
		mu.Lock()
		keys = append(keys, list...)
		mu.Unlock()
		return err
	})
	return keys, err
}
