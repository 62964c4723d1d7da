package member

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// startTCP starts a member on a loopback port of its own.
func startTCP(t testing.TB) *host {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &host{listen: l, disk: &storage.Memory{}}
	h.addr = slots.Addr{Host: "127.0.0.1", Port: 7000, BusPort: uint16(l.Addr().(*net.TCPAddr).Port)}
	var dialer net.Dialer
	h.Member, err = New(Config{
		Core: gossip.Config{Addr: h.addr},
		Disk: h.disk,
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", addr.Bus())
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Start()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			h.Accept(conn)
		}
	}()
	return h
}

// BenchmarkCreate measures, on loopback TCP and with T = 15 s, the time from the first
// command to equal views with all slots served.
func BenchmarkCreate(b *testing.B) {
	for _, n := range []int{6, 30, 100} {
		b.Run(fmt.Sprintf("nodes=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var total time.Duration
			for range b.N {
				b.StopTimer()
				hosts := make([]*host, n)
				for i := range hosts {
					hosts[i] = startTCP(b)
				}
				b.StartTimer()
				start := time.Now()
				create(b, hosts)
				for !agreed(hosts) {
					<-time.After(time.Millisecond)
				}
				total += time.Since(start)
				b.StopTimer()
				stopAll(hosts)
				b.StartTimer()
			}
			b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/create")
		})
	}
}
