package slotmesh

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/balance/balancer"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/internal/messages"
	"github.com/slotmesh/slotmesh/internal/overview"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/remotetx"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// nodeTransport is how a node's Router reaches the others: it has the map, and calls them
// over the bus.
type nodeTransport struct{ node *Node }

// localNode is the node as its Router calls it directly.
type localNode struct{ Local }

// ID implements client.Local.
func (l localNode) ID() slots.NodeID { return l.node.ID() }

// Owns implements client.Local. A node in no cluster owns every slot.
func (l localNode) Owns(slot slots.Slot) bool {
	m := l.node.Map()
	return m == nil || m.IsMine(slot)
}

// Owner implements client.Topology.
func (t nodeTransport) Owner(slot slots.Slot) (client.Endpoint, bool) {
	m := t.node.Map()
	if m == nil {
		return client.Endpoint{}, true // a standalone node has every key
	}
	owner := m.Owner(slot)
	if owner == nil {
		return client.Endpoint{}, false
	}
	return endpointOf(owner), true
}

func endpointOf(n *slots.Node) client.Endpoint { return client.Endpoint{ID: n.ID, Addr: n.Addr} }

// Replicas implements client.Topology.
func (t nodeTransport) Replicas(slot slots.Slot) (list []client.Endpoint) {
	m := t.node.Map()
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

// Masters implements client.Topology.
func (t nodeTransport) Masters() (list []client.Endpoint) {
	m := t.node.Map()
	if m == nil {
		return []client.Endpoint{{}}
	}
	for i := range m.Nodes() {
		if n := &m.Nodes()[i]; n.IsMaster() && n.HasSlots() {
			list = append(list, endpointOf(n))
		}
	}
	return list
}

// Learn implements client.Topology: the map itself will tell.
func (t nodeTransport) Learn(*slots.MovedError) {}

// Refresh implements client.Topology: the map arrives by itself.
func (t nodeTransport) Refresh(context.Context) error {
	if m := t.node.Map(); m != nil && m.State() != slots.OK {
		return slots.ErrClusterDown
	}
	return nil
}

// Changed implements client.Topology.
func (t nodeTransport) Changed() <-chan struct{} { return t.node.signals.changed.next() }

// Explain implements client.Topology.
func (t nodeTransport) Explain(slot slots.Slot) string {
	m := t.node.Map()
	if m == nil || t.node.gossip == nil {
		return ""
	}
	return t.node.view(m).Unserved(slot)
}

// Done implements client.Transport.
func (t nodeTransport) Done() <-chan struct{} { return t.node.life.ctx.Done() }

// Inspect implements client.Transport.
func (t nodeTransport) Inspect(_ context.Context, line [][]byte) (keys []int, write bool, err error) {
	if err := t.node.engine.Refused(); err != nil {
		return nil, false, err
	}
	k, err := t.node.server.Inspect(line)
	return k.Positions, k.Write, replyErrorOf(err)
}

// Send implements client.Transport.
func (t nodeTransport) Send(ctx context.Context, to client.Endpoint, r *client.Request) (client.Reply, error) {
	n := t.node
	if to.ID == n.ID() {
		b, err := n.answer(ctx, (*peer.Request)(r), nil)
		if err != nil {
			return client.Reply{}, err
		}
		return decodeReply(r, b)
	}
	b, err := n.bus.Call(ctx, to.ID, to.Addr, (*peer.Request)(r))
	var failure *peer.Failure
	switch {
	case err == nil:
		return decodeReply(r, b)
	case errors.As(err, &failure) && !failure.Refused:
		return client.Reply{}, client.ParseError(failure.Text)
	}
	return client.Reply{}, err
}

// subscribedTo translates what the host subscribes to.
var subscribedTo = [...]pubsub.Kind{
	client.Channels:      pubsub.Channel,
	client.Patterns:      pubsub.Pattern,
	client.ShardChannels: pubsub.Shard,
}

// Subscribe implements client.MessageTransport. The other nodes send what is published to
// sharded channels, too, whatever shard this node is of.
func (t nodeTransport) Subscribe(ctx context.Context, kind client.ChannelKind, names []string,
	deliver func(client.Message, error)) error {
	n := t.node
	if err := n.engine.Refused(); err != nil {
		return err
	}
	l := &pubsub.Listener{To: func(m *pubsub.Message) {
		deliver(client.Message{Channel: string(m.Channel), Pattern: m.Pattern, Payload: bytes.Clone(m.Payload)}, nil)
	}}
	all := n.pubsub
	for _, name := range names {
		if all.local.Subscribe(l, subscribedTo[kind], name) && kind == client.ShardChannels && all.remote != nil {
			all.remote.Want(interest.FarShard, name, true)
		}
	}
	closed := context.AfterFunc(n.life.ctx, func() { deliver(client.Message{}, ErrClosed) })
	context.AfterFunc(ctx, func() {
		closed()
		for _, name := range names {
			if all.local.Unsubscribe(l, subscribedTo[kind], name) && kind == client.ShardChannels && all.remote != nil {
				all.remote.Want(interest.FarShard, name, false)
			}
		}
	})
	if all.remote != nil {
		all.remote.AwaitInterest(ctx.Done())
	}
	return nil
}

// decodeReply makes a Reply of b, the answer to r, and may keep b.
func decodeReply(r *client.Request, b []byte) (client.Reply, error) {
	if r.Func != "" {
		return client.FuncReply(b), nil
	}
	return client.DecodeReply(b)
}

// answer carries out a request of this node or another one, and appends the reply to dst.
// It waits as long as ctx allows.
func (n *Node) answer(ctx context.Context, r *peer.Request, dst []byte) ([]byte, error) {
	if err := n.engine.Refused(); err != nil {
		return nil, err
	}
	if r.Func == balancer.Call && n.migrations.balance != nil && len(r.Args) == 1 {
		return n.migrations.balance.Answer(ctx, r.Args[0])
	}
	if r.Func == overview.Call {
		v := n.overview()
		return v.Append(dst), nil
	}
	if r.Func != "" {
		return n.runFunc(ctx, r)
	}
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly,
		MaxStaleness: r.MaxStaleness, Sync: n.syncWanted(r), Context: ctx}, dst)
	if err != nil {
		return nil, replyErrorOf(err)
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

// pubsubParts are what messages pass through: the subscriptions of this node, and the links
// to other nodes.
type pubsubParts struct {
	local  *pubsub.Registry
	remote *messages.Messenger // nil in a standalone node
}

// newPubsub makes the parts; in a cluster, subscriptions here are made known there.
func (n *Node) newPubsub() (p pubsubParts) {
	if n.cfg.Standalone {
		return pubsubParts{local: pubsub.New(pubsub.Config{})}
	}
	p.remote = messages.New(messages.Config{
		Map:         n.Map,
		Incarnation: func() uint64 { return n.gossip.Incarnation() },
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return n.bus.Dial(ctx, addr, bus.Messages)
		},
		Deliver: func(kind interest.Kind, channel, payload []byte) {
			if kind == interest.Shard {
				n.pubsub.local.PublishShard(channel, payload)
			} else {
				n.pubsub.local.Publish(channel, payload)
			}
		},
		Silence: max(n.cfg.NodeTimeout/2, time.Second),
		Logger:  n.log.Named("messages"),
		OnPanic: n.fail,
	})
	p.local = pubsub.New(pubsub.Config{Interest: func(kind pubsub.Kind, name string, on bool) {
		p.remote.Want(interestIn[kind], name, on)
	}})
	return p
}

