package slotmesh

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate/migrator"
	"github.com/slotmesh/slotmesh/slots"
)

// Node is a whole node of a cluster: New, Start, use, Close. It is safe for
// concurrent use.
type Node struct {
	cfg    Config
	log    hclog.Logger
	store  *keyspace.Store
	engine *engine.Engine
	shard  *shard.Shard
	router Router // of this node

	unlockDisk func() // gives Config.Disk back; set by Start

	// Set by Start, then only read.
	addr       slots.Addr // listened on
	gossip     *member.Member
	snapshots  *shard.Snapshots
	pauser     *shard.Pauser
	migrations *migrator.Migrator
	ownership  *ownership.Slots // nil for a standalone node
	server     *server.Server
	settings   *conf.Settings

	bus      *bus.Bus  // to other nodes; made by New
	measured latencies // to them, for ReadNearest
	funcs    sync.Map  // string → Func
	runID    string    // differs from start to start
	events   *events

	changed broadcast // of the map
	aborted broadcast // of manual failovers
	meets   meets     // whose outcome somebody waits for

	life context.Context
	end  context.CancelFunc // ends life

	mu       sync.Mutex // guards handled, hooks, started, endStart and closing
	handled  []server.Extension
	hooks    SlotHooks
	started  bool
	begun    chan struct{}      // closed when Start has done what it does
	endStart context.CancelFunc // makes Start end sooner
	closing  bool
	failure  atomic.Pointer[PanicError]
	stop     chan struct{} // closed when Close begins
	closed   chan struct{} // closed when Close is through
	closeErr error         // what went wrong in Close; set before closed is closed
	wg       sync.WaitGroup
}

// Logger returns Config.Logger, for what works with the node and logs beside it, such as
// package cache; without one, a logger that is silent.
func (n *Node) Logger() hclog.Logger { return n.log }

// ErrClosed says that the node is closed.
var ErrClosed = peer.ErrClosed

var errNotStarted = errors.New("slotmesh: node is not started: call Start first")

// New checks the configuration and makes a node. It starts nothing and touches no
// file. The error names the field that is wrong and what to do.
func New(cfg Config) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{
		cfg: cfg, log: cfg.Logger,
		begun: make(chan struct{}), stop: make(chan struct{}), closed: make(chan struct{}), runID: crand.Text(),
	}
	n.life, n.end = context.WithCancel(context.Background())
	n.shard = n.newShard()
	n.store = keyspace.New(keyspace.Config{MaxMemory: cfg.MaxMemory, Policy: cfg.Eviction, Sink: n.shard.Commits,
		Now: clockOf(cfg.Network)})
	n.engine = engine.New(n.store)
	n.router = Router{transport: nodeTransport{n}}
	n.bus = bus.New(n.life, bus.Config{
		Network: cfg.Network,
		Logger:  n.log.Named("bus"),
		ID:      n.ID,
		Answer:  n.answerPeer,
		Silence: max(cfg.NodeTimeout/2, time.Second),
		OnPanic: n.fail,
	})
	n.events = newEvents(cfg.OnEvent)
	n.engine.Refuse(errNotStarted)
	return n, nil
}

// Start opens the client port and the bus, loads what an earlier start saved, and
// returns once the node listens; it then runs until Close. ctx bounds the start
// only. A node can be started once. Close makes a Start that is under way return
// ErrClosed.
func (n *Node) Start(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := n.beginStart(ctx, cancel); err != nil {
		return err
	}
	err := n.start(ctx)
	n.mu.Lock()
	closing := n.closing // then it is Close that tears down
	n.closing = closing || err != nil
	n.mu.Unlock()
	close(n.begun)
	switch {
	case closing:
		return ErrClosed
	case err != nil:
		n.teardown()
	}
	return err
}

// beginStart makes sure that a node is started once.
func (n *Node) beginStart(ctx context.Context, cancel context.CancelFunc) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.started || n.closing {
		return errors.New("slotmesh: a node can be started only once; make a new one with New")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	n.started, n.endStart = true, cancel
	return nil
}

func (n *Node) start(ctx context.Context) error {
	n.snapshots = n.newSnapshots()
	if err := n.openFiles(); err != nil {
		return err
	}
	clients, err := n.listenClients()
	if err != nil {
		return err
	}
	if err := n.startServer(clients); err != nil {
		closeListeners(clients)
		return err
	}
	if err := n.snapshots.Load(ctx); err != nil {
		return err
	}
	n.shard.Acks.Reload()
	n.engine.Refuse(nil)
	if n.cfg.Standalone {
		err = n.startReplication()
	} else {
		err = n.startCluster()
	}
	if err != nil {
		return err
	}
	n.engine.SetVeto(n.mayWrite)
	n.shard.Acks.SetMinReplicas(n.cfg.Replication.MinReplicas, n.cfg.Replication.MaxLag)
	n.snapshots.Begin(n.shard.Replicator)
	n.openServer()
	n.wg.Go(n.housekeeping)
	n.log.Info("node started", "id", n.ID(), "addr", n.addr)
	return nil
}

