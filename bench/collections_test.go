package bench

import (
	"fmt"
	"net"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// collections are what BenchmarkCollectionMemory fills: each calls write with a key and
// arguments of one command, until n elements have come.
var collections = []struct {
	name, command string
	n             int
	fill          func(n int, write func(key string, args ...string))
}{
	{"hash=1M", "HSET", 1_000_000, func(n int, write func(string, ...string)) {
		for i := range n {
			write("hash", fmt.Sprint("field:", i), fmt.Sprint("value:", i))
		}
	}},
	{"set=1M", "SADD", 1_000_000, func(n int, write func(string, ...string)) {
		for i := range n {
			write("set", fmt.Sprint("member:", i))
		}
	}},
	{"ints=1M", "SADD", 1_000_000, func(n int, write func(string, ...string)) {
		for i := range n {
			write("set", fmt.Sprint(i))
		}
	}},
	{"hashes=100k*8", "HSET", 800_000, func(n int, write func(string, ...string)) {
		for i := range n / 8 {
			args := make([]string, 0, 16)
			for k := range 8 {
				args = append(args, fmt.Sprint("field", k), fmt.Sprint("value:", i))
			}
			write(fmt.Sprint("hash:", i), args...)
		}
	}},
	{"intsets=100k*10", "SADD", 1_000_000, func(n int, write func(string, ...string)) {
		for i := range n / 10 {
			args := make([]string, 0, 10)
			for k := range 10 {
				args = append(args, fmt.Sprint(i*37+k*1000))
			}
			write(fmt.Sprint("set:", i), args...)
		}
	}},
}

// BenchmarkCollectionMemory reports the bytes of an element: of the heap, as the store
// counts them, and of redis-server's used_memory.
func BenchmarkCollectionMemory(b *testing.B) {
	for _, c := range collections {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				before := heapInUse()
				s := keyspace.New(keyspace.Config{})
				c.fill(c.n, func(key string, args ...string) { change(b, s, c.command, key, args) })
				b.ReportMetric(float64(heapInUse()-before)/float64(c.n), "heap-B/element")
				b.ReportMetric(float64(s.Memory())/float64(c.n), "counted-B/element")
				runtime.KeepAlive(s)
				b.ReportMetric(redisMemory(b, c.command, c.n, c.fill)/float64(c.n), "redis-B/element")
			}
		})
	}
}

// change does to a store what the command does.
func change(b *testing.B, s *keyspace.Store, command, key string, args []string) {
	err := s.Update(slots.OfString(key), func(tx *keyspace.Tx) error {
		if command == "SADD" {
			set, err := tx.Set([]byte(key))
			for i := 0; err == nil && i < len(args); i++ {
				_, err = set.Add([]byte(args[i]))
			}
			return err
		}
		h, err := tx.Hash([]byte(key))
		for i := 0; err == nil && i < len(args); i += 2 {
			_, err = h.Set([]byte(args[i]), []byte(args[i+1]))
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// redisMemory returns by how much used_memory of a redis-server grows.
func redisMemory(b *testing.B, command string, n int, fill func(int, func(string, ...string))) float64 {
	socket := b.TempDir() + "/redis.sock"
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "")
	if err := server.Start(); err != nil {
		b.Skip(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	var conn net.Conn
	for end := time.Now().Add(10 * time.Second); conn == nil && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		conn, _ = net.Dial("unix", socket)
	}
	c := resp.NewConn(conn)
	defer c.Close()
	before := usedMemory(b, c)
	fill(n, func(key string, args ...string) {
		c.Send(append([]string{command, key}, args...)...)
		if c.Pending() >= 1000 {
			takeReplies(b, c)
		}
	})
	takeReplies(b, c)
	return usedMemory(b, c) - before
}

func takeReplies(b *testing.B, c *resp.Conn) {
	for c.Pending() > 0 {
		if _, err := c.Receive(); err != nil {
			b.Fatal(err)
		}
	}
}

func usedMemory(b *testing.B, c *resp.Conn) float64 {
	time.Sleep(200 * time.Millisecond) // a table that is being enlarged is there twice
	r, err := c.Do("INFO", "memory")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(r.Str), "used_memory:")
	n, err := strconv.ParseFloat(strings.TrimSpace(rest[:strings.IndexByte(rest, '\n')]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkCollectionsOf5M reports what a forced collection takes with 5M elements in a
// set, and how long another client of the same slot waits while the set is deleted and
// freed.
func BenchmarkCollectionsOf5M(b *testing.B) {
	for b.Loop() {
		s := keyspace.New(keyspace.Config{})
		var member [16]byte
		for i := 0; i < 5_000_000; {
			s.Update(1, func(tx *keyspace.Tx) error {
				set, _ := tx.Set([]byte("set"))
				for range 10_000 {
					set.Add(fmt.Appendf(member[:0], "member:%d", i))
					i++
				}
				return nil
			})
		}
		best := time.Hour
		for range 5 {
			start := time.Now()
			runtime.GC()
			best = min(best, time.Since(start))
		}
		b.ReportMetric(float64(best.Microseconds())/1000, "GC-ms")
		b.ReportMetric(float64(longestWait(s).Microseconds())/1000, "longest-wait-ms")
	}
}

// longestWait deletes the set while another goroutine reads from its slot.
func longestWait(s *keyspace.Store) (longest time.Duration) {
	var stop atomic.Bool
	ended := make(chan time.Duration)
	go func() {
		var longest time.Duration
		for !stop.Load() {
			start := time.Now()
			s.View(1, func(tx *keyspace.Tx) error { tx.Get([]byte("key")); return nil })
			longest = max(longest, time.Since(start))
		}
		ended <- longest
	}()
	time.Sleep(10 * time.Millisecond)
	start := time.Now()
	s.Update(1, func(tx *keyspace.Tx) error { tx.Delete([]byte("set")); return nil })
	took := time.Since(start)
	runtime.GC()
	stop.Store(true)
	return max(took, <-ended)
}
