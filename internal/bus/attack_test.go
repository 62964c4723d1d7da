package bus

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// attacker is a host that speaks the protocol of the bus, and does not know the secret.
type attacker struct {
	host *memnet.Host
	tls  *tls.Config
}

func newAttacker(t *testing.T, network *memnet.Network) *attacker {
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	return &attacker{network.Host("10.0.0.66"), busConfig(&tls.Config{Certificates: []tls.Certificate{cert},
		InsecureSkipVerify: true})}
}

// listen takes the place of a node, and does to each connection what serve does.
func (a *attacker) listen(t *testing.T, serve func(conn *tls.Conn)) slots.Addr {
	ln, err := a.host.Listen(a.host.String() + ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(tls.Server(conn, a.tls))
			}()
		}
	}()
	return slots.Addr{Host: a.host.String(), BusPort: uint16(ln.Addr().(*net.TCPAddr).Port)}
}

// dial connects to a node with TLS.
func (a *attacker) dial(t *testing.T, to slots.Addr) *tls.Conn {
	conn, err := a.host.Dial(t.Context(), to.Bus())
	if err != nil {
		t.Error(err)
		return nil
	}
	return tls.Client(conn, a.tls)
}

const proofSize = 1 + 32

// A node does not talk to one that cannot prove the secret, whatever that answers.
func TestImpostor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		node, _ := join(t, network, "10.0.0.1", 1)
		node.secure(t, Security{Secret: secretA})
		evil := newAttacker(t, network)
		other, err := newKey(secretB)
		if err != nil {
			t.Fatal(err)
		}
		for name, answer := range map[string]func(conn *tls.Conn, proof []byte) []byte{
			"anything":        func(*tls.Conn, []byte) []byte { return append([]byte{takesProof}, make([]byte, 32)...) },
			"its own proof":   func(_ *tls.Conn, proof []byte) []byte { return append([]byte{takesProof}, proof[1:]...) },
			"its own bytes":   func(_ *tls.Conn, proof []byte) []byte { return proof },
			"no proof":        func(*tls.Conn, []byte) []byte { return []byte{takesProof} },
			"the first half":  func(*tls.Conn, []byte) []byte { return append([]byte{takesProof}, make([]byte, 16)...) },
			"nothing":         func(*tls.Conn, []byte) []byte { return nil },
			"a calls' answer": func(*tls.Conn, []byte) []byte { return []byte{accepted} },
			"another's secret": func(conn *tls.Conn, _ []byte) []byte {
				state := conn.ConnectionState()
				proof, _ := other.proof(accepting, &state)
				return append([]byte{takesProof}, proof...)
			},
		} {
			var said []byte
			addr := evil.listen(t, func(conn *tls.Conn) {
				proof := make([]byte, proofSize)
				if _, err := io.ReadFull(conn, proof); err != nil {
					t.Errorf("%s: %v", name, err)
					return
				}
				conn.Write(answer(conn, proof))
				conn.CloseWrite()
				said, _ = io.ReadAll(conn)
			})
			for _, kind := range kinds {
				conn, err := node.Dial(t.Context(), addr, kind)
				if err == nil {
					conn.Close()
					t.Errorf("%s: a connection for %v opens", name, kind)
				}
				synctest.Wait()
				if len(said) > 0 {
					t.Errorf("%s: the node says %q after its proof", name, said)
				}
			}
		}
	})
}

