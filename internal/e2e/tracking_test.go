package e2e_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// tracker is a client that tracks the keys that it reads at one node.
type tracker struct {
	t    *testing.T
	conn *resp.Conn
	told []string // keys, "all" for every key
}

func track(t *testing.T, c *clustertest.Cluster, i int, mode string) *tracker {
	t.Helper()
	conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	k := &tracker{t: t, conn: resp.NewConn(conn)}
	k.conn.OnPush = func(r resp.Reply) {
		if r.Elems[1].Kind == resp.Null {
			k.told = append(k.told, "all")
		}
		for _, key := range r.Elems[1].Elems {
			k.told = append(k.told, string(key.Str))
		}
	}
	k.do("HELLO 3")
	k.do("CLIENT TRACKING on " + mode)
	return k
}

func (k *tracker) do(line string) resp.Reply {
	k.t.Helper()
	r, err := k.conn.Do(strings.Fields(line)...)
	if err != nil {
		k.t.Fatalf("%s: %v", line, err)
	}
	return r
}

// since returns what the client has been told since the last time, sorted.
func (k *tracker) since() string {
	k.t.Helper()
	synctest.Wait()
	k.do("PING")
	told := strings.Join(slices.Sorted(slices.Values(k.told)), " ")
	k.told = nil
	return told
}

// TestTrackedSlotLeaves: a client hears of the keys of a slot that moves away: of those that
// are there, because they go, and of those that are not, because they may come elsewhere.
func TestTrackedSlotLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 2})
		source, target := c.Node(0), c.Node(1)
		tag := "{" + e2e.KeyOf(source) + "}"
		set := slots.NewSet(slots.Of([]byte(tag)))
		k := track(t, c, 0, "")
		k.do("SET " + tag + "here 1")
		k.do("MGET " + tag + "here " + tag + "absent")
		broad := track(t, c, 0, "BCAST PREFIX {")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		id, err := source.MigrateSlots(ctx, set, target.ID())
		if err == nil {
			err = source.WaitMigration(ctx, id)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		if got, want := k.since(), tag+"absent "+tag+"here"; got != want {
			t.Errorf("the client was told %q, want %q", got, want)
		}
		if got, want := broad.since(), tag+"here"; got != want {
			t.Errorf("the client in the mode BCAST was told %q, want %q", got, want)
		}
	})
}

// TestTrackingWhenRolesChange: a client that reads at a replica hears of what the master
// changes; one that tracks keys at a master that becomes a replica hears that all may have
// changed.
func TestTrackingWhenRolesChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		e2e.WaitSynced(t, c)
		key := e2e.KeyOf(c.Node(0))
		master, replica := track(t, c, 0, ""), track(t, c, 3, "")
		broad := track(t, c, 3, "BCAST PREFIX "+key)
		replica.do("READONLY")
		master.do("GET " + key)
		replica.do("GET " + key)
		master.do("SET " + key + " 1")
		for _, k := range []*tracker{master, replica, broad} {
			if got := k.since(); got != key {
				t.Errorf("a client was told %q when %s changed", got, key)
			}
		}
		master.do("GET " + key)
		replica.do("GET " + key)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := c.Node(3).Failover(ctx, gossip.FailoverDefault); err != nil {
			t.Fatal(err)
		}
		c.WaitStable()
		if got := master.since(); got != "all" {
			t.Errorf("the old master's client was told %q", got)
		}
		replica.do("SET " + key + " 2")
		if got := replica.since(); got != key {
			t.Errorf("the client of the successor was told %q", got)
		}
		if got := broad.since(); got != key {
			t.Errorf("the client of the successor in the mode BCAST was told %q", got)
		}
	})
}

// TestFlushTellsTrackersOfReplicas: the keys of a replica go with those of its master.
func TestFlushTellsTrackersOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1})
		e2e.WaitSynced(t, c)
		key := e2e.KeyOf(c.Node(0))
		writer, k := track(t, c, 0, ""), track(t, c, 3, "")
		k.do("READONLY")
		writer.do("SET " + key + " 1")
		synctest.Wait()
		k.do("GET " + key)
		writer.do("FLUSHALL")
		if got := k.since(); got != key {
			t.Errorf("the replica's client was told %q when its master was emptied", got)
		}
	})
}
