package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidislock"
)

// TestPush uses libraries whose clients are told what they did not ask for (messages, events
// of keys, invalidations) on three masters and three replicas; then messages go on while
// slots move and a master is killed.
func TestPush(t *testing.T) {
	c := createShards(t, "--cluster-node-timeout", "2000", "--notify-keyspace-events", "KEA", "--save", "")
	for name, use := range map[string]func(*testing.T, *shards){
		"go-redis": goRedisSubscribes, "go-redis sharded": goRedisSubscribesSharded, "go-redis events": goRedisEvents,
		"redigo": redigoSubscribes, "rueidis": rueidisTracks, "rueidislock": rueidisLocks, "centrifuge": centrifugeBroker,
		"psrpc": psrpcCalls, "ioredis": ioredisSubscribes,
	} {
		t.Run(name, func(t *testing.T) { use(t, c) })
	}
	messagesGoOn(t, c)
}

// pushed bounds the wait for one message.
const pushed = 10 * time.Second

// next returns the next message of a subscription.
func next(t *testing.T, sub *goredis.PubSub) *goredis.Message {
	t.Helper()
	for {
		m, err := sub.ReceiveTimeout(t.Context(), pushed)
		if err != nil {
			t.Fatal(err)
		}
		if m, ok := m.(*goredis.Message); ok {
			return m
		}
	}
}

// subscribed waits for the confirmation.
func subscribed(t *testing.T, sub *goredis.PubSub) {
	t.Helper()
	t.Cleanup(func() { sub.Close() })
	if m, err := sub.ReceiveTimeout(t.Context(), pushed); err != nil {
		t.Fatal(err)
	} else if _, ok := m.(*goredis.Subscription); !ok {
		t.Fatalf("a subscription is answered by %v", m)
	}
}

// goRedisSubscribes: what any node publishes comes, by name and by pattern.
func goRedisSubscribes(t *testing.T, c *shards) {
	rdb := c.client()
	byName, byPattern := rdb.Subscribe(t.Context(), "news"), rdb.PSubscribe(t.Context(), "n?ws*")
	subscribed(t, byName)
	subscribed(t, byPattern)
	for i, p := range c.nodes {
		text := fmt.Sprint("message ", i)
		p.ask("publish", "news", text)
		if m := next(t, byName); m.Channel != "news" || m.Payload != text {
			t.Errorf("port %d published %q, and %+v came", p.port, text, m)
		}
		if m := next(t, byPattern); m.Channel != "news" || m.Pattern != "n?ws*" || m.Payload != text {
			t.Errorf("port %d published %q, and %+v came to the pattern", p.port, text, m)
		}
	}
}

// goRedisSubscribesSharded: one channel in the slots of each master.
func goRedisSubscribesSharded(t *testing.T, c *shards) {
	rdb := c.client()
	for _, m := range c.masters() {
		channel := c.keysOf(m, 1)[0]
		sub := rdb.SSubscribe(t.Context(), channel)
		subscribed(t, sub)
		if n, err := rdb.SPublish(t.Context(), channel, "sharded").Result(); err != nil || n != 1 {
			t.Errorf("SPUBLISH reached %d subscribers, %v", n, err)
		}
		if got := next(t, sub); got.Channel != channel || got.Payload != "sharded" {
			t.Errorf("%+v came", got)
		}
	}
}

