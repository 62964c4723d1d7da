package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// middle is the network of a node between which and others somebody stands: each connection
// that the node dials goes through the interceptor that is set by put.
type middle struct {
	slotmesh.Network
	through atomic.Pointer[interceptor]
}

// An interceptor is given the node's end of a connection and the end that reaches the other
// node. It returns when it has no use for either; both are closed then.
type interceptor func(node, other net.Conn)

// put lets i intercept the connections that are dialled from now on; nil: nobody does.
func (m *middle) put(i interceptor) {
	if i == nil {
		m.through.Store(nil)
		return
	}
	m.through.Store(&i)
}

func (m *middle) Dial(ctx context.Context, addr string) (net.Conn, error) {
	other, err := m.Network.Dial(ctx, addr)
	i := m.through.Load()
	if err != nil || i == nil {
		return other, err
	}
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		defer other.Close()
		(*i)(far, other)
	}()
	return pipe{near, other}, nil
}

// pipe is a connection that has the addresses of another one.
type pipe struct {
	net.Conn
	as net.Conn
}

func (p pipe) LocalAddr() net.Addr  { return p.as.LocalAddr() }
func (p pipe) RemoteAddr() net.Addr { return p.as.RemoteAddr() }

// forward copies what two ends say to each other until one of them ends, and keeps it.
func forward(a, b net.Conn) (fromA, fromB []byte) {
	var said [2]bytes.Buffer
	var wg sync.WaitGroup
	for i, ends := range [2][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			io.Copy(io.MultiWriter(ends[1], &said[i]), ends[0])
			a.Close()
			b.Close()
		})
	}
	wg.Wait()
	return said[0].Bytes(), said[1].Bytes()
}

// overheard collects what forward has returned.
type overheard struct {
	mu    sync.Mutex // guards both
	texts [][2][]byte
}

func (o *overheard) add(fromA, fromB []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.texts = append(o.texts, [2][]byte{fromA, fromB})
}

func (o *overheard) all() [][2][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.texts
}

// wire is an interceptor that forwards and changes nothing: what fails with others works
// with it.
func (o *overheard) wire(node, other net.Conn) { o.add(forward(node, other)) }

// ownTLS returns an interceptor that ends TLS on both sides, with a certificate of its own,
// and forwards what is inside.
func (o *overheard) ownTLS(t *testing.T) interceptor {
	cfg := selfSigned(t)
	return func(node, other net.Conn) {
		inner, outer := tls.Server(node, cfg), tls.Client(other, cfg)
		if inner.Handshake() != nil || outer.Handshake() != nil {
			return
		}
		o.add(forward(inner, outer))
	}
}

// selfSigned returns a TLS configuration for both ends, as nodes have it: with a certificate
// that anybody can make, and without a look at that of the other end.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, InsecureSkipVerify: true,
		NextProtos: []string{"slotmesh-bus"},
	}
}

// reflect returns an interceptor that ends TLS itself and gives a node its own proof back, as
// if it were that of the accepting end.
func (o *overheard) reflect(t *testing.T) interceptor {
	cfg := selfSigned(t)
	return func(node, _ net.Conn) {
		inner := tls.Server(node, cfg)
		proof := make([]byte, 1+sha256.Size)
		if _, err := io.ReadFull(inner, proof); err != nil {
			return
		}
		proof[0] = 'y'
		inner.Write(proof)
		behind, _ := io.ReadAll(inner)
		o.add(behind, nil)
	}
}

// playBack returns an interceptor that answers a node with what another one has answered
// before.
func playBack(o *overheard) interceptor {
	var next atomic.Int64
	return func(node, _ net.Conn) {
		texts := o.all()
		go node.Write(texts[int(next.Add(1))%len(texts)][1])
		io.Copy(io.Discard, node)
	}
}
