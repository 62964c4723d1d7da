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

// nodeReach is how a node's Router gets at the others: it has the map, and calls them over the bus.
type nodeReach struct{ node *Node }

func (r nodeReach) local() *Node { return r.node }

func (r nodeReach) owner(slot slots.Slot) (place, bool) {
	m := r.node.Map()
	if m == nil {
		return place{}, true // a standalone node has every key
	}
	owner := m.Owner(slot)
	if owner == nil {
		return place{}, false
	}
	return placeOf(owner), true
}

func placeOf(n *slots.Node) place { return place{id: n.ID, addr: n.Addr} }

func (r nodeReach) replicas(slot slots.Slot) (list []place) {
	m := r.node.Map()
	if m == nil || m.Owner(slot) == nil {
		return nil
	}
	for _, n := range m.Replicas(m.Owner(slot).ID) {
		if n.Health == slots.Online {
			list = append(list, placeOf(n))
		}
	}
	return list
}

func (r nodeReach) masters() (list []place) {
	m := r.node.Map()
	if m == nil {
		return []place{{}}
	}
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; n.IsMaster() && n.HasSlots() {
			list = append(list, placeOf(n))
		}
	}
	return list
}

func (r nodeReach) ask(ctx context.Context, to place, req *peer.Request) (resp.Reply, error) {
	n := r.node
	if to.id == n.ID() {
		b, err := n.answer(ctx, req, nil)
		switch {
		case err == nil:
			return decodeReply(req, b)
		case req.Procedure != "" && ctx.Err() == nil && judge(err, false) == final:
			err = errorOf(err.Error()) // as if it came from another node
		}
		return resp.Reply{}, err
	}
	b, err := n.callPeer(ctx, to, req)
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
	if req.Procedure != "" {
		return resp.Reply{Kind: resp.Bulk, Str: b}, nil
	}
	return resp.Decode(b)
}

func (r nodeReach) moved(e *slots.MovedError) place { return place{id: e.Node, addr: e.Addr} }
func (r nodeReach) asked(e *slots.AskError) place   { return place{id: e.Node, addr: e.Addr} }
func (r nodeReach) down() bool {
	m := r.node.Map()
	return m != nil && m.State() != slots.OK
}

func (r nodeReach) why(slot slots.Slot) string {
	m := r.node.Map()
	if m == nil || r.node.gossip == nil {
		return ""
	}
	return r.node.whyUnserved(m, slot)
}

func (r nodeReach) distances() *distances   { return &r.node.distances }
func (r nodeReach) news() <-chan struct{}   { return r.node.changed.next() }
func (r nodeReach) refresh(context.Context) {} // the map comes by itself
func (r nodeReach) done() <-chan struct{}   { return r.node.stop }
func (r nodeReach) ended() error            { return ErrClosed }

func (r nodeReach) inspect(_ context.Context, line [][]byte) (keys []int, write bool, err error) {
	if err := r.node.engine.Refused(); err != nil {
		return nil, false, err
	}
	k, err := r.node.server.Inspect(line)
	return k.Positions, k.Write, replyErrorOf(err)
}

// answer carries out a request of this node or another one, and appends the reply to dst. It waits as long as
// ctx allows.
func (n *Node) answer(ctx context.Context, r *peer.Request, dst []byte) ([]byte, error) {
	if err := n.engine.Refused(); err != nil {
		return nil, err
	}
	if r.Procedure != "" {
		return n.runProcedure(ctx, r)
	}
	was := n.before()
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly, Within: r.Within, Done: ctx.Done()}, dst)
	if err != nil {
		return nil, replyErrorOf(err)
	}
	if k := n.syncWanted(r); k > 0 {
		if keys, err := n.server.Inspect(r.Args); err == nil && keys.Write && len(keys.Positions) > 0 {
			if err := n.settle(WithSync(ctx, k), was, slots.Of(r.Args[keys.Positions[0]])); err != nil {
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
	if r.Procedure != "" || n.syncWanted(r) > 0 {
		return nil, peer.ErrWait
	}
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly, Within: r.Within, Done: alreadyOver}, dst)
	if errors.Is(err, slots.ErrTryAgain) { // a key in flight, or a pause: it may be over soon
		return nil, peer.ErrWait
	}
	return reply, encodeError(err)
}

// Codes of errors between nodes that the Redis protocol has no code for.
const (
	codeUnknownFate = "UNKNOWNFATE "
	codeNoProcedure = "NOPROCEDURE "
)

// encodeError makes an error one whose text tells errorOf what it is.
func encodeError(err error) error {
	if err != nil && errors.Is(err, ErrUnknownFate) {
		return errors.New(codeUnknownFate + err.Error())
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
	case strings.HasPrefix(text, codeUnknownFate):
		return &unknownFate{errors.New(text[len(codeUnknownFate):])}
	case strings.HasPrefix(text, codeNoProcedure):
		return &noProcedure{text[len(codeNoProcedure):]}
	}
	return ReplyError(text)
}

// replyErrorOf gives an error reply of this node's own server the type that one of another node has.
func replyErrorOf(err error) error {
	if server.IsReply(err) {
		return errorOf(err.Error())
	}
	return err
}
