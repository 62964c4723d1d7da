package server

import (
	"crypto/tls"
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

// closedAfter returns how long it takes until the server closes a connection.
func closedAfter(conn net.Conn) time.Duration {
	began := time.Now()
	io.Copy(io.Discard, conn)
	return time.Since(began)
}

// Who has not authenticated after the time allowed is closed, whatever it does instead.
func TestStrangersAreClosedInTime(t *testing.T) {
	for name, does := range map[string]func(c net.Conn) error{
		"silent":    func(net.Conn) error { return io.EOF },
		"trickling": func(c net.Conn) error { time.Sleep(time.Second); _, err := c.Write([]byte("*")); return err },
		"talking": func(c net.Conn) error {
			time.Sleep(time.Second)
			_, err := c.Write([]byte("PING\r\nAUTH wrong\r\nHELLO 3\r\n"))
			return err
		},
		"queueing": func(c net.Conn) error {
			time.Sleep(50 * time.Millisecond)
			_, err := c.Write([]byte("MULTI\r\nSET k v\r\n"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv, dial := twoHosts(t, Config{Limits: Limits{Password: "secret"}})
				conn := dial()
				var says sync.WaitGroup
				says.Go(func() {
					for does(conn) == nil {
					}
				})
				if took := closedAfter(conn); took < 10*time.Second || took > 10*time.Second+tickEvery {
					t.Errorf("closed after %v, want 10 s", took)
				}
				conn.Close()
				says.Wait()
				srv.Close()
			})
		})
	}
}

func TestAuthTimeoutOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{Password: "secret"}})
		defer srv.Close()
		late, known, raw := resp.NewConn(dial()), resp.NewConn(dial()), dial()
		defer raw.Close()
		expect(t, known, "AUTH secret", "+OK")
		time.Sleep(9 * time.Second)
		if got := do(t, late, "HELLO 3 AUTH default secret"); !strings.HasPrefix(got, "%") {
			t.Fatalf("HELLO after 9 s: %s", got)
		}
		time.Sleep(time.Hour)
		expect(t, late, "PING", "+PONG")
		expect(t, known, "PING", "+PONG")

		expect(t, known, "RESET", "+RESET") // a stranger again
		time.Sleep(9 * time.Second)
		expect(t, known, "GET k", "-NOAUTH Authentication required.")
		time.Sleep(2 * time.Second)
		expect(t, known, "PING", "closed")

		// Without a password nobody is a stranger; with a negative time they may stay.
		for _, l := range []Limits{{}, {Password: "secret", AuthTimeout: -1}} {
			srv.SetLimits(l)
			c := resp.NewConn(dial())
			time.Sleep(time.Hour)
			if got := do(t, c, "AUTH default secret"); got != "+OK" {
				t.Errorf("%+v: after an hour: %s", l, got)
			}
			c.Close()
		}
	})
}

// A pause holds AUTH back; a client is not closed for that.
func TestAuthTimeoutInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{Password: "secret"}})
		defer srv.Close()
		c, silent := resp.NewConn(dial()), dial()
		srv.Pause(time.Minute, false)
		expect(t, c, "AUTH secret", "+OK")
		if took := closedAfter(silent); took < 9*time.Second || took > 10*time.Second+tickEvery {
			t.Errorf("a silent client: closed %v after the pause, want 10 s", took)
		}
	})
}

// Strangers have half of the connections; the oldest make room, for others and for those
// who know the password, and those who gave it are never closed for them.
func TestStrangersMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{Password: "secret", MaxClients: 10}})
		defer srv.Close()
		login := func() *resp.Conn {
			c := resp.NewConn(dial())
			expect(t, c, "AUTH secret", "+OK")
			return c
		}
		good := []*resp.Conn{login(), login(), login()}
		var bad []net.Conn
		ended := make([]bool, 100)
		for i := range ended {
			conn := dial()
			go func() { closedAfter(conn); ended[i] = true }()
			bad = append(bad, conn)
			synctest.Wait()
		}
		for i, e := range ended {
			if want := i < len(ended)-5; e != want {
				t.Errorf("stranger %d of %d: closed %t, want %t", i, len(ended), e, want)
			}
		}
		if n := srv.Clients(); n != 8 {
			t.Errorf("%d clients, want 8", n)
		}
		for len(good) < 10 { // strangers go until only those are left who know the password
			good = append(good, login())
		}
		synctest.Wait()
		if n := srv.Clients(); n != 10 {
			t.Errorf("%d clients, want 10", n)
		}
		for _, conn := range []net.Conn{dial(), dial()} {
			if text, _ := io.ReadAll(conn); string(text) != tooManyClients {
				t.Errorf("one too many is told %q", text)
			}
		}
		for _, c := range good {
			expect(t, c, "PING", "+PONG")
		}
		if n := srv.stats.rejectedConns.Load(); n != int64(len(bad))+2 {
			t.Errorf("%d connections count as rejected, want %d", n, len(bad)+2)
		}
	})
}

