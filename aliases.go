package slotmesh

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/internal/balance/balancer"
	"github.com/slotmesh/slotmesh/internal/histogram"
	"github.com/slotmesh/slotmesh/internal/leave"
	"github.com/slotmesh/slotmesh/internal/logging"
	"github.com/slotmesh/slotmesh/internal/overview"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/internal/tally"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/replication/oplog/committer"
	"github.com/slotmesh/slotmesh/scripting"
	"github.com/slotmesh/slotmesh/storage"
)

// What the members of a cluster say of themselves: [Node.ClusterStats].
type (
	// MemberStats is what a node says of itself at one moment.
	MemberStats = overview.Member
	// MemberMove is a job that moves slots from one node to another.
	MemberMove = overview.Move
)

// Names of other packages that a configuration needs.
type (
	// Network is how a node reaches others and is reached. [TCP] is the usual one; package
	// clustertest has one in memory.
	Network = network.Network

	// TCP is the Network of the operating system, with or without TLS.
	TCP = network.TCP

	// Disk keeps the files that must survive a restart. See Config.Dir for the usual one.
	Disk = storage.Disk

	// DiskLocker is a Disk that can be taken for one node alone: Start takes it, and Close
	// gives it back. Dir is one. A host's Disk should be one if two nodes could ever be
	// given the same files.
	DiskLocker = storage.Locker
)

// LogSync says when the log of writes is made durable: Config.Log.
type LogSync = committer.Policy

// LogStatus is how the log of writes stands: Stats.Log.
type LogStatus = committer.Status

// EventStats counts the events of Node.Events by their names: Stats.Events.
type EventStats = tally.Events

// MoveStats counts what this node's migration jobs have handed over: Stats.Moves.
type MoveStats = tally.Moves

// The errors of Node.RewriteLog: a rewrite is under way, or there is no log.
var (
	ErrRewriting = committer.ErrRewriting
	ErrNoLog     = shard.ErrLogOff
)

// Values of LogSync.
const (
	// LogOff keeps no log.
	LogOff = committer.Off
	// LogAlways answers a write when it is on disk: no acknowledged write is lost by a crash,
	// even of all nodes at once.
	LogAlways = committer.Always
	// LogEverySecond makes the log durable each second: a crash of the machine loses at most
	// the last one.
	LogEverySecond = committer.EverySecond
	// LogNever leaves it to the operating system.
	LogNever = committer.Never
)

// Scripts compiles and runs scripts. Package script has one for Lua, and package scripting
// says what a host has to write for another language.
type Scripts = scripting.Engine

// ErrDiskInUse is returned by Start of a node whose Dir or Disk another node has, of this
// process or of another one. Two nodes that write the same files would run under one id,
// serve the same slots and save over each other.
var ErrDiskInUse = storage.ErrInUse

// Names of what Config.Cluster.Balance makes a cluster do.
type (
	// BalanceStatus says how balancing stands: [Node.BalanceStatus].
	BalanceStatus = balancer.Status

	// BalancePlan is what would be done next: [Node.BalancePlan].
	BalancePlan = balancer.Plan

	// BalanceStep is one thing that one node does to balance the cluster. Its Kind is
	// BalanceMove, BalanceFollow or BalanceClaim.
	BalanceStep = balance.Step

	// BalanceKind says what a BalanceStep does.
	BalanceKind = balance.Kind
)

// Kinds of a BalanceStep.
const (
	// BalanceMove hands slots of the node to the peer, by a migration job.
	BalanceMove = balance.Move
	// BalanceFollow makes the node, which has no slots, a replica of the peer.
	BalanceFollow = balance.Follow
	// BalanceClaim gives the node slots that nobody owns.
	BalanceClaim = balance.Claim
)

// LevelTrace is the level at which a logger of [SlogLogger] passes on hclog's Trace:
// below slog.LevelDebug.
const LevelTrace = logging.LevelTrace

// SlogLogger makes a slog.Logger fit Config.Logger. The name of a part of the node
// ("gossip", "bus") comes as attribute "logger". Levels are those of l's handler;
// SetLevel does nothing.
func SlogLogger(l *slog.Logger) hclog.Logger { return logging.FromSlog(l) }

// openLog logs to a file, relative to dir, or to the standard output.
func openLog(dir, file string, level hclog.Level) (hclog.Logger, error) {
	opts := hclog.LoggerOptions{Name: "slotmesh", Level: level, Output: os.Stdout}
	if file != "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		f, err := logging.OpenFile(file)
		if err != nil {
			return nil, err
		}
		opts.Output = f
	}
	return hclog.New(&opts), nil
}

