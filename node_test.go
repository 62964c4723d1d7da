package slotmesh_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

func TestKeysLiveAtTheirOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{})
		owner, other := e2e.OwnerOf(c, "key")
		if err := owner.Local().Set(ctx, "key", []byte("value"), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got, err := owner.Local().Get(ctx, "key"); err != nil || string(got) != "value" {
			t.Fatalf("Get = %q, %v", got, err)
		}
		var moved *slots.MovedError
		_, err := other.Local().Get(ctx, "key")
		if !errors.As(err, &moved) || moved.Node != owner.ID() || moved.Addr != owner.Addr() {
			t.Fatalf("another node answers %v, want MOVED to %s", err, owner.Addr())
		}
		if ttl, err := owner.Local().TTL(ctx, "key"); err != nil || ttl != time.Minute {
			t.Fatalf("TTL = %v, %v", ttl, err)
		}
		time.Sleep(time.Minute)
		if _, err := owner.Local().Get(ctx, "key"); !errors.Is(err, slotmesh.ErrNotFound) {
			t.Fatalf("after its time the key gives %v", err)
		}
	})
}

func TestUpdateIsAllOrNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		c := clustertest.Start(t, clustertest.Config{})
		owner, _ := e2e.OwnerOf(c, "{a}1")
		if err := owner.Local().Set(ctx, "{a}1", []byte("old"), 0); err != nil {
			t.Fatal(err)
		}
		refused := errors.New("refused")
		err := owner.Local().Update(ctx, []string{"{a}1", "{a}2"}, func(tx slotmesh.Tx) error {
			if err := tx.Set("{a}1", []byte("new"), 0); err != nil {
				return err
			}
			if err := tx.Set("{a}2", []byte("new"), 0); err != nil {
				return err
			}
			if err := tx.Set("b", nil, 0); !errors.Is(err, slots.ErrCrossSlot) {
				t.Errorf("Set of another slot's key: %v", err)
			}
			return refused
		})
		if err != refused {
			t.Fatalf("err = %v", err)
		}
		if got, err := owner.Local().Get(ctx, "{a}1"); string(got) != "old" {
			t.Errorf("{a}1 = %q, %v after a rollback", got, err)
		}
		if _, err := owner.Local().Get(ctx, "{a}2"); !errors.Is(err, slotmesh.ErrNotFound) {
			t.Errorf("{a}2 is there after a rollback: %v", err)
		}
		err = owner.Local().Update(ctx, []string{"{a}1", "{b}1"}, func(slotmesh.Tx) error { return nil })
		if !errors.Is(err, slots.ErrCrossSlot) {
			t.Errorf("keys of two slots: %v", err)
		}
	})
}

// Nodes that own slots before they meet must merge in whatever order their handshakes
// end, and without waiting for a timer.
func TestCreateInAnyOrder(t *testing.T) {
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			clustertest.Start(t, clustertest.Config{Masters: 5})
			if took := time.Since(start); took > 0 {
				t.Errorf("on a network without delay it took %v", took)
			}
		})
	}
}

// The story of a lost master with the default node timeout: suspected after T, failed
// when a majority says so, the cluster down; all is well again once it is back.
func TestLostMaster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const T = 15 * time.Second
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		victim := c.Node(2).ID()
		witness := c.Node(0)
		time.Sleep(time.Minute)
		c.Kill(2)
		killed := time.Now()
		await := func(what string, cond func(*slots.Map) bool) time.Duration {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := witness.WaitMap(ctx, cond); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			return time.Since(killed)
		}
		suspected := await("suspected", func(m *slots.Map) bool { return m.Node(victim).Health != slots.Online })
		failed := await("failed", func(m *slots.Map) bool { return m.Node(victim).Health == slots.Failed })
		down := await("down", func(m *slots.Map) bool { return m.State() == slots.Down })
		// It owes a sign of life since its connections broke. Who suspects it tells the others
		// at once, and so does who counts a majority.
		const tick = 100 * time.Millisecond
		if suspected < T || suspected > T+tick {
			t.Errorf("suspected after %v, want %v and at most a tick of %v", suspected, T, tick)
		}
		if failed < suspected || failed > suspected+tick {
			t.Errorf("failed %v after the suspicion, want at most a tick of %v", failed-suspected, tick)
		}
		if down != failed {
			t.Errorf("down after %v, failed after %v: want the same moment", down, failed)
		}
		if _, err := witness.Local().Get(t.Context(), "key"); !errors.Is(err, slots.ErrClusterDown) {
			t.Errorf("a cluster that is down answers %v", err)
		}
		c.Restart(2)
		c.WaitStable()
		// No replica could have taken its slots: it is forgiven on its first word (docs/spec.md
		// §3.5), and serves when 2 s have passed since its start (docs/spec.md §5.2).
		const wait = 2 * time.Second
		if back := time.Since(killed) - failed; back < wait || back > wait+tick {
			t.Errorf("it was well again %v after the failure, want %v", back, wait)
		}
		if got := c.Node(2).ID(); got != victim {
			t.Errorf("the node came back as %s, was %s", got, victim)
		}
	})
}

func TestPartitionStopsTheMinority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 5,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.PartialCoverage = true }})
		c.Partition([]int{0, 1}, []int{2, 3, 4})
		time.Sleep(time.Minute)
		for i, want := range []slots.State{slots.Down, slots.Down, slots.OK, slots.OK, slots.OK} {
			if got := c.Node(i).Map().State(); got != want {
				t.Errorf("node %d: %v, want %v", i, got, want)
			}
		}
		c.Heal()
		c.WaitStable()
	})
}

func TestForgottenNodeStaysForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 4,
			Node: func(_ int, cfg *slotmesh.Config) { cfg.PartialCoverage = true }})
		gone := c.Node(3).ID()
		if err := c.Node(0).Forget(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute) // longer than the ban: it must not return by itself
		for i := range 3 {
			if c.Node(i).Map().Node(gone) != nil {
				t.Errorf("node %d knows the forgotten node", i)
			}
		}
	})
}

func TestDamagedStateFileStopsTheStart(t *testing.T) {
	mem := &storage.Memory{}
	if err := storage.WriteFile(mem, "nodes.conf", []byte("damage")); err != nil {
		t.Fatal(err)
	}
	n, err := slotmesh.New(slotmesh.Config{Disk: mem})
	if err != nil {
		t.Fatal(err)
	}
	err = n.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "nodes.conf") || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Start = %v", err)
	}
	if data, _ := storage.ReadFile(mem, "nodes.conf"); string(data) != "damage" {
		t.Errorf("the damaged file was changed: %q", data)
	}
	if err := n.Close(); err != nil {
		t.Errorf("Close after a failed start: %v", err)
	}
}

func TestStateSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	var id slots.NodeID
	for round := range 3 {
		n, err := slotmesh.New(slotmesh.Config{Dir: dir, StateFile: "mesh.state"})
		if err == nil {
			err = n.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			id = n.ID()
			if err := n.AddSlots(t.Context(), slots.NewSet(1, 2, 3)); err != nil {
				t.Fatal(err)
			}
		} else if m := n.Map(); n.ID() != id || m.Self().Slots.String() != "1-3" {
			t.Errorf("round %d: id %s, slots %v; want %s, 1-3", round, n.ID(), m.Self().Slots, id)
		}
		n.Close()
	}
}

func TestConfigErrorsNameTheField(t *testing.T) {
	for want, cfg := range map[string]slotmesh.Config{
		"Config.Addr":        {Addr: "7001"},
		"Config.BusAddr":     {BusAddr: "x:y"},
		"port 65000":         {Addr: "127.0.0.1:65000"},
		"Config.NodeTimeout": {NodeTimeout: time.Millisecond},
		"Config.MaxMemory":   {MaxMemory: -1},
		"Config.TLS":         {TLS: &tls.Config{}},
		"Config.TLS is nil":  {Clients: slotmesh.ClientConfig{TLSAddr: "127.0.0.1:0"}},
		`Clients.TLSAddr is "7"`: {TLS: &tls.Config{Certificates: make([]tls.Certificate, 1)},
			Clients: slotmesh.ClientConfig{TLSAddr: "7"}},
		"Config.Clients.Max":  {Clients: slotmesh.ClientConfig{Max: -1}},
		"Config.Clients.Idle": {Clients: slotmesh.ClientConfig{IdleTimeout: -1}},
		"Config.Dir":          {Dir: "/does/not/exist"},
	} {
		if _, err := slotmesh.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%+v) = %v, want an error with %q", cfg, err, want)
		}
	}
	if _, err := slotmesh.New(slotmesh.Config{Dir: "/does/not/exist"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder: %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	c := clustertest.Start(t, clustertest.Config{Masters: 1, TCP: true})
	n, err := slotmesh.New(slotmesh.Config{Addr: c.Addrs()[0], BusAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "Config.Addr") {
		t.Errorf("Start on a port in use: %v", err)
	}
}

func TestStandalone(t *testing.T) {
	ctx := t.Context()
	n, err := slotmesh.New(slotmesh.Config{Standalone: true})
	if err == nil {
		err = n.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for i := range 100 {
		if err := n.Local().Set(ctx, fmt.Sprint("key:", i), []byte("v"), 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Meet(ctx, slots.Addr{Host: "127.0.0.1", Port: 7001}); !errors.Is(err, slotmesh.ErrStandalone) {
		t.Errorf("Meet on a standalone node: %v", err)
	}
}

func TestMergeOfTwoClustersIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := make(chan error, 10)
		one := clustertest.Start(t, clustertest.Config{Masters: 3, Prepare: func(_ int, n *slotmesh.Node) {
			e2e.Watch(n, func(e slotmesh.Event) {
				if f, ok := e.(gossip.MeetFailed); ok {
					refused <- f.Err
				}
			})
		}})
		two := clustertest.Start(t, clustertest.Config{Masters: 3, Node: func(i int, cfg *slotmesh.Config) {
			// The second cluster lives on the first one's network.
			cfg.Network = one.Host(fmt.Sprintf("10.0.1.%d", i+1))
			cfg.Addr, cfg.BusAddr = fmt.Sprintf("10.0.1.%d:7000", i+1), fmt.Sprintf("10.0.1.%d:17000", i+1)
		}})
		if err := one.Node(0).Meet(t.Context(), two.Node(0).Addr()); err != nil {
			t.Fatal(err)
		}
		if err := <-refused; !errors.Is(err, gossip.ErrRefused) {
			t.Errorf("the meeting ended with %v", err)
		}
		time.Sleep(time.Minute)
		for _, c := range []*clustertest.Cluster{one, two} {
			for i, n := range c.Nodes() {
				if got := len(n.Map().Nodes()); got != 3 {
					t.Errorf("node %d knows %d nodes, want 3", i, got)
				}
			}
		}
	})
}

// A standalone node has no bus, so its port may be one that has no room for the bus' own.
func TestStandaloneAtAnyPort(t *testing.T) {
	for _, standalone := range []bool{true, false} {
		n, err := slotmesh.New(slotmesh.Config{Addr: "10.0.0.1:65535", Network: memnet.New().Host("10.0.0.1"),
			Disk: &storage.Memory{}, Standalone: standalone})
		if (err == nil) != standalone {
			t.Fatalf("standalone %v: %v", standalone, err)
		}
		if err != nil {
			continue
		}
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		n.Close()
	}
}