// interestIn translates what clients subscribe to.
var interestIn = [...]interest.Kind{
	pubsub.Channel: interest.Channel,
	pubsub.Pattern: interest.Pattern,
	pubsub.Shard:   interest.Shard,
}

// alreadyOver ends every wait at once.
var alreadyOver = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// answerPeer answers another node: it is what the bus does with a connection for calls.
func (n *Node) answerPeer(ctx context.Context, r *peer.Request, inline bool, dst []byte) ([]byte, error) {
	if !inline {
		reply, err := n.answer(ctx, r, dst)
		return reply, encodeError(err)
	}
	if r.Func != "" || n.syncWanted(r) > 0 || n.shard.Log.Always() || n.copies.Active() && n.writesCopied(r) {
		return nil, peer.ErrWait
	}
	reply, err := n.server.Do(&server.Call{Args: r.Args, Asking: r.Asking, ReadOnly: r.ReadOnly,
		MaxStaleness: r.MaxStaleness, Context: alreadyOver}, dst)
	if errors.Is(err, slots.ErrTryAgain) { // a key in flight, or a pause: it may be over soon
		return nil, peer.ErrWait
	}
	return reply, encodeError(err)
}

// writesCopied reports whether a request writes, or may write, what other nodes keep copies
// of: its reply waits for them.
func (n *Node) writesCopied(r *peer.Request) bool {
	k, err := n.server.Inspect(r.Args)
	if err != nil || !k.Write {
		return false
	}
	touched := func(i int) bool { return n.copies.Touches(r.Args[i]) }
	return len(k.Positions) == 0 || slices.ContainsFunc(k.Positions, touched)
}

