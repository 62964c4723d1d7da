package client_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/slots"
)

// redirecting serves clients at a host in memory: it owns all slots by its own account,
// and sends every other command to other.
func redirecting(t *testing.T, network *memnet.Network, host, other string) {
	t.Helper()
	fakeServer(t, network, host+":7000", nil, func(words []string) string {
		switch words[0] {
		case "HELLO":
			return "%0\r\n"
		case "CLUSTER":
			return ownsAll(host, 7000)
		}
		return fmt.Sprintf("-MOVED %d %s:7000\r\n", slots.OfString(words[1]), other)
	})
}

// TestRedirectLoop: two nodes that send a key to each other are named, and how often they
// did.
func TestRedirectLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		redirecting(t, network, "10.0.0.1", "10.0.0.2")
		redirecting(t, network, "10.0.0.2", "10.0.0.1")
		c, err := client.Dial(t.Context(), client.DialConfig{Addrs: []string{"10.0.0.1:7000"},
			Network: network.Host("10.0.0.9")})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Get(ctx, "key")
		var why *client.UnavailableError
		var moved *slots.MovedError
		if !errors.As(err, &why) || !errors.As(err, &moved) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%v", err)
		}
		if !strings.HasPrefix(why.Reason, "redirected ") ||
			!strings.Contains(why.Reason, "10.0.0.1:7000, then 10.0.0.2:7000, then 10.0.0.1:7000") {
			t.Errorf("%v", err)
		}
	})
}
