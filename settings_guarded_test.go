package slotmesh_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// CONFIG SET cannot choose where files are written, nor undo what the file forbids. The
// texts are those of redis-server 7.0.15; one that enable-protected-configs lets in learns
// that these directives cannot be changed while a node runs.
func TestGuardedSettings(t *testing.T) {
	const (
		guarded   = "-ERR CONFIG SET failed (possibly related to argument '%s') - can't set protected config"
		immutable = "-ERR CONFIG SET failed (possibly related to argument '%s') - can't set immutable config"
	)
	for _, c := range []struct{ allowed, want string }{{"no", guarded}, {"yes", immutable}, {"local", immutable}} {
		file, dir := conf(t, "port 7001", "enable-protected-configs "+c.allowed)
		cfg, _, err := slotmesh.LoadConfig(file, "--dir", dir)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Addr, cfg.BusAddr = "127.0.0.1:0", ""
		n, err := slotmesh.New(cfg)
		if err == nil {
			err = n.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		got := dialogue(t, n.Addr().Client(), "CONFIG SET dir /tmp", "CONFIG SET timeout 7 dbfilename x",
			"CONFIG SET timeout x dir /tmp", "CONFIG SET logfile x", "CONFIG SET unixsocket x",
			"CONFIG SET cluster-config-file x", "CONFIG SET enable-protected-configs yes",
			"CONFIG SET enable-debug-command yes", "CONFIG SET enable-module-command yes")
		want := []string{fmt.Sprintf(c.want, "dir"), fmt.Sprintf(c.want, "dbfilename"), fmt.Sprintf(c.want, "dir")}
		if c.allowed != "no" { // the first that is wrong
			want[2] = "-ERR CONFIG SET failed (possibly related to argument 'timeout') - " +
				"argument couldn't be parsed into an integer"
		}
		for _, name := range []string{"logfile", "unixsocket", "cluster-config-file", "enable-protected-configs",
			"enable-debug-command", "enable-module-command"} {
			want = append(want, fmt.Sprintf(immutable, name))
		}
		if !slices.Equal(got, want) {
			t.Errorf("enable-protected-configs %s:\n got %q\nwant %q", c.allowed, got, want)
		}
		n.Close()
	}
}

// A node authenticates to the client port of a seed by masteruser and masterauth, if these
// are set, and by its own password otherwise.
func TestJoinAuthenticates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Node: func(_ int, cfg *slotmesh.Config) {
			cfg.Clients.Password = "theirs"
			cfg.BusAddr = "10.0.0.1:555"
		}})
		for i, set := range [][2]string{{"requirepass", "theirs"}, {"masterauth", "theirs"}} {
			n := loneNode(t, c, fmt.Sprintf("10.0.9.%d", i+1))
			if err := n.Join(t.Context(), c.Addrs()...); err == nil {
				t.Fatal("without a password it learned where the bus is")
			}
			if err := slotmesh.SetDirective(n, set[0], set[1]); err != nil {
				t.Fatal(err)
			}
			if err := n.Join(t.Context(), c.Addrs()...); err != nil {
				t.Errorf("with %s: %v", set[0], err)
			}
		}
	})
}
