package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// trackingLines are commands of all types, by the kind of their keys; K and J stand for
// keys. What they reply and change does not depend on chance or time.
var trackingLines = map[string]string{
	"s": `GET K|SET K 1|SET K 2|SETNX K 3|APPEND K x|STRLEN K|MGET K J|MSET K 1 J 2|MSETNX K 1 J 2|GETDEL K|GETSET K 4|INCR n:K|
		GETRANGE K 0 1|SETRANGE K 3 abc|GETEX K|GETEX K PERSIST|SET K 5 NX|SET K 6 XX GET|DECRBY n:K 2|INCRBYFLOAT n:K 1.5|
		EVAL "return redis.call('get',KEYS[1])" 2 K J|EVAL "redis.call('set',KEYS[1],7) return redis.call('get',KEYS[1])" 1 K|
		EVAL_RO "return redis.call('mget',KEYS[1],KEYS[2])" 2 K J|EVAL "return 1" 1 K|SUBSTR K 0 2|GET h:K`,
	"h": `HGET K a|HSET K a 1|HSET K a 1 b 2|HDEL K a|HDEL K none|HGETALL K|HLEN K|HSETNX K c 1|HINCRBY K d 1|HMGET K a b|
		HEXISTS K a|HSTRLEN K a|HVALS K|HKEYS K`,
	"l": `LPUSH K a b|RPUSH K c|LPOP K|RPOP K 2|LRANGE K 0 -1|LLEN K|LINDEX K 0|LSET K 0 z|LREM K 0 a|LTRIM K 1 -1|
		LINSERT K BEFORE c d|LMOVE K J LEFT RIGHT|RPOPLPUSH K J|LPOS K a|LPUSHX K e|LMPOP 2 K J LEFT`,
	"t": `SADD K 1|SADD K 1 2|SREM K 1|SREM K 9|SMEMBERS K|SISMEMBER K 1|SCARD K|SMOVE K J 1|SINTER K J|SUNIONSTORE K J m:K|
		SDIFFSTORE K J K|SMISMEMBER K 1 2|SINTERCARD 2 K J`,
	"z": `ZADD K 1 a|ZADD K 2 b|ZADD K NX 3 a|ZINCRBY K 1 a|ZREM K a|ZREM K none|ZRANGE K 0 -1|ZSCORE K a|ZCARD K|ZCOUNT K 0 9|
		ZPOPMIN K|ZRANGESTORE K J 0 -1|ZUNIONSTORE K 2 J m:K|ZREMRANGEBYRANK K 0 0|ZRANK K a|ZMSCORE K a b`,
	"any": `DEL K|DEL K J|UNLINK K|EXISTS K J|TYPE K|EXPIRE K 1000|PERSIST K|RENAME K J|RENAMENX K J|COPY K J|COPY K J REPLACE|
		TOUCH K|FLUSHALL|FLUSHDB|SORT K ALPHA|SORT_RO K ALPHA|DUMP none`,
}

// trackingModes are what clients ask for; ID stands for the client that is told instead.
var trackingModes = strings.Split(`on|on|on|on NOLOOP|on OPTIN|on OPTOUT|on BCAST|on BCAST PREFIX s: PREFIX h:|on BCAST NOLOOP|
	on BCAST PREFIX z NOLOOP|on REDIRECT ID|on NOLOOP REDIRECT ID|on BCAST REDIRECT ID|off|off|on BCAST PREFIX s PREFIX s:|
	on PREFIX a|on OPTIN OPTOUT|on REDIRECT 99999|on foo|foo`, "|")

// trackingRun sends the same random commands to this server and to Redis, by several
// connections.
type trackingRun struct {
	t       *testing.T
	rnd     *rand.Rand
	clients []trackingPair
	history []string
}

// trackingPair is one client, at both servers.
type trackingPair struct {
	ours, theirs *rawConn
	id           string
	resp3        bool
}

