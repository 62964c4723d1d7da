package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
)

// manyKeys returns how many keys a restart finds: SLOTMESH_KEYS, or few.
func manyKeys(t *testing.T) int64 {
	text := os.Getenv("SLOTMESH_KEYS")
	if text == "" {
		return 5000
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("SLOTMESH_KEYS=%q is not a number", text)
	}
	return n
}

// A replica and a master that are killed and start again find all of their data in their logs
// and resume the stream where they were: no full sync, whichever of the two it was.
func TestRestartWithLogResumesPartially(t *testing.T) {
	keys := manyKeys(t)
	p := newProcesses(t, 2, "everysec")
	p.start(0, 1)
	c := p.client()
	defer c.Close()
	p.write(c, 0, keys)
	master, replica := p.pair()
	p.onDisk(master)
	before := p.info(master)

	p.kill(replica)
	p.write(c, keys, keys+100) // what it lacks when it comes back
	ready := p.restart(replica)
	behind := p.inStep(master, replica)
	after := p.info(master)
	t.Logf("replica with %d keys: ready after %v, in step %v later", keys, ready, behind)
	if full, partial := after.Int("sync_full")-before.Int("sync_full"),
		after.Int("sync_partial_ok")-before.Int("sync_partial_ok"); full != 0 || partial != 1 {
		t.Errorf("restart of the replica: %d full syncs, %d partial ones", full, partial)
	}

	p.onDisk(master)
	p.kill(master)
	ready = p.restart(master)
	behind = p.inStep(master, replica)
	after = p.info(master)
	t.Logf("master with %d keys: ready after %v, its replica in step %v later", keys, ready, behind)
	if full, partial := after.Int("sync_full"), after.Int("sync_partial_ok"); full != 0 || partial != 1 {
		t.Errorf("restart of the master: %d full syncs, %d partial ones", full, partial)
	}
	for _, i := range []int{master, replica} {
		if got := p.info(i)["db0"]; !strings.HasPrefix(got, fmt.Sprintf("keys=%d,", keys+100)) {
			t.Errorf("node %d has %s, want %d keys", i, got, keys+100)
		}
	}
}

// write sets the keys from first to before end.
func (p *processes) write(c *slotmesh.Client, first, end int64) {
	p.t.Helper()
	value := bytes.Repeat([]byte("x"), 100)
	var next atomic.Int64
	next.Store(first)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for i := next.Add(1) - 1; i < end; i = next.Add(1) - 1 {
				if err := c.Set(p.t.Context(), "key:"+strconv.FormatInt(i, 10), value, 0); err != nil {
					p.t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// onDisk waits until the logs of a master and its replica have all that was written.
func (p *processes) onDisk(master int) {
	p.t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+p.ports[master])
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(waitLimit))
	in := bufio.NewReader(c)
	fmt.Fprint(c, "SET key:0 x\r\nWAITAOF 1 1 0\r\n") // it waits for the writes of its connection
	for _, want := range []string{"+OK", "*2", ":1", ":1"} {
		if line, err := in.ReadString('\n'); strings.TrimSpace(line) != want {
			p.t.Fatalf("WAITAOF: got %q, %v; want %s", line, err, want)
		}
	}
}

// restart starts node i again and returns when it was ready after that.
func (p *processes) restart(i int) time.Duration {
	p.t.Helper()
	began := time.Now()
	p.start(i)
	return time.Since(began)
}

// inStep returns how long it took until the replica had what its master has.
func (p *processes) inStep(master, replica int) time.Duration {
	p.t.Helper()
	began := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		at := p.info(master)["master_repl_offset"]
		if got := p.info(replica); got["master_link_status"] == "up" && got["slave_repl_offset"] == at {
			return time.Since(began)
		}
		if time.Since(began) > waitLimit {
			p.t.Fatalf("replica %d is not in step with master %d", replica, master)
		}
	}
}

func (p *processes) info(i int) admin.Fields {
	p.t.Helper()
	return admin.ParseFields(ask(p.t, "127.0.0.1:"+p.ports[i], "INFO", "stats", "replication", "keyspace"))
}
