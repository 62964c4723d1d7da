package server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// receivers connects n clients that monitor nothing but are in push mode, and returns their
// sessions.
func receivers(t *testing.T, srv *Server, n int, dial func() net.Conn) (list []*session, conns []net.Conn) {
	t.Helper()
	for range n {
		conn := dial()
		c := resp.NewConn(conn)
		do(t, c, "HELLO 3")
		expect(t, c, "CLIENT TRACKING ON", "+OK")
		conns = append(conns, conn)
	}
	for _, s := range srv.clients() {
		s.setFlag(clientPubsub, true)
		list = append(list, s)
	}
	return list, conns
}

// TestFanOut: each message reaches each client, in the order of its publisher, whether the
// publisher writes itself or leaves it to the server, on sockets and other connections.
func TestFanOut(t *testing.T) {
	srv := startServer(t, Config{})
	addr := listen(t, srv)
	for name, dial := range map[string]func() net.Conn{
		"socket": func() net.Conn { return dialTCP(t, addr) },
		"pipe":   func() net.Conn { return pipeTo(t, srv) },
	} {
		t.Run(name, func(t *testing.T) {
			const clients, publishers, each = 10, 4, 300
			list, conns := receivers(t, srv, clients, dial)
			var wg sync.WaitGroup
			for p := range publishers {
				wg.Go(func() {
					var f fanOut
					for i := range each {
						b := fmt.Appendf(nil, "%d %d %s\n", p, i, strings.Repeat("x", i+1))
						for _, s := range list {
							if p%2 == 0 {
								s.pushFrom(&f, b)
							} else {
								s.push(b)
							}
						}
						if i%7 == p {
							f.send()
						}
					}
					f.send()
				})
			}
			for _, conn := range conns {
				wg.Go(func() {
					var next [publishers]int
					lines := bufio.NewScanner(conn)
					for range publishers * each {
						var p, i int
						var text string
						lines.Scan()
						_, err := fmt.Sscan(lines.Text(), &p, &i, &text)
						if err != nil || i != next[p] || len(text) != i+1 {
							t.Errorf("publisher %d: got %d, want %d (%d bytes, %v)", p, i, next[p], len(text), err)
							conn.Close()
							return
						}
						next[p]++
					}
				})
			}
			wg.Wait()
			for _, conn := range conns {
				conn.Close()
			}
			waitFor(t, "the clients to be gone", func() bool { return srv.Clients() == 0 })
		})
	}
}

// TestSlowReceiver: a client that does not read is cut off when its limit is reached, and
// not before; the others get everything, and what waits for it is let go.
func TestSlowReceiver(t *testing.T) {
	limit := OutputLimit{Hard: 1 << 20}
	srv := startServer(t, Config{Limits: Limits{Pubsub: limit}})
	addr := listen(t, srv)
	list, conns := receivers(t, srv, 4, func() net.Conn { return dialTCP(t, addr) })
	slow := list[0]
	conns[0].(*net.TCPConn).SetReadBuffer(4 << 10)
	const size = 10 << 10
	message := bytes.Repeat([]byte{'x'}, size)
	published := 0
	var f fanOut
	for ; srv.stats.cutOff.Load() == 0; published++ {
		if waiting := slow.output.pending(); waiting > int(limit.Hard) {
			t.Fatalf("%d bytes wait", waiting)
		}
		for _, s := range list {
			s.pushFrom(&f, message)
		}
		f.send()
		for _, conn := range conns[1:] {
			if _, err := io.ReadFull(conn, make([]byte, size)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if published*size < int(limit.Hard) {
		t.Errorf("cut off after %d messages", published)
	}
	<-slow.ended
	if waiting := slow.output.pending(); waiting != 0 {
		t.Errorf("%d bytes wait for a client that is gone", waiting)
	}
	for _, s := range list[1:] {
		if waiting := s.output.pending(); waiting != 0 {
			t.Errorf("%d bytes wait for a client that reads", waiting)
		}
	}
	if info := do(t, connect(t, srv), "INFO stats"); !strings.Contains(info,
		`client_output_buffer_limit_disconnections:1\r\n`) {
		t.Errorf("INFO stats: %s", info)
	}
}

// TestSoftLimit: more than the soft limit may wait for its time, and no longer. A client
// whose backlog shrinks in between has that time again.
func TestSoftLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{WriteTimeout: time.Second,
			Pubsub: OutputLimit{Hard: 10 << 20, Soft: 1 << 20, For: 5 * time.Second}}})
		list, conns := receivers(t, srv, 2, dial)
		push := func(s *session, n int) {
			for range n {
				s.push(bytes.Repeat([]byte{'x'}, 1<<16))
			}
			synctest.Wait()
		}
		const much = 48 // pieces: more than the limit beside what the connection holds
		push(list[0], 8)
		time.Sleep(time.Minute)
		if srv.Clients() != 2 {
			t.Fatal("a client below the soft limit was closed")
		}
		push(list[0], much)
		push(list[1], much)
		time.Sleep(4 * time.Second)
		if srv.Clients() != 2 {
			t.Fatal("a client was closed before its time")
		}
		io.ReadFull(conns[1], make([]byte, much<<16))
		synctest.Wait()
		time.Sleep(tickEvery)
		push(list[1], much)
		time.Sleep(1200 * time.Millisecond)
		if srv.Clients() != 1 || srv.clients()[0] != list[1] {
			t.Fatal("the client that did not read is not the one that was closed")
		}
		time.Sleep(4 * time.Second)
		if srv.Clients() != 0 {
			t.Error("a client was not closed in time")
		}
		srv.Close()
	})
}

