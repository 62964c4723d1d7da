package interop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// mover writes random commands to a server that is moved away from.
type mover struct {
	rnd  *rand.Rand
	keys int // of each type
}

// key returns a key of a type. Few of them are often written to, and many seldom.
func (m *mover) key(kind string) string {
	n := m.keys
	if m.rnd.IntN(2) == 0 {
		n = min(n, 50)
	}
	return fmt.Sprint(kind, ":", m.rnd.IntN(n))
}

func (m *mover) word() string {
	return strings.Repeat(fmt.Sprint("w", m.rnd.IntN(40)), 1+m.rnd.IntN(5))
}

func (m *mover) pick(list ...[]any) []any { return list[m.rnd.IntN(len(list))] }

var kinds = []string{"string", "number", "list", "set", "zset", "hash", "stream", "bits", "hll", "geo", "short"}

// command returns one that writes, of keys of one slot or of several.
func (m *mover) command() []any {
	k, w, n := m.key, m.word, m.rnd.IntN
	switch n(16) {
	case 0:
		return m.pick([]any{"set", k("string"), w()}, []any{"append", k("string"), w()},
			[]any{"setrange", k("string"), n(20), w()}, []any{"getset", k("string"), w()}, []any{"getdel", k("string")},
			[]any{"set", k("string"), w(), "keepttl"}, []any{"setnx", k("string"), w()})
	case 1:
		return m.pick([]any{"incr", k("number")}, []any{"incrby", k("number"), n(100)},
			[]any{"incrbyfloat", k("number"), "1.5"}, []any{"set", k("number"), n(1000)})
	case 2:
		return m.pick([]any{"rpush", k("list"), w(), w()}, []any{"lpush", k("list"), w()}, []any{"lpop", k("list")},
			[]any{"rpop", k("list"), 2}, []any{"ltrim", k("list"), 0, 20}, []any{"lrem", k("list"), 1, w()},
			[]any{"linsert", k("list"), "before", w(), w()}, []any{"lset", k("list"), 0, w()})
	case 3:
		return m.pick([]any{"sadd", k("set"), w(), w(), n(100)}, []any{"srem", k("set"), w()}, []any{"spop", k("set")},
			[]any{"spop", k("set"), 2})
	case 4:
		return m.pick([]any{"zadd", k("zset"), n(100), w(), n(100), w()}, []any{"zincrby", k("zset"), "0.25", w()},
			[]any{"zrem", k("zset"), w()}, []any{"zpopmin", k("zset")}, []any{"zremrangebyrank", k("zset"), 30, -1})
	case 5:
		return m.pick([]any{"hset", k("hash"), w(), w(), w(), w()}, []any{"hincrby", k("hash"), "n", n(9)},
			[]any{"hdel", k("hash"), w()}, []any{"hincrbyfloat", k("hash"), "f", "0.5"})
	case 6:
		return m.pick([]any{"xadd", k("stream"), "*", w(), w()}, []any{"xadd", k("stream"), "maxlen", "~", 30, "*", w(), w()},
			[]any{"xtrim", k("stream"), "maxlen", 20}, []any{"xgroup", "create", k("stream"), "g", "0", "mkstream"},
			[]any{"xreadgroup", "group", "g", "c", "count", 3, "streams", k("stream"), ">"},
			[]any{"xreadgroup", "group", "g", "d", "count", 3, "noack", "streams", k("stream"), ">"})
	case 7:
		return m.pick([]any{"setbit", k("bits"), n(500), n(2)}, []any{"bitfield", k("bits"), "incrby", "u8", 8, 3},
			[]any{"pfadd", k("hll"), w(), w()}, []any{"geoadd", k("geo"), n(90), n(80), w()})
	case 8: // times to live, many of which end while all is under way
		return m.pick([]any{"set", k("short"), n(100), "px", 1 + n(4000)}, []any{"pexpire", k("short"), 1 + n(6000)},
			[]any{"incr", k("short")}, []any{"persist", k("short")}, []any{"getex", k("short"), "ex", 1 + n(9)},
			[]any{"expire", k(kinds[n(len(kinds))]), 1000 + n(1000)}, []any{"setex", k("short"), 1, n(100)},
			[]any{"incr", k("short")})
	case 9:
		return m.pick([]any{"del", k(kinds[n(len(kinds))]), k("string")}, []any{"unlink", k("list"), k("set")},
			[]any{"mset", k("string"), w(), k("string"), w(), k("number"), n(100)},
			[]any{"msetnx", k("string"), w(), k("string"), w()})
	case 10:
		return m.pick([]any{"rename", k("string"), k("string")}, []any{"renamenx", k("hash"), k("hash")},
			[]any{"rename", k("short"), k("short")}, []any{"copy", k("zset"), k("zset"), "replace"},
			[]any{"copy", k("short"), k("short"), "replace"}, []any{"copy", k("stream"), k("stream"), "replace"})
	case 11:
		return m.pick([]any{"smove", k("set"), k("set"), w()}, []any{"lmove", k("list"), k("list"), "left", "right"},
			[]any{"rpoplpush", k("list"), k("list")}, []any{"lmpop", 2, k("list"), k("list"), "left"},
			[]any{"zmpop", 2, k("zset"), k("zset"), "min", "count", 2})
	case 12:
		return m.pick([]any{"sunionstore", k("set"), k("set"), k("set")}, []any{"sinterstore", k("set"), k("set"), k("set")},
			[]any{"zunionstore", k("zset"), 2, k("zset"), k("zset")}, []any{"zrangestore", k("zset"), k("zset"), 0, 5},
			[]any{"pfmerge", k("hll"), k("hll"), k("hll")}, []any{"bitop", "xor", k("bits"), k("bits"), k("bits")},
			[]any{"sort", k("list"), "alpha", "store", k("list")}, []any{"sort", k("set"), "by", "string:*", "store", k("list")},
			[]any{"geosearchstore", k("geo"), k("geo"), "fromlonlat", 10, 10, "byradius", 9000, "km"})
	case 13:
		return m.pick([]any{"eval", `redis.call("incr", KEYS[1]) redis.call("rpush", KEYS[2], ARGV[1]) ` +
			`return redis.call("set", KEYS[3], ARGV[1], "px", 3000)`, 3, k("number"), k("list"), k("short"), w()},
			[]any{"eval", `for i = 1, 3 do redis.call("hincrby", KEYS[1], "s", i) end return redis.call("sadd", KEYS[1] .. "x", 1)`,
				1, k("hash")})
	case 14:
		return m.pick([]any{"publish", "news", w()}, []any{"move", k("string"), 1},
			[]any{"copy", k("string"), k("string"), "db", 1}, []any{"restore", k("string"), 0,
				"\x00\x05hello\x0a\x00\xc7\xf7\xd6\xa4\xc2 P\xfc"})
	}
	return []any{"{same}" + k("string"), nil}
}

