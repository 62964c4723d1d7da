package member

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Config tells a Member what the core may not touch itself.
type Config struct {
	// Core is the core's own configuration. A nil Rand is seeded by the system.
	Core gossip.Config
	// Disk keeps the state file. Default: memory.
	Disk storage.Disk
	// File is its name. Default "nodes.conf".
	File string
	// Dial connects to the member at addr.Bus(). If a host lets other services share the
	// port, Dial writes what tells them apart, and the host reads it before Accept. Required.
	Dial func(ctx context.Context, addr slots.Addr) (net.Conn, error)
	// Logger hears about everything that happens; nil is silent.
	Logger hclog.Logger
	// OnOutput is called on the loop's goroutine, after the state was saved, with the new
	// map (nil if unchanged) and what happened. A map that only takes slots away from this
	// node comes before that. It must not block, and must not call the Member, except for
	// Map.
	OnOutput func(m *slots.Map, events []gossip.Event)
	// OnPanic is called if a goroutine of the Member panics, whether by a bug of its own or
	// of OnOutput; it must not wait for Close. The Member has ended then, without telling
	// its peers: Do returns ErrClosed. Its state is what was saved last, which lacks nothing
	// that was promised. Default: the panic ends the program.
	OnPanic func(error)
}

// Member runs a [gossip.Core]: it owns the clock, the connections and the state file. One
// goroutine owns the core, so that messages, commands and ticks have one order. Each
// connection has a goroutine that reads, and one that writes while there is something to
// write.
//
// If the state cannot be saved, the node falls silent: what it would send may rely on
// promises that a crash would undo. It tries again with every tick; its peers suspect it
// meanwhile, as they should.
type Member struct {
	cfg    Config
	log    hclog.Logger
	core   *gossip.Core // used by the loop alone between Start and done
	inputs chan func(now time.Time)
	stop   chan struct{}
	done   chan struct{} // closed when the loop has ended
	broken atomic.Bool   // … by a panic
	ctx    context.Context
	cancel context.CancelFunc

	current     atomic.Pointer[slots.Map]
	cluster     atomic.Pointer[gossip.ClusterID]
	incarnation atomic.Uint64
	data        atomic.Pointer[gossip.Data]
	lastLink    atomic.Uint64
	// catchingUp is set while a manual failover waits for the offset to grow.
	catchingUp atomic.Bool
	bytes      struct{ sent, received atomic.Uint64 }
	links      atomic.Int64 // connections that are served

	mu      sync.Mutex // guards started and closed
	started bool
	closed  bool
	wg      sync.WaitGroup // the loop, and a goroutine for each connection or dial

	// The loop's own.
	conns   map[gossip.LinkID]*peerConn
	waiting []answer       // commands whose effect is not carried out yet
	events  []gossip.Event // not reported yet, because a save failed
	slotLog slotLog
	saveErr error
	retryAt time.Time
}

// ErrClosed is returned by a Member that is closed.
var ErrClosed = errors.New("gossip: closed")

const (
	inputQueue = 256
	// batch is how many inputs are taken before their effects are carried out together;
	// under load that saves messages and saves.
	batch = 256
)

// New loads the state file and makes the node, without starting it. A missing file means
// a new node; a damaged one is an error that names it, and is left as it is.
func New(cfg Config) (*Member, error) {
	if cfg.Dial == nil {
		return nil, errors.New("gossip/member: Config.Dial is nil; give a function that opens bus connections")
	}
	if cfg.Disk == nil {
		cfg.Disk = &storage.Memory{}
	}
	if cfg.File == "" {
		cfg.File = "nodes.conf"
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Core.Rand == nil {
		cfg.Core.Rand = newRand()
	}
	st, err := loadState(cfg.Disk, cfg.File)
	if err != nil {
		return nil, err
	}
	core, err := gossip.NewCore(cfg.Core, st, time.Now())
	if err != nil {
		return nil, err
	}
	m := &Member{
		cfg: cfg, log: cfg.Logger, core: core,
		inputs: make(chan func(time.Time), inputQueue),
		stop:   make(chan struct{}), done: make(chan struct{}),
		conns: make(map[gossip.LinkID]*peerConn),
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.cluster.Store(&gossip.ClusterID{})
	m.data.Store(&cfg.Core.Data)
	m.carryOut(time.Now()) // saves the new incarnation, makes the first map
	if m.saveErr != nil {
		m.cancel()
		return nil, fmt.Errorf("gossip: the state file %s cannot be written: %w", cfg.File, m.saveErr)
	}
	return m, nil
}

// newRand returns a source of randomness that the operating system has seeded.
func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:]) // never fails
	return rand.New(rand.NewChaCha8(seed))
}

