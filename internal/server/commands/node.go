package commands

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/functions"
	"github.com/slotmesh/slotmesh/internal/histogram"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Node is what the commands work on. Its exported fields are set before the first call
// and do not change.
type Node struct {
	Engine *engine.Engine
	Store  *keyspace.Store // the engine's
	Server Server
	Table  *Table // by the names that clients use
	Logger hclog.Logger
	Now    func() time.Time
	Life   context.Context // ends when the server is closed

	Cluster       Cluster                          // nil: a standalone node, all of whose keys live in slot 0
	Settings      Settings                         // what CONFIG reads and changes; nil: nothing
	Snapshots     Snapshots                        // writes the keys to disk; nil: there are none
	Log           Log                              // of all writes, on disk; nil: there is none
	Replication   func() Replication               // what ROLE and INFO replication show
	Follows       Follows                          // obeys REPLICAOF; nil: nobody does
	Scripts       Scripts                          // what EVAL runs
	ScriptControl ScriptControl                    // of those that run
	Functions     *functions.Registry              // what FCALL calls
	Pubsub        *pubsub.Registry                 // the subscriptions to messages
	Slow          SlowLog                          // the commands that took long
	Latency       LatencyMonitor                   // what else took long
	Percentiles   func() (list []float64, on bool) // that INFO latencystats shows
	Promises      Promises                         // what clients were told of replicas; nil: nothing
	OnShutdown    func()                           // called by SHUTDOWN on a goroutine of its own; nil refuses it
	ResetStats    func()                           // called by CONFIG RESETSTAT; may be nil
	Info          func(section string) [][2]string // further lines of INFO; nil: none

	// Dial opens the connections of MIGRATE to "host:port".
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// MigrateTLS returns the TLS of a connection to the server that MIGRATE names, nil for
	// none, and that server's address for it.
	MigrateTLS func(target string) (addr string, tls *tls.Config)

	// What INFO shows.
	Port       func() int // where clients connect
	Version    string     // of slotmesh
	ConfigFile string
	RunID      string // 40 hexadecimal digits, others at each start
	Started    time.Time

	sparseSketch atomic.Int64
	migrateConns migrateConns // idle connections of MIGRATE
	released     released     // slots that others own and DELSLOTS named
}

// SetSparseSketch sets the length in bytes up to which HyperLogLogs are sparse.
func (n *Node) SetSparseSketch(bytes int64) { n.sparseSketch.Store(bytes) }

// Close ends what commands have left behind. No call is under way.
func (n *Node) Close() { n.migrateConns.close() }

// Standalone reports whether the node is in no cluster: all its keys then live in slot 0,
// so that a command may name any of them together.
func (n *Node) Standalone() bool { return n.Cluster == nil }

// IsReplica reports whether this node follows another one.
func (n *Node) IsReplica() bool {
	if m := n.Engine.Map(); m != nil {
		return !m.Self().IsMaster()
	}
	return n.Replication().Master != nil
}

// Server is the server in which the commands run: its clients, its counters, its pauses.
type Server interface {
	// Loading reports whether the data are being loaded: only commands with Loading run.
	Loading() bool
	// Endpoint is the name under which clients are told to reach nodes.
	Endpoint() slots.EndpointType
	// Clients counts the connections and what they hold.
	Clients() Clients

	Stats() Stats
	// CommandStats returns the counters of the commands that have been called, or refused, in
	// table order, by their own names.
	CommandStats() []CommandStats
	// Errors returns how many error replies began with each code.
	Errors() map[string]int64
	ResetStats()

	// Pause makes commands of all clients wait, or only those that may write.
	Pause(d time.Duration, writesOnly bool)
	// AwaitUnpause returns when the pause is over, false if the server closes before.
	AwaitUnpause() bool
	// WritesPaused reports, under a slot's lock, whether nothing may be written.
	WritesPaused() bool
	// Clear runs drop, which drops all keys for a client. Clients that track keys hear of
	// that as a whole.
	Clear(by Client, drop func() error) error
	// Go runs f on a goroutine that the end of the server waits for.
	Go(f func())
}

// Clients counts connections.
type Clients struct {
	Connected, Max int
	Blocked        int // wait for a key
	Timed          int // of them, for a limited time
	Pubsub         int // have subscriptions
	LongestQuery   int // bytes of the largest read buffer
	LongestReply   int // bytes of the longest queue of replies
	Tracking       int // are told of changes of keys

	Bytes         int64 // that clients take, but for those that replicate this node …
	FollowerBytes int64 // … and that these take
}

// Stats are counters since the start of the server, or CONFIG RESETSTAT.
type Stats struct {
	Connections  int64 // accepted
	Rejected     int64 // refused
	CutOff       int64 // clients that were over client-output-buffer-limit
	Commands     int64
	Rate         int64 // commands per second, lately
	RateIn       int64 // bytes per second, lately
	RateOut      int64
	NetIn        int64 // bytes
	NetOut       int64 // bytes
	ErrorReplies int64

	TrackedKeys     int64 // that clients have read, and are told of when they change
	TrackedItems    int64 // pairs of such a key and a client
	TrackedPrefixes int64 // whose keys clients are told of
	TrackedBytes    int64 // that remembering takes, about

	PeakMemory  int64 // the most that the keys have taken, as far as somebody looked: ten times a second
	Scripts     int   // that are kept
	ScriptBytes int64
}

// CommandStats are the counters of one command since the start of the server, or CONFIG
// RESETSTAT. Not every call is timed: those that were stand for the others.
type CommandStats struct {
	Name     string // "get", "config|get"
	Calls    int64  // that were carried out, those that failed included
	Failed   int64
	Rejected int64                  // refused before they were carried out: wrong arguments, no rights, MOVED …
	Time     time.Duration          // that all calls took
	Latency  histogram.Distribution // of the calls; unknown if none was timed
}
