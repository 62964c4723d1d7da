package interop

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// startMixedLoad is startLoad with keys of all types, by turns: each writer adds numbers to
// its key, one after the other, and takes every fourth out again.
func startMixedLoad(t *testing.T, client *redis.ClusterClient, keys []string) *load {
	t.Helper()
	for _, key := range keys {
		if err := client.Del(t.Context(), key).Err(); err != nil {
			t.Fatal(err)
		}
	}
	l := newLoad(client, keys, 0)
	l.parts = make([]map[string]bool, len(keys))
	for i := range keys {
		l.parts[i] = make(map[string]bool)
	}
	l.start(l.changePart)
	return l
}

// changePart adds n to key i, or takes an earlier number out, and records it if that is
// acknowledged; otherwise nobody knows whether the number is there.
func (l *load) changePart(i int, n int64) error {
	part, add := strconv.FormatInt(n, 10), n%4 > 0
	if !add && i%6 > 0 { // what was appended to a string stays
		part = strconv.FormatInt(n-2, 10)
	}
	err := l.sendPart(l.keys[i], i%6, part, add)
	if err != nil {
		delete(l.parts[i], part)
		return err
	}
	l.parts[i][part] = add || i%6 == 0
	return nil
}

func (l *load) sendPart(key string, kind int, part string, add bool) error {
	ctx := context.Background()
	switch {
	case kind == 0:
		return l.client.Append(ctx, key, part+" ").Err()
	case kind == 1 && add:
		return l.client.HSet(ctx, key, part, part).Err()
	case kind == 1:
		return l.client.HDel(ctx, key, part).Err()
	case kind == 2 && add:
		return l.client.RPush(ctx, key, part).Err()
	case kind == 2: // a client that tried again may have added it twice
		return l.client.LRem(ctx, key, -2, part).Err()
	case kind == 3 && add:
		return l.client.SAdd(ctx, key, part).Err()
	case kind == 3:
		return l.client.SRem(ctx, key, part).Err()
	case kind == 4 && add: // a client that tried again is told that the ID is too small
		return l.client.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: part + "-1", Values: []string{"part", part}}).Err()
	case kind == 4:
		return l.client.XDel(ctx, key, part+"-1").Err()
	case add:
		return l.client.ZIncrBy(ctx, key, 1, part).Err()
	}
	return l.client.ZRem(ctx, key, part).Err()
}

// lostParts returns how many acknowledged changes of a mixed load are missing. It is for a
// load that has stopped.
func (l *load) lostParts(ctx context.Context) (n int64, err error) {
	for i, key := range l.keys {
		var there []string
		switch i % 6 {
		case 0:
			var text string
			text, err = l.client.Get(ctx, key).Result()
			there = strings.Fields(text)
		case 1:
			there, err = l.client.HKeys(ctx, key).Result()
		case 2:
			there, err = l.client.LRange(ctx, key, 0, -1).Result()
		case 3:
			there, err = l.client.SMembers(ctx, key).Result()
		case 4:
			var entries []redis.XMessage
			entries, err = l.client.XRange(ctx, key, "-", "+").Result()
			for _, e := range entries {
				there = append(there, e.Values["part"].(string))
			}
		default:
			there, err = l.client.ZRange(ctx, key, 0, -1).Result()
		}
		if err != nil && err != redis.Nil {
			return n, err
		}
		have := make(map[string]bool, len(there))
		for _, part := range there {
			have[part] = true
		}
		for part, want := range l.parts[i] {
			if have[part] != want {
				n++
			}
		}
	}
	return n, nil
}