// What a stranger does not read is not kept, and what it says is not read on.
func TestStrangerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv, dial := twoHosts(t, Config{Limits: Limits{Password: "secret"}})
		defer srv.Close()
		conn := dial()
		defer conn.Close()
		began, sent := time.Now(), 0
		ping := []byte(strings.Repeat("PING\r\n", 1000))
		for {
			n, err := conn.Write(ping)
			sent += n
			if err != nil {
				break
			}
		}
		if took := time.Since(began); took < 10*time.Second || took > 10*time.Second+tickEvery {
			t.Errorf("closed after %v, want 10 s", took)
		}
		if sent > 1<<20 {
			t.Errorf("%d bytes of commands were taken from it", sent)
		}
	})
}

// Until the handshake of TLS is over, a client is a stranger, with or without a password.
func TestHandshakeCounts(t *testing.T) {
	cert := selfSigned(t)
	for _, password := range []string{"", "secret"} {
		synctest.Test(t, func(t *testing.T) {
			srv := startServer(t, Config{Limits: Limits{Password: password, MaxClients: 10}})
			defer srv.Close()
			serve := func() net.Conn {
				near, far := net.Pipe()
				go srv.ServeConn(tls.Server(far, &tls.Config{Certificates: []tls.Certificate{cert}}))
				return near
			}
			good := resp.NewConn(tls.Client(serve(), &tls.Config{InsecureSkipVerify: true}))
			expect(t, good, "AUTH default secret", "+OK")
			silent := serve()
			if took := closedAfter(silent); took < 10*time.Second || took > 10*time.Second+tickEvery {
				t.Errorf("one without a handshake: closed after %v, want 10 s", took)
			}
			for range 20 {
				serve()
				synctest.Wait()
			}
			if n := srv.Clients(); n != 6 {
				t.Errorf("%d clients, want 6", n)
			}
			expect(t, good, "PING", "+PONG")
		})
	}
}

// The log tells of very many strangers once a minute.
func TestCrowdIsLoggedRarely(t *testing.T) {
	var l rareLog
	var lines []string
	for s := range 200 {
		if l.due(time.Unix(1e9+int64(s), 0)) {
			lines = append(lines, fmt.Sprint(s))
		}
	}
	if got := strings.Join(lines, " "); got != "0 60 120 180" {
		t.Errorf("lines after %s seconds, want 0 60 120 180", got)
	}
}

// Very many who are turned away at once are not all told why: that would take as many
// goroutines.
func TestTurningAwayIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{Limits: Limits{MaxClients: 1}})
		defer srv.Close()
		near, far := net.Pipe()
		defer near.Close()
		go srv.ServeConn(far)
		synctest.Wait()
		var at [2]int // how many are closed at once, and after a second
		var all sync.WaitGroup
		var mu sync.Mutex
		for range 3 * maxRefusing {
			near, far := net.Pipe()
			srv.ServeConn(shyConn{far})
			all.Go(func() {
				took := closedAfter(near)
				mu.Lock()
				at[min(took/time.Second, 1)]++
				mu.Unlock()
			})
		}
		all.Wait()
		if at != [2]int{2 * maxRefusing, maxRefusing} {
			t.Errorf("%d were closed at once and %d later, want %d and %d", at[0], at[1], 2*maxRefusing, maxRefusing)
		}
	})
}

// A silent client is closed in time on a socket of the operating system too.
func TestStrangerOnASocket(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, Config{Limits: Limits{Password: "secret", AuthTimeout: time.Millisecond}})
	go srv.Serve(ln)
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	closedAfter(conn) // hangs otherwise
}
