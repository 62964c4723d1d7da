package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// claimAfter is how long an entry has been pending without an acknowledgement before
// another consumer takes it over.
const claimAfter = 3 * time.Second

// workGroup is a stream that writers add to, and a group whose consumers share the entries.
type workGroup struct {
	t   *testing.T
	r   *slotmesh.Router
	key string

	mu      sync.Mutex
	sure    map[string]bool // IDs of entries that a replica is known to hold
	handled map[string]int  // how often consumers handled an entry
	left    map[string]bool // what the dead consumer had got and not acknowledged
	claimed map[string]time.Duration
	begun   time.Time // when the dead consumer got what it left
}

// do runs a command, confirmed by one replica, until it has an outcome other than that the
// cluster does not serve.
func (g *workGroup) do(args ...any) (any, error) {
	for {
		reply, err := g.r.Do(slotmesh.WithSync(g.t.Context(), 1), args[0].(string), args[1:]...)
		if err == nil || g.t.Context().Err() != nil || errors.Is(err, slotmesh.ErrAmbiguous) {
			return reply, err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// must is do for commands that may run twice: until it is certain that one has run.
func (g *workGroup) must(args ...any) any {
	for {
		reply, err := g.do(args...)
		if err == nil {
			return reply
		}
		if g.t.Context().Err() != nil {
			g.t.Error(args, err)
			return nil
		}
	}
}

func (g *workGroup) write(ctx context.Context, name string) {
	for i := 0; ctx.Err() == nil; i++ {
		if id, err := g.do("XADD", g.key, "*", "task", fmt.Sprint(name, i)); err == nil {
			g.mu.Lock()
			g.sure[string(id.([]byte))] = true
			g.mu.Unlock()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// idsOf returns the IDs of entries.
func idsOf(entries any) (ids []string) {
	for _, e := range entries.([]any) {
		ids = append(ids, string(e.([]any)[0].([]byte)))
	}
	return ids
}

// read returns the IDs of entries that are new to the group, none if there is none for half
// a second, or if nobody knows what has been delivered.
func (g *workGroup) read(consumer string, count int) []string {
	reply, err := g.do("XREADGROUP", "GROUP", "g", consumer, "COUNT", count, "BLOCK", 500, "STREAMS", g.key, ">")
	if err != nil || reply == nil {
		return nil
	}
	return idsOf(reply.(map[string]any)[g.key])
}

// consume handles entries until all are written, delivered and acknowledged.
func (g *workGroup) consume(ctx context.Context, name string) {
	for g.t.Context().Err() == nil {
		reply, err := g.do("XAUTOCLAIM", g.key, "g", name, claimAfter.Milliseconds(), "0", "COUNT", 100)
		if err == nil {
			ids := idsOf(reply.([]any)[1])
			g.mu.Lock()
			for _, id := range ids {
				if _, before := g.claimed[id]; g.left[id] && !before {
					g.claimed[id] = time.Since(g.begun)
				}
			}
			g.mu.Unlock()
			g.handle(ids)
		}
		ids := g.read(name, 10)
		g.handle(ids)
		if len(ids) == 0 && ctx.Err() != nil && g.must("XPENDING", g.key, "g").([]any)[0] == int64(0) {
			return
		}
	}
}

func (g *workGroup) handle(ids []string) {
	for _, id := range ids {
		g.mu.Lock()
		g.handled[id]++
		g.mu.Unlock()
		g.must("XACK", g.key, "g", id)
	}
}

// TestGroupLosesNothing: writers and consumers of a stream go on, all with acknowledged
// writes, while one consumer dies, the slot moves, and then the master that it has moved
// to dies. No acknowledged entry is lost, each is handled, those of the dead consumer when
// they have been idle for long enough, and the group is right at the successor.
func TestGroupLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		c.Delay(time.Millisecond)
		g := &workGroup{t: t, r: c.Node(2).Router(), key: e2e.KeyOf(c.Node(0)), sure: make(map[string]bool),
			handled: make(map[string]int), left: make(map[string]bool), claimed: make(map[string]time.Duration)}
		g.must("XGROUP", "CREATE", g.key, "g", "0", "MKSTREAM")
		ctx, stop := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			wg.Go(func() { g.write(ctx, name) })
		}
		time.Sleep(time.Second)
		for _, id := range g.read("dead", 20) {
			g.left[id] = true
		}
		g.begun = time.Now()
		for _, name := range []string{"x", "y"} {
			wg.Go(func() { g.consume(ctx, name) })
		}
		time.Sleep(time.Second)

		set, began := slots.NewSet(slots.OfString(g.key)), time.Now()
		if _, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID()); err != nil {
			t.Fatal(err)
		}
		e2e.Await(t, c, 1, func(m *slots.Map) bool { return m.IsMine(slots.OfString(g.key)) })
		if d := time.Since(began); d != 15*time.Millisecond {
			t.Errorf("the slot moved in %v", d)
		}
		time.Sleep(5 * time.Second)
		c.Kill(1)
		if took := e2e.Await(t, c, 4, e2e.Leads); !e2e.Between(took, e2e.Timeout, e2e.Timeout+100*time.Millisecond) {
			t.Errorf("the replica took over after %v", took)
		}
		c.Restart(1) // so that a replica confirms writes
		time.Sleep(5 * time.Second)
		stop()
		ended := time.Now()
		wg.Wait()
		if d := time.Since(ended); d > time.Second { // two reads that wait for half a second
			t.Errorf("the consumers end %v after the writers", d)
		}

		there := idsOf(g.must("XRANGE", g.key, "-", "+"))
		sure := maps.Clone(g.sure)
		for _, id := range there {
			if delete(sure, id); g.handled[id] == 0 {
				t.Errorf("nobody handled entry %s", id)
			}
		}
		for id := range sure {
			t.Errorf("entry %s was acknowledged and is lost", id)
		}
		for id := range g.left {
			if d := g.claimed[id]; d < claimAfter || d > claimAfter+600*time.Millisecond {
				t.Errorf("entry %s of the dead consumer was claimed after %v", id, d)
			}
		}
		info := g.must("XINFO", "GROUPS", g.key).([]any)[0].(map[string]any)
		for name, want := range map[string]any{"pending": int64(0), "lag": int64(0), "consumers": int64(3),
			"entries-read": int64(len(there)), "last-delivered-id": []byte(there[len(there)-1])} {
			if fmt.Sprint(info[name]) != fmt.Sprint(want) {
				t.Errorf("%s is %v, want %v", name, info[name], want)
			}
		}
		t.Logf("%d entries acknowledged, %d there, %d handled, %d left and claimed", len(g.sure), len(there),
			len(g.handled), len(g.claimed))
		if len(g.sure) < 800 || len(g.left) != 20 {
			t.Errorf("only %d entries were written, and %d left", len(g.sure), len(g.left))
		}
	})
}
