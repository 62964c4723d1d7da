package replicator

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/repeat"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// Config configures a Replicator. Self, Store, Log and Dial are required.
type Config struct {
	// Self returns the node's id and its incarnation, which grows with every start. CLUSTER
	// RESET HARD changes the id. Links of an earlier incarnation end when a later one comes.
	Self func() (id slots.NodeID, incarnation uint64)
	Addr slots.Addr // told to the master, which shows it in INFO
	// Store is the node's data, Log its Sink.
	Store *keyspace.Store
	Log   *Backlog
	// Cluster returns the id of the cluster, zero if it has none yet. A replica of another
	// cluster is refused. nil: always zero.
	Cluster func() [16]byte
	// Shard names the shard whose data the node holds, or will as soon as it has its
	// master's. Save keeps the name in the snapshot, so that a node that starts again can
	// tell whether it holds its master's data: see Resume. nil: no name.
	Shard func() []byte
	// Dial opens a replication connection to a node.
	Dial func(ctx context.Context, to slots.Node) (net.Conn, error)
	// MayFollow returns why a node must not replicate this one, nil if it may. It is called
	// for each hello, and for all linked replicas after MapChanged; it must not block. nil:
	// every node may.
	MayFollow func(slots.NodeID) error
	// Timeout is how long a link may be silent before it is given up. Both sides speak each
	// second. Default 10 s.
	Timeout time.Duration
	Logger  hclog.Logger // nil: silence
	// Disk is the node's log on disk; nil: it has none. A replica tells its master how far
	// that is: see WaitDurable.
	Disk Disk
	// OnEvent is called with what happens. It must return soon and must not call the
	// Replicator.
	OnEvent func(replication.Event)
	// OnPanic is called if a goroutine that serves a link panics; the link has ended then.
	// It must not wait for Close. Default: the panic ends the program.
	OnPanic func(error)
}

// Disk is a log that has the stream on disk up to an offset.
type Disk interface {
	// Durable returns that offset; ok is false while there is no log.
	Durable() (offset int64, ok bool)
	// WaitDurable returns when the offset is reached, or why it will not be.
	WaitDurable(ctx context.Context, offset int64) error
}

// Replicator is a node's part in replication: it serves replicas while the node is a
// master, and follows the node's master while it is a replica. It is safe for concurrent
// use.
//
// Goroutines: per replica one that sends and one that reads acknowledgements; towards a
// master one that connects and carries out, and per connection one that sends
// acknowledgements, and one while those wait for the log on disk.
type Replicator struct {
	cfg      Config
	log      hclog.Logger
	links    sync.WaitGroup
	unwanted repeat.Limit // hellos that are refused, for the log
	begin    time.Time    // see clock
	waitings sync.Pool    // of *waiting

	// step is held while a message of the master is carried out, see Applier.Step.
	step sync.Mutex
	// role makes changes of role (Follow, Promote, Close …) take turns. It is held while
	// they wait for the link's goroutine, which never takes it.
	role sync.Mutex

	replicas  atomic.Pointer[[]*replica] // all links to replicas; replaced under mu
	askedAcks atomic.Int64               // clock until which acks are asked for with each message
	full      atomic.Uint64
	partial   atomic.Uint64
	saving    atomic.Bool
	turn      chan struct{} // has a value while a file is written of the node's data
	refused   atomic.Uint64
	term      atomic.Uint64             // see Term
	fresh     atomic.Pointer[freshness] // nil: a master

	mu       sync.Mutex // guards all below
	closed   bool
	nextLink uint64
	held     copies        // the stream in memory of replicas
	durable  copies        // the stream in their logs on disk
	follower *follower     // nil: a master
	missing  bool          // the data is not known to be of the present master's shard
	changed  chan struct{} // closed and replaced when it may be worth looking again, see await
	watchers atomic.Int32  // in await
}

const (
	pingEvery      = time.Second
	ackEvery       = 100 * time.Millisecond
	defaultTimeout = 10 * time.Second // docs/spec.md §9.3: a good replica's lag
)

