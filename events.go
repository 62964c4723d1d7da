package slotmesh

import (
	"bytes"
	"context"
	"iter"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/events"
	"github.com/slotmesh/slotmesh/internal/invalidation"
	"github.com/slotmesh/slotmesh/internal/tally"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// Event is something that happened to the cluster as this node sees it, one of:
//
//   - a new view of the whole: [MapChanged];
//   - who is there and well: [gossip.NodeAdded], [gossip.NodeRemoved],
//     [gossip.HealthChanged], [gossip.AddrChanged], [gossip.Met], [gossip.MeetFailed],
//     [gossip.Expelled];
//   - who serves what: [gossip.StateChanged], [gossip.SlotsChanged],
//     [gossip.RoleChanged], [gossip.EpochChanged];
//   - failovers: [gossip.ElectionStarted], [gossip.ElectionLost], [gossip.HandOverAsked],
//     [gossip.WritesPaused], [gossip.WritesResumed], [gossip.FailoverAborted],
//     [gossip.Fenced], [gossip.ElectorateChanged];
//   - copies: [replication.SyncStarted], [replication.SyncProgress],
//     [replication.Synced], [replication.LinkLost], [replication.ReplicaJoined],
//     [replication.ReplicaLeft], [replication.Saved];
//   - the log on disk: [replication.LogRewritten], [replication.LogFailed],
//     [replication.LogRecovered];
//   - moves of slots: [migrate.Status];
//   - this node's way out of the cluster: [Leaving];
//   - a cluster that forms by itself: [Forming], [Founded];
//   - what balances the cluster: [BalancePlanned], [BalanceOrdered],
//     [BalancePauseChanged];
//   - [gossip.Warning], and [EventsMissed].
//
// No other type is ever sent.
type Event interface {
	// EventName returns the name of the type for logs and metrics, such as
	// "failover-aborted". It stays the same from release to release.
	EventName() string
}

// MapChanged says that the node has a new map. It comes before the events that tell what
// is new in it. While several wait for a loop only the latest is kept, so that a slow
// loop sees it all the same.
type MapChanged struct{ Map *slots.Map }

// EventsMissed says that the receiver was so slow that events were left out before this
// one. The next MapChanged, Node.Map and Node.Stats tell how things stand.
type EventsMissed struct{ Count int }

// Leaving says what this node, which leaves its cluster, is doing from now on: see Leave.
type Leaving struct {
	Stage  LeaveStage
	To     slots.NodeID // the node that takes slots now, with LeaveDraining
	Left   int          // slots that this node still owns
	Reason string       // in plain English, with LeaveWaiting and LeaveCalledOff
}

func (MapChanged) EventName() string   { return "map-changed" }
func (Leaving) EventName() string      { return "leaving" }
func (EventsMissed) EventName() string { return "events-missed" }

// maxEvents is how many events may wait for one slow receiver.
const maxEvents = 1024

// eventParts are the stream of events to the host, and what was counted of them.
type eventParts struct {
	*events.Stream[Event]
	tally tally.Tally
}

func newEvents() *events.Stream[Event] {
	return events.New(maxEvents, func(count int) Event { return EventsMissed{count} })
}

// Events returns what happens to the cluster from this call on, in order, beginning with
// the present map if the node has one. The sequence ends when ctx ends, or when the node
// is closed, after everything that happened before. It may be asked for before Start:
// then it misses nothing.
//
// Each loop has a queue of its own, of 1024 events; one that is slow is told by
// EventsMissed how many were left out. The node never waits for a loop, nor does Close. A
// sequence that is used again begins again, with what is present then.
//
//	for e := range node.Events(ctx) {
//		switch e := e.(type) {
//		case slotmesh.MapChanged:
//			draw(e.Map)
//		default:
//			log.Println(e.EventName(), e)
//		}
//	}
func (n *Node) Events(ctx context.Context) iter.Seq[Event] { return n.events.Watch(ctx) }

// Subscribe returns the messages that are published to channels at whatever node of the
// cluster, as [client.Router.Subscribe]. They arrive here like those of a client of this
// node: the other nodes send it what it has subscribers of. While a node cannot be reached,
// its messages are lost.
//
//	for m, err := range node.Subscribe(ctx, "news") {
//		if err != nil {
//			return err // or go on, after a *client.MissedError
//		}
//		fmt.Println(m.Channel, string(m.Payload))
//	}
func (n *Node) Subscribe(ctx context.Context, channels ...string) iter.Seq2[client.Message, error] {
	return n.router.Subscribe(ctx, channels...)
}

// SubscribePattern is [Node.Subscribe] to all channels whose names match one of the
// patterns, as [client.Router.SubscribePattern].
func (n *Node) SubscribePattern(ctx context.Context, patterns ...string) iter.Seq2[client.Message, error] {
	return n.router.SubscribePattern(ctx, patterns...)
}

// SubscribeShard is [Node.Subscribe] to sharded channels, as [client.Router.SubscribeShard]:
// from every node, also of other shards, and wherever the slots move.
func (n *Node) SubscribeShard(ctx context.Context, channels ...string) iter.Seq2[client.Message, error] {
	return n.router.SubscribeShard(ctx, channels...)
}

// Publish sends a message to all that have subscribed to channel, as
// [client.Router.Publish].
func (n *Node) Publish(ctx context.Context, channel string, payload []byte) (receivers int, err error) {
	return n.router.Publish(ctx, channel, payload)
}

// PublishShard sends a message to all that have subscribed to a sharded channel, as
// [client.Router.PublishShard].
func (n *Node) PublishShard(ctx context.Context, channel string, payload []byte) (receivers int, err error) {
	return n.router.PublishShard(ctx, channel, payload)
}

// emit counts an event and sends it to every loop that watches.
func (n *Node) emit(e Event) {
	n.events.tally.Add(n.ID(), e)
	n.events.Post(e)
}

// publishMap tells of a map that is in force, and wakes what waits for one.
func (n *Node) publishMap(m *slots.Map) {
	n.events.PostState(MapChanged{m})
	n.signals.changed.wake()
}

// KeyChange says what may have changed of the keys that [Node.SubscribeKeys] or
// [Node.TrackKeys] is about.
type KeyChange struct {
	// Key is the key that was written, deleted, has expired or was evicted, if not All.
	Key string
	// All says that any of the keys may have changed: a connection to a member of the cluster
	// broke or was made, slots have moved, a replica was promoted, or the receiver was too
	// slow.
	All bool
	// Slots are the slots of these keys, with All; nil means every slot. It must not be
	// changed.
	Slots *slots.Set
}

// maxKeyChanges is how many changes may wait for one slow loop.
const maxKeyChanges = 1024

// SubscribeKeys returns the changes of keys that begin with prefix, at whichever node of the
// cluster, each as soon as this node hears of it: a millisecond or so after the write. The
// sequence begins with All. It ends when ctx ends or the node is closed.
//
// No change goes unnoticed, but several may be told as one All, and All may be told where
// nothing has changed. So what a loop derives from keys is right if it reads on All what it
// needs, and on Key that key. A loop has a queue of 1024 changes of its own; the node never
// waits for it, nor does the write. For copies of values that are never older than an
// acknowledged write, see TrackKeys.
//
//	for change := range node.SubscribeKeys(ctx, "config:") {
//		reload(change)
//	}
func (n *Node) SubscribeKeys(ctx context.Context, prefix string) iter.Seq[KeyChange] {
	return func(yield func(KeyChange) bool) {
		queue := events.New(maxKeyChanges, func(int) KeyChange { return KeyChange{All: true} })
		changes := queue.Watch(ctx)
		queue.Post(KeyChange{All: true})
		defer n.copies.Watch(prefix, false, func(c invalidation.Change) { queue.Post(KeyChange(c)) })()
		defer n.store.Watch(func(slot slots.Slot, ops []keyspace.Op, _ any) {
			if m := n.Map(); m == nil || m.Self().IsMaster() {
				postChanges(queue, prefix, slot, ops)
			}
		})()
		defer context.AfterFunc(n.life.ctx, queue.Close)()
		for c := range changes {
			if !yield(c) {
				return
			}
		}
	}
}

// postChanges posts what ops have changed at this node.
func postChanges(queue *events.Stream[KeyChange], prefix string, slot slots.Slot, ops []keyspace.Op) {
	var before []byte
	for i := range ops {
		key, other, all := ops[i].Changes()
		if all {
			set := slots.NewSet(slot)
			queue.Post(KeyChange{All: true, Slots: &set})
			return
		}
		if key != nil && bytes.HasPrefix(key, bytesOf(prefix)) && (before == nil || !bytes.Equal(key, before)) {
			queue.Post(KeyChange{Key: string(key)})
		}
		if other != nil && bytes.HasPrefix(other, bytesOf(prefix)) {
			queue.Post(KeyChange{Key: string(other)})
		}
		before = key
	}
}

// KeyTracking is what [Node.TrackKeys] returns.
type KeyTracking struct {
	node *Node
	stop func()
}

// TrackKeys lets the host keep copies of keys that begin with prefix and that other nodes
// own: package cache does. From now on, no write of such a key is acknowledged before
// changed has returned at every node that tracks it, or, if that cannot be reached, its
// copies are served no more. Other writes wait for nothing.
//
// It is up to the host
//
//   - to serve a copy only while Covers says so;
//   - to ask Covers before it reads a key from its owner, and not to keep what it has read if
//     changed was called for that key, or for All, between that and the keeping;
//   - to drop what changed is called for.
//
// changed must not block: the write waits for it. It is not called for writes to slots that
// this node owns itself, which it covers never. The bound of a node that is cut off from
// others: copies are served for a quarter of Config.NodeTimeout at most, and 450 ms at
// most, after it has last heard of the owner, its replicas and the other masters; and if
// it is cut off together with the owner, for as long after that has stopped to serve,
// which it does within about NodeTimeout.
func (n *Node) TrackKeys(prefix string, changed func(KeyChange)) *KeyTracking {
	return &KeyTracking{node: n,
		stop: n.copies.Watch(prefix, true, func(c invalidation.Change) { changed(KeyChange(c)) })}
}

// Covers reports whether a copy of key may be served now, or what is read of it now may
// become one.
func (t *KeyTracking) Covers(key string) bool { return t.node.copies.Covers(slots.OfString(key)) }

// Stop ends the tracking: copies must not be served any more.
func (t *KeyTracking) Stop() { t.stop() }

// Stats is a node's counters at one moment: see [keyspace.Stats], [replicator.Status],
// [migrate.Status] and [gossip.Stats]. The hits of a cache are in the Stats of package
// cache.
type Stats struct {
	Role     Role
	Clients  int            // connections of clients
	Commands uint64         // of clients, since the start
	Store    keyspace.Stats // keys, memory, hits, misses, expiries, evictions
	// Replication is the link to the master and how many bytes of its stream are missing
	// here (Lagging), and the replicas with what each has acknowledged.
	Replication replicator.Status
	Log         LogStatus        // the log on disk; its Policy is LogOff if there is none
	Migrations  []migrate.Status // the jobs under way, from and to this node
	Bus         gossip.Stats     // gossip between nodes; zero for a standalone node
	Messages    MessageStats     // those of clients, between nodes; zero for a standalone node
	Events      EventStats       // but MapChanged, which is a state
	Moves       MoveStats
}

// MessageStats counts the messages of PUBLISH and SPUBLISH that pass between this node and
// others.
type MessageStats struct {
	Sent     uint64 // once for each node that has subscribers
	Received uint64
	// Dropped are those that other nodes have not got: one does not read as fast as
	// messages come, or its connection has broken.
	Dropped   uint64
	Sources   int // other nodes that this one has told what its subscribers want
	Receivers int // other nodes that have told this one
}

// Role is what a node does in its shard.
type Role string

const (
	RoleMaster     Role = "master"
	RoleReplica    Role = "replica"
	RoleStandalone Role = "standalone" // in no cluster
)

// Stats returns the node's counters; valid after Start.
func (n *Node) Stats() Stats {
	s := Stats{Role: RoleStandalone, Store: n.store.Stats()}
	if m := n.Map(); m != nil && m.Self().IsMaster() {
		s.Role = RoleMaster
	} else if m != nil {
		s.Role = RoleReplica
	}
	if n.server != nil {
		s.Clients = n.server.Clients()
		s.Commands = n.server.Commands()
	}
	if n.shard.Replicator != nil {
		s.Replication = n.shard.Replicator.Status()
	}
	s.Log = n.shard.Log.Status()
	s.Events, s.Moves = n.events.tally.Counts()
	s.Events.Missed = n.events.Missed()
	for _, job := range n.Migrations() {
		if !job.Over() {
			s.Migrations = append(s.Migrations, job)
		}
	}
	if n.gossip != nil {
		s.Bus = n.gossip.Stats()
		m := n.pubsub.remote.Stats()
		s.Messages = MessageStats{Sent: m.Sent + m.SentShard, Received: m.Received + m.ReceivedShard, Dropped: m.Dropped,
			Sources: m.Sources, Receivers: m.Receivers}
	}
	return s
}

// SlotStats are the gauges and counters of one slot: Node.SlotStats.
type SlotStats = keyspace.SlotStats

// SlotStats yields what there is to say of each slot of the node's shard, in ascending
// order: a replica has figures of its own, of the copies that it keeps. A standalone node
// keeps all keys as those of slot 0. It takes each slot's lock for a moment; valid after
// Start.
func (n *Node) SlotStats() iter.Seq2[slots.Slot, SlotStats] {
	return func(yield func(slots.Slot, SlotStats) bool) {
		list := slots.NewSet(0)
		if m := n.Map(); m != nil {
			list = m.ShardSlots()
		}
		for slot := range list.All() {
			if !yield(slot, n.store.SlotStats(slot)) {
				return
			}
		}
	}
}

// CommandStats are the counters of one command since the start, or CONFIG RESETSTAT.
// Not every call is timed: those that were stand for the others.
type CommandStats struct {
	Name     string // "get", "config|get"
	Calls    int64  // that were carried out, those that failed included
	Failed   int64
	Rejected int64               // refused before they were carried out: wrong arguments, no rights, MOVED …
	Time     time.Duration       // that all calls took
	Latency  LatencyDistribution // of the calls; unknown if none was timed
}

// CommandStats returns the counters of the commands that clients, other nodes and the host
// have called, or that were refused, in an order that stays the same, by their own names:
// what INFO commandstats and latencystats show. Before Start there are none.
func (n *Node) CommandStats() (list []CommandStats) {
	if n.server == nil {
		return nil
	}
	for _, c := range n.server.CommandStats() {
		list = append(list, CommandStats(c))
	}
	return list
}

// logEvent passes on what happens to the log. A master whose disk fails lets a replica take
// over, if one is in step.
func (n *Node) logEvent(e replication.Event) {
	n.emit(e)
	switch e.(type) {
	case replication.LogFailed:
		n.showUnlogged(n.shard.Log.MayShow)
		if n.gossip != nil {
			n.life.trySpawn(func() { n.newHandOver(failedLogPause).Try(n.life.ctx) })
		}
	case replication.LogRecovered:
		n.showUnlogged(nil)
	}
}

// showUnlogged has reads ask mayShow, while the log has failed; nil ends that.
func (n *Node) showUnlogged(mayShow func() error) {
	n.engine.SetViewVeto(mayShow)
	n.server.SetUnlogged(mayShow != nil)
}

// failedLogPause is how long a master whose disk fails waits for a replica to take over.
const failedLogPause = 5 * time.Second
