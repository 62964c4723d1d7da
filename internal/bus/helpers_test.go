package bus

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

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
	id       slots.NodeID
	addr     slots.Addr // where others reach it
	end      context.CancelFunc
	log      *record
	accepted map[Kind]chan handed

	refuses func(Kind, slots.NodeID) bool // nil: none
}

func (m *member) secure(t *testing.T, s Security) {
	t.Helper()
	if err := m.Secure(s); err != nil {
		t.Fatal(err)
	}
}

// handed is a connection that a bus has handed over.
type handed struct {
	net.Conn
	from slots.NodeID
}

// first returns the first bytes of a connection from the node with the given id.
func first(kind Kind, id byte) []byte {
	p := newPreamble(kind, slots.NodeID{id})
	return p[:]
}

// join makes a bus at a host of the network. It answers calls with its own id, those of the
// function "slow" after five seconds, and hands connections of the other kinds over as they
// come.
func join(t *testing.T, network *memnet.Network, host string, id byte) (*member, map[Kind]chan handed) {
	t.Helper()
	m := &member{id: slots.NodeID{id}, log: &record{}, accepted: make(map[Kind]chan handed)}
	life, end := context.WithCancel(context.Background())
	m.end = end
	m.Bus = New(life, Config{
		Network: network.Host(host),
		Logger:  hclog.New(&hclog.LoggerOptions{Output: m.log, Level: hclog.Debug}),
		ID:      func() slots.NodeID { return m.id },
		Answer: func(_ context.Context, r *peer.Request, inline bool, dst []byte) ([]byte, error) {
			if r.Func == "slow" {
				if inline {
					return nil, peer.ErrWait
				}
				<-time.After(5 * time.Second)
			}
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
	for _, kind := range []Kind{Gossip, Replication, Migration} {
		accepted := make(chan handed, 1)
		m.accepted[kind] = accepted
		m.Handle(kind, func(conn net.Conn, from slots.NodeID) { accepted <- handed{conn, from} })
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
	return m, m.accepted
}

// record keeps what is written to it.
type record struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Write(b)
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.String()
}

// relay passes connections on to an address, at the address that it returns, and keeps what
// the dialling ends say.
func (r *record) relay(t *testing.T, host *memnet.Host, to slots.Addr) slots.Addr {
	t.Helper()
	ln, err := host.Listen(host.String() + ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := host.Dial(context.Background(), to.Bus())
			if err != nil {
				near.Close()
				continue
			}
			go func() {
				io.Copy(far, io.TeeReader(near, r))
				far.Close()
			}()
			go func() {
				io.Copy(near, far)
				near.Close()
			}()
		}
	}()
	return slots.Addr{Host: host.String(), BusPort: uint16(ln.Addr().(*net.TCPAddr).Port)}
}

// authority signs the certificates of nodes.
type authority struct {
	cert tls.Certificate
	pool *x509.CertPool
}

// newAuthority makes an authority, and a certificate for all nodes that it signs.
func newAuthority(t *testing.T) authority {
	t.Helper()
	key := func() *ecdsa.PrivateKey {
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return private
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign}
	rootKey, nodeKey := key(), key()
	der, err := x509.CreateCertificate(rand.Reader, root, root, rootKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	node := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "node"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	der, err = x509.CreateCertificate(rand.Reader, node, signed, nodeKey.Public(), rootKey)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{cert: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: nodeKey}, pool: x509.NewCertPool()}
	a.pool.AddCert(signed)
	return a
}

// server returns what an accepting end of the authority's presents and trusts.
func (a authority) server() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.cert}, ClientCAs: a.pool}
}

// client returns the same of a dialling end.
func (a authority) client() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.cert}, RootCAs: a.pool}
}
