package server

import (
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// loopConn plays the same batch of commands again and again and swallows the
// replies, so that a benchmark measures the server alone.
type loopConn struct {
	batch []byte
	left  int // batches
}

func (c *loopConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	c.left--
	return copy(b, c.batch), nil
}

func (c *loopConn) Write(b []byte) (int, error)      { return len(b), nil }
func (c *loopConn) Close() error                     { return nil }
func (c *loopConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *loopConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *loopConn) SetDeadline(time.Time) error      { return nil }
func (c *loopConn) SetReadDeadline(time.Time) error  { return nil }
func (c *loopConn) SetWriteDeadline(time.Time) error { return nil }

// streamConn plays one command again and again, in reads as long as the server's buffer,
// and swallows the replies.
type streamConn struct {
	loopConn
	at int // in the command
}

func (c *streamConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := copy(b, c.batch[c.at:])
	if c.at += n; c.at == len(c.batch) {
		c.at = 0
		c.left--
	}
	return n, nil
}

// hotCommands must not allocate.
var hotCommands = []struct {
	name string
	args []string
}{
	{"PING", []string{"PING"}},
	{"GET", []string{"GET", "key:0000000001"}},
	{"GET-missing", []string{"GET", "nokey"}},
	{"SET", []string{"SET", "key:0000000001", strings.Repeat("x", 100)}},
	{"SET-EX", []string{"SET", "key:0000000001", strings.Repeat("x", 100), "EX", "100"}},
	{"MGET", []string{"MGET", "{t}1", "{t}2", "{t}3"}},
	{"INCR", []string{"INCR", "counter"}},
	{"EXISTS", []string{"EXISTS", "key:0000000001"}},
	{"EXPIRE", []string{"EXPIRE", "key:0000000001", "100"}},
	{"TTL", []string{"TTL", "key:0000000001"}},
	{"STRLEN", []string{"STRLEN", "key:0000000001"}},
	{"HSET", []string{"HSET", "key:hash", "field2", "value"}},
	{"HSET-large", []string{"HSET", "key:large", "field2", "value"}},
	{"HGET", []string{"HGET", "key:hash", "field2"}},
	{"HGET-large", []string{"HGET", "key:large", "field2"}},
	{"HMGET", []string{"HMGET", "key:hash", "field2", "none"}},
	{"HINCRBY", []string{"HINCRBY", "key:hash", "counter", "1"}},
	{"SADD", []string{"SADD", "key:set", "member2"}},
	{"SISMEMBER", []string{"SISMEMBER", "key:set", "member2"}},
	{"RPOPLPUSH", []string{"RPOPLPUSH", "key:list", "key:list"}},
	{"RPOPLPUSH-large", []string{"RPOPLPUSH", "key:longlist", "key:longlist"}},
	{"LSET-large", []string{"LSET", "key:longlist", "0", "element"}},
	{"SETBIT", []string{"SETBIT", "key:bits", "1000", "1"}},
	{"SETBIT-large", []string{"SETBIT", "key:bitmap", "1000", "1"}},
	{"BITCOUNT", []string{"BITCOUNT", "key:bits"}},
	{"PFADD", []string{"PFADD", "key:hll", "member2"}},
	{"PFCOUNT", []string{"PFCOUNT", "key:hll"}},
	{"GEOADD", []string{"GEOADD", "key:geo", "13.361389", "38.115556", "member2"}},
	{"XADD", []string{"XADD", "key:stream", "*", "field", "value"}},
}

// fillHot makes the keys of hotCommands.
func fillHot(t testing.TB, srv *Server) {
	t.Helper()
	c := connect(t, srv)
	expect(t, c, "SET key:0000000001 "+strings.Repeat("x", 100), "+OK")
	for i := range 8 {
		n := strconv.Itoa(i)
		expect(t, c, "HSET key:hash field"+n+" value", ":1")
		expect(t, c, "SADD key:set member"+n, ":1")
		expect(t, c, "RPUSH key:list element"+n, ":"+strconv.Itoa(i+1))
	}
	expect(t, c, "SETBIT key:bitmap 8000000 1", ":0")
	for i := range 1000 {
		expect(t, c, "HSET key:large field"+strconv.Itoa(i)+" value", ":1")
		expect(t, c, "RPUSH key:longlist element"+strconv.Itoa(i), ":"+strconv.Itoa(i+1))
		expect(t, c, "GEOADD key:geo 13."+strconv.Itoa(i+100)+" 38."+strconv.Itoa(i+100)+" member"+strconv.Itoa(i), ":1")
		do(t, c, "PFADD key:hll member"+strconv.Itoa(i))
	}
}

func TestHotCommandsDoNotAllocate(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget what they hold")
	}
	for _, users := range [][]string{nil, {restrictedDefault}} {
		t.Run(strings.Join(users, ""), func(t *testing.T) { hotCommandsDoNotAllocate(t, users) })
	}
}

