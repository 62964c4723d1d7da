package interop

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redis/redis_rate/v10"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
	"github.com/ulule/limiter/v3"
	limiterredis "github.com/ulule/limiter/v3/drivers/store/redis"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// inBubble runs a test on three masters and three replicas in fake time. Each write waits
// for a replica, so that a master may be killed at any time.
func inBubble(t *testing.T, run func(t *testing.T, cluster *clustertest.Cluster, rdb *redis.ClusterClient)) {
	synctest.Test(t, func(t *testing.T) {
		cluster := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 5 * time.Second,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.Replication.Sync = 1 }})
		rdb := bubbleClient(cluster, cluster.Dial)
		defer rdb.Close()
		run(t, cluster, rdb)
	})
}

func bubbleClient(cluster *clustertest.Cluster,
	dial func(ctx context.Context, network, addr string) (net.Conn, error)) *redis.ClusterClient {
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs(), Dialer: dial, MaxRedirects: 100,
		ClusterStateReloadInterval: time.Second})
}

// killMasterOf kills the master of a key, and lets it come back as a replica.
func killMasterOf(t *testing.T, cluster *clustertest.Cluster, key string) {
	t.Helper()
	for i := range cluster.Addrs() {
		if cluster.Node(i).Map().IsMine(slots.OfString(key)) {
			cluster.Kill(i)
			cluster.WaitStable()
			cluster.Restart(i)
			cluster.WaitStable()
			return
		}
	}
	t.Fatalf("the slot of %s has no master", key)
}

// Limiters of 30 calls a minute, asked all the time, allow exactly what they should, also
// across a failover: what is left of a limit, and when it is renewed, is the replica's too.
func TestLimitersInABubble(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *clustertest.Cluster, rdb *redis.ClusterClient) {
		// 30 tokens and another every two seconds, always fewer than 30.
		bucket := func(passed time.Duration) int { return 30 + int(passed/(2*time.Second)) }
		// 30 in each minute.
		windows := func(passed time.Duration) int { return 30 + 30*int(passed/time.Minute) }
		for _, l := range []struct {
			name, key string
			take      func() (bool, error)
			want      func(passed time.Duration) int
		}{
			{"redis_rate", "rate:a", rateOf30(t, rdb), bucket},
			{"throttled", "throttled:a", throttledOf30(t, rdb), bucket},
			{"limiter", "limiter:a", windowsOf30(t, rdb), windows},
		} {
			begin := time.Now()
			allowed := 0
			ask := func(until time.Duration) {
				for time.Since(begin) < until {
					ok, err := l.take()
					if err != nil {
						t.Fatalf("%s: %v", l.name, err)
					}
					if ok {
						allowed++
					}
					time.Sleep(100 * time.Millisecond)
				}
				if want := l.want(time.Since(begin)); allowed != want && allowed != want-1 {
					t.Errorf("%s allowed %d calls in %v, want %d", l.name, allowed, time.Since(begin), want)
				}
			}
			ask(70 * time.Second)
			killMasterOf(t, cluster, l.key)
			ask(130 * time.Second)
		}
	})
}

func rateOf30(_ *testing.T, rdb *redis.ClusterClient) func() (bool, error) {
	l := redis_rate.NewLimiter(rdb)
	return func() (bool, error) {
		r, err := l.Allow(context.Background(), "a", redis_rate.PerMinute(30))
		return err == nil && r.Allowed == 1, err
	}
}

func throttledOf30(t *testing.T, rdb *redis.ClusterClient) func() (bool, error) {
	store, err := goredisstore.NewCtx(rdb, "throttled:")
	if err != nil {
		t.Fatal(err)
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerMin(30), MaxBurst: 29})
	if err != nil {
		t.Fatal(err)
	}
	return func() (bool, error) {
		limited, _, err := l.RateLimitCtx(context.Background(), "a", 1)
		return err == nil && !limited, err
	}
}

func windowsOf30(t *testing.T, rdb *redis.ClusterClient) func() (bool, error) {
	store, err := limiterredis.NewStore(rdb)
	if err != nil {
		t.Fatal(err)
	}
	l := limiter.New(store, limiter.Rate{Period: time.Minute, Limit: 30})
	return func() (bool, error) {
		c, err := l.Get(context.Background(), "a")
		return err == nil && !c.Reached, err
	}
}

// A lock outlives its master, and ends when it should: not before, and not after.
func TestLocksInABubble(t *testing.T) {
	const ttl = 5 * time.Minute
	inBubble(t, func(t *testing.T, cluster *clustertest.Cluster, rdb *redis.ClusterClient) {
		ctx := t.Context()
		sync := redsync.New(goredis.NewPool(rdb))
		lock := redislock.New(rdb)
		for name, try := range map[string]func(key string) (bool, error){
			"redsync": func(key string) (bool, error) {
				var taken *redsync.ErrTaken
				err := sync.NewMutex(key, redsync.WithExpiry(ttl), redsync.WithTries(1)).Lock()
				if errors.As(err, &taken) {
					return false, nil
				}
				return err == nil, err
			},
			"redislock": func(key string) (bool, error) {
				_, err := lock.Obtain(ctx, key, ttl, nil)
				if errors.Is(err, redislock.ErrNotObtained) {
					return false, nil
				}
				return err == nil, err
			},
		} {
			begin := time.Now()
			expect := func(want bool) {
				t.Helper()
				if ok, err := try(name); err != nil || ok != want {
					t.Errorf("%s after %v: locked %t, %v, want %t", name, time.Since(begin), ok, err, want)
				}
			}
			expect(true)
			expect(false)
			killMasterOf(t, cluster, name)
			time.Sleep(time.Until(begin.Add(ttl - time.Second)))
			expect(false)
			time.Sleep(time.Until(begin.Add(ttl)))
			expect(true)
		}
	})
}

// rueidislock extends its locks for as long as they are held: another waits meanwhile,
// however long that is, and has the lock when it is free.
func TestExtendedLockInABubble(t *testing.T) {
	inBubble(t, func(t *testing.T, cluster *clustertest.Cluster, _ *redis.ClusterClient) {
		locker := func() rueidislock.Locker {
			l, err := rueidislock.NewLocker(rueidislock.LockerOption{
				ClientOption: rueidis.ClientOption{InitAddress: cluster.Addrs(), DialCtxFn: cluster.DialCtx, DisableCache: true},
				KeyValidity:  30 * time.Second, TryNextAfter: time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			return l
		}
		a, b := locker(), locker()
		defer a.Close()
		defer b.Close()
		held, release, err := a.WithContext(t.Context(), "{lock}")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan error, 1)
		go func() {
			_, release, err := b.WithContext(t.Context(), "{lock}")
			if err == nil {
				release()
			}
			got <- err
		}()
		time.Sleep(40 * time.Second)
		killMasterOf(t, cluster, "lock")
		time.Sleep(2 * time.Minute)
		select {
		case err := <-got:
			t.Errorf("another got the lock while it was held, %v", err)
		default:
		}
		if err := held.Err(); err != nil {
			t.Errorf("the lock was lost: %v", err)
		}
		release()
		select {
		case err := <-got:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the lock is free, and the other does not get it")
		}
	})
}

// cable is what a client's connections go through.
type cable struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu    sync.Mutex // guards what follows
	isCut bool
	conns []net.Conn
}

func (c *cable) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isCut {
		return nil, errors.New("the cable is cut")
	}
	conn, err := c.dial(ctx, network, addr)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = true
	for _, conn := range c.conns {
		conn.Close()
	}
}

func (c *cable) mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isCut = false
}