// New returns a Replicator of a master without replicas.
func New(cfg Config) (*Replicator, error) {
	switch {
	case cfg.Self == nil || cfg.Store == nil || cfg.Log == nil || cfg.Dial == nil:
		return nil, errors.New("replication: Config needs Self, Store, Log and Dial")
	case cfg.Timeout < 0 || cfg.Timeout > 0 && cfg.Timeout < 2*pingEvery:
		return nil, fmt.Errorf("replication: Config.Timeout is %v: use at least %v, or 0 for %v", cfg.Timeout, 2*pingEvery,
			defaultTimeout)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Cluster == nil {
		cfg.Cluster = func() (none [16]byte) { return none }
	}
	if cfg.Shard == nil {
		cfg.Shard = func() []byte { return nil }
	}
	if cfg.OnEvent == nil {
		cfg.OnEvent = func(replication.Event) {}
	}
	r := &Replicator{cfg: cfg, log: cfg.Logger, begin: time.Now(), changed: make(chan struct{}),
		turn: make(chan struct{}, 1)}
	r.replicas.Store(new([]*replica))
	r.term.Store(1)
	return r, nil
}

// clock returns the nanoseconds since the Replicator was made, and never 0. The age of a
// link or of its data must not depend on the wall clock, a step of which would make good
// replicas bad and old data new.
func (r *Replicator) clock() int64 { return int64(time.Since(r.begin)) + 1 }

// timeOf returns the time of a value of clock, which can be compared with time.Now in the
// same way.
func (r *Replicator) timeOf(clock int64) time.Time { return r.begin.Add(time.Duration(clock - 1)) }

// Follow makes the node a replica of target, or tells it target's new address. Before the
// call, the node must have ceased to write by itself (publish the new map, then
// keyspace's Barrier). Follow returns at once. The data stays readable until the master's
// has arrived, but does not count in elections: see Standing.
func (r *Replicator) Follow(target slots.Node) error { return r.follow(target, false) }

// Resume is Follow for a node whose data is of target's shard: a node that starts again
// with a snapshot of that shard, or one that target succeeded, or whose master target
// succeeded. Its data counts in elections even if target is lost before it answers.
func (r *Replicator) Resume(target slots.Node) error { return r.follow(target, true) }

func (r *Replicator) follow(target slots.Node, resume bool) error {
	r.role.Lock()
	defer r.role.Unlock()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return net.ErrClosed
	}
	old := r.follower
	if old != nil && old.id == target.ID {
		if old.master.Addr != target.Addr {
			old.master = target
			old.retry()
		}
		r.mu.Unlock()
		return nil
	}
	r.mu.Unlock()

	r.endFollower(old)
	r.cfg.Store.SetPassive(true)
	r.mu.Lock()
	if old == nil { // before the log ends the links, and with them what replicas hold is forgotten
		r.term.Add(1)
		r.held.seal(r.cfg.Log.Offset(), ErrDemoted)
		r.durable.seal(r.cfg.Log.Offset(), ErrDemoted)
	}
	r.mu.Unlock()
	r.cfg.Log.follow()

	p := newFollower(r, target)
	r.mu.Lock()
	r.follower, r.missing = p, !resume || r.missing
	r.fresh.Store(p.fresh)
	r.mu.Unlock()
	r.endReplicas(ErrDemoted)
	r.log.Info("following a master", "master", target.ID.Short(), "addr", target.Addr.Bus(), "standing",
		r.cfg.Log.History().Offset)
	r.spawn(p.run)
	return nil
}

// spawn runs f on a goroutine that Close waits for.
func (r *Replicator) spawn(f func()) {
	r.links.Go(func() {
		defer guard.Recover("replication", r.cfg.OnPanic)
		f()
	})
}

// Promote makes the node a master. What it has received so far is carried out; a full
// sync that was on its way is dropped, and the data is what it was before.
//
// term is what Standing returns from now on. It must be greater than that of any other
// promotion in the shard; Promote raises it above those that this node knows of.
func (r *Replicator) Promote(term uint64) {
	r.role.Lock()
	defer r.role.Unlock()
	r.mu.Lock()
	old := r.follower
	r.mu.Unlock()
	if old == nil {
		return
	}
	r.endFollower(old)
	r.fresh.Store(nil)
	h := r.cfg.Log.promote(term)
	r.cfg.Store.SetPassive(false)
	r.mu.Lock()
	r.term.Add(1)
	r.follower, r.missing, r.held.sealed, r.durable.sealed = nil, false, sealedAcks{}, sealedAcks{}
	r.notifyLocked()
	r.mu.Unlock()
	r.log.Info("promoted", "history", h.ID.String(), "before", h.PrevID.String(), "offset", h.Offset)
}

