package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/gossip/member"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/follow/replica"
	"github.com/slotmesh/slotmesh/internal/forming/founder"
	"github.com/slotmesh/slotmesh/internal/invalidation"
	"github.com/slotmesh/slotmesh/internal/nodedir"
	"github.com/slotmesh/slotmesh/internal/ownership"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/slots"
)

// Node is a whole node of a cluster: New, Start, use, Close. It is safe for
// concurrent use.
type Node struct {
	// A Node composes components that do not know it: lifecycle.go has its start and end,
	// topology.go what happens when the map changes, adapter_*.go what one component needs
	// of another.

	cfg Config
	log hclog.Logger

	// Made by New.
	life    *lifecycle
	store   *keyspace.Store
	engine  *engine.Engine
	shard   *shard.Shard
	bus     *bus.Bus               // to other nodes
	router  *client.Router         // from this node
	events  eventParts             // to the host
	signals signals                // to those that wait for gossip
	host    registered             // what the host adds
	pubsub  pubsubParts            // messages, here and to other nodes
	copies  *invalidation.Exchange // of other nodes' keys here, of this node's keys there

	// Set by Start, then only read. Those about the cluster are nil in a standalone node.
	addr      slots.Addr // listened on; for TLSPort see Addr
	settings  *liveSettings
	server    *server.Server // of clients
	snapshots *shard.Snapshots
	following *replica.Replica // of a Redis, by a standalone node
	clusterParts
}

// clusterParts are the parts of a Node that is in a cluster.
type clusterParts struct {
	gossip     *member.Member
	ownership  *ownership.Slots
	migrations slotMoves
	founder    *founder.Founder
}

// Logger returns Config.Logger, for what works with the node and logs beside it, such as
// package cache; without one, a logger that is silent.
func (n *Node) Logger() hclog.Logger { return n.log }

var errNotStarted = errors.New("slotmesh: node is not started: call Start first")

// New checks the configuration and makes a node. It starts nothing and touches no
// file. The error names the field that is wrong and what to do.
func New(cfg Config) (*Node, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, log: cfg.Logger, life: newLifecycle()}
	n.shard = n.newShard()
	n.store = keyspace.New(keyspace.Config{MaxMemory: cfg.MaxMemory, Policy: cfg.Eviction, Sink: n.shard.Commits,
		Now: cfg.Clock})
	n.shard.Log = n.newLog()
	n.engine = engine.New(n.store)
	n.router = client.NewRouter(nodeTransport{n}, localNode{n.Local()})
	n.bus = bus.New(n.life.ctx, bus.Config{
		Network: cfg.Network,
		Logger:  n.log.Named("bus"),
		ID:      n.ID,
		Admit:   n.admit,
		Answer:  n.answerPeer,
		Silence: max(cfg.NodeTimeout/2, time.Second),
		OnPanic: n.fail,
	})
	if err := n.secureBus(&n.cfg); err != nil {
		return nil, fmt.Errorf("slotmesh: Config.%w", err)
	}
	n.pubsub = n.newPubsub()
	n.copies = n.newCopies()
	n.events.Stream = newEvents()
	n.engine.Refuse(errNotStarted)
	return n, nil
}

// start starts the components in the order in which they need each other: what is on disk,
// the ports, the keys, then the cluster. Clients wait at their port until all is there.
// What a failed start leaves is ended by teardown.
func (n *Node) start(ctx context.Context) error {
	if n.cfg.OnEvent != nil {
		n.events.Deliver(n.cfg.OnEvent)
	}
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
	n.following = n.newStandby()
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
	if err := n.shard.Log.Begin(ctx, n.shard.Replicator, n.snapshots.Save); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	if err := n.startStandby(); err != nil {
		return err
	}
	n.openServer()
	n.life.spawn(n.housekeeping)
	n.log.Info("node started", "id", n.ID(), "addr", n.Addr(), "tls_port", n.Addr().TLSPort)
	return nil
}

// openFiles takes the node's disk until life.unlock, and makes sure that what is on it is
// the node's own.
func (n *Node) openFiles() error {
	files := nodedir.Files{Disk: n.cfg.Disk}
	if !n.cfg.Standalone {
		files.State = n.cfg.StateFile
	}
	if !n.cfg.Snapshot.Off {
		files.Snapshot = n.cfg.Snapshot.File
	}
	unlock, err := files.Lock(n.log)
	if err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.life.unlock = unlock
	files.Log = n.cfg.Log.Sync != LogOff
	if files.Logged, err = oplog.Exists(n.cfg.Disk); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	if err := files.CheckRedis(n.log); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	return nil
}