// Names of package client, which knows no Node.
type (
	// Router reaches every key of the cluster, wherever it lives: [client.Router]. Its
	// methods are [client.Router.Get], [client.Router.Set], [client.Router.Delete],
	// [client.Router.Expire], [client.Router.TTL], [client.Router.Update],
	// [client.Router.Do], [client.Router.Eval], [client.Router.EvalRO], [client.Router.Call], [client.Router.GetMany],
	// [client.Router.SetMany], [client.Router.DeleteMany], [client.Router.Scan],
	// [client.Router.WithReadPreference] and [client.Router.WithMaxStaleness].
	Router = client.Router

	// Client is a Router of a program that is no node: [client.Client]. It has the methods
	// of a Router, and [client.Client.Close].
	Client = client.Client

	// DialConfig says which cluster to be a client of: [client.DialConfig].
	DialConfig = client.DialConfig

	// Tx is a transaction on the keys of one slot: [client.Tx]. Its methods are
	// [client.Tx.Get], [client.Tx.TTL], [client.Tx.Set], [client.Tx.Expire],
	// [client.Tx.Delete] and [client.Tx.Now].
	Tx = client.Tx

	// Result is what became of one key of several: [client.Result].
	Result = client.Result

	// Item is a key to be set by [client.Router.SetMany]: [client.Item].
	Item = client.Item

	// ReadPreference says which node of a shard a Router reads from:
	// [client.ReadPreference].
	ReadPreference = client.ReadPreference

	// ReplyError is an error reply of the Redis protocol that has no type of its own:
	// [client.ReplyError]. [client.ReplyError.Code] is its first word.
	ReplyError = client.ReplyError

	// UnavailableError is the error of Ready, WaitStable and WaitAgreed if ctx ends first,
	// and of a Router's call that gave up while the cluster did not serve its key:
	// [client.UnavailableError]. Its Reason says what stood in the way.
	UnavailableError = client.UnavailableError
)

// What [Node.CommandStats] tells.
type (
	// LatencyDistribution says how many calls took how long: [CommandStats.Latency]. Its
	// methods are Known, Calls, Percentile and Buckets.
	LatencyDistribution = histogram.Distribution

	// LatencyBucket is how many calls took no longer than its Max.
	LatencyBucket = histogram.Bucket
)

// LeaveStage is the Stage of an event of type Leaving.
type LeaveStage = leave.Stage

const (
	LeaveHandingOver = leave.HandingOver // the role of the master, to a replica
	LeaveDraining    = leave.Draining    // slots, to the other masters
	LeaveWaiting     = leave.Waiting     // for what Reason says
	LeaveDeparting   = leave.Departing   // all others are to forget the node
	LeaveDone        = leave.Left        // they have, and it owns nothing
	LeaveCalledOff   = leave.Staying     // it goes on as a member, for the Reason given
)

// ErrNoOtherMaster is matched by the error of Leave at a node with slots that no other
// master can take.
var ErrNoOtherMaster = leave.ErrNoOtherMaster

// Read preferences.
const (
	// ReadMaster reads what was written last: [client.ReadMaster].
	ReadMaster = client.ReadMaster
	// ReadReplica spreads reads over the replicas: [client.ReadReplica].
	ReadReplica = client.ReadReplica
	// ReadNearest reads from the node that answers soonest: [client.ReadNearest].
	ReadNearest = client.ReadNearest
)

var (
	// ErrNotFound says that a key is not there, or has expired.
	ErrNotFound = client.ErrNotFound

	// ErrUndeclaredKey is matched by the error of a transaction that touched a key which it
	// had not named.
	ErrUndeclaredKey = client.ErrUndeclaredKey

	// ErrAmbiguous is matched by the error of a write that may or may not have been carried
	// out, and may or may not survive.
	ErrAmbiguous = client.ErrAmbiguous

	// ErrClosed says that the node is closed.
	ErrClosed = client.ErrClosed

	// ErrNoFunc is matched by the error of [client.Router.Call] for a name that the key's
	// owner does not offer.
	ErrNoFunc = client.ErrNoFunc

	// ErrNoReplicas refuses a write while fewer replicas are in good standing than
	// Config.Replication.MinReplicas. Its text is the error reply of the Redis protocol
	// (docs/spec.md §11).
	ErrNoReplicas = keyspace.ErrNoReplicas

	// ErrNotSaved refuses a write while the last snapshot has failed, on a node that should
	// save by itself: what it takes now would be lost with it. See
	// SnapshotConfig.IgnoreErrors. Its text is the error reply of the Redis protocol.
	ErrNotSaved = keyspace.ErrNotSaved
)

// Dial returns a client once one of the nodes has told the map: see [client.Dial].
func Dial(ctx context.Context, cfg DialConfig) (*Client, error) { return client.Dial(ctx, cfg) }

// WithSync makes writes under the context return only after k replicas of the key's shard
// hold them; it overrides Config.Replication.Sync: see [client.WithSync].
func WithSync(ctx context.Context, k int) context.Context { return client.WithSync(ctx, k) }

// Errs yields the results whose error is neither nil nor ErrNotFound: see [client.Errs].
func Errs(results []Result) iter.Seq2[string, error] { return client.Errs(results) }