// BeginTerm makes a master go on in a new term, as Promote does. A restarted master calls
// it before it writes anything: a replica that is away may hold more of the present term
// than this node does.
func (r *Replicator) BeginTerm(term uint64) {
	r.role.Lock()
	defer r.role.Unlock()
	r.mu.Lock()
	master := r.follower == nil
	r.mu.Unlock()
	if master {
		r.cfg.Log.beginTerm(term)
	}
}

// Quiesce makes a master cease to expire and evict by itself, or lets it go on. A manual
// failover calls it, then pauses writes, then reads Offset, which is final then. So the
// old master ends where the new one begins, and resumes by a partial resync.
func (r *Replicator) Quiesce(on bool) {
	r.role.Lock()
	defer r.role.Unlock()
	r.mu.Lock()
	master := r.follower == nil
	r.mu.Unlock()
	if master {
		r.cfg.Store.SetPassive(on)
	}
}

// endFollower ends the link to a master and waits until no message of it is being carried
// out.
func (r *Replicator) endFollower(p *follower) {
	if p != nil {
		p.cancel()
		<-p.done
	}
}

// Close ends all links and waits for their goroutines.
func (r *Replicator) Close() error {
	r.role.Lock()
	defer r.role.Unlock()
	r.mu.Lock()
	r.closed = true
	p := r.follower
	r.held.acks.abandon(net.ErrClosed)
	r.durable.acks.abandon(net.ErrClosed)
	r.notifyLocked()
	r.mu.Unlock()
	r.endFollower(p)
	r.endReplicas(net.ErrClosed)
	r.links.Wait()
	return nil
}

// Offset returns how much of its shard's stream the node holds, 0 if its data is Missing.
func (r *Replicator) Offset() int64 { return r.Standing().Offset }

// Standing is how much of its shard's data a node holds: what elections compare
// (docs/spec.md §6.3). A node that holds something of a later Term holds all of the
// earlier terms that its master held; within a term the Offset counts.
type Standing struct {
	Term   uint64
	Offset int64
	// Missing says that the data is not known to be of the shard at all: the node came from
	// elsewhere, and its first full sync has not ended.
	Missing bool
}

// Standing returns how much of its shard's data the node holds.
func (r *Replicator) Standing() Standing {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.missing {
		return Standing{Missing: true}
	}
	h := r.cfg.Log.History()
	return Standing{Term: h.Term, Offset: h.Offset}
}

// Term counts the node's changes of role, from 1: it is odd on a master. Ask for it
// before a write, and for Mark after it.
func (r *Replicator) Term() uint64 { return r.term.Load() }

// notifyLocked wakes those in WaitSynced and WaitOffset.
func (r *Replicator) notifyLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// WaitSynced returns when the node's data is its master's as of the call or later. On a
// master it returns at once, on a replica when that follows the stream and has reached
// the offset that the master named when the link was made.
func (r *Replicator) WaitSynced(ctx context.Context) error {
	return r.await(ctx, func() bool {
		return r.follower == nil || r.follower.state == LinkConnected && r.cfg.Log.Offset() >= r.follower.goal
	})
}

// WaitOffset returns when this replica holds the stream up to offset: the last step of a
// manual failover before the replica asks for votes (docs/spec.md §6.7).
func (r *Replicator) WaitOffset(ctx context.Context, offset int64) error {
	return r.await(ctx, func() bool { return !r.missing && r.cfg.Log.Offset() >= offset })
}

// await returns when done, which is called with mu held, reports true.
func (r *Replicator) await(ctx context.Context, done func() bool) error {
	r.watchers.Add(1)
	defer r.watchers.Add(-1)
	for {
		r.mu.Lock()
		ok, closed, changed := done(), r.closed, r.changed
		r.mu.Unlock()
		switch {
		case ok:
			return nil
		case closed:
			return net.ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// jitter returns a random duration between d/2 and d.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
