package client

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// Call runs the function that the owner of key's slot has registered under name, and
// returns what it returns; an error of the function arrives as a [ReplyError] with its
// text. If the connection breaks meanwhile, or the owner fails, the next owner runs it:
// so it must bear to run twice. While a slot moves, its owner is the old one, until it is
// the new one. Only nodes can call functions, a [Client] cannot.
func (r *Router) Call(ctx context.Context, name, key string, arg []byte) ([]byte, error) {
	req := &request{slot: slots.OfString(key), keyed: true}
	req.Func = name
	req.Args = [][]byte{[]byte(key), arg}
	reply, err := r.master().do(ctx, req)
	return reply.Str, err
}