// write sends batches of random commands until ctx ends; those that end with an error are
// as welcome as others.
func (m *mover) write(ctx context.Context, c *redis.Client) (commands int) {
	for ctx.Err() == nil {
		p := c.Pipeline()
		if m.rnd.IntN(4) == 0 {
			p = c.TxPipeline()
		}
		for range 1 + m.rnd.IntN(30) {
			cmd := m.command()
			if cmd[1] == nil { // keys of one slot that belong together
				a, b := fmt.Sprint("{same}list:", m.rnd.IntN(9)), fmt.Sprint("{same}list:", m.rnd.IntN(9))
				p.Do(ctx, "rpush", a, m.word())
				cmd = []any{"lmove", a, b, "left", "left"}
			}
			p.Do(ctx, cmd...)
			commands++
		}
		p.Exec(ctx)
	}
	return commands
}

// fill writes n keys of all types, quickly.
func (m *mover) fill(ctx context.Context, c *redis.Client, n int) error {
	for done := 0; done < n; {
		p := c.Pipeline()
		for range min(1000, n-done) {
			i, w := done/10, m.word()
			switch done % 10 {
			case 0:
				p.Set(ctx, fmt.Sprint("string:", i), w, 0)
			case 1:
				p.Set(ctx, fmt.Sprint("number:", i), i, 0)
			case 2:
				p.RPush(ctx, fmt.Sprint("list:", i), w, i, w)
			case 3:
				p.SAdd(ctx, fmt.Sprint("set:", i), i, i+1)
			case 4:
				p.ZAdd(ctx, fmt.Sprint("zset:", i), redis.Z{Score: float64(i), Member: w})
			case 5:
				p.HSet(ctx, fmt.Sprint("hash:", i), "a", w, "b", i)
			case 6:
				p.XAdd(ctx, &redis.XAddArgs{Stream: fmt.Sprint("stream:", i), Values: []any{"f", w}})
			case 7:
				p.SetBit(ctx, fmt.Sprint("bits:", i), int64(i%1000), 1)
			case 8:
				p.PFAdd(ctx, fmt.Sprint("hll:", i), w)
			case 9:
				p.Set(ctx, fmt.Sprint("short:", i), i, time.Duration(1+m.rnd.IntN(20_000))*time.Millisecond)
			}
			done++
		}
		if _, err := p.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
