package interop

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/goredisstore.v9"
	"github.com/ulule/limiter/v3"
	limiterredis "github.com/ulule/limiter/v3/drivers/store/redis"
)

// tokens is a limiter whose tokens do not come back within a test.
type tokens struct {
	take func(ctx context.Context, key string) (allowed bool, err error)
	left func(ctx context.Context, key string) (int, error)
}

// manyTokens is more than a test takes.
const manyTokens = 100_000

func limitUsages(s *libraries) []*usage {
	return []*usage{
		s.limitUsage("redis_rate", redisRate(s)),
		s.limitUsage("limiter", ululeLimiter(s)),
		s.limitUsage("throttled", throttledLimiter(s)),
	}
}

func redisRate(s *libraries) tokens {
	l := redis_rate.NewLimiter(s.rdb)
	limit := redis_rate.Limit{Rate: 1, Period: time.Hour, Burst: manyTokens}
	return tokens{
		take: func(ctx context.Context, key string) (bool, error) {
			r, err := l.Allow(ctx, key, limit)
			return err == nil && r.Allowed == 1, err
		},
		left: func(ctx context.Context, key string) (int, error) {
			r, err := l.AllowN(ctx, key, limit, 0)
			if err != nil {
				return 0, err
			}
			return r.Remaining, nil
		},
	}
}

func ululeLimiter(s *libraries) tokens {
	store, err := limiterredis.NewStore(s.rdb)
	if err != nil {
		s.Fatal(err)
	}
	l := limiter.New(store, limiter.Rate{Period: time.Hour, Limit: manyTokens})
	return tokens{
		take: func(ctx context.Context, key string) (bool, error) {
			c, err := l.Get(ctx, key)
			return err == nil && !c.Reached, err
		},
		left: func(ctx context.Context, key string) (int, error) {
			c, err := l.Peek(ctx, key)
			return int(c.Remaining), err
		},
	}
}

func throttledLimiter(s *libraries) tokens {
	store, err := goredisstore.NewCtx(s.rdb, "throttled:")
	if err != nil {
		s.Fatal(err)
	}
	l, err := throttled.NewGCRARateLimiterCtx(store, throttled.RateQuota{MaxRate: throttled.PerHour(1),
		MaxBurst: manyTokens - 1})
	if err != nil {
		s.Fatal(err)
	}
	l.SetMaxCASAttemptsLimit(1000) // its users compete
	return tokens{
		take: func(ctx context.Context, key string) (bool, error) {
			limited, _, err := l.RateLimitCtx(ctx, key, 1)
			return err == nil && !limited, err
		},
		left: func(ctx context.Context, key string) (int, error) {
			_, r, err := l.RateLimitCtx(ctx, key, 0)
			return r.Remaining, err
		},
	}
}

// limitUsage takes tokens of several limits. At the end each that was allowed must have been
// counted: one that was not could be allowed again. More may have been counted, by calls
// that did not hear of it.
func (s *libraries) limitUsage(library string, l tokens) *usage {
	const users = 3
	var keys []string
	for _, tag := range append(s.tags[2:4:4], s.still[1]) {
		keys = append(keys, fmt.Sprintf("{%s}", tag))
	}
	allowed := make([]atomic.Int64, len(keys))
	turns := make([]int, users)
	return &usage{
		name: library, users: users,
		use: func(ctx context.Context, user int) error {
			i := turns[user] % len(keys)
			turns[user]++
			ok, err := l.take(ctx, keys[i])
			if ok {
				allowed[i].Add(1)
			} else if err == nil {
				err = errBusy
			}
			return err
		},
		check: func(ctx context.Context, t *testing.T) {
			for i, key := range keys {
				left, err := l.left(ctx, key)
				counted, n := manyTokens-left, int(allowed[i].Load())
				t.Logf("%s %s: %d calls were allowed, %d are counted", library, key, n, counted)
				if err != nil || counted < n || counted > n+n/10+users {
					t.Errorf("%s %s: %d calls were allowed, %d are counted, %v", library, key, n, counted, err)
				}
			}
		},
	}
}
