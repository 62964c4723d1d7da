package slotmesh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh"
)

// What is wrong with a registration is an error, whether it is of a command or a function.
func TestRegistrationsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := lone(t, slotmesh.Config{})
		handler := func(slotmesh.Tx, []string) (any, error) { return nil, nil }
		fn := func(context.Context, string, []byte) ([]byte, error) { return nil, nil }
		for _, c := range []struct {
			name string
			call func() error
			want string // part of the error; "" for none
		}{
			{"a command", func() error { return n.Handle("CMD", slotmesh.CommandSpec{}, handler) }, ""},
			{"a function", func() error { return n.RegisterFunc("fn", fn) }, ""},
			{"a command twice", func() error { return n.Handle("cmd", slotmesh.CommandSpec{}, handler) },
				`Handle: the name is taken already: "cmd"`},
			{"a function twice", func() error { return n.RegisterFunc("fn", fn) },
				`RegisterFunc: the name is taken already: "fn"`},
			{"a nil command", func() error { return n.Handle("CMD2", slotmesh.CommandSpec{}, nil) }, "Handle: "},
			{"a nil function", func() error { return n.RegisterFunc("fn2", nil) }, `RegisterFunc: the function "fn2" is nil`},
			{"a command without a name", func() error { return n.Handle("", slotmesh.CommandSpec{}, handler) }, "Handle: "},
			{"a function without a name", func() error { return n.RegisterFunc("", fn) }, "has no name"},
		} {
			err := c.call()
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.name, err)
			}
			if taken := strings.HasSuffix(c.name, "twice"); errors.Is(err, slotmesh.ErrRegistered) != taken {
				t.Errorf("%s: %v, matches ErrRegistered: %t", c.name, err, !taken)
			}
		}
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if err := n.Handle("LATE", slotmesh.CommandSpec{}, handler); err == nil {
			t.Error("a command is taken after Start")
		}
		if err := n.RegisterFunc("late", fn); err != nil { // as cache.New does on a running node
			t.Error(err)
		}
	})
}