// Start begins to run; it returns at once.
func (m *Member) Start() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.started || m.closed {
		return
	}
	m.started = true
	m.wg.Go(m.run)
}

// Close ends the node's part in the gossip: connections are closed, what was not saved
// yet is, and no goroutine is left when it returns. Closing again does nothing.
func (m *Member) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.stop)
		m.cancel()
		if !m.started {
			close(m.done)
		}
	}
	m.mu.Unlock()
	m.wg.Wait()
	return nil
}

// spawn runs f in a goroutine that Close waits for; false if it is too late for that.
func (m *Member) spawn(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.wg.Go(func() {
		defer guard.Recover("gossip", m.cfg.OnPanic)
		f()
	})
	return true
}

// run is the loop. A panic may leave the core inconsistent: it is not used any more, and
// nothing of it is saved.
func (m *Member) run() {
	defer guard.Recover("gossip", m.cfg.OnPanic)
	defer close(m.done)
	whole := false
	defer func() {
		if !whole {
			m.broken.Store(true)
			m.cancel() // closes the connections
		}
	}()
	ticker := time.NewTicker(gossip.TickEvery)
	defer ticker.Stop()
	for {
		select {
		case in := <-m.inputs:
			m.receive(in)
		case now := <-ticker.C:
			m.core.Tick(now)
		case <-m.stop:
			m.shutDown()
			whole = true
			return
		}
		m.carryOut(time.Now())
	}
}

// receive passes on an input to the core, and those that wait behind it.
func (m *Member) receive(in func(time.Time)) {
	m.core.SetData(*m.data.Load())
	in(time.Now())
	for range batch - 1 {
		select {
		case in := <-m.inputs:
			in(time.Now())
		default:
			return
		}
	}
}

func (m *Member) shutDown() {
	m.slotLog.flush(m.log, time.Now().Add(slotLogEvery)) // whatever there is
	for _, c := range m.conns {
		c.close()
	}
	if m.core.Unsaved() {
		if err := storage.WriteFile(m.cfg.Disk, m.cfg.File, gossip.EncodeState(m.core.State())); err != nil {
			m.log.Error("the last state could not be saved", "file", m.cfg.File, "error", err)
		}
	}
	m.answerWaiting(ErrClosed)
}

// input hands f to the loop; false if that has ended, or is about to.
func (m *Member) input(f func(now time.Time)) bool {
	select {
	case m.inputs <- f:
		return true
	case <-m.stop:
	case <-m.done:
	}
	return false
}

type answer struct {
	to  chan<- error
	err error
}

// Do carries out a command. When it returns nil, the effect is durable and visible in
// Map. An error of the core says why it refused; ErrClosed that it is too late; any other
// that the effect could not be saved yet, so that a crash may undo it.
func (m *Member) Do(ctx context.Context, cmd gossip.Command) error {
	done := make(chan error, 1)
	ok := m.input(func(now time.Time) {
		m.waiting = append(m.waiting, answer{done, m.core.Do(now, cmd)})
	})
	if !ok {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-m.done:
		select {
		case err := <-done:
			return err
		default:
			return ErrClosed
		}
	}
}

func (m *Member) answerWaiting(err error) {
	for _, a := range m.waiting {
		if a.err == nil {
			a.err = err
		}
		a.to <- a.err
	}
	m.waiting = m.waiting[:0]
}

// SetData tells the peers, with the next heartbeats, how far this node's data is. It
// never blocks, and costs next to nothing: call it as often as the data moves.
func (m *Member) SetData(data gossip.Data) {
	m.data.Store(&data)
	if m.catchingUp.Load() { // a manual failover waits for just that
		select {
		case m.inputs <- func(time.Time) {}:
		default: // the loop is awake anyway
		}
	}
}

// SetDataTime says when this replica last heard its master's data (docs/spec.md §6.2).
func (m *Member) SetDataTime(t time.Time) {
	m.input(func(time.Time) { m.core.SetDataTime(t) })
}
