package replicator

import (
	"testing"
	"testing/synctest"
	"time"
)

// A replica is within a bound only if it really has what its master had so long ago,
// however the network behaves.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		if master.FresherThan(time.Hour) {
			t.Error("a master is within a bound of itself")
		}
		replica.follow(master)
		if replica.FresherThan(time.Hour) {
			t.Error("within an hour before it was ever in step")
		}
		time.Sleep(3 * time.Second)
		for range 100 { // idle: about a second is known without asking
			if time.Sleep(70 * time.Millisecond); !replica.FresherThan(1200 * time.Millisecond) {
				t.Fatal("not within 1.2 s of an idle master")
			}
		}
		time.Sleep(500 * time.Millisecond)
		replica.FresherThan(time.Millisecond)
		if synctest.Wait(); !replica.FresherThan(time.Millisecond) {
			t.Error("nobody asked the master")
		}

		// Each way takes 2 s: what comes is 4 s old, or may be.
		tn.net.SetDelay(master.host, replica.host, 2*time.Second)
		time.Sleep(10 * time.Second)
		for range 50 {
			time.Sleep(70 * time.Millisecond)
			if replica.FresherThan(3900 * time.Millisecond) {
				t.Fatal("within 3.9 s over a way of 4 s")
			}
			if !replica.FresherThan(5500 * time.Millisecond) {
				t.Fatal("not within 5.5 s over a way of 4 s")
			}
		}
		tn.net.SetDelay(master.host, replica.host, 0)
		time.Sleep(5 * time.Second)

		// A link that stalls.
		tn.net.Partition([]string{master.host}, []string{replica.host})
		time.Sleep(2 * time.Second)
		if replica.FresherThan(time.Second) || !replica.FresherThan(4*time.Second) {
			t.Error("2 s after the cut")
		}
		time.Sleep(5 * time.Second)
		tn.net.Heal()
		time.Sleep(2 * time.Second)
		if !replica.FresherThan(1200 * time.Millisecond) {
			t.Error("not fresh again after the cut")
		}
		replica.Promote(0)
		if replica.FresherThan(time.Hour) {
			t.Error("a promoted replica is within a bound of itself")
		}
	})
}

// Under a stream that never ends, every value that a replica within a bound shows is
// younger than the bound.
func TestWithinUnderWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tn := newTestNet(t)
		master, replica := tn.node(1), tn.node(2)
		defer master.stop()
		defer replica.stop()
		replica.follow(master)
		time.Sleep(time.Second)
		tn.net.SetDelay(master.host, replica.host, 30*time.Millisecond)
		time.Sleep(time.Second)
		const bound = 250 * time.Millisecond
		within := 0
		for range 2000 {
			master.set("clock", time.Now().Format(time.RFC3339Nano))
			time.Sleep(time.Millisecond)
			if !replica.FresherThan(bound) {
				continue
			}
			within++
			written, err := time.Parse(time.RFC3339Nano, replica.get("clock"))
			if err != nil || time.Since(written) > bound+time.Millisecond {
				t.Fatalf("a value of %v ago, %v", time.Since(written), err)
			}
		}
		if within < 1900 {
			t.Errorf("within %v only %d times of 2000", bound, within)
		}
	})
}
