package slotmesh

import (
	"context"
	"iter"

	"github.com/slotmesh/slotmesh/internal/events"
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
//     [gossip.Fenced];
//   - copies: [replication.SyncStarted], [replication.SyncProgress],
//     [replication.Synced], [replication.LinkLost], [replication.ReplicaJoined],
//     [replication.ReplicaLeft], [replication.Saved];
//   - moves of slots: [migrate.Status];
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

func (MapChanged) EventName() string   { return "map-changed" }
func (EventsMissed) EventName() string { return "events-missed" }

// maxEvents is how many events may wait for one slow receiver.
const maxEvents = 1024

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

// emit sends an event to every loop that watches.
func (n *Node) emit(e Event) { n.events.Post(e) }

// publishMap tells of a map that is in force, and wakes what waits for one.
func (n *Node) publishMap(m *slots.Map) {
	n.events.PostState(MapChanged{m})
	n.signals.changed.wake()
}