// transactionCommands are the commands by which a transaction runs at another node, as
// the owner of its keys executes them.
func (n *Node) transactionCommands() []server.Extension {
	return []server.Extension{
		{Name: remotetx.ReadName, Arity: -2, First: 1, Last: -1, Step: 1,
			Summary: "Returns keys with their versions, for a transaction elsewhere.",
			Run: func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
				return remotetx.Read(tx, n.life.runID, args, out)
			}},
		{Name: remotetx.CommitName, Arity: -5, First: 1, Last: -4, Step: 1, Write: true,
			Summary: "Carries out the writes of a transaction elsewhere, if nothing it read has changed.",
			Run: func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error {
				return remotetx.Commit(tx, n.life.runID, args, out)
			}},
	}
}

// encodeError gives an error the text by which client.ParseError knows it.
func encodeError(err error) error {
	if err != nil && (errors.Is(err, ErrAmbiguous) || errors.Is(err, ErrNoFunc)) {
		return errors.New(client.ErrorText(err))
	}
	return err
}

// replyErrorOf gives an error reply of this node's own server the type that one of
// another node has.
func replyErrorOf(err error) error {
	if server.IsReply(err) {
		return client.ParseError(err.Error())
	}
	return err
}

// Router returns the way from this node to all keys of the cluster. It costs nothing,
// ends with the node, and may be had any number of times, after Start.
func (n *Node) Router() *Router { return n.router }

// Get returns a copy of the value of key, ErrNotFound if there is none, wherever in the
// cluster the key lives: it is the Get of the node's [Router].
func (n *Node) Get(ctx context.Context, key string) ([]byte, error) {
	slot := slots.OfString(key)
	if m := n.Map(); m == nil || m.IsMine(slot) { // as the Router does, but hashes the key only once
		if value, err := n.Local().get(ctx, key, slot); err == nil || err == ErrNotFound {
			return value, err
		}
	}
	return n.router.Get(ctx, key)
}

// Set stores a copy of value under key, as [client.Router.Set].
func (n *Node) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	return n.router.Set(ctx, key, value, ttl)
}

// Delete removes key and reports whether it was there, as [client.Router.Delete].
func (n *Node) Delete(ctx context.Context, key string) (deleted bool, err error) {
	return n.router.Delete(ctx, key)
}

// Expire sets how long key has still to live, as [client.Router.Expire].
func (n *Node) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	return n.router.Expire(ctx, key, ttl)
}

// TTL returns how long key has still to live, as [client.Router.TTL].
func (n *Node) TTL(ctx context.Context, key string) (time.Duration, error) {
	return n.router.TTL(ctx, key)
}

// Update runs a transaction on keys of one slot, as [client.Router.Update].
func (n *Node) Update(ctx context.Context, keys []string, fn func(Tx) error) error {
	return n.router.Update(ctx, keys, fn)
}

// Do runs a command, built in or the host's, as [client.Router.Do].
func (n *Node) Do(ctx context.Context, command string, args ...any) (any, error) {
	return n.router.Do(ctx, command, args...)
}

// Eval runs a script on keys of one slot, as [client.Router.Eval].
func (n *Node) Eval(ctx context.Context, s client.Script, keys []string, args ...any) (any, error) {
	return n.router.Eval(ctx, s, keys, args...)
}
