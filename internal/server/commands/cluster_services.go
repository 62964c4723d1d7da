package commands

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Cluster is what the CLUSTER commands ask of the node. The topology itself (nodes,
// owners, epochs, open slots) comes from the engine's map.
//
// Methods return once the change is in force on this node. Their errors reach the client
// as they are if they begin with an upper-case code ("ERR …", "CLUSTERDOWN …"), otherwise
// after "ERR "; texts as in docs/spec.md §11.
type Cluster interface {
	Observer
	Membership
	Ownership
	Roles
	SlotMoves
	Migrations
	Balancing
}

// Observer tells what the map does not hold. Its methods must not wait.
type Observer interface {
	// Peers returns what is known at run time about every node of the map but this one, and
	// about nodes in handshake, which no map shows.
	Peers() []Peer
	// Links returns the connections of the bus.
	Links() []Link
	// Counters returns the message counters of CLUSTER INFO, in order, such as
	// {"cluster_stats_messages_ping_sent", 12}.
	Counters() []Counter
	// FailureReports returns how many masters at present report the node as suspected; known
	// is false if the id is not known.
	FailureReports(id slots.NodeID) (n int, known bool)
}

// Membership changes which nodes belong to the cluster, and this node's part in it.
type Membership interface {
	// Meet starts a handshake (docs/spec.md §2.2). busPort 0 means port + 10,000.
	Meet(ctx context.Context, host string, port, busPort uint16) error
	// Forget removes a node and bans its id for a time (docs/spec.md §2.5).
	Forget(ctx context.Context, id slots.NodeID) error
	// Reset makes the node a lone one; hard also gives it a new id and epochs of 0. The
	// server has checked that a master holds no keys.
	Reset(ctx context.Context, hard bool) error
	// SetConfigEpoch gives a fresh node its first epoch (docs/spec.md §4.7).
	SetConfigEpoch(ctx context.Context, epoch uint64) error
	// BumpEpoch takes the next epoch unless this node's is the greatest already
	// (docs/spec.md §4.5), and returns the one in force.
	BumpEpoch(ctx context.Context) (epoch uint64, bumped bool, err error)
	// SaveConfig makes the node's state durable.
	SaveConfig(ctx context.Context) error
}

// Ownership changes which slots this node owns.
type Ownership interface {
	// AddSlots takes unowned slots: all of them, or none and an error "ERR Slot n is already
	// busy".
	AddSlots(ctx context.Context, set slots.Set) error
	// DelSlots makes slots unowned in this node's view: all or none.
	DelSlots(ctx context.Context, set slots.Set) error
	// Vacated returns the slots that lost their owner a moment ago by what another node
	// said.
	Vacated() slots.Set
	// FlushSlots gives up all slots of this node. The server has checked that the node holds
	// no keys.
	FlushSlots(ctx context.Context) error
}

// Peer is what a node knows at run time about another one.
type Peer struct {
	ID         slots.NodeID
	Addr       slots.Addr // used only in handshake; else the map's holds
	Handshake  bool
	PingSent   time.Time // of the ping that is not answered yet; zero if none
	PongRecv   time.Time // of the last answer; zero if none
	Connected  bool      // the link to it is up
	ReplOffset int64     // how far its replication has come, in bytes
}

// Link is one connection of the bus.
type Link struct {
	Inbound       bool // the peer dialled
	ID            slots.NodeID
	Created       time.Time
	SendAllocated int64 // bytes
	SendUsed      int64 // bytes
	Writable      bool  // bytes wait to be sent
}

// Counter is a named number.
type Counter struct {
	Name  string
	Value uint64
}

// Replication is what ROLE and INFO replication show. The zero value is a master without
// replicas and without a backlog.
type Replication struct {
	ID, PreviousID string // 40 hexadecimal digits each; "" prints zeros
	Offset         int64  // of the stream: written as a master, read as a replica
	PreviousLimit  int64  // up to where PreviousID holds, -1 or 0 if nowhere
	Replicas       []Replica
	Asked          bool // min-replicas-to-write asks for replicas …
	Good           int  // … and counts so many
	Backlog        Backlog
	Master         *Master // nil on a master

	FullSyncs, PartialSyncs, RefusedPartials uint64 // as a master, since the start
}

// Replica is one follower of this master.
type Replica struct {
	Host   string
	Port   uint16
	State  string // online, wait_bgsave, send_bulk
	Offset int64  // acknowledged
	Lag    time.Duration
}

// Backlog is the part of the stream that is kept for partial resync.
type Backlog struct {
	Active bool
	Size   int64 // bytes
	First  int64 // offset of the first byte kept
	Length int64 // bytes kept
}

// Master is the node that this replica follows.
type Master struct {
	Host    string
	Port    uint16
	State   string // connect, connecting, handshake, sync, connected
	Syncing bool
	LastIO  time.Duration // since the master was last heard; negative if never
	DownFor time.Duration // since there is no link, 0 while there is one
	Percent float64       // of a full sync that is on its way
}
