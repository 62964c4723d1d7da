package bus

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
)

// A stranger that opens connections and says nothing takes no more room than there is, and
// no member's: that comes through at once, however many there are.
func TestStrangerShutsOutItself(t *testing.T) {
	for _, strangers := range []int{1, 10} {
		synctest.Test(t, func(t *testing.T) {
			network := memnet.New()
			a, _ := join(t, network, "10.0.0.1", 1)
			b, _ := join(t, network, "10.0.0.2", 2)
			a.secure(t, Security{Secret: secretA})
			b.secure(t, Security{Secret: secretA})
			var open []net.Conn
			flood := func(n int) {
				for i := range n {
					conn, err := network.Host(fmt.Sprintf("10.0.1.%d", i%strangers)).Dial(t.Context(), b.addr.Bus())
					if err != nil {
						t.Fatal(err)
					}
					open = append(open, conn)
					synctest.Wait()
				}
			}
			flood(2 * maxArrivals)
			if n := len(b.arrivals.byConn); n != maxArrivals {
				t.Errorf("%d connections wait, want %d", n, maxArrivals)
			}
			began := time.Now()
			for _, kind := range kinds {
				if err := reaches(t, a, b, kind); err != nil {
					t.Errorf("%v: %v", kind, err)
				}
				flood(10)
			}
			// A member that is slow, too.
			conn, err := network.Host("10.0.0.1").Dial(t.Context(), b.addr.Bus())
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			flood(2 * maxArrivals)
			conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection of a slow member: %v", err)
			}
			conn.Close()
			if took := time.Since(began); took != time.Second {
				t.Errorf("it took %v", took)
			}
			time.Sleep(openTimeout)
			synctest.Wait()
			if n := len(b.arrivals.byConn) + len(b.arrivals.count) + b.arrivals.order.Len(); n != 0 {
				t.Errorf("%d entries are left after %v", n, openTimeout)
			}
			for _, conn := range open {
				if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("a connection that has said nothing: %v", err)
				}
				conn.Close()
			}
		})
	}
}

// Machines are told apart by their addresses; in IPv6 each has a network.
func TestSource(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1:1", "10.0.0.1:2", true},
		{"10.0.0.1:1", "10.0.0.2:1", false},
		{"10.0.0.1:1", "[::ffff:10.0.0.1]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1", true},
		{"[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", true},
		{"pipe", "@", true}, // not of a network
	} {
		if got := source(at(c.a)) == source(at(c.b)); got != c.same {
			t.Errorf("%s and %s: the same source: %v", c.a, c.b, got)
		}
	}
}

// at is a connection from an address.
func at(addr string) net.Conn { return located{addr: addr} }

type located struct {
	net.Conn
	addr string
}

func (l located) RemoteAddr() net.Addr { return l }
func (l located) Network() string      { return "tcp" }
func (l located) String() string       { return l.addr }

// A connection that proves nothing is read up to a bound, slow or fast, with TLS or
// without.
func TestTalkativeStranger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		b, _ := join(t, network, "10.0.0.2", 2)
		b.secure(t, Security{Secret: secretA})
		certs := newAuthority(t)
		conn, err := network.Host("10.0.0.9").Dial(t.Context(), b.addr.Bus())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// Records of a handshake message that claims to be longer than all of them.
		record := append([]byte{tlsHandshake, 3, 1, 0x40, 0}, make([]byte, 0x4000)...)
		record[5], record[6] = 1, 0xff // client hello
		sent := 0
		for {
			n, err := conn.Write(record)
			if sent += n; err != nil {
				break
			}
		}
		if sent > maxGreeting+1<<20 { // and what the network holds
			t.Errorf("%d bytes went out", sent)
		}

		// TLS with a chain of certificates that never ends.
		long := certs.client()
		for range 2000 {
			long.Certificates[0].Certificate = append(long.Certificates[0].Certificate, long.Certificates[0].Certificate[0])
		}
		long.InsecureSkipVerify = true
		b.secure(t, Security{Certified: kinds, TLS: certs.server(), ClientTLS: certs.client()})
		raw, err := network.Host("10.0.0.9").Dial(t.Context(), b.addr.Bus())
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		encrypted := tls.Client(raw, busConfig(long))
		encrypted.Write(first(Gossip, 1))
		io.Copy(io.Discard, encrypted)
		if n := len(b.accepted[Gossip]); n != 0 {
			t.Error("it was accepted")
		}
	})
}

// What comes after the first bytes is not bounded.
func TestGreetingEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		for _, secret := range []string{"", secretA} {
			a.secure(t, Security{Secret: secret})
			b.secure(t, Security{Secret: secret})
			conn, err := a.Dial(t.Context(), b.addr, Gossip)
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				conn.Write(make([]byte, 10*maxGreeting))
				time.Sleep(time.Hour)
				conn.Write(make([]byte, 10*maxGreeting))
				conn.Close()
			}()
			other := <-b.accepted[Gossip]
			if n, err := io.Copy(io.Discard, other); err != nil || n != 20*maxGreeting {
				t.Errorf("%d bytes arrive, %v", n, err)
			}
			other.Close()
		}
	})
}
