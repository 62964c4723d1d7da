package bus

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// A connection reaches what its kind names, with nothing of it read beyond the preamble.
func TestKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, accepted := join(t, network, "10.0.0.2", 2)
		for kind, arrived := range accepted {
			conn, err := a.Dial(t.Context(), b.addr, kind)
			if err != nil {
				t.Fatal(err)
			}
			go conn.Write([]byte("first"))
			other := <-arrived
			got := make([]byte, 5)
			if _, err := io.ReadFull(other, got); err != nil || string(got) != "first" {
				t.Errorf("kind %v begins with %q, %v", kind, got, err)
			}
			if other.from != a.id {
				t.Errorf("kind %v comes from %v, want %v", kind, other.from, a.id)
			}
			conn.Close()
			other.Close()
		}
	})
}

// What does not begin as a bus connection is closed: at once if it says something else,
// after a second at most if it is told why, after 5 s if it says nothing or too little.
func TestNoPreamble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		b, _ := join(t, network, "10.0.0.2", 2)
		for says, after := range map[string]time.Duration{
			"":         openTimeout,
			magic:      openTimeout,
			"SMB\x01g": declineTimeout,
			"SMB\x03":  declineTimeout,

			string(first('?', 1)):         0,
			string(first(Gossip, 0)):      0, // the zero id
			string(first(Gossip, 1)[:24]): openTimeout,
			"*1\r\n$4\r\nPI":              0,
		} {
			conn, err := network.Host("10.0.0.9").Dial(t.Context(), b.addr.Bus())
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if _, err := conn.Write([]byte(says)); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(began.Add(time.Minute))
			got, err := io.ReadAll(conn)
			if errors.Is(err, os.ErrDeadlineExceeded) || len(got) > 0 && !bytes.Equal(got, refusal) {
				t.Errorf("%q: read: %q, %v", says, got, err)
			}
			if took := time.Since(began); took != after {
				t.Errorf("%q: closed after %v, want %v", says, took, after)
			}
			conn.Close()
		}
	})
}

// A node that is not admitted to a kind of connection is closed, and what it says after
// the preamble reaches nobody.
func TestAdmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, accepted := join(t, network, "10.0.0.2", 2)
		b.refuses = func(kind Kind, from slots.NodeID) bool { return kind == Replication && from == a.id }
		for kind, arrived := range accepted {
			conn, err := a.Dial(t.Context(), b.addr, kind)
			if err != nil {
				t.Fatal(err)
			}
			conn.Write([]byte("hello"))
			synctest.Wait()
			if got, want := len(arrived), 1; kind == Replication {
				if _, err := conn.Read(make([]byte, 1)); got != 0 || err == nil {
					t.Errorf("%v: %d connections were handed over, read: %v", kind, got, err)
				}
			} else if got != want {
				t.Errorf("%v: %d connections were handed over, want %d", kind, got, want)
			} else {
				(<-arrived).Close()
			}
			conn.Close()
		}
		b.refuses = func(kind Kind, _ slots.NodeID) bool { return kind == Calls }
		if _, err := a.Call(t.Context(), b.id, b.addr, idRequest); !errors.Is(err, peer.ErrNotSent) {
			t.Errorf("a call: %v", err)
		}
	})
}

// StopListening does not wait for connections that have not said what they are for.
func TestStopWhileGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, accepted := join(t, network, "10.0.0.2", 2)
		kept, err := a.Dial(t.Context(), b.addr, Gossip)
		if err != nil {
			t.Fatal(err)
		}
		defer kept.Close()
		other := <-accepted[Gossip]
		defer other.Close()
		silent, err := network.Host("10.0.0.9").Dial(t.Context(), b.addr.Bus())
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		synctest.Wait()
		began := time.Now()
		b.StopListening()
		if took := time.Since(began); took != 0 {
			t.Errorf("it took %v", took)
		}
		if _, err := silent.Read(make([]byte, 1)); err == nil {
			t.Error("a connection without a preamble outlives the listener")
		}
		go kept.Write([]byte("x"))
		if _, err := other.Read(make([]byte, 1)); err != nil {
			t.Errorf("a connection that was passed on does not: %v", err)
		}
		if conn, err := a.Dial(t.Context(), b.addr, Gossip); err == nil {
			conn.Close()
			t.Error("it still accepts")
		}
	})
}

// deaf is a network whose connections take no bytes.
type deaf struct{ single }

func (deaf) Dial(context.Context, string) (net.Conn, error) {
	near, _ := net.Pipe()
	return near, nil
}

// Dial gives up on a node that does not take the preamble.
func TestDialBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New(t.Context(), Config{Network: deaf{}, ID: func() slots.NodeID { return slots.NodeID{1} }})
		began := time.Now()
		if _, err := b.Dial(t.Context(), (&member{}).addr, Gossip); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("dial: %v", err)
		}
		if took := time.Since(began); took != openTimeout {
			t.Errorf("it took %v, want %v", took, openTimeout)
		}
	})
}
