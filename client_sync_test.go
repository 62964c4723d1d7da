package slotmesh_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
)

// A client's write that waits for replicas waits as long as its context says, and holds
// up no other.
func TestClientWaitsForReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 1, Replicas: 1, WithoutFailover: true,
			NodeTimeout: time.Minute})
		if err := c.Node(1).WaitSynced(t.Context()); err != nil {
			t.Fatal(err)
		}
		client, err := slotmesh.Dial(t.Context(), slotmesh.DialConfig{Addrs: c.Addrs()[:1], Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		began := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			if got := time.Since(began).Round(10 * time.Millisecond); got != want {
				t.Errorf("%v after the beginning, want %v", got, want)
			}
		}
		if err := client.Set(slotmesh.WithSync(t.Context(), 1), "key", nil, 0); err != nil {
			t.Error(err)
		}
		took(0)
		c.Drop(1, 0)
		waited := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(slotmesh.WithSync(t.Context(), 1), 20*time.Second)
			defer cancel()
			waited <- client.Set(ctx, "key", nil, 0)
		}()
		synctest.Wait()
		if err := client.Set(t.Context(), "key", nil, 0); err != nil {
			t.Error(err)
		}
		took(0)
		if err := <-waited; !errors.Is(err, slotmesh.ErrAmbiguous) {
			t.Error(err)
		}
		took(20 * time.Second)
		if err := client.Set(slotmesh.WithSync(t.Context(), 1), "key", nil, 0); !errors.Is(err, slotmesh.ErrAmbiguous) {
			t.Error(err)
		}
		took(25 * time.Second)
		c.Heal()
		if err := client.Set(slotmesh.WithSync(t.Context(), 1), "key", nil, 0); err != nil {
			t.Error(err)
		}
	})
}
