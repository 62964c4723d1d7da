package member

import (
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/slots"
)

// A peer that never reads is cut off at a bounded queue, without a stop for others.
func TestPeerThatNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer b.Close()
		done := make(chan struct{})
		c := &peerConn{conn: a, spawn: func(f func()) bool {
			go func() { f(); close(done) }()
			return true
		}}
		chunk := make([]byte, 1<<20)
		for range 2*(maxPending>>20) + 2 {
			c.write(chunk)
		}
		<-done
		if _, err := a.Write(chunk); err == nil {
			t.Fatal("the connection is still open")
		}
	})
}

// The node timeout may change while dials go on; each keeps the limit it began with. (Run
// with -race: the dial's goroutine must not look at the core.)
func TestTuneWhileDialling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limits := make(chan time.Duration, 100)
		d, err := New(Config{
			Core: gossip.Config{Addr: slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 17000}, NodeTimeout: 4 * time.Second},
			Dial: func(ctx context.Context, _ slots.Addr) (net.Conn, error) {
				deadline, _ := ctx.Deadline()
				limits <- time.Until(deadline)
				<-ctx.Done()
				return nil, ctx.Err()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		d.Start()
		defer d.Close()
		meet := func(last int) {
			t.Helper()
			addr := slots.Addr{Host: fmt.Sprintf("10.0.0.%d", last), Port: 7000}
			if err := d.Do(t.Context(), gossip.MeetNode{Addr: addr}); err != nil {
				t.Fatal(err)
			}
		}
		meet(2)
		for i := range 20 {
			if err := d.Do(t.Context(), gossip.Tune{NodeTimeout: time.Duration(i+4) * 2 * time.Second}); err != nil {
				t.Fatal(err)
			}
		}
		meet(3)
		a, b := <-limits, <-limits
		if min(a, b) != 2*time.Second || max(a, b) != 23*time.Second {
			t.Errorf("dials may take %v and %v, want half the node timeout of their time: 2s and 23s", a, b)
		}
	})
}
