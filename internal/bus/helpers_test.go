package bus

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// single is a network whose only listener is given.
type single struct{ ln net.Listener }

func (s single) Listen(string) (net.Listener, error) { return s.ln, nil }

func (s single) Dial(context.Context, string) (net.Conn, error) { return nil, net.ErrClosed }

// listening returns a bus on ln that has not been started.
func listening(t *testing.T, ln net.Listener) *Bus {
	t.Helper()
	b := New(t.Context(), Config{Network: single{ln}, Logger: hclog.NewNullLogger()})
	if _, err := b.Listen(""); err != nil {
		t.Fatal(err)
	}
	return b
}

// member is a bus on a simulated network.
type member struct {
	*Bus
	id   slots.NodeID
	addr slots.Addr // where others reach it
	end  context.CancelFunc

	refuses func(Kind, slots.NodeID) bool // nil: none
}

// arrival is a connection that a bus has handed over.
type arrival struct {
	net.Conn
	from slots.NodeID
}

// first returns the first bytes of a connection from the node with the given id.
func first(kind Kind, id byte) []byte {
	p := newPreamble(kind, slots.NodeID{id})
	return p[:]
}

// join makes a bus at a host of the network. It answers calls with its own id, and hands
// connections of the other kinds over as they come.
func join(t *testing.T, network *memnet.Network, host string, id byte) (*member, map[Kind]chan arrival) {
	t.Helper()
	m := &member{id: slots.NodeID{id}}
	life, end := context.WithCancel(context.Background())
	m.end = end
	m.Bus = New(life, Config{
		Network: network.Host(host),
		Logger:  hclog.NewNullLogger(),
		ID:      func() slots.NodeID { return m.id },
		Answer: func(_ context.Context, _ *peer.Request, _ bool, dst []byte) ([]byte, error) {
			return append(dst, m.id[:]...), nil
		},
		Silence: silence,
		Admit: func(kind Kind, from slots.NodeID) error {
			if m.refuses != nil && m.refuses(kind, from) {
				return errors.New("it is not wanted")
			}
			return nil
		},
	})
	accepted := make(map[Kind]chan arrival)
	for _, kind := range []Kind{Gossip, Replication, Migration} {
		accepted[kind] = make(chan arrival, 1)
		m.Handle(kind, func(conn net.Conn, from slots.NodeID) { accepted[kind] <- arrival{conn, from} })
	}
	addr, err := m.Listen(host + ":0")
	if err != nil {
		t.Fatal(err)
	}
	m.addr = slots.Addr{Host: host, BusPort: uint16(addr.(*net.TCPAddr).Port)}
	m.Start()
	t.Cleanup(func() {
		end()
		m.StopListening()
		m.CloseCalls()
		m.Wait()
	})
	return m, accepted
}
