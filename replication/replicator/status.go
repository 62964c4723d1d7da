package replicator

import (
	"errors"
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// LinkState is how a replica stands with its master, in the words of ROLE (docs/spec.md
// §10.6).
type LinkState uint8

const (
	LinkNone      LinkState = iota // this node is a master
	LinkConnect                    // between attempts
	LinkHandshake                  // connecting, waiting for the master's decision
	LinkSync                       // gathering a full sync
	LinkConnected                  // following the stream
)

// String returns the word that ROLE shows.
func (s LinkState) String() string {
	return [...]string{"none", "connect", "handshake", "sync", "connected"}[min(s, LinkConnected)]
}

// ReplicaState is how a replica stands as its master sees it.
type ReplicaState uint8

const (
	ReplicaSync   ReplicaState = iota // a full sync is on its way
	ReplicaOnline                     // follows the stream
)

// String returns the word that INFO shows.
func (s ReplicaState) String() string {
	if s == ReplicaOnline {
		return "online"
	}
	return "send_bulk"
}

// Status is where a node stands in replication: what INFO replication, ROLE and CLUSTER
// SHARDS show.
type Status struct {
	Master    slots.Node           // zero ID: this node is a master
	Link      LinkState            // to Master
	LastHeard time.Time            // when Master was heard last, zero if never
	DownSince time.Time            // since when Link is not LinkConnected, zero if it is
	Progress  replication.Progress // while Link is LinkSync
	// master_replid, master_repl_offset, master_replid2, second_repl_offset-1
	History  replication.History
	Backlog  replication.BacklogInfo
	Replicas []Replica
	// bytes of the master's stream that this replica lacks, as far as it knows
	Lagging                                  int64
	FullSyncs, PartialSyncs, RefusedPartials uint64 // as a master, since the start
}

// IsMaster reports whether the node is a master.
func (s *Status) IsMaster() bool { return s.Master.ID.IsZero() }

// Replica is a replica as its master sees it.
type Replica struct {
	ID      slots.NodeID
	Addr    slots.Addr // as the replica announces it
	Remote  string     // "host:port" of its connection
	State   ReplicaState
	Offset  int64         // up to where it holds the stream
	Durable int64         // up to where its log on disk has the stream, 0 without one
	Lag     time.Duration // since its last acknowledgement
}

// ErrAmbiguous is matched by the error of a write that this node has carried out but that
// too few replicas confirmed in time. The write may or may not survive a failover.
var ErrAmbiguous = keyspace.ErrAmbiguous

// AmbiguousError is the error of WaitAcked.
type AmbiguousError struct {
	Mark      Mark  // after the write
	Want, Got int   // replicas
	Cause     error // the context's error, or ErrDemoted
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("replication: %d of %d replicas confirmed the write (%v): its fate is unknown", e.Got, e.Want,
		e.Cause)
}

// Is makes the error match ErrAmbiguous.
func (e *AmbiguousError) Is(target error) bool { return target == ErrAmbiguous }

// Unwrap returns the cause.
func (e *AmbiguousError) Unwrap() error { return e.Cause }

// ErrDemoted ends waits for acknowledgements when the node stops being a master.
var ErrDemoted = errors.New("this node is no longer the master")

// Status returns where the node stands.
func (r *Replicator) Status() Status {
	s := Status{
		History:         r.cfg.Log.History(),
		Backlog:         r.cfg.Log.Info(),
		FullSyncs:       r.full.Load(),
		PartialSyncs:    r.partial.Load(),
		RefusedPartials: r.refused.Load(),
	}
	now := time.Now()
	for _, p := range *r.replicas.Load() {
		if !p.known.Load() || p.cause.Load() != nil {
			continue
		}
		heard := r.timeOf(p.heard.Load())
		replica := Replica{ID: p.id, Addr: p.addr, Remote: p.conn.RemoteAddr().String(), Offset: p.held.Load(),
			Durable: p.durable.Load(), Lag: now.Sub(heard)}
		if p.online.Load() {
			replica.State = ReplicaOnline
		}
		s.Replicas = append(s.Replicas, replica)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.follower; p != nil {
		s.Master, s.Link, s.Progress = p.master, p.state, p.progress
		if p.state != LinkConnected {
			s.DownSince = p.down
		} else {
			s.Lagging = max(0, p.offset.Load()-s.History.Offset)
		}
		if heard := p.heard.Load(); heard != 0 {
			s.LastHeard = r.timeOf(heard)
		}
	}
	return s
}
