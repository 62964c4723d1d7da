package interop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/slotmesh/slotmesh/admin"
	"github.com/slotmesh/slotmesh/slots"
)

func TestAdminBackupRestore(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 20_000
		ctx := soon(t)
		c, nodes := created(t, 3, 0, b.start)
		rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
		defer rdb.Close()
		list := entries(keys)
		store(t, rdb, list)
		dir := filepath.Join(t.TempDir(), "backup")
		m, err := c.Backup(ctx, view(t, c, nodes[0]), dir)
		if err != nil {
			t.Fatal(err)
		}
		if m.Keys != keys || len(m.Files) != 3 {
			t.Errorf("the manifest counts %d keys in %d files", m.Keys, len(m.Files))
		}
		if _, err := c.Backup(ctx, view(t, c, nodes[0]), dir); err == nil {
			t.Error("a second backup into the same folder is accepted")
		}
		if _, err := c.Restore(ctx, view(t, c, nodes[0]), dir, false); !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("restoring into a cluster with keys: %v", err)
		}

		// Into one of another size.
		c, nodes = created(t, 4, 0, b.start)
		if n, err := c.Restore(ctx, view(t, c, nodes[0]), dir, false); err != nil || n != keys {
			t.Fatalf("restored %d keys, %v", n, err)
		}
		healthy(t, c, nodes[0], keys)
		again := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
		defer again.Close()
		compare(t, again, list)
		for _, key := range []string{"key:6", "key:9"} {
			if got := again.PExpireTime(ctx, key).Val(); got != list[key].expiry {
				t.Errorf("%s expires at %v, want %v", key, got, list[key].expiry)
			}
		}

		// A changed byte is found before anything is written.
		file := filepath.Join(dir, m.Files[1].Name)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 1
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Restore(ctx, view(t, c, nodes[0]), dir, true); err == nil ||
			!strings.Contains(err.Error(), m.Files[1].Name) {
			t.Errorf("restoring a damaged file: %v", err)
		}
	})
}

func TestAdminImport(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		const keys = 10_000
		ctx := soon(t)
		c, nodes := created(t, 3, 0, b.start)
		source := redisServer(t, "--cluster-enabled", "no", "--requirepass", "secret")
		rdb := redis.NewClient(&redis.Options{Addr: source.addr(), Password: "secret"})
		defer rdb.Close()
		list := entries(keys)
		store(t, rdb, list)
		target := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes)})
		defer target.Close()
		if err := target.Set(ctx, "key:5", "mine", 0).Err(); err != nil {
			t.Fatal(err)
		}
		in := admin.Import{From: source.addr(), FromPassword: "secret"}
		// Copied once or again, only the key that differs is in the way; also where it is one
		// of two.
		for when, pipeline := range []int{2, 0} {
			copied := in
			copied.Copy, copied.Pipeline = true, pipeline
			var failed *admin.ImportError
			if n, err := c.Import(ctx, view(t, c, nodes[0]), copied); !errors.As(err, &failed) || len(failed.Failed) != 1 ||
				failed.Failed[0].Key != "key:5" || n != keys-1 {
				t.Fatalf("copy %d: %d keys, %v", when, n, err)
			}
		}
		if left := rdb.DBSize(ctx).Val(); left != keys {
			t.Errorf("%d keys are left at the source of a copy", left)
		}
		n, err := c.Import(ctx, view(t, c, nodes[0]), in)
		var failed *admin.ImportError
		if !errors.As(err, &failed) || len(failed.Failed) != 1 || failed.Failed[0].Key != "key:5" || n != keys-1 {
			t.Fatalf("with a key in the way: %d keys, %v", n, err)
		}
		if left := rdb.DBSize(ctx).Val(); left != 1 {
			t.Errorf("%d keys are left at the source, want the one in the way", left)
		}
		in.Replace = true
		if n, err := c.Import(ctx, view(t, c, nodes[0]), in); err != nil || n != 1 {
			t.Fatalf("again, replacing: %d keys, %v", n, err)
		}
		healthy(t, c, nodes[0], keys)
		compare(t, target, list)
		if _, err := c.Import(ctx, view(t, c, nodes[0]), admin.Import{From: nodes[1].addr()}); err == nil ||
			!strings.Contains(err.Error(), "cluster mode") {
			t.Errorf("import from a cluster node: %v", err)
		}
	})
}

