package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/rueidis"

	"github.com/slotmesh/slotmesh/clustertest"
)

func TestRueidis(t *testing.T) {
	cluster := clustertest.Start(t, clustertest.Config{Masters: 3, TCP: true})
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: cluster.Addrs()[:1], DisableCache: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	var cmds rueidis.Commands
	for i := range 1000 {
		cmds = append(cmds, client.B().Set().Key(fmt.Sprint("key:", i)).Value(fmt.Sprint(i)).Build())
	}
	for i, r := range client.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			t.Fatalf("SET key:%d: %v", i, err)
		}
	}
	for i := range 1000 {
		got, err := client.Do(ctx, client.B().Get().Key(fmt.Sprint("key:", i)).Build()).ToString()
		if err != nil || got != fmt.Sprint(i) {
			t.Fatalf("GET key:%d = %q, %v", i, got, err)
		}
	}
}
