package e2e_test

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

// openTime is how long a connection may take to prove the secret, and declineTime how long
// one that is refused may take to hear so.
const (
	openTime    = 5 * time.Second
	declineTime = time.Second
)

// beginning is what somebody without the secret may say first.
type beginning struct {
	name string
	// limit is how long it may take until the node closes the connection; exactly says that it
	// is to take so long.
	limit   time.Duration
	exactly bool
	say     func(t *testing.T, conn net.Conn)
}

// inTLS says something inside a TLS connection.
func inTLS(say func(conn net.Conn)) func(*testing.T, net.Conn) {
	return func(t *testing.T, conn net.Conn) {
		outer := tls.Client(conn, selfSigned(t))
		if err := outer.Handshake(); err != nil {
			t.Errorf("TLS: %v", err)
			return
		}
		say(outer)
	}
}

// raw says a text as it is.
func raw(text string) func(*testing.T, net.Conn) {
	return func(_ *testing.T, conn net.Conn) { io.WriteString(conn, text) }
}

// otherTLS begins TLS in a way that no node does.
func otherTLS(change func(cfg *tls.Config)) func(*testing.T, net.Conn) {
	return func(t *testing.T, conn net.Conn) {
		cfg := selfSigned(t)
		change(cfg)
		outer := tls.Client(conn, cfg)
		if outer.Handshake() == nil {
			outer.Write([]byte("P" + strings.Repeat("p", 32)))
		}
	}
}

// says says a text.
func says(text string) func(net.Conn) { return func(conn net.Conn) { io.WriteString(conn, text) } }

// trickle says the beginning of a proof, a byte every second.
func trickle(conn net.Conn) { trickleText(conn, "P"+strings.Repeat("p", 31)) }

func trickleText(conn net.Conn, text string) {
	for _, b := range []byte(text) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

// flood says more than anybody needs.
func flood(conn net.Conn) { io.CopyN(conn, rand.Reader, 1<<20) }

// record is the beginning of a TLS record.
var record = "\x16\x03\x01\x40\x00" + strings.Repeat("x", 100)

var beginnings = []beginning{
	{"nothing", openTime, true, raw("")},
	{"the start of a preamble", openTime, true, raw("SM")},
	{"a plain preamble for gossip", declineTime, false, raw("SMB\x02gABCDEFGHIJKLMNOPQRST")},
	{"a plain preamble for replication", declineTime, false, raw("SMB\x02rABCDEFGHIJKLMNOPQRST")},
	{"a plain preamble for migration", declineTime, false, raw("SMB\x02mABCDEFGHIJKLMNOPQRST")},
	{"a plain preamble for calls", declineTime, false, raw("SMB\x02qABCDEFGHIJKLMNOPQRST")},
	{"a command of Redis", 0, false, raw("PING\r\n")},
	{"the start of TLS", openTime, true, raw("\x16\x03\x01\x02\x00")},
	{"a record that does not end", openTime, true, raw(record)},
	{"plain bytes without end", openTime, false, func(_ *testing.T, conn net.Conn) { flood(conn) }},
	{"TLS 1.2", 0, false, otherTLS(func(cfg *tls.Config) { cfg.MaxVersion = tls.VersionTLS12 })},
	{"TLS for something else", 0, false, otherTLS(func(cfg *tls.Config) { cfg.NextProtos = nil })},
	{"nothing in TLS", openTime, true, inTLS(func(net.Conn) {})},
	{"a preamble in TLS", declineTime, false, inTLS(says("SMB\x02gABCDEFGHIJKLMNOPQRST"))},
	{"a false proof", declineTime, false, inTLS(says("P" + strings.Repeat("p", 32)))},
	{"half a proof", openTime, true, inTLS(says("Ppppp"))},
	{"a byte every second", openTime, true, func(_ *testing.T, conn net.Conn) { trickleText(conn, record) }},
	{"a byte every second in TLS", openTime + time.Second, false, inTLS(trickle)},
	{"garbage in TLS", declineTime, false, inTLS(flood)},
}

// Whatever a connection begins with: without a proof it is closed within a set time, and no
// member takes notice of it.
func TestDoorsCloseInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := startAttacked(t, withSecret)
		before := c.noticed()
		for _, b := range beginnings {
			conn, err := c.Host(strangerHost).Dial(t.Context(), c.victim().Addr().Bus())
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			var talk sync.WaitGroup
			talk.Go(func() { b.say(t, conn) })
			if strings.Contains(b.name, "TLS") || strings.Contains(b.name, "proof") {
				talk.Wait() // it reads by itself until then
			}
			drain(conn)
			if took := time.Since(began); took > b.limit || b.exactly && took != b.limit {
				t.Errorf("%s: closed after %v, want %v (exactly: %t)", b.name, took, b.limit, b.exactly)
			}
			conn.Close()
			talk.Wait()
		}
		if now := c.noticed(); now != before {
			t.Errorf("members have taken notice of %d things", now-before)
		}
	})
}

// Strangers that open connections as fast as they can cost a node little, and keep no member
// out: neither one that starts anew nor a client of the cluster's.
func TestFloodKeepsNobodyOut(t *testing.T) {
	const strangers, mostOpen = 1000, 256
	synctest.Test(t, func(t *testing.T) {
		c := startAttacked(t, withSecret)
		goroutines := runtime.NumGoroutine()
		var open, tried atomic.Int64
		var stop atomic.Bool
		var all sync.WaitGroup
		for i := range strangers {
			text := []string{"", "S", record}[i%3]
			all.Go(func() {
				for !stop.Load() {
					conn, err := c.Host(strangerHost).Dial(t.Context(), c.victim().Addr().Bus())
					if err != nil {
						return
					}
					tried.Add(1)
					open.Add(1)
					io.WriteString(conn, text)
					drain(conn)
					open.Add(-1)
					conn.Close()
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if n := open.Load(); n > mostOpen {
			t.Errorf("%d connections without a proof are open, want %d at most", n, mostOpen)
		}
		if n := runtime.NumGoroutine() - goroutines - strangers; n > 2*mostOpen {
			t.Errorf("%d goroutines for strangers", n)
		}
		c.Kill(3)
		c.Restart(3)
		began := time.Now()
		e2e.WaitSynced(t, c.Cluster)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a member that starts anew is in step after %v", took)
		}
		for range 20 {
			conn := newStranger(t, c.Host(strangerHost), c.replica().ID(), busSecret).dial(c.victim(), bus.Gossip)
			if conn == nil {
				t.Error("a member on the strangers' own machine does not get in")
				break
			}
			conn.Close()
		}
		stop.Store(true)
		time.Sleep(openTime + time.Second)
		if n := open.Load(); n != 0 {
			t.Errorf("%d connections are open still", n)
		}
		all.Wait()
		t.Logf("%d connections", tried.Load())
	})
}
