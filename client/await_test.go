package client_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
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
		caller, err := client.Dial(t.Context(), client.DialConfig{Addrs: c.Addrs()[:1], Network: c.ClientNetwork()})
		if err != nil {
			t.Fatal(err)
		}
		defer caller.Close()
		began := time.Now()
		took := func(want time.Duration) {
			t.Helper()
			if got := time.Since(began).Round(10 * time.Millisecond); got != want {
				t.Errorf("%v after the beginning, want %v", got, want)
			}
		}
		if err := caller.Set(client.WithSync(t.Context(), 1), "key", nil, 0); err != nil {
			t.Error(err)
		}
		took(0)
		c.Drop(1, 0)
		waited := make(chan error)
		go func() {
			ctx, cancel := context.WithTimeout(client.WithSync(t.Context(), 1), 20*time.Second)
			defer cancel()
			waited <- caller.Set(ctx, "key", nil, 0)
		}()
		synctest.Wait()
		if err := caller.Set(t.Context(), "key", nil, 0); err != nil {
			t.Error(err)
		}
		took(0)
		if err := <-waited; !errors.Is(err, client.ErrAmbiguous) {
			t.Error(err)
		}
		took(20 * time.Second)
		if err := caller.Set(client.WithSync(t.Context(), 1), "key", nil, 0); !errors.Is(err, client.ErrAmbiguous) {
			t.Error(err)
		}
		took(25 * time.Second)
		c.Heal()
		if err := caller.Set(client.WithSync(t.Context(), 1), "key", nil, 0); err != nil {
			t.Error(err)
		}
	})
}
