package committer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// With Always, what nobody waits for is on disk soon, too, also while others wait for theirs
// and lead.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sync = time.Millisecond
		n := open(t, &slowDisk{sync: sync}, Settings{Policy: Always})
		for i := range 50 {
			if i%3 > 0 {
				if err := n.write("a", fmt.Sprint(i)); err != nil {
					t.Fatal(err)
				}
			}
			n.put("b", fmt.Sprint(i))
			offset := n.log.Offset()
			time.Sleep(gatherFor + 3*sync)
			if n.Durable() < offset {
				t.Fatalf("after %d writes the log is durable up to %d of %d", i, n.Durable(), offset)
			}
		}
		n.close()
	})
}

// Waiters that give up, those that lead and those that come meanwhile leave nobody behind.
func TestGivingUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := open(t, &slowDisk{sync: 10 * time.Millisecond}, Settings{Policy: Always})
		var clients sync.WaitGroup
		for i := range 40 {
			clients.Go(func() {
				for j := range 20 {
					ctx, cancel := t.Context(), context.CancelFunc(func() {})
					if i%2 == 0 {
						ctx, cancel = context.WithTimeout(ctx, time.Duration(1+(i+j)%15)*time.Millisecond)
					}
					limit, began := 20*time.Millisecond, time.Now()
					if end, ok := ctx.Deadline(); ok {
						limit = min(limit, end.Sub(began))
					}
					n.put(fmt.Sprint("key", i), fmt.Sprint(j))
					err := n.Await(ctx, true)
					cancel()
					if err != nil && (i%2 > 0 || !errors.Is(err, context.DeadlineExceeded)) {
						t.Error(err)
					}
					if took := time.Since(began); took > limit {
						t.Errorf("a write waited for %v, not %v", took, limit)
					}
				}
			})
		}
		clients.Wait()
		n.close()
	})
}

// The lead of a waiter that gives up before it knows goes to another one.
func TestLeadGoesOn(t *testing.T) {
	var ws waits
	first, _ := ws.add(1)
	second, _ := ws.add(2)
	ws.passOn()
	ws.passOn()
	if len(first.ch) != 1 || len(second.ch) != 0 {
		t.Fatalf("%d, %d", len(first.ch), len(second.ch))
	}
	if !ws.leave(first) {
		t.Error("the first was to lead")
	}
	ws.passOn()
	if err := <-second.ch; err != errLead {
		t.Error(err)
	}
	ws.listen(second)
	ws.wake(2)
	if err := <-second.ch; err != nil || ws.leave(second) {
		t.Error(err)
	}
	if len(ws.list) > 0 {
		t.Error("somebody is left")
	}
}