// TestPushWhileSessionWaits: what is pushed arrives while the session waits for a key, and
// before the reply that ends the wait.
func TestPushWhileSessionWaits(t *testing.T) {
	srv := startServer(t, Config{})
	addr := listen(t, srv)
	list, conns := receivers(t, srv, 1, func() net.Conn { return dialTCP(t, addr) })
	io.WriteString(conns[0], "PING\r\nBLPOP k 0\r\n")
	other := connect(t, srv)
	waitFor(t, "the client to wait", list[0].isWaiting)
	list[0].push([]byte("pushed\r\n"))
	got := make([]byte, len("+PONG\r\npushed\r\n"))
	if _, err := io.ReadFull(conns[0], got); err != nil || string(got) != "+PONG\r\npushed\r\n" {
		t.Errorf("got %q, %v", got, err)
	}
	expect(t, other, "RPUSH k v", ":1")
	if _, err := io.ReadFull(conns[0], got[:4]); err != nil || string(got[:4]) != "*2\r\n" {
		t.Errorf("got %q, %v", got[:4], err)
	}
}

// TestPushWhileReplierIsStuck: replies and messages keep their order when the client reads
// late.
func TestPushWhileReplierIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{})
		list, conns := receivers(t, srv, 1, dial)
		large := strings.Repeat("x", 1<<20)
		expect(t, connect(t, srv), "SET k "+large, "+OK")
		var want strings.Builder
		for i := range 5 {
			io.WriteString(conns[0], "GET k\r\n")
			time.Sleep(time.Second)
			fmt.Fprintf(&want, "$%d\r\n%s\r\n", len(large), large)
			list[0].push(fmt.Appendf(nil, "%d\r\n", i))
			fmt.Fprintf(&want, "%d\r\n", i)
		}
		got := make([]byte, want.Len())
		if _, err := io.ReadFull(conns[0], got); err != nil || string(got) != want.String() {
			t.Errorf("the order differs, or %v", err)
		}
		conns[0].Close()
		srv.Close()
	})
}

// TestInvalidationFollowsReply: a client that keeps what it reads until it is told of a
// change never keeps an old value, whatever it and the writers do meanwhile.
func TestInvalidationFollowsReply(t *testing.T) {
	srv := startServer(t, Config{})
	addr := listen(t, srv)
	for name, conn := range map[string]net.Conn{"socket": dialTCP(t, addr), "pipe": pipeTo(t, srv)} {
		t.Run(name, func(t *testing.T) {
			c := resp.NewConn(conn)
			do(t, c, "HELLO 3")
			expect(t, c, "CLIENT TRACKING ON", "+OK")
			var wg sync.WaitGroup
			for w := range 2 {
				wg.Go(func() {
					writer := resp.NewConn(dialTCP(t, addr))
					for i := range 500 {
						do(t, writer, fmt.Sprintf("SET k %d.%d", w, i))
					}
				})
			}
			cached := ""
			read := func() (pushed bool) {
				r, err := c.Receive()
				if err != nil {
					t.Fatal(err)
				}
				if pushed = r.Kind == resp.Push; pushed {
					cached = ""
				} else {
					cached = string(r.Str)
				}
				return pushed
			}
			written := make(chan struct{})
			go func() { wg.Wait(); close(written) }()
			for over := false; !over; {
				select {
				case <-written:
					over = true
				default:
				}
				for range 3 {
					c.Send("GET", "k")
				}
				if err := c.Flush(); err != nil {
					t.Fatal(err)
				}
				for n := 0; n < 3; {
					if !read() {
						n++
					}
				}
			}
			// All writes have been answered, so all invalidations are on their way: none of them comes
			// after the reply to PING.
			c.Send("PING")
			c.Flush()
			last := cached
			for read() {
				last = ""
			}
			if now := do(t, resp.NewConn(dialTCP(t, addr)), "GET k"); last != "" && fmt.Sprintf("%q", last) != now {
				t.Errorf("the client keeps %q, the value is %s", last, now)
			}
		})
	}
}
