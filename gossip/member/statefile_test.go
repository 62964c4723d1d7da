package member

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// A node that cannot save falls silent, and goes on when it can.
func TestSilentWhileNotSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 3, 2*time.Second)
		defer stopAll(hosts)
		create(t, hosts)
		until(t, time.Second, "equal views", func() bool { return agreed(hosts) })
		n := hosts[1]
		full := errors.New("no space left")
		n.disk.SetFault(full)
		epoch, version := hosts[0].Map().CurrentEpoch(), n.Map().Version()
		sent := n.Stats().BytesSent
		if err := n.Do(t.Context(), gossip.BumpEpoch{}); !errors.Is(err, full) {
			t.Fatalf("a command that could not be saved: %v", err)
		}
		time.Sleep(1500 * time.Millisecond)
		if n.Stats().BytesSent != sent || n.Map().Version() != version || hosts[0].Map().CurrentEpoch() != epoch {
			t.Fatal("something that was not saved left the node")
		}
		n.disk.SetFault(nil)
		until(t, 10*time.Second, "equal views again", func() bool {
			return agreed(hosts) && hosts[0].Map().CurrentEpoch() > epoch
		})
	})
}

// News of other nodes may wait to be saved together; Close saves it.
func TestCloseSavesWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := startHosts(t, memnet.New(), 2, 0)
		create(t, hosts)
		time.Sleep(time.Minute) // until all is saved
		other := hosts[1]
		saved := func() bool {
			st, err := loadState(other.disk, "nodes.conf")
			if err != nil {
				t.Fatal(err)
			}
			return slices.ContainsFunc(st.Nodes, func(r gossip.Record) bool { return r.Hostname == "news" })
		}
		hosts[0].must(t, gossip.Announce{Addr: hosts[0].addr, Hostname: "news"})
		until(t, 10*time.Millisecond, "the news is there", func() bool {
			return other.Map().Node(hosts[0].Map().Self().ID).Hostname == "news"
		})
		before := saved()
		stopAll(hosts)
		if before || !saved() {
			t.Errorf("saved before Close: %v, after it: %v; want it after only", before, saved())
		}
	})
}

func TestDamagedStateFile(t *testing.T) {
	var d storage.Memory
	cfg := Config{
		Core: gossip.Config{Addr: slots.Addr{Host: "127.0.0.1", Port: 1, BusPort: 2}}, Disk: &d, File: "my.conf",
		Dial: func(context.Context, slots.Addr) (net.Conn, error) { return nil, errors.New("no network") },
	}
	first, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	good, err := storage.ReadFile(&d, "my.conf")
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		if err := storage.WriteFile(&d, "my.conf", bad); err != nil {
			t.Fatal(err)
		}
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "my.conf") {
			t.Fatalf("byte %d damaged: %v", i, err)
		}
		if left, _ := storage.ReadFile(&d, "my.conf"); !bytes.Equal(left, bad) {
			t.Fatal("the damaged file was touched")
		}
	}
}
