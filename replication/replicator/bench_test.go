package replicator

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// tcpNode is a store with a Replicator on the loopback interface.
type tcpNode struct {
	*Replicator
	self  slots.Node
	store *keyspace.Store
	log   *Backlog
}

func newTCPNode(b testing.TB, n byte) *tcpNode {
	b.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	x := &tcpNode{log: NewBacklog(0)}
	x.self = slots.Node{ID: slots.NodeID{n}, Addr: slots.Addr{Host: "127.0.0.1",
		BusPort: uint16(ln.Addr().(*net.TCPAddr).Port)}}
	x.store = keyspace.New(keyspace.Config{Sink: x.log})
	x.Replicator, err = New(Config{Self: func() (slots.NodeID, uint64) { return x.self.ID, 1 }, Store: x.store, Log: x.log,
		Dial: func(ctx context.Context, to slots.Node) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", to.Addr.Bus())
		}})
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			x.Accept(conn, slots.NodeID{})
		}
	}()
	b.Cleanup(func() { ln.Close(); x.Close() })
	return x
}

func (x *tcpNode) connect(b testing.TB, m *tcpNode) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := x.WaitSynced(ctx); err != nil {
		b.Fatal(err)
	}
	if err := x.WaitOffset(ctx, m.Offset()); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFullSync syncs a million keys with values of 100 bytes over loopback, both
// sides in this process.
func BenchmarkFullSync(b *testing.B) {
	const keys = 1_000_000
	a := newTCPNode(b, 1)
	fill(b, a.store, keys, 100)
	for b.Loop() {
		r := newTCPNode(b, 2)
		if err := r.Follow(a.self); err != nil {
			b.Fatal(err)
		}
		r.connect(b, a)
		b.StopTimer()
		if r.store.Len() != keys {
			b.Fatalf("%d keys", r.store.Len())
		}
		r.Close()
		b.StartTimer()
	}
	b.ReportMetric(float64(keys)*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
}

// BenchmarkWrite overwrites values of 100 bytes on a master: without a backlog, with one,
// and with replicas that keep up.
func BenchmarkWrite(b *testing.B) {
	for name, replicas := range map[string]int{"alone": -1, "backlog": 0, "1 replica": 1, "2 replicas": 2} {
		b.Run(name, func(b *testing.B) {
			a := newTCPNode(b, 1)
			if replicas == 0 {
				a.log.hold(0)
				defer a.log.release()
			}
			var rs []*tcpNode
			for i := range replicas {
				r := newTCPNode(b, byte(2+i))
				r.Follow(a.self)
				r.connect(b, a)
				rs = append(rs, r)
			}
			keys := make([][]byte, 10_000)
			for i := range keys {
				keys[i] = fmt.Appendf(nil, "key:%012d", i)
			}
			value := make([]byte, 100)
			var i int
			put := func(tx *keyspace.Tx) error { return tx.Put(keys[i%len(keys)], keyspace.String, value, 0) }
			b.ReportAllocs()
			for b.Loop() {
				i++
				if err := a.store.Update(slots.Of(keys[i%len(keys)]), put); err != nil {
					b.Fatal(err)
				}
			}
			for _, r := range rs {
				r.connect(b, a)
			}
		})
	}
}

// BenchmarkSync is a write that waits for one replica over loopback.
func BenchmarkSync(b *testing.B) {
	a, r := newTCPNode(b, 1), newTCPNode(b, 2)
	r.Follow(a.self)
	r.connect(b, a)
	key, value := []byte("k"), make([]byte, 100)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			a.store.Update(slots.Of(key), func(tx *keyspace.Tx) error { return tx.Put(key, keyspace.String, value, 0) })
			if _, err := a.WaitAcked(context.Background(), a.Mark(a.Term()), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
