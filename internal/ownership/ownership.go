package ownership

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// Config is what Slots needs of the node. All fields but Hooks are required.
type Config struct {
	Map      func() *slots.Map                                   // in force
	Do       func(ctx context.Context, cmd gossip.Command) error // returns when the change is durable and in force
	Metadata Metadata
	Store    *keyspace.Store
	Replicas Replicas
	Claimed  func() slots.Set // slots whose keys a migration looks after
	Hooks    Hooks
	Preparer Preparer

	Life   context.Context // ends when the node closes
	Go     func(fn func()) // runs fn on a goroutine that the node's Close waits for
	Logger hclog.Logger
}

// Metadata is the metadata of the replication stream.
type Metadata interface {
	PutMetadata(name string, data []byte) (offset int64, err error)
	Metadata() map[string][]byte
}

// Replicas is what changes of slots need to know of this node's replicas.
type Replicas interface {
	// MostPromised returns the greatest number of replicas that were promised to hold the
	// keys of a slot of set.
	MostPromised(set *slots.Set) int
	// OpenDepartures forgets earlier departures of keys from slots of set.
	OpenDepartures(set *slots.Set)
	// Know returns when each replica in good standing, and least of them at least, hold
	// the stream up to now.
	Know(ctx context.Context, least int) error
}

// Slots are the slots of a node in a cluster. It is safe for concurrent use.
type Slots struct {
	cfg Config
	log hclog.Logger

	opening opening
	lost    lost
	vacated vacated
	calls   *hookCalls
}

// New returns the slots of a node whose map is not in force yet.
func New(cfg Config) *Slots {
	return &Slots{cfg: cfg, log: cfg.Logger, calls: newHookCalls(cfg.Life, cfg.Hooks, cfg.Preparer)}
}

// Prepare is called before map m takes the place of old: a command that sees m finds the
// slots that the host prepares first, and those that just lost their owner. FindLost must
// follow, unless old is nil.
func (s *Slots) Prepare(old, m *slots.Map) {
	if old != nil {
		s.lost.find(s.cfg.Claimed())
	}
	s.calls.prepare(old, m)
	s.vacated.record(old, m, time.Now())
}

// Notify is called when map m has taken the place of old: it tells the host which slots
// begin to leave and which are lost.
func (s *Slots) Notify(old, m *slots.Map) { s.calls.notify(old, m) }

// Close waits until the host's hooks have returned. Nothing may be called any more.
func (s *Slots) Close() { s.calls.wait() }