// Everything works with a password, moving keys included.
func TestAdminWithPassword(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := soon(t)
		nodes := servers(t, 4, b.start)
		for _, p := range nodes {
			p.cli("config", "set", "masterauth", "secret")
			if got := p.cli("config", "set", "requirepass", "secret"); got != "OK" {
				t.Fatal(got)
			}
		}
		plan, err := admin.PlanCreate(addrs(nodes), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := adminClient(t, admin.Config{}).Create(ctx, plan); err == nil || !strings.Contains(err.Error(), "NOAUTH") {
			t.Errorf("without the password: %v", err)
		}
		c := adminClient(t, admin.Config{Password: "secret"})
		if err := c.Create(ctx, plan); err != nil {
			t.Fatal(err)
		}
		path, err := binary()
		if err != nil {
			t.Fatal(err)
		}
		for env, flags := range map[string][]string{"SLOTMESH_PASSWORD=secret": nil, "": {"--password", "secret"},
			"SLOTMESH_PASSWORD=no": {"-a", "secret"}} {
			cmd := exec.Command(path, append([]string{"info", nodes[0].addr()}, flags...)...)
			cmd.Env = append(os.Environ(), env)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("info with %q and %v: %v\n%s", env, flags, err, out)
			}
		}
		rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs(nodes), Password: "secret"})
		defer rdb.Close()
		nodes[0].eventually("cluster serves", time.Minute, func() bool { return rdb.Set(ctx, "foo", "bar", 0).Err() == nil })
		v := view(t, c, nodes[0])
		drain, err := admin.PlanDrain(v, v.Owner(slots.OfString("foo")).Address)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Move(ctx, v, drain, admin.MoveOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := rdb.Get(ctx, "foo").Val(); got != "bar" {
			t.Errorf("foo is %q", got)
		}
	})
}

func TestAdminFailoverCallTimeoutWhy(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := soon(t)
		c, nodes := created(t, 6, 1, b.start)
		v := view(t, c, nodes[0])
		master := v.Masters()[0]
		replica := v.Replicas(master.ID)[0]
		nodes[0].eventually("the replica is in sync", time.Minute, func() bool {
			n, err := view(t, c, nodes[0]).Find(replica.Address)
			return err == nil && n.Info["master_link_status"] == "up"
		})
		if err := c.Failover(ctx, v, master.Address, admin.Handshake); err == nil {
			t.Error("failover to a master is accepted")
		}
		if err := c.Failover(ctx, v, replica.Address, admin.Handshake); err != nil {
			t.Fatal(err)
		}
		v = view(t, c, nodes[0])
		if n := v.Node(replica.ID); !n.Serves() {
			t.Errorf("%s is no master after the failover", n.Name())
		}

		answers := c.Call(ctx, v, admin.OnlyMasters, "echo", "hello")
		for _, a := range answers {
			if a.Err != nil || a.Text != "hello" {
				t.Errorf("%s answered %q, %v", a.Node, a.Text, a.Err)
			}
		}
		if len(answers) != 3 {
			t.Errorf("%d masters answered", len(answers))
		}
		if err := c.SetTimeout(ctx, v, 7000); err != nil {
			t.Errorf("set-timeout: %v", err)
		}
		for _, a := range c.Call(ctx, v, admin.AllNodes, "config", "get", "cluster-node-timeout") {
			if !strings.Contains(a.Text, "7000") {
				t.Errorf("%s has %q", a.Node, a.Text)
			}
		}

		why, err := c.Explain(ctx, v, 100)
		if err != nil || why.Owner == nil || len(why.Claims) != 1 || len(why.Claims[0].By) != 6 {
			t.Fatalf("why: %v\n%s", err, why)
		}
		if text := why.String(); !strings.Contains(text, "Slot 100 is owned by "+why.Owner.Address) ||
			!strings.Contains(text, "It holds no keys") {
			t.Errorf("why says\n%s", text)
		}
	})
}

// Refusals name what to do.
func TestAdminRefuses(t *testing.T) {
	eachBackend(t, func(t *testing.T, b backend) {
		ctx := soon(t)
		c, nodes := created(t, 3, 0, b.start)
		v := view(t, c, nodes[0])
		if _, err := c.PlanDelNode(ctx, v, nodes[1].addr()); !errors.Is(err, admin.ErrNotEmpty) ||
			!strings.Contains(fmt.Sprint(err), "slotmesh drain") {
			t.Errorf("del-node of a master with slots: %v", err)
		}
		lone := b.start(t)
		if got := lone.cli("cluster", "addslots", "1"); got != "OK" {
			t.Fatal(got)
		}
		if _, err := c.PlanAddNode(ctx, v, admin.AddNode{Node: lone.addr()}); !errors.Is(err, admin.ErrNotEmpty) {
			t.Errorf("add-node of a node with slots: %v", err)
		}
		_, others := created(t, 3, 0, b.start)
		if _, err := c.PlanAddNode(ctx, v, admin.AddNode{Node: others[0].addr()}); !errors.Is(err, admin.ErrNotEmpty) ||
			!strings.Contains(err.Error(), "another cluster") {
			t.Errorf("add-node of another cluster's: %v", err)
		}
		nodes[1].cli("cluster", "setslot", "0", "importing", v.Nodes[0].ID.String())
		nodes[2].cli("cluster", "setslot", "0", "importing", v.Nodes[0].ID.String())
		if _, err := admin.PlanRebalance(view(t, c, nodes[0]), admin.Rebalance{}); !errors.Is(err, admin.ErrBroken) {
			t.Errorf("rebalance of a broken cluster: %v", err)
		}
		if err := c.Replicate(context.Background(), v, nodes[0].addr(), nodes[1].addr()); !errors.Is(err,
			admin.ErrNotEmpty) {
			t.Errorf("making a master with slots a replica: %v", err)
		}
	})
}
