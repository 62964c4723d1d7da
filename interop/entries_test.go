package interop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// entry is what must survive a journey.
type entry struct {
	kind   string        // as TYPE tells
	parts  []string      // in the order in which read returns them
	expiry time.Duration // Unix time; 0 = never
}

// entries makes n values: strings of all forms in which Redis dumps them (integers,
// compressible, neither), and 9 collections among 100 keys: a stream, and a list, a hash, a
// set and a sorted set of integers and of text, most of them compact, some large.
func entries(n int) map[string]entry {
	list := make(map[string]entry, n)
	deadline := time.Duration(time.Now().Add(time.Hour).UnixMilli()) * time.Millisecond
	for i := range n {
		e := entry{kind: "string"}
		switch {
		case i%100 < 9:
			e = collection(i)
		case i%4 == 0:
			e.parts = []string{strconv.Itoa(i * 7919)}
		case i%4 == 1:
			e.parts = []string{strings.Repeat("abc", i%100+10)}
		case i%4 == 2:
			e.parts = []string{fmt.Sprintf("%x\r\n\x00%d", i, i)}
		case i%4 == 3:
			e.parts = []string{strconv.Itoa(-i)}
		}
		if i%3 == 0 {
			e.expiry = deadline + time.Duration(i)*time.Millisecond
		}
		list["key:"+strconv.Itoa(i)] = e
	}
	return list
}

// collection makes one of the i-th key's type and size.
func collection(i int) entry {
	e := entry{kind: []string{"list", "hash", "set", "zset"}[i%4]}
	if i%100 == 8 {
		e.kind = "stream"
	}
	n := 1 + i/100%10
	switch {
	case i/100 == 3:
		n = 3000
	case n == 6:
		n = 150 // more than Redis keeps in a listpack
	}
	scale := 1
	if i/100%2 == 1 {
		scale = 1e9 // integers of 64 bits
	}
	for j := range n {
		// Of the same length, hence in order as text, too.
		part := strconv.Itoa((10_000 + j) * scale)
		if i%8 < 4 {
			part += "\r\n\x00" + strings.Repeat("abc", j%30)
		}
		switch e.kind {
		case "hash":
			e.parts = append(e.parts, part, strconv.Itoa(-j))
		case "zset":
			e.parts = append(e.parts, formatScore(float64(j)/4-100), part)
		case "stream":
			e.parts = append(e.parts, fmt.Sprintf("%d-%d", 1+j/7*scale, j), part)
		default:
			e.parts = append(e.parts, part)
		}
	}
	return e
}

func formatScore(score float64) string { return strconv.FormatFloat(score, 'g', -1, 64) }

// write adds the command that makes the entry to a pipeline.
func (e entry) write(ctx context.Context, p redis.Pipeliner, key string) {
	if e.kind == "stream" {
		e.writeStream(ctx, p, key)
		return
	}
	command := map[string]string{"string": "set", "list": "rpush", "hash": "hset", "set": "sadd", "zset": "zadd"}[e.kind]
	args := []any{command, key}
	for _, part := range e.parts {
		args = append(args, part)
	}
	p.Do(ctx, args...)
}

// read adds the command that reads a key of the entry's type to a pipeline; the function
// it returns tells what came. The parts of hashes and sets, which have no order, come in
// that of text.
func (e entry) read(ctx context.Context, p redis.Pipeliner, key string) func() ([]string, error) {
	switch e.kind {
	case "list":
		return p.LRange(ctx, key, 0, -1).Result
	case "hash":
		cmd := p.HGetAll(ctx, key)
		return func() (parts []string, err error) {
			for _, field := range slices.Sorted(maps.Keys(cmd.Val())) {
				parts = append(parts, field, cmd.Val()[field])
			}
			return parts, cmd.Err()
		}
	case "set":
		cmd := p.SMembers(ctx, key)
		return func() ([]string, error) { return slices.Sorted(slices.Values(cmd.Val())), cmd.Err() }
	case "stream":
		return readStream(ctx, p, key)
	case "zset":
		cmd := p.ZRangeWithScores(ctx, key, 0, -1)
		return func() (parts []string, err error) {
			for _, z := range cmd.Val() {
				parts = append(parts, formatScore(z.Score), z.Member.(string))
			}
			return parts, cmd.Err()
		}
	}
	cmd := p.Get(ctx, key)
	return func() ([]string, error) { return []string{cmd.Val()}, cmd.Err() }
}

func store(t *testing.T, c redis.UniversalClient, list map[string]entry) {
	t.Helper()
	ctx := t.Context()
	for keys := range slices.Chunk(slices.Collect(maps.Keys(list)), 1000) {
		if _, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, key := range keys {
				e := list[key]
				if e.write(ctx, p, key); e.expiry != 0 {
					p.PExpireAt(ctx, key, time.UnixMilli(e.expiry.Milliseconds()))
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// compare fails the test if a value, or an expiry by more than a journey may take, differs.
func compare(t *testing.T, c redis.UniversalClient, list map[string]entry) {
	t.Helper()
	const journey = 10 * time.Second // MIGRATE sends the time that is left
	ctx := t.Context()
	for keys := range slices.Chunk(slices.Collect(maps.Keys(list)), 1000) {
		values := make([]func() ([]string, error), len(keys))
		expiries := make([]*redis.DurationCmd, len(keys))
		// The first error is one of a key, and is reported with it.
		_, _ = c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, key := range keys {
				values[i], expiries[i] = list[key].read(ctx, p, key), p.PExpireTime(ctx, key)
			}
			return nil
		})
		for i, key := range keys {
			want := list[key]
			got, err := values[i]()
			if err != nil {
				t.Fatalf("%s, a %s: %v", key, want.kind, err)
			}
			if !slices.Equal(got, want.parts) {
				t.Fatalf("%s, a %s of %d parts, is %.1000q, want %.1000q", key, want.kind, len(want.parts), got, want.parts)
			}
			at, err := expiries[i].Result()
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			if want.expiry == 0 && at >= 0 || want.expiry != 0 && (at-want.expiry).Abs() > journey {
				t.Fatalf("%s expires at %v, want %v", key, at, want.expiry)
			}
		}
	}
}
