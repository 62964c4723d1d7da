package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// library is the command that loads a library with one function, which counts its calls
// with a key and shows the version too, and one that only shows the version.
func library(name string, version int) []string {
	code := fmt.Sprintf("#!lua name=%[1]s\n"+
		"redis.register_function('%[1]s', function(keys) return redis.call('incr', keys[1]) .. ' v%[2]d' end)\n"+
		"redis.register_function{function_name='%[1]s_version', callback=function() return %[2]d end, "+
		"flags={'no-writes'}}", name, version)
	return []string{"FUNCTION", "LOAD", "REPLACE", code}
}

// command is a command line without quotes.
func command(line string) []string { return strings.Fields(line) }

// ask sends a command to node i of a cluster and returns the reply, or error, as text.
func ask(t *testing.T, c *clustertest.Cluster, i int, args []string) string {
	t.Helper()
	conn, err := c.Dial(t.Context(), "tcp", c.Addrs()[i])
	if err != nil {
		t.Fatal(err)
	}
	client := resp.NewConn(conn)
	defer client.Close()
	reply, err := client.Do(args...)
	if err != nil {
		return err.Error()
	}
	return reply.Text()
}

// Functions reach the replicas with the stream, in order with the writes, and a promoted one
// goes on with them. The former master, which comes back with functions that nobody else
// has, takes over those of the shard.
func TestFunctionsFollowTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		expect := func(i int, args []string, want string) {
			t.Helper()
			if got := ask(t, c, i, args); got != want {
				t.Errorf("node %d: %q\n got %s\nwant %s", i, args, got, want)
			}
		}
		key := e2e.KeyOf(c.Node(0))
		expect(0, library("a", 1), "a")
		expect(0, library("b", 1), "b")
		expect(0, command("FCALL a 1 "+key), "1 v1")
		expect(0, library("a", 2), "a")
		expect(0, command("FCALL a 1 "+key), "2 v2")
		time.Sleep(time.Second)
		expect(3, command("FCALL_RO a_version 0"), "2")
		expect(3, command("FCALL_RO b_version 0"), "1")
		expect(3, library("c", 1), "READONLY You can't write against a read only replica.")
		expect(3, command("FUNCTION FLUSH"), "READONLY You can't write against a read only replica.")
		expect(1, command("FCALL_RO a_version 0"), "ERR Function not found") // masters do not tell each other
		expect(0, command("FUNCTION DELETE b"), "OK")
		time.Sleep(time.Second)
		expect(3, command("FCALL_RO b_version 0"), "ERR Function not found")

		c.Partition([]int{0}, []int{1, 2, 3, 4, 5})
		expect(0, library("lonely", 1), "lonely")
		e2e.Await(t, c, 3, e2e.Leads)
		expect(3, library("d", 1), "d")
		c.Heal()
		e2e.Await(t, c, 0, e2e.Follows)
		c.WaitStable()
		time.Sleep(time.Second)
		expect(3, command("FCALL a 1 "+key), "3 v2")
		for _, i := range []int{0, 3} {
			expect(i, command("FCALL_RO a_version 0"), "2")
			expect(i, command("FCALL_RO d_version 0"), "1")
			expect(i, command("FCALL_RO lonely_version 0"), "ERR Function not found")
		}
		expect(3, command("FUNCTION FLUSH"), "OK")
		time.Sleep(time.Second)
		expect(0, command("FUNCTION LIST"), "")
	})
}

// Functions are in snapshots and in full syncs, and survive the end of a whole shard.
func TestFunctionsSurviveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1})
		ask(t, c, 0, library("a", 1))
		time.Sleep(time.Second)
		c.Stop(3)
		ask(t, c, 0, library("a", 2))
		long := strings.Repeat("x", 40_000)
		for i := range 50 { // more than the backlog holds: a full sync
			ask(t, c, 0, command(fmt.Sprintf("SET {%s}%d %s", e2e.KeyOf(c.Node(0)), i, long)))
		}
		c.Restart(3)
		c.WaitStable()
		if got := ask(t, c, 3, command("FCALL_RO a_version 0")); got != "2" {
			t.Errorf("after a full sync: %s", got)
		}
		c.Stop(3)
		c.Stop(0)
		c.Restart(0)
		e2e.Await(t, c, 0, e2e.Leads)
		if got := ask(t, c, 0, command("FCALL_RO a_version 0")); got != "2" {
			t.Errorf("after a restart: %s", got)
		}
	})
}

// While slots move, calls of a function that all masters have find their keys.
func TestFunctionsWhileSlotsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3})
		for i := range 3 {
			ask(t, c, i, library("count", 1))
		}
		client := e2e.Dial(t, c)
		key := e2e.KeyOf(c.Node(0))
		set := e2e.FirstSlots(c.Node(0), 5000)
		if !set.Has(slots.OfString(key)) {
			t.Fatal("the key does not move")
		}
		id, err := c.Node(0).MigrateSlots(t.Context(), set, c.Node(1).ID())
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan error, 1)
		go func() { over <- c.Node(0).WaitMigration(t.Context(), id) }()
		n, moved := 0, false
		for !moved || n < 100 {
			select {
			case err := <-over:
				if moved = true; err != nil {
					t.Fatal(err)
				}
			default:
			}
			n++
			got, err := client.Do(t.Context(), "FCALL", "count", 1, key)
			if want := fmt.Sprintf("%d v1", n); err != nil || fmt.Sprintf("%s", got) != want {
				t.Fatalf("%v, %v; want %s", got, err, want)
			}
			time.Sleep(time.Millisecond)
		}
	})
}
