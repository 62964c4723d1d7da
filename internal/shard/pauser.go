package shard

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/engine"
)

// pauseOrders is room for orders while a pause waits for running writes.
const pauseOrders = 16

// ackTimeout is long for an acknowledgement, and short for a client that waits meanwhile.
const ackTimeout = 30 * time.Millisecond

// Pauser carries out, in their order, the pauses that manual failovers ask of this master
// (docs/spec.md §6.7). It has a goroutine of its own because a pause waits for running
// writes.
type Pauser struct {
	cfg    PauserConfig
	orders chan gossip.Event // WritesPaused or WritesResumed
	pause  *engine.Pause
}

// PauserConfig is what a Pauser needs of the node.
type PauserConfig struct {
	Engine *engine.Engine
	Stream Stream
	Do     func(ctx context.Context, cmd gossip.Command) error
	Life   context.Context // ends when the node closes
	Logger hclog.Logger
}

// Stream is the replication stream of a master, as far as a pause needs it.
type Stream interface {
	Replicas
	Quiesce(on bool)
	Offset() int64
}

// NewPauser returns a Pauser that does nothing before Run.
func NewPauser(cfg PauserConfig) *Pauser {
	return &Pauser{cfg: cfg, orders: make(chan gossip.Event, pauseOrders)}
}

// Order passes on a gossip.WritesPaused or gossip.WritesResumed. It never waits: if too
// many wait already, the pause ends by its own time.
func (p *Pauser) Order(e gossip.Event) {
	select {
	case p.orders <- e:
	default:
	}
}

// Run carries out orders until the node closes. A pause that is in force then stays until
// Close.
func (p *Pauser) Run() {
	for {
		select {
		case order := <-p.orders:
			p.obey(order)
		case <-p.cfg.Life.Done():
			return
		}
	}
}

// Close ends the pause when nothing can write any more; Run has returned.
func (p *Pauser) Close() { p.resume() }

func (p *Pauser) obey(order gossip.Event) {
	p.resume()
	paused, ok := order.(gossip.WritesPaused)
	if !ok {
		return
	}
	p.cfg.Stream.Quiesce(true)
	p.pause = p.cfg.Engine.PauseWrites(time.Until(paused.Until))
	// Nothing is being written any more, so this is where the data ends. Clients that wait
	// for replicas get their answer now, while this node is a master.
	p.awaitAcks()
	err := p.cfg.Do(p.cfg.Life, gossip.ConfirmPause{Offset: uint64(p.cfg.Stream.Offset())})
	if err != nil {
		p.cfg.Logger.Warn("a manual failover found this master changed", "error", err)
	}
}

// awaitAcks waits a moment until the replicas have acknowledged everything. The pause goes
// on without those that do not.
func (p *Pauser) awaitAcks() {
	ctx, cancel := context.WithTimeout(p.cfg.Life, ackTimeout)
	defer cancel()
	s := p.cfg.Stream
	_, _ = s.WaitAcked(ctx, s.Mark(s.Term()), s.GoodReplicas(time.Second))
}

func (p *Pauser) resume() {
	if p.pause != nil {
		p.pause.Resume()
		p.pause = nil
		p.cfg.Stream.Quiesce(false)
	}
}
