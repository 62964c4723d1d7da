package server

import (
	"context"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Roles changes whom this node follows.
type Roles interface {
	// Replicate makes this node a replica of a master. The server has checked that a master
	// holds no keys.
	Replicate(ctx context.Context, master slots.NodeID) error
	// BeginFailover starts to make this replica the master of its shard; it does not wait for
	// the outcome (docs/spec.md §6.7).
	BeginFailover(ctx context.Context, mode FailoverMode) error
}

// FailoverMode is how far a CLUSTER FAILOVER goes without others.
type FailoverMode uint8

const (
	FailoverDefault  FailoverMode = iota // agrees with the master
	FailoverForce                        // does without the master
	FailoverTakeover                     // does without the other masters too
)

// Acks tells what replicas hold. Offsets count the bytes of the replication stream.
type Acks interface {
	// Term counts the changes of role. It is asked for before a write, since afterwards this
	// node may have become a replica, and its offset another stream's.
	Term() uint64
	// Mark returns a place that covers the writes since Term returned term: an offset in the
	// stream of a term as a master.
	Mark(term uint64) Mark
	// WaitAcked waits until k replicas hold what a client has written, or ctx ends; n is how
	// many do. From then on that is promised, up to k, wherever the slots move.
	WaitAcked(ctx context.Context, w *Written, k int) (n int, err error)
	// Departed counts how often keys have left this node. It is asked for before a write.
	Departed() uint64
}

// Promises are what clients were told of replicas, for MIGRATE.
type Promises interface {
	// Promised returns how many replicas have to hold the keys of a slot that are moved
	// elsewhere.
	Promised(slot slots.Slot) int
	// Leave notes that keys of a slot are about to be deleted here, which held replicas of
	// another node hold. Promised is to be asked after it.
	Leave(slot slots.Slot, held int)
}

// Mark is a place in the replication stream; the zero Mark is that of no write.
type Mark struct {
	Term   uint64
	Offset int64
}

var replicationCommands = []command{
	{name: "wait", arity: 3, flags: flagNoScript, group: "generic", since: "3.0.0",
		tips:    "request_policy:all_shards response_policy:agg_min",
		summary: "Waits until replicas hold this client's writes.", run: cmdWait},
	{name: "replicaof", arity: 3, flags: flagAdmin | flagNoScript | flagStale | flagNoAsyncLoading, group: "server",
		since:   "5.0.0",
		summary: "Refused: in a cluster CLUSTER REPLICATE says whom a node follows.", run: cmdReplicaOf},
	{name: "slaveof", arity: 3, flags: flagAdmin | flagNoScript | flagStale | flagNoAsyncLoading, group: "server",
		since:   "1.0.0",
		summary: "Refused, as REPLICAOF.", run: cmdReplicaOf},
}

// cmdReplicaOf tells who tries the command of standalone servers what to do instead.
func cmdReplicaOf(s *session) error {
	if s.srv.standalone() {
		return replyError("ERR REPLICAOF is not available: a node follows another only in a cluster")
	}
	return replyError("ERR REPLICAOF not allowed in cluster mode.")
}

// cmdWait answers how many replicas hold the client's last write (docs/spec.md §9.3).
func cmdWait(s *session) error {
	// Who wrote here when this node was a master may still ask what became of it.
	if m := s.srv.engine.Map(); m != nil && !m.Self().IsMaster() && s.written.To == (Mark{}) {
		return replyError("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a " +
			"replica is configured to be writable (which is not the default) writes to replicas are just local and are " +
			"not propagated.")
	}
	replicas, err := s.number(1)
	if err != nil {
		return err
	}
	ms, err := s.number(2)
	if err != nil {
		return replyError("ERR timeout is not an integer or out of range")
	}
	if ms < 0 {
		return replyError("ERR timeout is negative")
	}
	acks := s.srv.cfg.Acks
	if acks == nil {
		s.out.Int(0)
		return nil
	}
	// A wait within a transaction would hold up what comes after it: count and go on, as
	// Redis does.
	ctx, cancel := context.WithCancel(s.srv.life)
	defer cancel()
	if s.multi.on {
		cancel()
	} else if ms > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
	}
	n, _ := s.lastHeld(ctx, int(min(replicas, 1<<20))) // the number tells all
	s.out.Int(int64(n))
	return nil
}

// noteTerm goes before a write, noteWrite after it.
func (s *session) noteTerm() {
	if acks := s.srv.cfg.Acks; acks != nil {
		s.term = acks.Term()
		s.written.begin(acks)
	}
}

// noteWrite remembers how far the stream was after a write.
func (s *session) noteWrite() {
	if acks := s.srv.cfg.Acks; acks != nil {
		s.written.To = acks.Mark(s.term)
		s.written.add(s.access.Slot)
		s.unacknowledged = s.srv.cfg.Sync > 0
	}
}

// lastHeld waits until k replicas hold this client's last write, and returns how many do.
func (s *session) lastHeld(ctx context.Context, k int) (int, error) {
	acks := s.srv.cfg.Acks
	if s.written.To == (Mark{}) {
		return acks.WaitAcked(ctx, &Written{To: Mark{Term: acks.Term()}, Earlier: math.MaxInt}, k)
	}
	n, err := acks.WaitAcked(ctx, &s.written.Written, k)
	if got := min(n, k); got > 0 {
		s.written.answered = max(s.written.answered, got)
	}
	return n, err
}

// awaitWrites waits, before replies leave, until as many replicas hold the batch's writes
// as Config.Sync asks for. If they do not in time, the replies must not leave, and the
// client learns by a lost connection that its writes' fate is unknown.
func (s *session) awaitWrites() bool {
	s.unacknowledged = false
	ctx, cancel := context.WithTimeout(s.srv.life, syncTimeout)
	defer cancel()
	_, err := s.lastHeld(ctx, s.srv.cfg.Sync)
	if err != nil {
		s.srv.cfg.Logger.Warn("client closed: too few replicas hold its writes", "client", s.id, "error", err)
	}
	return err == nil
}

// syncTimeout bounds the wait for replicas when replies depend on them.
const syncTimeout = 5 * time.Second

func cmdReplicate(s *session) error {
	id, err := s.nodeArg(2)
	if err != nil {
		return err
	}
	m := s.srv.engine.Map()
	if self := m.Self(); self.IsMaster() && id != self.ID && m.Node(id) != nil && m.Node(id).IsMaster() &&
		(self.HasSlots() || s.srv.store.Len() > 0) {
		return replyError("ERR To set a master the node must be empty and without assigned slots.")
	}
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.Replicate(ctx, id) })
}

func cmdFailover(s *session) error {
	mode := FailoverDefault
	switch {
	case len(s.args) == 2:
	case len(s.args) == 3 && s.word(2, "FORCE"):
		mode = FailoverForce
	case len(s.args) == 3 && s.word(2, "TAKEOVER"):
		mode = FailoverTakeover
	case len(s.args) > 3:
		return errSubArity(s.args)
	default:
		return errSyntax
	}
	return s.change(func(ctx context.Context) error { return s.srv.cfg.Cluster.BeginFailover(ctx, mode) })
}
