package slotmesh

import (
	"context"
	"errors"
	"fmt"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// Procedure is what a host offers under a name: see [Node.Offer]. ctx ends when the caller gives up, or the
// node is closed.
type Procedure func(ctx context.Context, key string, arg []byte) (reply []byte, err error)

// ErrNoProcedure is matched by the error of a Call for a name that the key's owner does not offer.
var ErrNoProcedure = errors.New("slotmesh: the node does not offer this procedure")

type noProcedure struct{ name string }

func (e *noProcedure) Error() string        { return fmt.Sprintf("%v: %q", ErrNoProcedure, e.name) }
func (e *noProcedure) Is(target error) bool { return target == ErrNoProcedure }

// Offer makes fn callable from every node, under a name, by [Router.Call]. It runs at the node that owns
// the key's slot, on a goroutine of its own, outside the slot's lock: it may take its time, use the node's
// Router and ask other servers. All nodes should offer the same.
//
// A nil fn takes back what was offered. A name that is offered already is an error that
// matches [ErrOffered]; the first function stays.
func (n *Node) Offer(name string, fn Procedure) error {
	if fn == nil {
		n.procedures.Delete(name)
		return nil
	}
	if _, taken := n.procedures.LoadOrStore(name, fn); taken {
		return fmt.Errorf("%w: %q: use another name, or take it back with a nil function first", ErrOffered, name)
	}
	return nil
}

// ErrOffered is matched by the error of Offer for a name that the node offers already.
var ErrOffered = errors.New("slotmesh: the node already offers this procedure")

// Call runs what the owner of key's slot offers under name, and returns what it returns; an error of the procedure arrives as a
// [ReplyError] with its text. If the connection breaks meanwhile, or the owner fails, it is called again, at the
// next owner: fn must bear that. While a slot moves, its owner is the old one, until it is the new one.
func (r *Router) Call(ctx context.Context, name, key string, arg []byte) ([]byte, error) {
	req := &request{slot: slots.OfString(key), keyed: true}
	req.Procedure = name
	req.Args = [][]byte{[]byte(key), arg}
	master := &Router{reach: r.reach}
	reply, err := master.do(ctx, req)
	return reply.Str, err
}

// runProcedure is called on a goroutine that may wait.
func (n *Node) runProcedure(ctx context.Context, r *peer.Request) (reply []byte, err error) {
	if len(r.Args) != 2 {
		return nil, fmt.Errorf("ERR procedure %q was called with %d arguments instead of a key and an argument", r.Procedure, len(r.Args))
	}
	key := string(r.Args[0])
	if m := n.Map(); m != nil {
		if err := slots.Route(m, slots.Request{Slot: slots.OfString(key), Keys: 1, Write: true, Asking: r.Asking}); err != nil {
			return nil, err
		}
	}
	fn, ok := n.procedures.Load(r.Procedure)
	if !ok {
		return nil, errors.New(codeNoProcedure + r.Procedure)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)()
	defer func() {
		if p := recover(); p != nil { // as for a command: a bug in one must not take the host down
			n.log.Error("a procedure panicked", "name", r.Procedure, "panic", p)
			reply, err = nil, fmt.Errorf("ERR procedure %q panicked: %v", r.Procedure, p)
		}
	}()
	reply, err = fn.(Procedure)(ctx, key, r.Args[1])
	if err != nil && n.life.Err() != nil {
		return nil, &peer.Failure{Text: ErrClosed.Error(), Refused: true} // the caller tries the next owner
	}
	return reply, err
}
