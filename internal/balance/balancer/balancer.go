package balancer

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/balance"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/repeat"
	"github.com/slotmesh/slotmesh/migrate"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Call is the name under which members call each other's Answer.
const Call = "slotmesh:balance"

// Node carries out steps.
type Node interface {
	MigrateSlots(ctx context.Context, set slots.Set, target slots.NodeID) (migrate.JobID, error)
	Migrations() []migrate.Status
	Replicate(ctx context.Context, master slots.NodeID) error
	AddSlots(ctx context.Context, set slots.Set) error
}

// Config says what a Balancer works with. Map, Call, Node and Disk are needed.
type Config struct {
	// Map returns the cluster as the node sees it now; Changed is closed with its next change.
	Map     func() *slots.Map
	Changed func() <-chan struct{}
	// Call has another member's Answer answer a request.
	Call func(ctx context.Context, to *slots.Node, request []byte) (answer []byte, err error)
	Node Node
	// Keys and Bytes return what a slot of this node has, for Balance.Load.
	Keys  func(slots.Slot) int
	Bytes func(slots.Slot) int64
	// Off makes a node that votes, reports and carries out orders, but never asks for the
	// lease.
	Off     bool
	Balance balance.Config
	Disk    storage.Disk
	// File keeps the pause. Default "balance.state".
	File   string
	Logger hclog.Logger
	// OnEvent receives a balance.Planned, balance.Ordered or balance.PauseChanged. It must not
	// block.
	OnEvent func(event any)
	OnPanic func(error)
}

const (
	defaultFile = "balance.state"
	callTimeout = 2 * time.Second
	// idleTick is how often a node looks whether there is work, busyTick how often the
	// coordinator asks and orders.
	idleTick = time.Second
	busyTick = 500 * time.Millisecond
)

// Balancer is safe for concurrent use.
type Balancer struct {
	cfg     Config
	log     hclog.Logger
	refused repeat.Limit // steps, for the log

	wake chan struct{} // the pause has changed

	saving sync.Mutex // held while the pause is written; before mu

	mu    sync.Mutex // guards core and told; not held while anything waits
	core  *balance.Coordinator
	told  []balance.Step // the plan of the latest event
	saved balance.Pause  // on the disk
}

// New returns a Balancer that knows of the pause on the disk. A damaged file is an error,
// and is left as it is.
func New(cfg Config) (*Balancer, error) {
	if cfg.File == "" {
		cfg.File = defaultFile
	}
	var pause balance.Pause
	data, err := storage.ReadFile(cfg.Disk, cfg.File)
	if err == nil {
		pause, err = balance.DecodePause(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("balance: file %s: %w", cfg.File, err)
	}
	b := &Balancer{cfg: cfg, log: cfg.Logger, saved: pause, wake: make(chan struct{}, 1)}
	b.core = balance.NewCoordinator(cfg.Balance, pause, time.Now())
	return b, nil
}

// Run works until ctx ends.
func (b *Balancer) Run(ctx context.Context) {
	defer guard.Recover("balance", b.cfg.OnPanic)
	if b.cfg.Off {
		return
	}
	timer := time.NewTimer(idleTick)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if b.round(ctx) {
			timer.Reset(busyTick)
			continue
		}
		b.awaitChange(ctx)
		timer.Reset(idleTick)
	}
}

// awaitChange returns when there may be something to do.
func (b *Balancer) awaitChange(ctx context.Context) {
	changed := b.cfg.Changed()
	b.mu.Lock()
	pause := b.core.Quiet(b.cfg.Map(), time.Now())
	b.mu.Unlock()
	if pause <= idleTick {
		return
	}
	timer := time.NewTimer(pause - idleTick)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-changed:
	case <-b.wake:
	}
}

