package slotmesh

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// Func is a function of the host that runs at a key's owner: see [Node.RegisterFunc]. ctx
// ends when the caller gives up, or the node is closed.
type Func func(ctx context.Context, key string, arg []byte) (reply []byte, err error)

// RegisterFunc makes fn callable from every node, under a name, by [client.Router.Call]. It runs
// at the node that owns the key's slot, on a goroutine of its own, outside the slot's
// lock: it may take its time, use the node's Router and ask other servers. All nodes
// should have the same.
//
// It returns an error, as [Node.Handle] does, for a name that is empty or taken
// ([ErrRegistered]), and for a nil fn. Call it before Start, so that no caller finds
// the function missing; what is made while the node runs, such as a cache of package
// cache, may register its functions then.
func (n *Node) RegisterFunc(name string, fn Func) error {
	switch {
	case name == "":
		return errors.New("slotmesh: RegisterFunc: the function has no name")
	case fn == nil:
		return fmt.Errorf("slotmesh: RegisterFunc: the function %q is nil", name)
	}
	if _, taken := n.host.funcs.LoadOrStore(name, fn); taken {
		return fmt.Errorf("slotmesh: RegisterFunc: %w: %q: use another one", ErrRegistered, name)
	}
	return nil
}

// ErrRegistered is matched by the error of RegisterFunc and Handle for a name that the
// host has used already.
var ErrRegistered = errors.New("the name is taken already")

// runFunc is called on a goroutine that may wait.
func (n *Node) runFunc(ctx context.Context, r *peer.Request) (reply []byte, err error) {
	if len(r.Args) != 2 {
		return nil, ReplyError(fmt.Sprintf("ERR function %q was called with %d arguments instead of a key and an argument",
			r.Func, len(r.Args)))
	}
	key := string(r.Args[0])
	if m := n.Map(); m != nil {
		if err := slots.Route(m, slots.Request{Slot: slots.OfString(key), Keys: 1, Write: true,
			Asking: r.Asking}); err != nil {
			return nil, err
		}
	}
	fn, ok := n.host.funcs.Load(r.Func)
	if !ok {
		return nil, &client.NoFuncError{Name: r.Func}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life.ctx, cancel)()
	defer func() {
		if p := recover(); p != nil { // as for a command: a bug in one must not take the host down
			n.log.Error("a function panicked", "name", r.Func, "panic", p)
			reply, err = nil, ReplyError(fmt.Sprintf("ERR function %q panicked: %v", r.Func, p))
		}
	}()
	reply, err = fn.(Func)(ctx, key, r.Args[1])
	if err != nil && n.life.ctx.Err() != nil {
		return nil, &peer.Failure{Text: ErrClosed.Error(), Refused: true} // the caller tries the next owner
	}
	return reply, funcError(ctx, err)
}

// funcError gives a function's error the type that it has at other nodes, so that a caller
// finds the same wherever the function has run.
func funcError(ctx context.Context, err error) error {
	var moved *slots.MovedError
	var ask *slots.AskError
	if err == nil || ctx.Err() != nil || errors.As(err, &moved) || errors.As(err, &ask) {
		return err
	}
	return client.ParseError(client.ErrorText(err))
}