func (r *trackingRun) key(kind string) string { return fmt.Sprintf("%s:%d", kind, r.rnd.IntN(6)) }

// line returns a random command.
func (r *trackingRun) line() string {
	kinds := []string{"s", "s", "h", "l", "t", "z"}
	kind := kinds[r.rnd.IntN(len(kinds))]
	lines := trackingLines[kind]
	if r.rnd.IntN(5) == 0 {
		lines = trackingLines["any"]
	}
	list := strings.Split(lines, "|")
	line := strings.TrimSpace(list[r.rnd.IntN(len(list))])
	if strings.HasPrefix(line, "FLUSH") && r.rnd.IntN(4) > 0 {
		line = "GET K"
	}
	line = strings.ReplaceAll(line, ":K", ":"+strconv.Itoa(r.rnd.IntN(6)))
	words := strings.Split(line, " ")
	for i, word := range words {
		if word == "K" || word == "J" {
			words[i] = r.key(kind)
		}
	}
	return strings.Join(words, " ")
}

// linesOfKeys returns up to n commands that change no more than their own keys.
func (r *trackingRun) linesOfKeys(n int) (list []string) {
	for range n {
		if line := r.line(); !strings.HasPrefix(line, "FLUSH") {
			list = append(list, line)
		}
	}
	return list
}

// unit returns commands that are sent together.
func (r *trackingRun) unit(by int) []string {
	switch n := r.rnd.IntN(20); {
	case n < 2:
		mode := strings.TrimSpace(trackingModes[r.rnd.IntN(len(trackingModes))])
		if by%2 == 0 && strings.Contains(mode, "BCAST") {
			mode = strings.ReplaceAll(mode, " NOLOOP", "")
		}
		mode = strings.ReplaceAll(mode, "ID", r.clients[len(r.clients)-1-r.rnd.IntN(2)].id)
		if r.rnd.IntN(2) == 0 {
			return []string{"CLIENT TRACKING off", "CLIENT TRACKING " + mode}
		}
		return []string{"CLIENT TRACKING " + mode}
	case n < 4:
		list := []string{"CLIENT CACHING " + []string{"yes", "no", "x"}[r.rnd.IntN(3)]}
		return append(list, r.linesOfKeys(2)...)
	case n < 5:
		return []string{"CLIENT TRACKINGINFO", "CLIENT GETREDIR"}
	case n < 7:
		list := append([]string{"MULTI"}, r.linesOfKeys(1+r.rnd.IntN(4))...)
		return append(list, "EXEC")
	}
	return []string{r.line()}
}

// send sends commands to both servers and compares what they reply and what they push to
// any client.
func (r *trackingRun) send(by int, lines ...string) {
	r.t.Helper()
	r.history = append(r.history, fmt.Sprintf("%d: %s", by, strings.Join(lines, "; ")))
	c := &r.clients[by]
	r.compare(by, exchange(c.ours, lines), exchange(c.theirs, lines))
	for i := range r.clients {
		barrier := []string{"CLIENT GETNAME"}
		if !r.clients[i].resp3 {
			barrier[0] = "PING"
		}
		r.compare(i, exchange(r.clients[i].ours, barrier), exchange(r.clients[i].theirs, barrier))
	}
}

// exchange sends lines together and returns what comes, frame by frame, until all are
// answered.
func exchange(c *rawConn, lines []string) (frames [][]byte) {
	var out []byte
	for _, line := range lines {
		args, _ := resp.SplitWords(nil, []byte(line))
		out = resp.AppendCommand(out, args...)
	}
	go c.conn.Write(out)
	for left := len(lines); left > 0; {
		frame := c.reply()
		frames = append(frames, frame)
		if frame == nil {
			return frames
		}
		if frame[0] != '>' && !bytes.HasPrefix(frame, []byte("*3\r\n$7\r\nmessage\r\n")) {
			left--
		}
	}
	return frames
}