// round does what there is to do now, and reports whether this node is the coordinator.
func (b *Balancer) round(ctx context.Context) (coordinates bool) {
	m, now := b.cfg.Map(), time.Now()
	b.mu.Lock()
	b.core.Observe(m, now)
	if !b.core.Wants(m, now) {
		if !b.core.Releases() {
			b.mu.Unlock()
			return false
		}
		ask := b.core.Release(m)
		b.told = nil
		b.mu.Unlock()
		b.ask(ctx, m, &ask)
		return false
	}
	ask := b.core.Request(m, now)
	b.mu.Unlock()
	answers := b.ask(ctx, m, &ask)
	b.mu.Lock()
	for id, answer := range answers {
		b.core.OnAnswer(m, id, &ask, &answer, now)
	}
	steps := b.core.Steps(b.cfg.Map(), time.Now())
	coordinates = b.core.Held(b.cfg.Map(), time.Now())
	b.mu.Unlock()
	if err := b.keepPause(); err != nil {
		return coordinates // it may be paused: what is not saved is not in force
	}
	if coordinates {
		b.tell(ask.Term)
		b.order(ctx, ask.Term, steps)
	}
	return coordinates
}

// ask sends a request to all members that answer, this one included, and returns their
// answers.
func (b *Balancer) ask(ctx context.Context, m *slots.Map, a *balance.Ask) map[slots.NodeID]balance.Answer {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request := a.Append(nil)
	answers := make(map[slots.NodeID]balance.Answer)
	var mu sync.Mutex // guards answers
	var wg sync.WaitGroup
	for i := range m.Nodes() {
		n := &m.Nodes()[i]
		if n.Health != slots.Online {
			continue
		}
		wg.Go(func() {
			defer guard.Recover("balance", b.cfg.OnPanic)
			reply, err := b.call(ctx, m, n, request)
			var answer balance.Answer
			if err == nil {
				answer, err = balance.DecodeAnswer(reply)
			}
			if err != nil {
				b.log.Debug("a member did not answer", "node", n.ID, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers[n.ID] = answer
		})
	}
	wg.Wait()
	return answers
}

func (b *Balancer) call(ctx context.Context, m *slots.Map, to *slots.Node, request []byte) ([]byte, error) {
	if to.ID == m.Self().ID {
		return b.Answer(ctx, request)
	}
	return b.cfg.Call(ctx, to, request)
}

// tell passes on a plan that is new.
func (b *Balancer) tell(term uint64) {
	b.mu.Lock()
	plan, _ := b.core.Planned()
	news := len(plan) > 0 && !sameSteps(plan, b.told)
	b.told = plan
	b.mu.Unlock()
	if !news {
		return
	}
	for _, s := range plan {
		b.log.Info("plan", "term", term, "step", s)
	}
	b.emit(balance.Planned{Term: term, Steps: plan})
}

// sameSteps reports whether two plans are about the same nodes; how many slots are left to
// move does not matter.
func sameSteps(a, b []balance.Step) bool {
	return slices.EqualFunc(a, b, func(x, y balance.Step) bool {
		return x.Kind == y.Kind && x.Node == y.Node && x.Peer == y.Peer
	})
}

func (b *Balancer) emit(e any) {
	if b.cfg.OnEvent != nil {
		b.cfg.OnEvent(e)
	}
}

// order has members carry out steps, side by side.
func (b *Balancer) order(ctx context.Context, term uint64, steps []balance.Step) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	m := b.cfg.Map()
	var wg sync.WaitGroup
	for _, s := range steps {
		wg.Go(func() {
			defer guard.Recover("balance", b.cfg.OnPanic)
			o := balance.Order{From: m.Self().ID, Term: term, Step: s}
			err := fmt.Errorf("node %s is no member any more", s.Node)
			if n := m.Node(s.Node); n != nil {
				_, err = b.call(ctx, m, n, o.Append(nil))
			}
			if err != nil {
				b.mu.Lock()
				b.core.Refused(&s, time.Now())
				b.mu.Unlock()
				if due, more := b.refused.Due(time.Now(), s.Node.String()+err.Error()); due {
					b.log.Warn("a step was not carried out", "node", s.Node, "step", s, "error", err, "more", more)
				}
			}
			b.emit(balance.Ordered{Term: term, Step: s, Err: err})
		})
	}
	wg.Wait()
}
