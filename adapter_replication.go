package slotmesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/bus"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/follow/follower"
	"github.com/slotmesh/slotmesh/internal/follow/replica"
	"github.com/slotmesh/slotmesh/internal/invalidation"
	"github.com/slotmesh/slotmesh/internal/server"
	"github.com/slotmesh/slotmesh/internal/shard"
	"github.com/slotmesh/slotmesh/internal/tlsdial"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// replicaAddr is what the master shows of this node in INFO and ROLE. As in Redis, it has
// the port of clients with TLS where replication uses TLS.
func (n *Node) replicaAddr() slots.Addr {
	a, v := n.announced(), n.values()
	a.Port = a.ClientPort(v.BusTLS || v.tls.replication)
	return a
}

// startReplication makes the node's part in replication, for the role it had.
func (n *Node) startReplication() error {
	r, err := replicator.New(replicator.Config{
		Self:    n.identity,
		Addr:    n.replicaAddr(),
		Store:   n.store,
		Cluster: n.clusterID,
		Shard:   n.shard.Lineage.Name,
		Log:     n.shard.Backlog,
		Disk:    n.shard.Log,
		Dial: func(ctx context.Context, to slots.Node) (net.Conn, error) {
			return n.bus.Dial(ctx, to.Addr, bus.Replication)
		},
		MayFollow: n.shard.MayFollow,
		Timeout:   n.cfg.Replication.Timeout,
		Logger:    n.log.Named("replication"),
		OnEvent:   func(e replication.Event) { n.emit(e) },
		OnPanic:   n.fail,
	})
	if err != nil {
		return err
	}
	return n.shard.Start(r, n.Map(), n.snapshots.Shard())
}

// identity is what the node calls itself towards its master and its replicas.
func (n *Node) identity() (slots.NodeID, uint64) {
	if n.gossip == nil {
		return slots.NodeID{}, 0
	}
	return n.ID(), n.gossip.Incarnation()
}

// clusterID names the cluster, so that no node takes data from another one's.
func (n *Node) clusterID() (none [16]byte) {
	if n.gossip == nil {
		return none
	}
	return n.gossip.Cluster()
}

// replicationView is replication as ROLE and INFO show it.
func (n *Node) replicationView() server.Replication {
	if n.server.Loading() {
		return server.Replication{}
	}
	st := n.shard.Replicator.Status()
	v := server.Replication{
		ID:     st.History.ID.String(),
		Offset: st.History.Offset,
		Backlog: server.Backlog{
			Active: st.Backlog.Active, Size: st.Backlog.Size, First: st.Backlog.First + 1, Length: st.Backlog.Len,
		},
		FullSyncs: st.FullSyncs, PartialSyncs: st.PartialSyncs, RefusedPartials: st.RefusedPartials,
	}
	if !st.History.PrevID.IsZero() {
		v.PreviousID, v.PreviousLimit = st.History.PrevID.String(), st.History.PrevLimit+1
	}
	v.Good, v.Asked = n.shard.Acks.MinReplicas()
	for _, r := range st.Replicas {
		v.Replicas = append(v.Replicas, server.Replica{
			Host: r.Addr.Host, Port: r.Addr.Port, State: r.State.String(), Offset: r.Offset, Lag: r.Lag,
		})
	}
	if !st.IsMaster() {
		certified := n.values().BusTLS || n.values().tls.cluster
		v.Master = &server.Master{
			Host: st.Master.Addr.Host, Port: st.Master.Addr.ClientPort(certified), State: st.Link.String(),
			Syncing: st.Link == replicator.LinkSync, LastIO: -1, Percent: st.Progress.Percent(),
		}
		if !st.LastHeard.IsZero() {
			v.Master.LastIO = time.Since(st.LastHeard)
		}
		if !st.DownSince.IsZero() {
			v.Master.DownFor = time.Since(st.DownSince)
		}
	}
	n.followedView(&v)
	return v
}

// acks is what sessions ask of replication. It is not asked before the node is complete.
type acks struct{ *shard.Acks }

func (a acks) Mark(term uint64) server.Mark { return server.Mark(a.Acks.Mark(term)) }

func (a acks) Promised(slot slots.Slot) int { return a.Of(slot) }

func (a acks) Leave(slot slots.Slot, held int) { a.Acks.Leave([]slots.Slot{slot}, held) }

func (a acks) WaitAcked(ctx context.Context, w *server.Written, k int) (int, error) {
	return a.Vouch(ctx, a.writes(w), replicator.Mark(w.To), k)
}

func (a acks) writes(w *server.Written) *shard.Writes {
	what := &shard.Writes{Slots: slots.NewSet(w.Slots...), Departed: w.Departed, Earlier: w.Earlier}
	if w.Many {
		what.Slots = a.Served()
	}
	return what
}