// startCluster opens the bus and joins what the state file remembers.
func (n *Node) startCluster() error {
	if err := n.listenBus(); err != nil {
		return err
	}
	n.ownership = n.newOwnership()
	var err error
	if n.gossip, err = n.newGossip(); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.ownership.Prepare(nil, n.gossip.Map())
	n.copies.SetMap(n.gossip.Map())
	n.engine.Publish(n.gossip.Map())
	n.copies.InForce(n.gossip.Map())
	n.publishMap(n.gossip.Map())
	if err := n.startReplication(); err != nil {
		return err
	}
	n.reportData()
	then := n.ownership.OpenAtMaster() // in the snapshot
	n.ownership.ReplicateOpen(nil, n.Map())
	if n.migrations.Migrator, err = n.newMigrations(); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.ownership.DropStaleImports(then, n.migrations.AllComing())
	n.shard.Commits.Observe(n.migrations.Migrator)
	n.shard.Pauser = n.newPauser()
	n.life.spawn(n.shard.Pauser.Run)
	if n.migrations.balance, err = n.newBalancer(); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.bus.Handle(bus.Gossip, func(conn net.Conn, _ slots.NodeID) { n.gossip.Accept(conn) })
	n.bus.Handle(bus.Replication, n.shard.Accept)
	n.bus.Handle(bus.Migration, n.migrations.Accept)
	n.bus.Handle(bus.Messages, n.pubsub.remote.Accept)
	n.bus.Handle(bus.Invalidations, n.copies.Accept)
	if n.founder, err = n.newFounder(); err != nil {
		return fmt.Errorf("slotmesh: %w", err)
	}
	n.bus.Handle(bus.Forming, func(conn net.Conn, _ slots.NodeID) { n.founder.Accept(conn) })
	n.gossip.Start()
	n.bus.Start()
	n.migrations.Start()
	if err := n.ownership.ClaimLoaded(); err != nil {
		return err
	}
	n.founder.Start()
	n.life.spawn(func() { n.migrations.balance.Run(n.life.ctx) })
	return nil
}

// teardown stops in the order in which requests come in: clients, peers, the rest. The
// error says that the last snapshot could not be saved.
func (n *Node) teardown() (err error) {
	if n.server != nil {
		n.server.Close()
	}
	n.bus.StopListening()
	if n.pubsub.remote != nil {
		n.pubsub.remote.Close()
	}
	n.copies.Close()
	if n.founder != nil {
		n.founder.Close()
	}
	if n.migrations.Migrator != nil {
		n.migrations.Close()
	}
	n.bus.CloseCalls()
	n.engine.Refuse(ErrClosed) // a write after the last snapshot would be lost
	if n.shard.Replicator != nil {
		if unsaved := n.snapshots.AtEnd(); unsaved != nil {
			n.log.Error("the last snapshot could not be saved", "error", unsaved)
			err = fmt.Errorf("slotmesh: the last snapshot could not be saved: %w", unsaved)
		}
	}
	if unsynced := n.shard.Log.Close(); unsynced != nil {
		n.log.Error("the end of the log is not on disk", "error", unsynced)
		err = errors.Join(err, fmt.Errorf("slotmesh: the end of the log is not on disk: %w", unsynced))
	}
	if n.shard.Replicator != nil {
		n.shard.Replicator.Close()
	}
	if n.gossip != nil {
		if failed := n.gossip.Close(); failed != nil {
			n.log.Error("closing the bus", "error", failed)
		}
	}
	n.life.wait()
	n.bus.Wait()
	if n.shard.Pauser != nil {
		n.shard.Pauser.Close() // not before: no write may slip in between a pause and the end
	}
	if n.ownership != nil {
		n.ownership.Close()
	}
	n.events.Close()
	if n.life.unlock != nil {
		n.life.unlock() // nothing writes any more
	}
	return err
}

// Addr returns where the node listens; valid after Start.
func (n *Node) Addr() slots.Addr {
	a := n.addr
	if n.settings != nil {
		a.TLSPort = n.settings.tls.Port()
	}
	return a
}

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
		case <-n.life.ctx.Done():
			return
		case <-tick.C:
			began := time.Now()
			n.store.ExpireStep(expireBudget)
			n.server.RecordLatency("expire-cycle", time.Since(began))
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

// do hands a command to the loop that owns the cluster's state; when it returns nil, the
// change is durable and in force on this node.
func (n *Node) do(ctx context.Context, cmd gossip.Command) error {
	if n.gossip == nil {
		return n.absent()
	}
	if err := n.gossip.Do(ctx, cmd); !errors.Is(err, member.ErrClosed) {
		return err
	}
	return ErrClosed
}

// absent says why a part of the node is not there.
func (n *Node) absent() error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	if !n.cfg.Standalone {
		return errNotStarted // Start is under way
	}
	return ErrStandalone
}
