package interop

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// The lines that clustertest's documentation shows work in a bubble, with no more than a
// deferred Close, also when a node has died under the client.
func TestDocumentedClients(t *testing.T) {
	for name, use := range map[string]func(t *testing.T, c *clustertest.Cluster){
		"go-redis": func(t *testing.T, c *clustertest.Cluster) {
			rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: c.Addrs(), Dialer: c.Dial}) // go-redis
			defer rdb.Close()
			for i := range 100 {
				if err := rdb.Set(t.Context(), fmt.Sprint(i), i, 0).Err(); err != nil {
					t.Fatal(err)
				}
			}
			c.Kill(1)
			for i := range 100 { // some fail, some leave connections that are being dialed
				rdb.Get(t.Context(), fmt.Sprint(i))
			}
		},
		"rueidis": func(t *testing.T, c *clustertest.Cluster) {
			rdb, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: c.Addrs(), DialCtxFn: c.DialCtx, DisableCache: true})
			if err != nil {
				t.Fatal(err)
			}
			defer rdb.Close()
			for i := range 100 {
				key := fmt.Sprint(i)
				if err := rdb.Do(t.Context(), rdb.B().Set().Key(key).Value(key).Build()).Error(); err != nil {
					t.Fatal(err)
				}
				if v, err := rdb.Do(t.Context(), rdb.B().Get().Key(key).Build()).ToString(); err != nil || v != key {
					t.Errorf("%q, %v", v, err)
				}
			}
		},
		"slotmesh": func(t *testing.T, c *clustertest.Cluster) {
			ctx := t.Context()
			client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork()})
			writeKey(t, client, err)
		},
		"slotmesh, Secure": func(t *testing.T, c *clustertest.Cluster) {
			cfg := slotmesh.DialConfig{Addrs: c.Addrs(), Network: c.ClientNetwork(), TLS: c.ClientTLS()}
			client, err := slotmesh.Dial(t.Context(), cfg)
			writeKey(t, client, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				use(t, clustertest.Start(t, clustertest.Config{Masters: 3, Replicas: 1, NodeTimeout: 5 * time.Second,
					Secure: strings.HasSuffix(name, "Secure")}))
			})
		})
	}
}

// writeKey writes a key as a client that slotmesh.Dial has returned.
func writeKey(t *testing.T, client *slotmesh.Client, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Set(t.Context(), "k", nil, 0); err != nil {
		t.Error(err)
	}
}

// What the documentation shows is what the test above runs.
func TestDocumentedClientsAreTested(t *testing.T) {
	doc, err := os.ReadFile("../clustertest/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	tested, err := os.ReadFile("clients_test.go")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(doc)) {
		line, isCode := strings.CutPrefix(strings.TrimSpace(line), "//\t")
		if isCode && strings.Contains(line, "c.Addrs()") {
			if lines++; !strings.Contains(string(tested), line) {
				t.Errorf("not tested: %s", line)
			}
		}
	}
	if lines != 4 {
		t.Errorf("the documentation shows %d clients", lines)
	}
}
