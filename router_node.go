package slotmesh

import (
	"context"
	"errors"
	"strings"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// nodeTransport is how a node's Router gets at the others: it has the map, and calls them
// over the bus.
type nodeTransport struct{ node *Node }

func (r nodeTransport) local() *Node { return r.node }

func (r nodeTransport) owner(slot slots.Slot) (endpoint, bool) {
	m := r.node.Map()
	if m == nil {
		return endpoint{}, true // a standalone node has every key
	}
	owner := m.Owner(slot)
	if owner == nil {
		return endpoint{}, false
	}
	return endpointOf(owner), true
}

func endpointOf(n *slots.Node) endpoint { return endpoint{id: n.ID, addr: n.Addr} }

func (r nodeTransport) replicas(slot slots.Slot) (list []endpoint) {
	m := r.node.Map()
	if m == nil || m.Owner(slot) == nil {
		return nil
	}
	for _, n := range m.Replicas(m.Owner(slot).ID) {
		if n.Health == slots.Online {
			list = append(list, endpointOf(n))
		}
	}
	return list
}

func (r nodeTransport) masters() (list []endpoint) {
	m := r.node.Map()
	if m == nil {
		return []endpoint{{}}
	}
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; n.IsMaster() && n.HasSlots() {
			list = append(list, endpointOf(n))
		}
	}
	return list
}

func (r nodeTransport) ask(ctx context.Context, to endpoint, req *peer.Request) (resp.Reply, error) {
	n := r.node
	if to.id == n.ID() {
		b, err := n.answer(ctx, req, nil)
		switch {
		case err == nil:
			return decodeReply(req, b)
		case req.Func != "" && ctx.Err() == nil && classify(err, false) == final:
			err = errorOf(err.Error()) // as if it came from another node
		}
		return resp.Reply{}, err
	}
	b, err := n.bus.Call(ctx, to.id, to.addr, req)
	var failure *peer.Failure
	switch {
	case err == nil:
		return decodeReply(req, b)
	case errors.As(err, &failure) && !failure.Refused:
		return resp.Reply{}, errorOf(failure.Text)
	}
	return resp.Reply{}, err
}

// decodeReply takes b over.
func decodeReply(req *peer.Request, b []byte) (resp.Reply, error) {
	if req.Func != "" {
		return resp.Reply{Kind: resp.Bulk, Str: b}, nil
	}
	return resp.Decode(b)
}

func (r nodeTransport) moved(e *slots.MovedError) endpoint { return endpoint{id: e.Node, addr: e.Addr} }
func (r nodeTransport) asked(e *slots.AskError) endpoint   { return endpoint{id: e.Node, addr: e.Addr} }
func (r nodeTransport) down() bool {
	m := r.node.Map()
	return m != nil && m.State() != slots.OK
}

func (r nodeTransport) explain(slot slots.Slot) string {
	m := r.node.Map()
	if m == nil || r.node.gossip == nil {
		return ""
	}
	return r.node.view(m).Unserved(slot)
}

func (r nodeTransport) latencies() *latencies   { return &r.node.measured }
func (r nodeTransport) news() <-chan struct{}   { return r.node.signals.changed.next() }
func (r nodeTransport) refresh(context.Context) {} // the map comes by itself
func (r nodeTransport) done() <-chan struct{}   { return r.node.life.ctx.Done() }
func (r nodeTransport) ended() error            { return ErrClosed }

func (r nodeTransport) inspect(_ context.Context, line [][]byte) (keys []int, write bool, err error) {
	if err := r.node.engine.Refused(); err != nil {
		return nil, false, err
	}
	k, err := r.node.server.Inspect(line)
	return k.Positions, k.Write, replyErrorOf(err)
}

// answer carries out a request of this node or another one, and appends the reply to dst.
// It waits as long as ctx allows.
func (n *Node) answer(ctx context.Context, r *peer.Request, dst []byte) ([]byte, error) {
	if err := n.engine.Refused(); err != nil {
		return nil, err
	}
	if r.Func != "" {
		return n.runFunc(ctx, r)
	}
	was := n.shard.Acks.Before()
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly,
		MaxStaleness: r.MaxStaleness, Done: ctx.Done()}, dst)
	if err != nil {
		return nil, replyErrorOf(err)
	}
	if k := n.syncWanted(r); k > 0 {
		if keys, err := n.server.Inspect(r.Args); err == nil && keys.Write && len(keys.Positions) > 0 {
			if err := n.awaitAcks(WithSync(ctx, k), was, slots.Of(r.Args[keys.Positions[0]])); err != nil {
				return nil, err
			}
		}
	}
	return reply, nil
}

// syncWanted returns how many replicas must hold a request's write.
func (n *Node) syncWanted(r *peer.Request) int {
	if r.Sync < 0 {
		return n.cfg.Replication.Sync
	}
	return r.Sync
}

// syncOf returns what WithSync asks for, -1 if nothing.
func syncOf(ctx context.Context) int {
	if k, ok := ctx.Value(syncKey{}).(int); ok {
		return max(0, k)
	}
	return -1
}

// alreadyOver is a Done that ends every wait at once.
var alreadyOver = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// answerPeer answers another node: it is what the bus does with a connection for calls.
func (n *Node) answerPeer(ctx context.Context, r *peer.Request, inline bool, dst []byte) ([]byte, error) {
	if !inline {
		reply, err := n.answer(ctx, r, dst)
		return reply, encodeError(err)
	}
	if r.Func != "" || n.syncWanted(r) > 0 {
		return nil, peer.ErrWait
	}
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly,
		MaxStaleness: r.MaxStaleness, Done: alreadyOver}, dst)
	if errors.Is(err, slots.ErrTryAgain) { // a key in flight, or a pause: it may be over soon
		return nil, peer.ErrWait
	}
	return reply, encodeError(err)
}

// Codes of errors between nodes that the Redis protocol has no code for.
const (
	codeAmbiguous = "UNKNOWNFATE "
	codeNoFunc    = "NOPROCEDURE "
)

// encodeError makes an error one whose text tells errorOf what it is.
func encodeError(err error) error {
	if err != nil && errors.Is(err, ErrAmbiguous) {
		return errors.New(codeAmbiguous + err.Error())
	}
	return err
}

// known are the errors that have a value of their own, by their text.
var known = func() map[string]error {
	m := make(map[string]error)
	for _, err := range []error{
		slots.ErrCrossSlot, slots.ErrTryAgain, slots.ErrClusterDown, slots.ErrDownReadOnly, slots.ErrSlotNotServed,
		keyspace.ErrOutOfMemory, ErrNoReplicas, ErrNotSaved, ErrClosed, context.Canceled, context.DeadlineExceeded,
	} {
		m[err.Error()] = err
	}
	return m
}()

// errorOf returns the error that another node means.
func errorOf(text string) error {
	if err := known[text]; err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(text, slots.ErrTryAgain.Error()):
		return slots.ErrTryAgain
	case strings.HasPrefix(text, codeAmbiguous):
		return &ambiguous{errors.New(text[len(codeAmbiguous):])}
	case strings.HasPrefix(text, codeNoFunc):
		return &noFunc{text[len(codeNoFunc):]}
	}
	return ReplyError(text)
}

// replyErrorOf gives an error reply of this node's own server the type that one of
// another node has.
func replyErrorOf(err error) error {
	if server.IsReply(err) {
		return errorOf(err.Error())
	}
	return err
}
