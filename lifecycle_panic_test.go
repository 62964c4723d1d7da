package slotmesh_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// trapLogger panics when it hears a message, on the goroutine that says it, and notes
// errors.
type trapLogger struct {
	hclog.Logger
	trap   string
	errors *[]string
}

func (l trapLogger) Named(string) hclog.Logger { return l }

func (l trapLogger) Info(msg string, args ...any) {
	if msg == l.trap {
		panic("a trap: " + msg)
	}
}

func (l trapLogger) Error(msg string, args ...any) { *l.errors = append(*l.errors, msg) }

// A panic on gossip's goroutine ends the node, with everything saved, and not the program.
func TestPanicEndsTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &storage.Memory{}
		network := clustertest.Start(t, clustertest.Config{}).Host("10.1.1.1")
		var logged []string
		open := func(trap string) *slotmesh.Node {
			n, err := slotmesh.New(slotmesh.Config{Network: network, Disk: files,
				Logger: trapLogger{hclog.NewNullLogger(), trap, &logged}})
			if err != nil {
				t.Fatal(err)
			}
			if err := n.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			return n
		}
		n := open("config epoch changed")
		id := n.ID()
		if err := n.AddSlots(t.Context(), slots.Full()); err != nil {
			t.Fatal(err)
		}
		if err := n.WaitStable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Local().Set(t.Context(), "key", []byte("value"), 0); err != nil {
			t.Fatal(err)
		}
		if n.Err() != nil {
			t.Fatalf("while it works: %v", n.Err())
		}
		// The trap is on the way of the answer: no call may wait for ever.
		if _, _, err := n.BumpEpoch(t.Context()); !errors.Is(err, slotmesh.ErrClosed) {
			t.Errorf("the call under way: %v", err)
		}
		select {
		case <-n.Done():
		case <-time.After(5 * time.Second):
			t.Fatal("Done is not closed")
		}
		var p *slotmesh.PanicError
		if err := n.Err(); !errors.As(err, &p) || p.Where != "gossip" || !strings.Contains(err.Error(), "a trap") ||
			!strings.Contains(p.Stack, "member.(*Member).run") {
			t.Fatalf("Err: %v", err)
		}
		if len(logged) != 1 || !strings.Contains(logged[0], "ends this node") {
			t.Errorf("logged: %q", logged)
		}
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := n.Local().Set(t.Context(), "key", nil, 0); err == nil {
			t.Error("it takes writes")
		}

		n = open("")
		defer n.Close()
		if err := n.WaitStable(t.Context()); err != nil {
			t.Fatal(err)
		}
		if v, err := n.Local().Get(t.Context(), "key"); string(v) != "value" || err != nil || n.ID() != id {
			t.Errorf("after a restart: %q, %v, id kept: %v", v, err, n.ID() == id)
		}
	})
}
