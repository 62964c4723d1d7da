package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// TestCallErrors: a function's error is the same whether it has run at the caller's node
// or at another one.
func TestCallErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		var fails error // what the function returns
		for i := range 3 {
			if err := c.Node(i).RegisterFunc("fail", func(context.Context, string, []byte) ([]byte, error) {
				return nil, fails
			}); err != nil {
				t.Fatal(err)
			}
			if err := c.Node(i).RegisterFunc("panic", func(context.Context, string, []byte) ([]byte, error) {
				panic("out of cheese")
			}); err != nil {
				t.Fatal(err)
			}
		}
		call := func(name string) (errs [2]error) { // at the owner, at another node
			for _, n := range c.Nodes() {
				_, err := n.Router().Call(t.Context(), name, "key", nil)
				if n.Map().IsMine(slots.OfString("key")) {
					errs[0] = err
				} else {
					errs[1] = err
				}
			}
			return errs
		}
		var reply client.ReplyError
		for _, c := range []struct {
			err  error
			like error // what the callers' errors match; nil: a ReplyError with err's text
		}{
			{errors.New("boom"), nil},
			{fmt.Errorf("asking another cluster: %w", slots.ErrClusterDown), nil},
			{fmt.Errorf("a write of the function: %w", client.ErrNotSent), nil},
			{fmt.Errorf("a write of the function: %w", client.ErrAmbiguous), client.ErrAmbiguous},
			{slots.ErrCrossSlot, slots.ErrCrossSlot},
		} {
			fails = c.err
			errs := call("fail")
			if fmt.Sprint(errs[0]) != fmt.Sprint(errs[1]) {
				t.Errorf("%v: the owner is told %v, another node %v", c.err, errs[0], errs[1])
			}
			for _, err := range errs {
				if c.like != nil && !errors.Is(err, c.like) ||
					c.like == nil && (!errors.As(err, &reply) || reply.Error() != c.err.Error()) {
					t.Errorf("%v became %T %v", c.err, err, err)
				}
			}
		}
		for _, err := range call("panic") {
			if !errors.As(err, &reply) || reply.Code() != "ERR" {
				t.Errorf("a panic became %v", err)
			}
		}
		for _, err := range call("nothing") {
			if !errors.Is(err, client.ErrNoFunc) {
				t.Errorf("a function that is not there: %v", err)
			}
		}
	})
}
