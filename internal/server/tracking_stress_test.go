package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cachingClient is a model of a client with a cache: what it reads stays until the server
// says that it has changed.
type cachingClient struct {
	*rawConn
	cache map[string]int
}

// read returns the version of a key, from the cache if that has it; pushes that have come
// are obeyed first.
func (c *cachingClient) read(key string) int {
	if version, ok := c.cache[key]; ok {
		return version
	}
	go c.conn.Write([]byte(fmt.Sprintf("*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", len(key), key)))
	version := 0
	if text := bytes.Split(c.answer(), []byte("\r\n")); len(text) > 2 {
		version, _ = strconv.Atoi(string(text[1]))
	}
	c.cache[key] = version
	return version
}

// obey takes in what the server has pushed by now.
func (c *cachingClient) obey() {
	go c.conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
	c.answer()
}

// answer returns the next reply, and obeys the pushes before it.
func (c *cachingClient) answer() []byte {
	for {
		frame := c.reply()
		if len(frame) == 0 || frame[0] != '>' {
			return frame
		}
		_, elems := splitReply(frame)
		if elems[1][0] == '_' {
			clear(c.cache)
			continue
		}
		_, keys := splitReply(elems[1])
		for _, key := range keys {
			delete(c.cache, string(bytes.Split(key, []byte("\r\n"))[1]))
		}
	}
}

// TestCachesAreNeverStale: when a write has been answered, and a client has taken in what it
// was pushed until then, it reads nothing older, from its cache or from the server.
func TestCachesAreNeverStale(t *testing.T) {
	for _, mode := range []string{"on", "on BCAST", "on NOLOOP"} {
		t.Run(strings.ReplaceAll(mode, " ", "-"), func(t *testing.T) {
			srv := startServer(t, Config{Cluster: newFakeCluster()})
			stressCaches(t, srv, mode)
		})
	}
}

func stressCaches(t *testing.T, srv *Server, mode string) {
	const keys, writes, readers = 8, 400, 6
	var acknowledged [keys]atomic.Int64
	var writing, reading sync.WaitGroup
	for k := range keys {
		writing.Go(func() {
			c := newRawConn(t, pipeTo(t, srv))
			key := fmt.Sprint("key", k)
			for version := 1; version <= writes; version++ {
				switch version % 40 {
				case 13:
					c.do("MULTI")
					c.do("SET", key, fmt.Sprint(version))
					c.do("EXEC")
				default:
					c.do("SET", key, fmt.Sprint(version))
				}
				acknowledged[k].Store(int64(version))
			}
		})
	}
	var done atomic.Bool
	for r := range readers {
		reading.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(r), 7))
			c := &cachingClient{newRawConn(t, pipeTo(t, srv)), make(map[string]int)}
			c.do("HELLO", "3")
			c.do(append([]string{"CLIENT", "TRACKING"}, strings.Fields(mode)...)...)
			for !done.Load() {
				k := rnd.IntN(keys)
				least := acknowledged[k].Load()
				c.obey()
				if got := c.read(fmt.Sprint("key", k)); int64(got) < least {
					t.Errorf("key%d: read version %d after version %d had been acknowledged", k, got, least)
					return
				}
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()
}
