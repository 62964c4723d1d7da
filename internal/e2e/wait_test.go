package e2e_test

import (
	"bufio"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
)

// A master that is cut off acknowledges to its clients alone, is succeeded, and is a
// master again later. WAIT on a connection from the time before must not take what its
// replica holds now for that write.
func TestWaitAfterTwoTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		old, successor := c.Node(0), c.Node(3)
		key := e2e.KeyOf(old)
		conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		expect := func(want, command string) {
			t.Helper()
			fmt.Fprintf(conn, "%s\r\n", command)
			if got, err := in.ReadString('\n'); err != nil || strings.TrimSpace(got) != want {
				t.Errorf("%s: %q, %v; want %s", command, got, err, want)
			}
		}
		c.Partition([]int{0}, []int{1, 2, 3, 4, 5})
		expect("+OK", "SET "+key+" lost")
		e2e.Await(t, c, 3, e2e.Leads)
		// the stream grows beyond the lost write
		if err := successor.Local().Set(t.Context(), key, make([]byte, 1000), 0); err != nil {
			t.Fatal(err)
		}
		c.Heal()
		c.WaitStable()
		e2e.WaitSynced(t, c)
		expect(":0", "WAIT 1 100")
		time.Sleep(time.Minute)
		if err := old.Failover(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		e2e.WaitSynced(t, c)
		time.Sleep(time.Second)
		expect(":0", "WAIT 1 100")
		if err := old.Local().Set(slotmesh.WithSync(t.Context(), 1), key, []byte("new"), 0); err != nil {
			t.Error(err)
		}
	})
}
