package server

import (
	"context"
	"crypto/tls"
	"errors"
	"github.com/slotmesh/slotmesh/scripting"
	"net"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/functions"
	"github.com/slotmesh/slotmesh/internal/psync/sender"
	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Server. Only Engine is required.
type Config struct {
	Engine   *engine.Engine
	Cluster  Cluster      // nil: a standalone node, all of whose keys live in slot 0
	Settings Settings     // what CONFIG reads and changes; nil: nothing
	Logger   hclog.Logger // nil: silent
	Limits   Limits
	// Users are lines of the directive "user", without that word. UserFile is the path of
	// the file that has them instead (aclfile), which must exist; "" = none.
	Users    []string
	UserFile string
	Port     func() int // where clients connect, for INFO; nil: nowhere
	Version  string     // of slotmesh, for INFO; "" = unknown
	// Rename gives commands, by their own names, others that clients use; "" takes a command
	// away from them.
	Rename map[string]string
	// Debug says which clients may use DEBUG: ForEveryone, ForLocal or ForNobody.
	// Default: none.
	Debug string
	// ConfigFile is the path that INFO shows; "" = none.
	ConfigFile string
	Now        func() time.Time // nil = time.Now

	// Dial opens the connections of MIGRATE to "host:port". Default: TCP.
	Dial func(ctx context.Context, addr string) (net.Conn, error)
	// MigrateTLS returns the TLS that MIGRATE speaks with the server that a client names as
	// "host:port", and that server's address for it; nil for none. Default: none.
	MigrateTLS func(target string) (addr string, tls *tls.Config)
	// Files is how many descriptors the process may have open; 0: as many as it likes.
	Files int
	// ReservedFiles tells how many of them are not for clients. Required with Files.
	ReservedFiles func() int
	// Extensions are commands that the host program adds.
	Extensions []Extension
	// Scripts compiles the scripts of EVAL; nil: they are refused.
	Scripts scripting.Engine
	// Libraries keeps the libraries of FUNCTION LOAD. Default: in memory.
	Libraries functions.Store
	// Replication tells what ROLE and INFO replication show; nil: a master without replicas.
	Replication func() Replication
	Follows     Follows // obeys REPLICAOF; nil: nobody does
	// Stream is the node's stream of writes, for stock servers that replicate it; nil: SYNC and
	// PSYNC are refused.
	Stream sender.Log
	// StreamLimits says what is kept for them when they are away; nil: the defaults.
	StreamLimits func() StreamLimits
	// Within reports whether this node is a replica that has all its master had so long ago;
	// nil: it never knows.
	MaxStaleness func(bound time.Duration) bool
	// Acks tells what replicas hold; nil: there is no replication.
	Acks Acks
	// Promises are what they were told; nil: nothing.
	Promises Promises
	// Sync is how many replicas must hold a client's writes before it is answered.
	Sync int
	// Disk tells which replies have to wait for the log on disk; nil: none have.
	Disk Disk
	// Copies tells of copies of keys that other nodes keep; nil: there are no other nodes.
	Copies Copies
	// Pubsub has the subscriptions to messages. Default: a registry of its own.
	Pubsub *pubsub.Registry
	// Messages reaches the subscribers of other nodes; nil: there are no other nodes.
	Messages Messenger
	// Snapshots writes the keys to disk; nil: there are none.
	Snapshots Snapshots
	// Log is that of all writes on disk; nil: there is none.
	Log Log
	// Info returns further lines for a section of INFO ("persistence", "stats" …); nil:
	// none.
	Info func(section string) [][2]string
	// ResetStats is told of CONFIG RESETSTAT; may be nil.
	ResetStats func()
	// OnShutdown is called, on a goroutine of its own, when a client asked for SHUTDOWN: the
	// node should end and Close the server. nil refuses SHUTDOWN.
	OnShutdown func()
}

// StreamLimits is what is kept for stock servers that have replicated the node and may come
// back.
type StreamLimits = sender.Limits

// defaultScriptMemory is what a script may hold unless told otherwise.
const defaultScriptMemory = 64 << 20

// Limits is what can be changed while the server runs, with [Server.SetLimits]. Zero
// fields mean the default.
type Limits struct {
	Query        resp.Limits   // what a client may send
	Password     string        // of the default user; "" = none asked
	Protected    bool          // while none is asked, clients of other machines are turned away
	MaxClients   int           // default 10,000
	MaxOutput    int           // bytes of replies waiting for one client; default 1 GiB
	IdleTimeout  time.Duration // a client that says nothing for so long is closed; 0 = never
	AuthTimeout  time.Duration // a client that has not authenticated by then is closed; default 10 s, negative = never
	WriteTimeout time.Duration // a client that takes no reply for so long is closed; default 60 s
	Normal       OutputLimit   // of clients without a subscription; default MaxOutput
	Pubsub       OutputLimit   // of clients with one; default 32 MiB, or 8 MiB for a minute; Hard < 0 = none
	KeepAlive    time.Duration // interval of TCP keep-alive; default 300 s, negative = off

	// Endpoint is the name under which clients are told to reach other nodes. Default: their
	// addresses.
	Endpoint slots.EndpointType

	// ScriptMemory is how many bytes a script may hold at the same time; default 64 MiB.
	ScriptMemory int64

	// TrackedKeys is how many keys that clients have read are remembered, for CLIENT TRACKING;
	// default 1,000,000, negative: any number.
	TrackedKeys int64

	// SparseSketch is the length in bytes up to which a HyperLogLog is sparse; default 3000,
	// negative: none is.
	SparseSketch int64

	ACLLog       int  // entries of the ACL log; default 128, negative: none
	OpenChannels bool // new users may use all channels
	MeasureSlots bool // the store counts for each slot what commands take

	SlowAfter   time.Duration // SLOWLOG shows commands that take as long; default 10 ms, negative: none
	SlowLen     int           // how many of them; default 128, negative: none
	MonitorFrom time.Duration // LATENCY shows what takes as long; 0: nothing
	NoTracking  bool          // how long commands take is not kept by command
	Percentiles []float64     // of that, for INFO; nil: 50, 99 and 99.9
}

const (
	defaultMaxClients   = 10_000
	defaultTrackedKeys  = 1_000_000
	defaultMaxOutput    = 1 << 30
	defaultAuthTimeout  = 10 * time.Second
	defaultWriteTimeout = 60 * time.Second
	defaultKeepAlive    = 300 * time.Second
	defaultSlowAfter    = 10 * time.Millisecond
	defaultSlowLen      = 128
)

var defaultPercentiles = []float64{50, 99, 99.9}

func (l Limits) withDefaults() Limits {
	if l.MaxClients <= 0 {
		l.MaxClients = defaultMaxClients
	}
	if l.MaxOutput <= 0 {
		l.MaxOutput = defaultMaxOutput
	}
	if l.AuthTimeout == 0 {
		l.AuthTimeout = defaultAuthTimeout
	}
	if l.WriteTimeout <= 0 {
		l.WriteTimeout = defaultWriteTimeout
	}
	if l.Pubsub == (OutputLimit{}) {
		l.Pubsub = defaultPubsubLimit
	}
	if l.KeepAlive == 0 {
		l.KeepAlive = defaultKeepAlive
	}
	if l.ScriptMemory == 0 {
		l.ScriptMemory = defaultScriptMemory
	}
	if l.TrackedKeys == 0 {
		l.TrackedKeys = defaultTrackedKeys
	}
	if l.SparseSketch == 0 {
		l.SparseSketch = commands.DefaultSparseSketch
	}
	if l.ACLLog == 0 {
		l.ACLLog = acl.DefaultLogLen
	}
	if l.SlowAfter == 0 {
		l.SlowAfter = defaultSlowAfter
	}
	if l.SlowLen == 0 {
		l.SlowLen = defaultSlowLen
	}
	if l.Percentiles == nil {
		l.Percentiles = defaultPercentiles
	}
	l.Query = l.Query.WithDefaults()
	return l
}

func (c Config) withDefaults() (Config, error) {
	if c.Engine == nil {
		return c, errors.New("server: Config.Engine is missing: pass the engine that serves the node's keys")
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Port == nil {
		c.Port = func() int { return 0 }
	}
	if c.Dial == nil {
		c.Dial = func(ctx context.Context, addr string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		}
	}
	if c.MigrateTLS == nil {
		c.MigrateTLS = func(target string) (string, *tls.Config) { return target, nil }
	}
	if c.MaxStaleness == nil {
		c.MaxStaleness = func(time.Duration) bool { return false }
	}
	if c.Pubsub == nil {
		c.Pubsub = pubsub.New(pubsub.Config{})
	}
	if c.Messages == nil {
		c.Messages = nobody{}
	}
	if c.Disk == nil {
		c.Disk = noDisk{}
	}
	if c.Copies == nil {
		c.Copies = nobodys{}
	}
	if c.Replication == nil {
		c.Replication = func() Replication { return Replication{} }
	}
	return c, nil
}
