package admin_test

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

// lateConn calls before once, ahead of the first command that starts a job.
type lateConn struct {
	net.Conn
	before func()
}

func (c lateConn) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("MIGRATESLOTS")) {
		c.before()
	}
	return c.Conn.Write(b)
}

// TestJobEndsBeforeItsCommand: an interrupted run has left a job, which ends between the
// moment when the next run looks and that in which it asks for the same move. The source,
// without slots, is a replica by then and refuses.
func TestJobEndsBeforeItsCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := operate(t)
		source, target := s.c.Node(3), s.c.Node(0)
		set := slots.Full()
		for slot := range set.All() {
			if source.Map().Owner(slot).ID != source.ID() {
				set.Remove(slot)
			}
		}
		var once sync.Once
		c, err := admin.New(admin.Config{Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			conn, err := s.c.Dial(ctx, "tcp", addr)
			return lateConn{conn, func() {
				once.Do(func() {
					if _, err := source.MigrateSlots(t.Context(), set, target.ID()); err != nil {
						t.Error(err)
					}
					for source.Map().Self().IsMaster() {
						time.Sleep(10 * time.Millisecond)
					}
				})
			}}, err
		}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		v, err := c.View(t.Context(), s.c.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		plan, err := c.PlanReshard(v, admin.Reshard{Slots: set.Len(), From: s.c.Addrs()[3:4], To: s.c.Addrs()[0]})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Move(t.Context(), v, plan, admin.MoveOptions{}); err != nil {
			t.Error(err)
		}
	})
}
