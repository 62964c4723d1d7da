package interop

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/admin"
)

// Clusters of redis-server that speak TLS are administered as others are: made, resharded
// and filled from a server outside; by a tool that speaks TLS, and by one that does not
// although the servers bring keys to each other by TLS.
func TestAdminOfRedisOverTLS(t *testing.T) {
	t.Parallel()
	for _, plainTool := range []bool{false, true} {
		t.Run(fmt.Sprint("plain tool ", plainTool), func(t *testing.T) {
			certs := newCertificates(t, true)
			nodes := servers(t, 3, func(t *testing.T, args ...string) *process {
				if plainTool {
					args = append([]string{"--tls-port", strconv.Itoa(freePort(t))}, append(certs.directives(), args...)...)
					return redisServer(t, args...)
				}
				return redisServerTLS(t, certs, args...)
			})
			cfg := admin.Config{TLS: certs.config()}
			if plainTool {
				cfg.TLS = nil
			}
			a, ctx := adminClient(t, cfg), soon(t)
			plan, err := admin.PlanCreate(addrs(nodes), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Create(ctx, plan); err != nil {
				t.Fatal(err)
			}
			for _, p := range nodes {
				p.eventually("serves", 20*time.Second, func() bool {
					return strings.Contains(p.ask("cluster", "info"), "cluster_state:ok")
				})
			}
			const keys = 300
			source := redisServer(t, append(append(certs.directives(), "--tls-port", strconv.Itoa(freePort(t))),
				"--cluster-enabled", "no", "--enable-debug-command", "local")...)
			if out := source.cli("debug", "populate", strconv.Itoa(keys)); out != "OK" {
				t.Fatal(out)
			}
			v, err := a.View(ctx, nodes[0].addr())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := a.Import(ctx, v, admin.Import{From: source.addr()}); n != keys || err != nil {
				t.Fatalf("%d keys imported, %v", n, err)
			}
			reshard, err := a.PlanReshard(v, admin.Reshard{To: nodes[1].addr(), Slots: 500})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Move(ctx, v, reshard, admin.MoveOptions{}); err != nil {
				t.Fatal(err)
			}
			c, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: addrs(nodes[2:]), TLS: cfg.TLS, Silence: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			for i := range keys {
				key := "key:" + strconv.Itoa(i)
				if value, err := c.Get(ctx, key); !strings.HasPrefix(string(value), "value:") || err != nil {
					t.Fatalf("%s is %q, %v", key, value, err)
				}
			}
		})
	}
}
