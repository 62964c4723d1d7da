package interop

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// limit is how long a client waits for a reply where none may be late for another
// reason than a busy machine.
const limit = 10 * time.Second

// load is a number of writers, each of which counts up a key of its own and remembers the
// last number that was acknowledged.
type load struct {
	client *redis.ClusterClient
	wait   int // replicas that WAIT asks for after each write; then only what they hold counts
	cancel context.CancelFunc
	wg     sync.WaitGroup
	keys   []string
	acked  []atomic.Int64    // per key
	at     []*redis.Client   // per key: where setAndWait found its master
	parts  []map[string]bool // per key of a mixed load: which parts are there, as acknowledged

	mu      sync.Mutex // guards what follows
	nodes   map[string]*redis.Client
	errors  []error
	longest time.Duration // the longest time that one write took
	writes  int
}

// startLoad lets one writer per key write until stop.
func startLoad(client *redis.ClusterClient, keys []string, wait int) *load {
	l := newLoad(client, keys, wait)
	if wait > 0 {
		l.start(l.setAndWait)
	} else {
		l.start(l.set)
	}
	return l
}

func newLoad(client *redis.ClusterClient, keys []string, wait int) *load {
	return &load{
		client: client, wait: wait, keys: keys,
		acked: make([]atomic.Int64, len(keys)), at: make([]*redis.Client, len(keys)), nodes: make(map[string]*redis.Client),
	}
}

// start starts the writers. write is called with the index of a key, and 1, 2, 3 …
func (l *load) start(write func(i int, n int64) error) {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for i := range l.keys {
		l.wg.Go(func() { l.run(ctx, i, write) })
	}
}

// loadPace is how often a writer writes, at most, unless the figures are what the run is for:
// some thousand writes a second in all meet every step of a failover, and leave processors to
// the servers and to what runs beside.
const loadPace = time.Millisecond

func (l *load) run(ctx context.Context, i int, write func(i int, n int64) error) {
	pace := time.NewTicker(loadPace)
	defer pace.Stop()
	for n := int64(1); ctx.Err() == nil; n++ {
		if !measuring() {
			<-pace.C
		}
		began := time.Now()
		err := write(i, n)
		took := time.Since(began)
		if err == nil {
			l.acked[i].Store(n)
		}
		l.mu.Lock()
		l.writes++
		l.longest = max(l.longest, took)
		if err != nil {
			l.errors = append(l.errors, err)
		}
		l.mu.Unlock()
	}
}

func (l *load) set(i int, n int64) error {
	return l.client.Set(context.Background(), l.keys[i], n, 0).Err()
}

// setAndWait sends SET and WAIT on one connection, and follows redirects by itself: the
// cluster client cannot know that WAIT belongs to the SET before it.
func (l *load) setAndWait(i int, n int64) error {
	ctx := context.Background()
	for range 100 {
		if l.at[i] == nil {
			master, err := l.client.MasterForKey(ctx, l.keys[i])
			if err != nil {
				return err
			}
			l.at[i] = master
		}
		var set *redis.StatusCmd
		var held *redis.Cmd
		_, err := l.at[i].Pipelined(ctx, func(p redis.Pipeliner) error {
			set = p.Set(ctx, l.keys[i], n, 0)
			held = p.Do(ctx, "wait", l.wait, 5000)
			return nil
		})
		if set.Err() != nil && strings.HasPrefix(set.Err().Error(), "MOVED ") {
			l.at[i] = l.node(strings.Fields(set.Err().Error())[2])
			continue
		}
		if err != nil {
			return err
		}
		if got, err := held.Int(); err != nil || got < l.wait {
			return fmt.Errorf("WAIT says %d, %v", got, err)
		}
		return nil
	}
	return errors.New("redirected a hundred times")
}

// node returns the client of one node.
func (l *load) node(addr string) *redis.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.nodes[addr] == nil {
		l.nodes[addr] = redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, ReadTimeout: limit})
	}
	return l.nodes[addr]
}

// forget forgets stalls and errors so far.
func (l *load) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.longest, l.errors, l.writes = 0, nil, 0
}

// stop ends the writers.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
	for _, c := range l.nodes {
		c.Close()
	}
}

// lost reads all keys and returns how many acknowledged writes are missing: the
// difference between what was acknowledged last and what is there.
func (l *load) lost(ctx context.Context) (n int64, err error) {
	for i, key := range l.keys {
		text, err := l.client.Get(ctx, key).Result()
		if err != nil && err != redis.Nil {
			return n, err
		}
		have, _ := strconv.ParseInt(text, 10, 64)
		if acked := l.acked[i].Load(); have < acked {
			n += acked - have
		}
	}
	return n, nil
}
