package migrate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// The simulation: five nodes, of which 0 is the source, 1 the target, 2 a third master, 3
// and 4 the replicas of source and target. Everything runs in one goroutine; a seeded
// source of chance decides what happens next.
const (
	simSource = iota
	simTarget
	simThird
	simSourceReplica
	simTargetReplica
	simNodes

	simSlots = 6 // 0 to 5 move; 6 and 7 make target and third masters with slots
	simKeys  = 7 // per slot
)

type world struct {
	r       *rand.Rand
	now     time.Time
	nodes   [simNodes]*simNode
	links   []*simLink
	cut     [simNodes][simNodes]bool
	log     []string
	verbose bool

	want    map[string]string // what clients were told is stored
	moving  slots.Set         // the job's
	raced   slots.Set         // a third node claimed them without having their keys
	forfeit slots.Set         // and lost them again with the keys that it had got meanwhile
	value   int
	calm    bool // no more faults: everything must come to rest
	trouble string

	liar    *simNode              // nil: all nodes are honest
	acks    *simAcks              // nil: replication is instantaneous, and all that is written is kept
	left    map[string]slots.Slot // the keys that left the source; nil if they never come back
	clients bool                  // one is at work
}

type claim struct {
	owner int // -1 nobody
	epoch uint64
}

// simLink is a connection: two queues of encoded messages.
type simLink struct {
	job      *simJob
	from, to *simNode
	r        *Receiver
	there    [][]byte
	back     [][]byte
	hold     *simHold  // a batch that waits for replicas: nothing else is taken meanwhile
	silentAt time.Time // since when only the target takes it for alive
	gone     bool      // the receiver's end is
	told     bool      // and the sender has been told
	joined   bool      // the receiver has taken the job
}

func newWorld(seed uint64) *world {
	w := &world{r: rand.New(rand.NewPCG(seed, 7)), now: time.UnixMilli(1e12), want: make(map[string]string)}
	for i := range w.nodes {
		n := &simNode{w: w, index: i, id: slots.NodeID{byte('A' + i)}, alive: true, store: borrowStore(i),
			migrating: map[slots.Slot]slots.NodeID{}, importing: map[slots.Slot]slots.NodeID{},
			journal: map[JobID]Job{}, trust: map[JobID]Job{}}
		n.replica = i < simSourceReplica
		for slot := range n.claims {
			n.claims[slot] = claim{simSource, 1}
		}
		n.claims[simSlots], n.claims[simSlots+1] = claim{simTarget, 2}, claim{simThird, 3}
		n.master = [simNodes]int{-1, -1, -1, simSource, simTarget}
		n.boot()
		w.nodes[i], simSinks[i].n = n, n
	}
	return w
}

// stores are expensive to make, so that all worlds of the test share them, emptied.
var (
	simStores [simNodes]*keyspace.Store
	simSinks  [simNodes]simSink
)

// simSink hands the commits of a store to the node that has it at present.
type simSink struct{ n *simNode }

func (s *simSink) Commit(slot slots.Slot, ops []keyspace.Op) {
	if s.n == nil {
		return
	}
	s.n.deletions.Commit(slot, ops)
	if _, open := s.n.migrating[slot]; !open || s.n.w.clients || s.n.w.left == nil || s.n.index != simSource {
		return
	}
	for _, op := range ops {
		if op.Kind == keyspace.OpDelete {
			s.n.w.left[string(op.Key)] = slot
		}
	}
}

func borrowStore(i int) *keyspace.Store {
	if simStores[i] == nil {
		simStores[i] = keyspace.New(keyspace.Config{Sink: &simSinks[i],
			Now: func() time.Time { return time.UnixMilli(1e12) }})
	}
	simSinks[i].n = nil
	for slot := range slots.Slot(simSlots + 2) {
		simStores[i].Drop(slot)
		simStores[i].Update(slot, func(tx *keyspace.Tx) error {
			for _, key := range tx.StagedKeys() {
				tx.Unstage(key)
			}
			return nil
		})
	}
	return simStores[i]
}

func (w *world) logf(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf(format, args...))
}

// tracef logs what only a replay of one seed shows.
func (w *world) tracef(format string, args ...any) {
	if w.verbose {
		w.logf("%s "+format, append([]any{w.now.Format("05.000")}, args...)...)
	}
}

func (w *world) node(id slots.NodeID) *simNode { return w.nodes[id[0]-'A'] }

func sortedJobs(m map[JobID]Job) []JobID {
	var ids []JobID
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b JobID) int { return int(a[0]) - int(b[0]) })
	return ids
}

func clone(m map[slots.Slot]slots.NodeID) map[slots.Slot]slots.NodeID {
	c := make(map[slots.Slot]slots.NodeID, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// after returns an epoch greater than e that no other node takes: collisions are gossip's
// to resolve (docs/spec.md §4.4), and rare.
func after(e uint64, n *simNode) uint64 { return (e/simNodes+1)*simNodes + uint64(n.index) }

func (w *world) fail(format string, args ...any) {
	w.trouble += fmt.Sprintf(format, args...) + "\n"
}
