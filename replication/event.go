package replication

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Event is something that happened: one of SyncStarted, SyncProgress, Synced, LinkLost,
// ReplicaJoined, ReplicaLeft, Saved, LogRewritten, LogFailed, LogRecovered.
type Event interface {
	// EventName returns the name of the type for logs and metrics, such as "sync-started".
	// It stays the same from release to release.
	EventName() string
}

// SyncStarted says that the master has decided how to bring this replica up to date.
type SyncStarted struct {
	Master slots.NodeID
	Full   bool
	Offset int64
}

// SyncProgress comes about once a second during a full sync.
type SyncProgress struct {
	Master   slots.NodeID
	Progress Progress
}

// Synced says that this replica's data is the master's, and follows it.
type Synced struct {
	Master slots.NodeID
	Full   bool
	Offset int64
	Took   time.Duration
}

// LinkLost says that the link to the master has ended, or that there is none for another
// reason than before; the replica tries again by itself.
type LinkLost struct {
	Master slots.NodeID
	Err    error
}

// ReplicaJoined says that a replica of this master is online.
type ReplicaJoined struct {
	Replica slots.NodeID
	Full    bool
}

// ReplicaLeft says that the link to a replica has ended.
type ReplicaLeft struct {
	Replica slots.NodeID
	Err     error
}

// Saved says that a snapshot was written, or failed.
type Saved struct {
	File string
	Keys int
	Took time.Duration
	Err  error
}

// LogRewritten says that the log on disk begins anew with a base of Size bytes, or that
// making one failed.
type LogRewritten struct {
	Size int64
	Took time.Duration
	Err  error
}

// LogFailed says that the log on disk cannot be written: writes are refused until it can
// be made anew, which is tried again and again.
type LogFailed struct{ Err error }

// LogRecovered says that the log has been made anew after a failure: writes go on.
type LogRecovered struct{ After time.Duration }

func (SyncStarted) EventName() string   { return "sync-started" }
func (SyncProgress) EventName() string  { return "sync-progress" }
func (Synced) EventName() string        { return "synced" }
func (LinkLost) EventName() string      { return "link-lost" }
func (ReplicaJoined) EventName() string { return "replica-joined" }
func (ReplicaLeft) EventName() string   { return "replica-left" }
func (Saved) EventName() string         { return "saved" }
func (LogRewritten) EventName() string  { return "log-rewritten" }
func (LogFailed) EventName() string     { return "log-failed" }
func (LogRecovered) EventName() string  { return "log-recovered" }