func (a acks) WaitDurable(ctx context.Context, w *server.Written, local bool, k int) (here bool, n int) {
	return a.VouchDurable(ctx, a.writes(w), replicator.Mark(w.To), local, k)
}

// newShard makes the node's part in its shard; it begins with startReplication.
func (n *Node) newShard() *shard.Shard {
	return shard.New(shard.Config{
		Map:         n.Map,
		BacklogSize: n.cfg.Replication.BacklogSize,
		Sync:        n.cfg.Replication.Sync,
		MaxLag:      n.cfg.Replication.MaxLag,
		Life:        n.life.ctx,
		Logger:      n.log,
	})
}

// newPauser makes what pauses writes for manual failovers.
func (n *Node) newPauser() *shard.Pauser {
	return shard.NewPauser(shard.PauserConfig{
		Engine: n.engine, Stream: n.shard.Replicator, Do: n.do, Life: n.life.ctx, Logger: n.log,
	})
}

// handOver lets the best replica take this master's place before the node ends.
func (n *Node) handOver() {
	if n.Map() == nil || n.shard.Replicator == nil {
		return
	}
	n.newHandOver(0).Run(n.life.ctx)
}

// newHandOver makes what lets a replica take this master's place; limit 0: that of Close.
func (n *Node) newHandOver(limit time.Duration) *shard.HandOver {
	return &shard.HandOver{
		Map:      n.Map,
		Changed:  n.signals.changed.next,
		Replicas: func() []replicator.Replica { return n.shard.Replicator.Status().Replicas },
		Connected: func(id slots.NodeID) bool {
			return slices.ContainsFunc(n.gossip.Peers(), func(p gossip.Peer) bool { return p.ID == id && p.Connected })
		},
		Do:     n.do,
		Logger: n.log,
		Limit:  limit,
	}
}

// mayWrite refuses writes while neither the log nor a snapshot can be written, or too few
// replicas are there.
func (n *Node) mayWrite() error {
	if err := n.shard.Log.MayWrite(); err != nil {
		return err
	}
	if err := n.snapshots.MayWrite(); err != nil {
		return err
	}
	return n.shard.Acks.MayWrite()
}

// awaitAcks waits until as many replicas hold the last write, in a slot, as ctx or the
// configuration asks for. was is what Before returned before it.
func (n *Node) awaitAcks(ctx context.Context, was shard.Before, slot slots.Slot) error {
	k := n.cfg.Replication.Sync
	if asked := client.SyncOf(ctx); asked >= 0 {
		k = asked
	}
	return n.shard.Acks.Await(ctx, was, slot, k)
}

// Replicate makes this node a replica of a master. Its own keys are replaced by the
// master's once these are all here.
func (n *Node) Replicate(ctx context.Context, master slots.NodeID) error {
	return n.do(ctx, gossip.Replicate{Master: master})
}

// ErrFailoverAborted says that a manual failover was called off: the master did not answer
// in time, the replica did not catch up, or the masters did not vote for it.
var ErrFailoverAborted = errors.New("slotmesh: the failover was called off")

