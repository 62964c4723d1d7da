package interop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

// lockTTL is how long a lock is held at most. It is about as long as a failover, so that
// some locks end by it and others do not.
const lockTTL = 4 * time.Second

// room is what a lock protects: it tells if two holders are in it at once.
type room struct {
	mu     sync.Mutex // guards what follows
	holder string
	until  time.Time // when the holder's lock has ended anyway
}

// visit enters the room with a lock that is good until a time, does something there, and
// leaves it.
func (r *room) visit(who string, until time.Time) error {
	if err := r.enter(who, until); err != nil {
		return err
	}
	defer r.leave(who)
	select { // others come meanwhile
	case <-time.After(time.Millisecond):
	case <-time.After(time.Until(until)):
	}
	return nil
}

func (r *room) enter(who string, until time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holder != "" && time.Now().Before(r.until) {
		return fmt.Errorf("two holders: %s, and %s whose lock is good for %v more", who, r.holder, time.Until(r.until))
	}
	r.holder, r.until = who, until
	return nil
}

func (r *room) leave(who string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holder == who {
		r.holder = ""
	}
}

// lockUsages returns one usage for each library of locks: several users want the same
// locks, two of them in moving slots.
func lockUsages(s *libraries) []*usage {
	sync := redsync.New(goredis.NewPool(s.rdb))
	lock := redislock.New(s.rdb)
	locker, err := rueidislock.NewLocker(rueidislock.LockerOption{
		ClientOption: rueidis.ClientOption{InitAddress: addrs(s.c.nodes)},
		KeyValidity:  lockTTL, TryNextAfter: time.Second,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(locker.Close)
	return []*usage{
		s.lockUsage("redsync", func(ctx context.Context, name string, visit func(time.Time) error) error {
			// By default it waits for an answer for a twentieth of the time only.
			m := sync.NewMutex(name, redsync.WithExpiry(lockTTL), redsync.WithTries(1), redsync.WithTimeoutFactor(0.5))
			var taken *redsync.ErrTaken
			if err := m.LockContext(ctx); errors.As(err, &taken) {
				return errBusy
			} else if err != nil {
				return err
			}
			if ok, err := m.ExtendContext(ctx); err != nil || !ok {
				return fmt.Errorf("Extend: %t, %w", ok, err)
			}
			if err := visit(m.Until()); err != nil {
				return err
			}
			if ok, err := m.UnlockContext(ctx); err != nil || !ok {
				return fmt.Errorf("Unlock: %t, %w", ok, err)
			}
			return nil
		}),
		s.lockUsage("redislock", func(ctx context.Context, name string, visit func(time.Time) error) error {
			began := time.Now()
			l, err := lock.Obtain(ctx, name, lockTTL, nil)
			if errors.Is(err, redislock.ErrNotObtained) {
				return errBusy
			} else if err != nil {
				return err
			}
			if left, err := l.TTL(ctx); err != nil || left <= 0 || left > lockTTL {
				return fmt.Errorf("TTL: %v, %w", left, err)
			}
			refreshed := time.Now()
			if err := l.Refresh(ctx, lockTTL, nil); err == nil {
				began = refreshed
			} else {
				return err
			}
			if err := visit(began.Add(lockTTL)); err != nil {
				return err
			}
			return l.Release(ctx)
		}),
		s.lockUsage("rueidislock", func(ctx context.Context, name string, visit func(time.Time) error) error {
			began := time.Now()
			_, release, err := locker.TryWithContext(ctx, name)
			if errors.Is(err, rueidislock.ErrNotLocked) {
				return errBusy
			} else if err != nil {
				return err
			}
			defer release()
			return visit(began.Add(lockTTL))
		}),
	}
}

func (s *libraries) lockUsage(library string,
	lock func(ctx context.Context, name string, visit func(until time.Time) error) error) *usage {
	const users = 4
	var names []string
	for _, tag := range append(s.tags[:2:2], s.still[0]) {
		names = append(names, fmt.Sprintf("%s:{%s}", library, tag))
	}
	rooms := make([]room, len(names))
	turns := make([]int, users)
	return &usage{name: library, users: users, use: func(ctx context.Context, user int) error {
		turn := turns[user]
		turns[user]++
		i := turn % len(names)
		return lock(ctx, names[i], func(until time.Time) error {
			err := rooms[i].visit(fmt.Sprintf("user %d in turn %d", user, turn), until)
			if err != nil {
				s.Errorf("%s: %v", names[i], err)
			}
			return err
		})
	}}
}