// startCluster opens the bus and joins what the state file remembers.
func (n *Node) startCluster() error {
	addr, err := n.bus.Listen(n.cfg.BusAddr)
	if err != nil {
		return fmt.Errorf("slotmesh: Config.BusAddr: %w", err)
	}
	_, n.addr.BusPort = hostPort(addr)
	n.ownership = n.newOwnership()
	h := n.shard.Backlog.History()
	n.gossip, err = member.New(member.Config{
		Core: gossip.Config{
			Addr:           n.announced(),
			Hostname:       n.hostname(),
			NodeTimeout:    n.cfg.NodeTimeout,
			NoFullCoverage: n.cfg.PartialCoverage,
			ReadsIfDown:    n.cfg.ReadsIfDown,
			NoFailover:     n.cfg.Replication.NoFailover,

			ReplicaValidity:  n.cfg.Replication.Validity,
			MigrationBarrier: n.cfg.Replication.MigrationBarrier,
			Data:             gossip.Data{Term: h.Term, Offset: h.Offset},
			Inherit:          func() gossip.OpenSlots { return gossip.OpenSlots(n.ownership.OpenAtMaster()) },
		},
		Disk: n.cfg.Disk,
		File: n.cfg.StateFile,
		Dial: func(ctx context.Context, addr slots.Addr) (net.Conn, error) {
			return n.bus.Dial(ctx, addr, bus.Gossip)
		},
		Logger:   n.log.Named("gossip"),
		OnOutput: n.onGossip,
		OnPanic:  n.fail,
	})
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.ownership.Prepare(nil, n.gossip.Map())
	n.engine.Publish(n.gossip.Map())
	if err := n.startReplication(); err != nil {
		return err
	}
	n.reportData()
	then := n.ownership.OpenAtMaster() // in the snapshot
	n.ownership.ReplicateOpen(nil, n.Map())
	if n.migrations, err = n.newMigrations(); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.ownership.DropStaleImports(then, n.migrations.AllComing())
	n.shard.Commits.Observe(n.migrations)
	n.pauser = n.newPauser()
	n.wg.Go(n.pauser.Run)
	n.bus.Handle(bus.Gossip, n.gossip.Accept)
	n.bus.Handle(bus.Replication, n.shard.Accept)
	n.bus.Handle(bus.Migration, n.migrations.Accept)
	n.gossip.Start()
	n.bus.Start()
	n.migrations.Start()
	return n.ownership.ClaimLoaded()
}

// Close ends the node: no new clients, no new peers, everything it started is gone when
// it returns. Calls under way and later ones return ErrClosed. What it had saved stays.
// Closing again does nothing. The error says that the last snapshot could not be saved:
// what was written since the one before is lost.
//
// A master with a replica in step lets that take over first, so that clients wait for
// milliseconds and not for the node timeout; it gives up after 600 ms.
func (n *Node) Close() error {
	n.mu.Lock()
	first := !n.closing
	n.closing = true
	if first && n.started {
		n.endStart()
	}
	started := n.started
	n.mu.Unlock()
	if first {
		if started {
			<-n.begun
			n.handOver()
		}
		n.teardown()
	}
	<-n.closed
	return n.closeErr
}

// teardown stops in the order in which requests come in: clients, peers, the rest.
func (n *Node) teardown() {
	close(n.stop)
	n.end()
	if n.server != nil {
		n.server.Close()
	}
	n.bus.StopListening()
	if n.migrations != nil {
		n.migrations.Close()
	}
	n.bus.CloseCalls()
	n.engine.Refuse(ErrClosed) // a write after the last snapshot would be lost
	if n.shard.Replicator != nil {
		if err := n.snapshots.AtEnd(); err != nil {
			n.log.Error("the last snapshot could not be saved", "error", err)
			n.closeErr = fmt.Errorf("slotmesh: the last snapshot could not be saved: %w", err)
		}
		n.shard.Replicator.Close()
	}
	if n.gossip != nil {
		if err := n.gossip.Close(); err != nil {
			n.log.Error("closing the bus", "error", err)
		}
	}
	n.wg.Wait()
	n.bus.Wait()
	if n.pauser != nil {
		n.pauser.Close() // not before: no write may slip in between a pause and the end
	}
	if n.ownership != nil {
		n.ownership.Close()
	}
	n.events.close()
	if n.unlockDisk != nil {
		n.unlockDisk() // nothing writes any more
	}
	close(n.closed)
}

// Done is closed when the node is closed, by Close, by a client's SHUTDOWN, or because of
// a bug: see Err.
func (n *Node) Done() <-chan struct{} { return n.closed }

// Addr returns where the node listens; valid after Start.
func (n *Node) Addr() slots.Addr { return n.addr }

// ID returns the node's id; valid after Start, zero for a standalone node.
func (n *Node) ID() slots.NodeID {
	if m := n.engine.Map(); m != nil {
		return m.Self().ID
	}
	return slots.NodeID{}
}

// Map returns the cluster as this node sees it now, nil for a standalone node. It
// costs nothing and never changes: ask again for a newer one.
func (n *Node) Map() *slots.Map { return n.engine.Map() }

// housekeepingPeriod is how often expired keys are looked for, and the like.
const housekeepingPeriod = 100 * time.Millisecond

// expireBudget bounds one look, so that it takes at most a few percent of a core.
const expireBudget = 5 * time.Millisecond

func (n *Node) housekeeping() {
	tick := time.NewTicker(housekeepingPeriod)
	defer tick.Stop()
	for {
		select {
		case <-n.stop:
			return
		case <-tick.C:
			n.store.ExpireStep(expireBudget)
			n.snapshots.Tick()
			if n.gossip != nil {
				n.reportData()
				n.ownership.DropLost(time.Now())
			}
		}
	}
}

func hostPort(addr net.Addr) (string, uint16) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String(), 0
	}
	p, _ := strconv.ParseUint(port, 10, 16) // 0 stands for "unknown"
	return host, uint16(p)
}