// restrictedDefault gives clients the rights to the keys of hotCommands, pattern by pattern.
const restrictedDefault = "default on nopass ~nokey ~counter %R~{t}* ~key:* +@all -@dangerous"

func hotCommandsDoNotAllocate(t *testing.T, users []string) {
	srv := startServer(t, Config{Cluster: newFakeCluster(), Users: users})
	fillHot(t, srv)
	for _, c := range hotCommands {
		const batches, pipeline = 200, 16
		batch := []byte(strings.Repeat(string(resp.AppendCommand(nil, c.args...)), pipeline))
		serve := func(n int) func() {
			return func() { srv.ServeConn(&loopConn{batch: batch, left: n}) }
		}
		// The difference is what the additional commands cost; a session itself costs
		// something, and the runtime now and then allocates beside the test.
		few, many := testing.AllocsPerRun(3, serve(1)), testing.AllocsPerRun(3, serve(batches))
		if per := (many - few) / (batches * pipeline); per > 0.05 {
			t.Errorf("%s: %.2f allocations a command", c.name, per)
		}
	}
}

func BenchmarkCommand(b *testing.B) {
	for _, c := range hotCommands {
		for _, pipeline := range []int{1, 16} {
			b.Run(c.name+"/P="+strconv.Itoa(pipeline), func(b *testing.B) {
				srv := startServer(b, Config{Cluster: newFakeCluster()})
				fillHot(b, srv)
				var batch []byte
				for range pipeline {
					batch = resp.AppendCommand(batch, c.args...)
				}
				b.ReportAllocs()
				b.ResetTimer()
				srv.ServeConn(&loopConn{batch: batch, left: (b.N + pipeline - 1) / pipeline})
			})
		}
	}
}

// BenchmarkRestricted measures commands of a user whose rights are checked.
func BenchmarkRestricted(b *testing.B) {
	for _, c := range hotCommands {
		b.Run(c.name, func(b *testing.B) {
			srv := startServer(b, Config{Cluster: newFakeCluster(), Users: []string{restrictedDefault}})
			fillHot(b, srv)
			batch := []byte(strings.Repeat(string(resp.AppendCommand(nil, c.args...)), 16))
			b.ReportAllocs()
			b.ResetTimer()
			srv.ServeConn(&loopConn{batch: batch, left: (b.N + 15) / 16})
		})
	}
}

// BenchmarkWideCommand measures commands of many keys of one slot; ns/op is for one
// command.
func BenchmarkWideCommand(b *testing.B) {
	for _, shape := range []struct{ keys, size int }{{100_000, 10}, {20_000, 2000}} {
		set, get := []string{"MSET"}, []string{"MGET"}
		for i := range shape.keys {
			key := "{k}" + strconv.Itoa(i)
			set, get = append(set, key, strings.Repeat("x", shape.size)), append(get, key)
		}
		for _, args := range [][]string{set, get} {
			b.Run(args[0]+"/"+strconv.Itoa(shape.keys)+"x"+strconv.Itoa(shape.size), func(b *testing.B) {
				srv := startServer(b, Config{Cluster: newFakeCluster()})
				srv.ServeConn(&streamConn{loopConn: loopConn{batch: resp.AppendCommand(nil, set...), left: 1}})
				batch := resp.AppendCommand(nil, args...)
				b.ReportAllocs()
				b.ResetTimer()
				srv.ServeConn(&streamConn{loopConn: loopConn{batch: batch, left: b.N}})
			})
		}
	}
}