// Failover makes this replica the master of its shard and returns when it is:
// gossip.FailoverDefault agrees with the master and loses nothing, FailoverForce does
// without a master that is down, FailoverTakeover without the other masters too
// (docs/spec.md §6.7).
func (n *Node) Failover(ctx context.Context, mode gossip.FailoverMode) error {
	aborted := n.signals.aborted.next()
	if err := n.beginFailover(ctx, mode); err != nil {
		return err
	}
	for {
		changed := n.signals.changed.next()
		if n.Map().Self().IsMaster() {
			return nil
		}
		select {
		case <-changed:
		case <-aborted:
			return ErrFailoverAborted
		case <-n.life.ctx.Done():
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beginFailover returns when the failover has begun.
func (n *Node) beginFailover(ctx context.Context, mode gossip.FailoverMode) error {
	if err := n.do(ctx, gossip.Failover{Mode: mode}); err != nil {
		return err
	}
	n.life.spawn(n.catchUp)
	return nil
}

// WaitSynced returns when this node's data is its master's: at once on a master. Errors
// as of Ready.
func (n *Node) WaitSynced(ctx context.Context) error {
	if err := n.engine.Refused(); err != nil {
		return err
	}
	if !n.life.hasStarted() {
		return errNotStarted
	}
	if err := n.shard.Replicator.WaitSynced(ctx); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return ErrClosed
}

// newCopies makes what keeps copies of keys right that nodes hold of what others own.
func (n *Node) newCopies() *invalidation.Exchange {
	return invalidation.New(invalidation.Config{
		Dial: func(ctx context.Context, to slots.Node) (net.Conn, error) {
			return n.bus.Dial(ctx, to.Addr, bus.Invalidations)
		},
		Watch: func(changed func(slots.Slot, []keyspace.Op)) {
			n.store.Watch(func(slot slots.Slot, ops []keyspace.Op, _ any) { changed(slot, ops) })
		},
		Lease:   invalidation.Lease(n.cfg.NodeTimeout),
		Logger:  n.log.Named("copies"),
		OnPanic: n.fail,
	})
}

func (c *ReplicationConfig) validate() error {
	if c.MaxLag == 0 {
		c.MaxLag = 10 * time.Second // docs/spec.md §9.3
	}
	switch {
	case c.Sync < 0:
		return fmt.Errorf("slotmesh: Config.Replication.Sync is %d: say how many replicas must hold a write", c.Sync)
	case c.MinReplicas < 0:
		return fmt.Errorf("slotmesh: Config.Replication.MinReplicas is %d: use 0 or more", c.MinReplicas)
	case c.BacklogSize < 0:
		return fmt.Errorf("slotmesh: Config.Replication.BacklogSize is %d: use bytes, or 0 for 1 MiB", c.BacklogSize)
	case c.MaxLag < 0:
		return fmt.Errorf("slotmesh: Config.Replication.MaxLag is %v: use 0 for 10s", c.MaxLag)
	}
	return nil
}

// newStandby makes what lets a standalone node follow a Redis.
func (n *Node) newStandby() *replica.Replica {
	return replica.New(n.life.ctx, replica.Config{
		Engine: n.engine,
		Store:  n.store,
		Do: func(args [][]byte) error {
			_, err := n.server.Do(&server.Call{Args: args, Follows: true, Context: n.life.ctx}, nil)
			return err
		},
		Renew: n.shard.Backlog.Renew,
		Dial: func(ctx context.Context, addr string) (net.Conn, error) {
			var cfg *tls.Config
			if n.values().tls.replication {
				_, cfg = n.tlsConfigs()
			}
			return tlsdial.Dial(ctx, n.cfg.Network.Dial, addr, cfg)
		},
		Link: func() follow.Config {
			text, addr := n.settings.text, n.replicaAddr()
			return follow.Config{User: text.String("masteruser"), Password: text.String("masterauth"), Port: int(addr.Port)}
		},
		Timeout: n.cfg.Replication.Timeout,
		Spawn:   n.life.trySpawn,
		Logger:  n.log.Named("replication"),
	})
}

// standby is the Replica of a standalone node as commands use it: what it follows stands in
// the configuration, too.
type standby struct{ *Node }

func (s standby) ReplicaOf(host string, port int) (same bool) {
	text := ""
	if host == "" {
		s.following.Stop()
	} else {
		same = s.following.Follow(host, port)
		text = host + " " + strconv.Itoa(port)
	}
	s.settings.replicaOf(text)
	return same
}

// startStandby follows the server that the configuration names.
func (n *Node) startStandby() error {
	host, port, err := replicaOf(n.settings.text.String("replicaof"))
	switch {
	case err != nil || host == "":
		return err
	case !n.cfg.Standalone:
		return errors.New("slotmesh: replicaof directive not allowed in cluster mode: use CLUSTER REPLICATE")
	}
	n.following.Follow(host, port)
	return nil
}

// followedView completes what ROLE and INFO show while the node follows a Redis.
func (n *Node) followedView(v *server.Replication) {
	s, ok := n.following.Status()
	if !ok {
		return
	}
	v.Offset = s.Applied
	if s.Received.ID != "" {
		v.ID, v.PreviousID, v.PreviousLimit = s.Received.ID, "", 0
	}
	v.Master = &server.Master{Host: s.Host, Port: uint16(s.Port), State: s.State.String(), LastIO: -1,
		Syncing: s.State == follower.Sync || s.Loading}
	if v.Master.Syncing && s.State == follower.Connected {
		v.Master.State = follower.Sync.String()
	}
	if s.SyncSize > 0 {
		v.Master.Percent = 100 * float64(s.SyncRead) / float64(s.SyncSize)
	}
	if !s.LastIO.IsZero() {
		v.Master.LastIO = time.Since(s.LastIO)
	}
	if !s.DownSince.IsZero() {
		v.Master.DownFor = time.Since(s.DownSince)
	}
}

// checkReplicaOf checks which server a node follows: a host and a port, or none.
func checkReplicaOf(text string) error {
	_, _, err := replicaOf(text)
	return err
}

// replicaOf reads the directive replicaof; no host means nobody.
func replicaOf(text string) (host string, port int, err error) {
	words := strings.Fields(text)
	if len(words) == 0 || len(words) == 2 && strings.EqualFold(words[0], "no") && strings.EqualFold(words[1], "one") {
		return "", 0, nil
	}
	if len(words) == 2 {
		if port, err = strconv.Atoi(words[1]); err == nil && port >= 0 && port <= 65535 {
			return words[0], port, nil
		}
	}
	return "", 0, errors.New("it must be a host and a port, such as 10.0.0.1 6379, or no one")
}
