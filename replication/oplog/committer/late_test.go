package committer

import (
	"testing"
	"testing/synctest"
	"time"
)

// With EverySecond writers wait for a Sync that takes more than 2 s, until it ends, so that
// not much more than that can be lost.
func TestLateSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		disk := &slowDisk{}
		n := open(t, disk, Settings{Policy: EverySecond})
		time.Sleep(10 * time.Second)
		disk.slow.Store(int64(5 * time.Second))
		n.put("a", "1")
		began := time.Now()
		for range 99 { // the third Sync begins after 10 s
			time.Sleep(100 * time.Millisecond)
			n.put("a", "2")
			took := time.Since(began) // of the first Sync, which begins after 20 ms at the latest
			if want := took > lateSync+100*time.Millisecond && took < 4900*time.Millisecond; want && n.held.Load() != 1 {
				t.Fatalf("writers go on after %v", took)
			}
			if took < lateSync && n.held.Load() != 0 {
				t.Fatalf("writers wait after %v", took)
			}
		}
		disk.slow.Store(0)
		time.Sleep(6 * time.Second)
		if n.held.Load() != 0 || n.Status().Delayed != 2 {
			t.Errorf("held: %d, delayed: %d", n.held.Load(), n.Status().Delayed)
		}
		waited := n.waited["aof-write-pending-fsync"]
		if len(waited) != 2 || waited[0] != 3*time.Second || len(n.waited) != 1 {
			t.Errorf("LATENCY is told that writers waited: %v", n.waited)
		}
		n.close()
	})
}