func (r *trackingRun) compare(client int, ours, theirs [][]byte) {
	r.t.Helper()
	if !r.clients[client].resp3 { // Redis sends them what the other client's protocol has for null
		for i, frame := range theirs {
			theirs[i] = bytes.Replace(frame, []byte("invalidate\r\n_"), []byte("invalidate\r\n$-1"), 1)
		}
	}
	if !slices.EqualFunc(ours, theirs, bytes.Equal) {
		ours, theirs = mergeInvalidations(ours), mergeInvalidations(theirs)
	}
	same := func(a, b []byte) bool {
		return bytes.Equal(a, b) || len(a) > 0 && len(b) > 0 && (b[0] == '~' || b[0] == '*') && unordered(a, b)
	}
	if slices.EqualFunc(ours, theirs, same) {
		return
	}
	shown := r.history[max(0, len(r.history)-40):]
	r.t.Fatalf("client %d was sent something else by Redis:\n%s\n  here %q\n Redis %q", client,
		strings.Join(shown, "\n"), ours, theirs)
}

// mergeInvalidations makes one frame, with sorted keys, of invalidations that follow each
// other: Redis tells clients in the mode BCAST of what one turn of its loop has changed,
// slotmesh of what one transaction has. And a command that changes two keys may do that in
// another order.
func mergeInvalidations(frames [][]byte) (merged [][]byte) {
	var keys [][]byte
	flush := func() {
		if len(keys) > 0 {
			slices.SortFunc(keys, bytes.Compare)
			merged = append(merged, bytes.Join(slices.CompactFunc(keys, bytes.Equal), nil))
		}
		keys = nil
	}
	for _, frame := range frames {
		_, elems := splitReply(frame)
		if last := len(elems) - 1; last > 0 && elems[last][0] == '*' && bytes.Contains(elems[last-1], []byte("invalidate")) {
			_, list := splitReply(elems[last])
			keys = append(keys, list...)
			continue
		}
		flush()
		merged = append(merged, frame)
	}
	flush()
	return merged
}

// TestRandomTrackingIsRedis compares the replies and the pushes of four clients that read,
// write and track keys in random modes, and of two that hear for them: one in RESP3, and
// one in RESP2 that has subscribed to the channel of invalidations.
func TestRandomTrackingIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: tracking was not compared with it")
	}
	addr := startRedis(t, "standalone")
	seeds := 4
	if n, err := strconv.Atoi(os.Getenv("SLOTMESH_SEEDS")); err == nil {
		seeds = n
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runRandomTracking(t, addr, uint64(seed))
		})
	}
}

func runRandomTracking(t *testing.T, addr string, seed uint64) {
	srv := startServer(t, Config{Scripts: luaengine.New(luaengine.Config{})})
	r := &trackingRun{t: t, rnd: rand.New(rand.NewPCG(seed, 1))}
	for i := range 6 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		p := trackingPair{theirs: newRawConn(t, conn), resp3: i != 4}
		p.id = strings.Trim(string(p.theirs.do("CLIENT", "ID")), ":\r\n")
		id, _ := strconv.ParseInt(p.id, 10, 64)
		srv.nextID.Store(id - 1) // numbers are in replies
		p.ours = newRawConn(t, pipeTo(t, srv))
		r.clients = append(r.clients, p)
		if p.resp3 {
			p.theirs.do("HELLO", "3")
			p.ours.do("HELLO", "3")
		} else {
			r.send(i, "SUBSCRIBE "+invalidateChannel)
		}
	}
	r.send(0, "FLUSHALL")
	for range 600 {
		by := r.rnd.IntN(4)
		unit := r.unit(by)
		if by%2 == 1 && strings.Contains(strings.Join(unit, " "), "'set'") {
			by = 0 // Redis tells clients of their own changes by scripts, in the mode BCAST NOLOOP
		}
		r.send(by, unit...)
	}
}
