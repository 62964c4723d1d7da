package slotmesh

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// Func is a function of the host that runs at a key's owner: see [Node.RegisterFunc]. ctx
// ends when the caller gives up, or the node is closed.
type Func func(ctx context.Context, key string, arg []byte) (reply []byte, err error)

// ErrNoFunc is matched by the error of a Call for a name that the key's owner does not
// offer.
var ErrNoFunc = errors.New("slotmesh: the node does not have this function")

type noFunc struct{ name string }

func (e *noFunc) Error() string        { return fmt.Sprintf("%v: %q", ErrNoFunc, e.name) }
func (e *noFunc) Is(target error) bool { return target == ErrNoFunc }

// RegisterFunc makes fn callable from every node, under a name, by [Router.Call]. It runs
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
	if _, taken := n.funcs.LoadOrStore(name, fn); taken {
		return fmt.Errorf("slotmesh: RegisterFunc: %w: %q: use another one", ErrRegistered, name)
	}
	return nil
}

// ErrRegistered is matched by the error of RegisterFunc and Handle for a name that the
// host has used already.
var ErrRegistered = errors.New("the name is taken already")

// Call runs what the owner of key's slot offers under name, and returns what it returns;
// an error of the function arrives as a [ReplyError] with its text. If the connection
// breaks meanwhile, or the owner fails, it is called again, at the next owner: fn must
// bear that. While a slot moves, its owner is the old one, until it is the new one.
func (r *Router) Call(ctx context.Context, name, key string, arg []byte) ([]byte, error) {
	req := &request{slot: slots.OfString(key), keyed: true}
	req.Func = name
	req.Args = [][]byte{[]byte(key), arg}
	master := &Router{transport: r.transport}
	reply, err := master.do(ctx, req)
	return reply.Str, err
}

// runFunc is called on a goroutine that may wait.
func (n *Node) runFunc(ctx context.Context, r *peer.Request) (reply []byte, err error) {
	if len(r.Args) != 2 {
		return nil, fmt.Errorf("ERR function %q was called with %d arguments instead of a key and an argument", r.Func,
			len(r.Args))
	}
	key := string(r.Args[0])
	if m := n.Map(); m != nil {
		if err := slots.Route(m, slots.Request{Slot: slots.OfString(key), Keys: 1, Write: true,
			Asking: r.Asking}); err != nil {
			return nil, err
		}
	}
	fn, ok := n.funcs.Load(r.Func)
	if !ok {
		return nil, errors.New(codeNoFunc + r.Func)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life.ctx, cancel)()
	defer func() {
		if p := recover(); p != nil { // as for a command: a bug in one must not take the host down
			n.log.Error("a function panicked", "name", r.Func, "panic", p)
			reply, err = nil, fmt.Errorf("ERR function %q panicked: %v", r.Func, p)
		}
	}()
	reply, err = fn.(Func)(ctx, key, r.Args[1])
	if err != nil && n.life.ctx.Err() != nil {
		return nil, &peer.Failure{Text: ErrClosed.Error(), Refused: true} // the caller tries the next owner
	}
	return reply, err
}