// An attacker between two nodes gets proofs of both, and each is worth nothing to the
// other: it proves that its maker is the end of another connection.
func TestManInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		for _, m := range []*member{a, b} {
			m.secure(t, Security{Secret: secretA})
		}
		evil := newAttacker(t, network)
		honest := b.addr
		var said record // by the node that answers
		middle := evil.listen(t, func(near *tls.Conn) {
			if near.Handshake() != nil {
				return
			}
			far := evil.dial(t, honest)
			defer far.Close()
			proof := make([]byte, proofSize)
			if _, err := io.ReadFull(near, proof); err != nil {
				t.Error(err)
				return
			}
			far.Write(append(proof, first(Gossip, 1)...))
			far.SetReadDeadline(time.Now().Add(time.Minute))
			io.Copy(io.MultiWriter(&said, near), far)
		})
		b.addr = middle
		for _, kind := range kinds {
			if err := reaches(t, a, b, kind); err == nil {
				t.Errorf("%v works through an attacker that reads along", kind)
			}
		}
		time.Sleep(time.Minute)
		if got := said.String(); got != strings.Repeat(string(refusal), len(kinds)) {
			t.Errorf("the other node answers the proofs with %q", got)
		}
		if n := len(a.accepted[Gossip]) + len(b.accepted[Gossip]); n > 0 {
			t.Errorf("%d connections were accepted", n)
		}
		b.addr = honest
		if err := reaches(t, a, b, Gossip); err != nil {
			t.Error(err)
		}
	})
}

// What a node said once is of no use a second time, to the same node or to another one.
func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		a, _ := join(t, network, "10.0.0.1", 1)
		b, _ := join(t, network, "10.0.0.2", 2)
		c, _ := join(t, network, "10.0.0.3", 3)
		for _, m := range []*member{a, b, c} {
			m.secure(t, Security{Secret: secretA})
		}
		var wire record
		honest := b.addr
		b.addr = wire.relay(t, network.Host("10.0.0.4"), b.addr)
		if err := reaches(t, a, b, Gossip); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.addr = honest
		for _, to := range []*member{b, c} {
			conn, err := newAttacker(t, network).host.Dial(t.Context(), to.addr.Bus())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Write([]byte(wire.String()))
			synctest.Wait()
			if n := len(to.accepted[Gossip]); n != 0 {
				t.Errorf("node %v takes %d connections that were recorded", to.id.Short(), n)
			}
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			io.Copy(io.Discard, conn)
			if n := len(to.accepted[Gossip]); n != 0 {
				t.Errorf("node %v takes %d connections that were recorded", to.id.Short(), n)
			}
		}
	})
}

// An attacker that dials gets no proof to try secrets on, and nothing of what it says is
// read beyond the letters of a node.
func TestStrangerGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		node, _ := join(t, network, "10.0.0.1", 1)
		node.secure(t, Security{Secret: secretA, OldSecret: secretB})
		evil := newAttacker(t, network)
		frames := bytes.Repeat([]byte("frames "), 100)
		for name, says := range map[string][]byte{
			"a proof":           append([]byte{sayProof}, make([]byte, 32)...),
			"a preamble":        first(Gossip, 1),
			"a preamble too":    append(append([]byte{sayProof}, make([]byte, 32)...), first(Gossip, 1)...),
			"half a proof":      {sayProof, 1, 2, 3},
			"two proofs":        bytes.Repeat(append([]byte{sayProof}, make([]byte, 32)...), 2),
			"a TLS connection":  {tlsHandshake, 3, 1},
			"something else":    []byte("GET / HTTP/1.1\r\n\r\n"),
			"nothing":           nil,
			"the accepting end": append([]byte{takesProof}, make([]byte, 32)...),
		} {
			conn := evil.dial(t, node.addr)
			conn.Write(append(says, frames...))
			conn.SetReadDeadline(time.Now().Add(time.Minute))
			began := time.Now()
			got, err := io.ReadAll(conn)
			if len(got) > 0 && !bytes.Equal(got, refusal) {
				t.Errorf("%s: the node says %q", name, got)
			}
			var timeout net.Error
			if took := time.Since(began); took > openTimeout || errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("%s: the connection lasts for %v, %v", name, took, err)
			}
			conn.Close()
			for kind, accepted := range node.accepted {
				if len(accepted) > 0 {
					t.Errorf("%s: the node takes a connection for %v", name, kind)
				}
			}
		}
	})
}
