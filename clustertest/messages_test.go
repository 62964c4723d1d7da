package clustertest_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
)

// TestMessages: pub/sub in fake time, through a partition; the log of a failed test counts
// the messages between nodes.
func TestMessages(t *testing.T) {
	f := &failing{TB: t}
	synctest.Test(t, func(t *testing.T) {
		f.TB = t
		c := clustertest.Start(f, clustertest.Config{Masters: 3})
		var heard string
		messages := c.Node(1).Subscribe(t.Context(), "news")
		go func() {
			for m, err := range messages {
				if err == nil {
					heard += string(m.Payload)
				}
			}
		}()
		publish := func(text string) {
			for i := range c.Nodes() {
				if _, err := c.Node(i).Publish(t.Context(), "news", []byte(text)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		publish("a")
		c.Partition([]int{1}, []int{0, 2})
		publish("b") // node 1 hears its own
		c.Heal()
		c.WaitStable()
		time.Sleep(time.Minute)
		synctest.Wait()
		heard += "|"
		publish("c")
		if before, after, _ := strings.Cut(heard, "|"); !strings.HasPrefix(before, "aaab") || after != "ccc" {
			t.Errorf("node 1 heard %q", heard)
		}
		f.failed = true
		f.end()
	})
	if !strings.Contains(f.log, "node 0 has sent ") ||
		!strings.Contains(f.log, " messages to other nodes, received 0, and dropped ") {
		t.Errorf("the story does not count messages:\n%s", f.log)
	}
}