// goRedisEvents: the events of a master's keys come from that master.
func goRedisEvents(t *testing.T, c *shards) {
	rdb := c.client()
	for _, m := range c.masters() {
		key := "event" + c.keysOf(m, 1)[0]
		for i := 0; !c.owned(m)(key); i++ {
			key = fmt.Sprint("event:", i)
		}
		sub := m.client().PSubscribe(t.Context(), "__key*__:*")
		subscribed(t, sub)
		if err := rdb.Set(t.Context(), key, "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
		rdb.PExpire(t.Context(), key, time.Millisecond)
		var got []string
		for range 6 {
			e := next(t, sub)
			got = append(got, e.Channel+" "+e.Payload)
		}
		want := []string{"__keyspace@0__:" + key + " set", "__keyevent@0__:set " + key, "__keyspace@0__:" + key + " expire",
			"__keyevent@0__:expire " + key, "__keyspace@0__:" + key + " expired", "__keyevent@0__:expired " + key}
		if !slices.Equal(got, want) {
			t.Errorf("events %q, want %q", got, want)
		}
	}
}

// redigoSubscribes at a replica.
func redigoSubscribes(t *testing.T, c *shards) {
	conn, err := redis.Dial("tcp", c.replicaOf(c.masters()[0]).addr(), redis.DialReadTimeout(pushed))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sub := redis.PubSubConn{Conn: conn}
	if err := sub.Subscribe("a", "b"); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if s, ok := sub.Receive().(redis.Subscription); !ok || s.Count != i+1 {
			t.Fatalf("subscription %d: %+v", i, s)
		}
	}
	c.masters()[1].ask("publish", "b", "text")
	if m, ok := sub.Receive().(redis.Message); !ok || m.Channel != "b" || string(m.Data) != "text" {
		t.Fatalf("%+v came", m)
	}
	if err := sub.Ping("here"); err != nil {
		t.Fatal(err)
	}
	if p, ok := sub.Receive().(redis.Pong); !ok || p.Data != "here" {
		t.Errorf("PING is answered by %+v", p)
	}
	if err := sub.Unsubscribe(); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		if s, ok := sub.Receive().(redis.Subscription); !ok || s.Kind != "unsubscribe" || s.Count != 1-i {
			t.Errorf("the end of subscription %d: %+v", i, s)
		}
	}
}

// rueidisTracks with its default options: what it has read stays until another client
// writes, and the first read after the invalidation sees the new value.
func rueidisTracks(t *testing.T, c *shards) {
	invalid := make(chan string, 1000)
	note := func(list []rueidis.RedisMessage) {
		for _, m := range list {
			key, _ := m.ToString()
			invalid <- key
		}
	}
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs(c.nodes), OnInvalidations: note})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	rdb, ctx := c.client(), t.Context()
	read := func(key string) (value string, hit bool) {
		t.Helper()
		r := client.DoCache(ctx, client.B().Get().Key(key).Cache(), time.Minute)
		value, err := r.ToString()
		if err != nil {
			t.Fatal(err)
		}
		return value, r.IsCacheHit()
	}
	for i := range 100 {
		key := fmt.Sprint("tracked:", i)
		rdb.Set(ctx, key, "old", 0)
		read(key)
		if value, hit := read(key); value != "old" || !hit {
			t.Fatalf("%s read again is %q, out of the cache: %v", key, value, hit)
		}
		rdb.Set(ctx, key, "new", 0)
		for got := ""; got != key; {
			select {
			case got = <-invalid:
			case <-time.After(pushed):
				t.Fatalf("%s is not invalidated", key)
			}
		}
		if value, hit := read(key); value != "new" || hit {
			t.Fatalf("%s after its invalidation is %q, out of the cache: %v", key, value, hit)
		}
	}
}

// rueidisLocks with client-side caching, by which a locker learns that a lock was lost, or
// is free.
func rueidisLocks(t *testing.T, c *shards) {
	ctx := soon(t)
	var lockers [2]rueidislock.Locker
	for i := range lockers {
		var err error
		if lockers[i], err = rueidislock.NewLocker(rueidislock.LockerOption{KeyValidity: time.Minute,
			ExtendInterval: time.Minute / 2, ClientOption: rueidis.ClientOption{InitAddress: addrs(c.nodes)}}); err != nil {
			t.Fatal(err)
		}
		defer lockers[i].Close()
	}
	_, release, err := lockers[0].WithContext(ctx, "cached")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := lockers[1].TryWithContext(ctx, "cached"); !errors.Is(err, rueidislock.ErrNotLocked) {
		t.Fatalf("a second holder: %v", err)
	}
	locked := make(chan context.Context, 1)
	go func() {
		held, _, err := lockers[1].WithContext(ctx, "cached")
		if err == nil {
			locked <- held
		}
	}()
	release()
	var held context.Context
	select {
	case held = <-locked:
	case <-time.After(pushed): // long before the lock's end
		t.Fatal("the waiter is not told that the lock is free")
	}
	for i := range 3 {
		c.client().Del(ctx, fmt.Sprintf("rueidislock:%d:cached", i))
	}
	select {
	case <-held.Done():
	case <-time.After(pushed):
		t.Error("the holder is not told that the lock is lost")
	}
}

// addrsText is for programs that take one argument.
func addrsText(c *shards) string { return strings.Join(addrs(c.nodes), ",") }
