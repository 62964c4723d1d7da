package gossip

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// DriverConfig tells a Driver what the core may not touch itself.
type DriverConfig struct {
	// Core is the core's own configuration. A nil Rand is seeded by the system.
	Core Config
	// Disk keeps the state file. Default: memory.
	Disk storage.Disk
	// File is its name. Default "nodes.conf".
	File string
	// Dial opens a gossip connection to addr.Bus(), preamble included. Required.
	Dial func(ctx context.Context, addr slots.Addr) (net.Conn, error)
	// Logger hears about everything that happens; nil is silent.
	Logger hclog.Logger
	// OnOutput is called on the loop's goroutine, after the state was saved, with
	// the new map (nil if unchanged) and what happened. A map that only takes slots
	// away from this node comes before that. It must not block, and must not call the
	// Driver, except for Map.
	OnOutput func(m *slots.Map, events []Event)
	// OnPanic is called if a goroutine of the Driver panics, whether by a bug of its own or
	// of OnOutput; it must not wait for Close. The Driver has ended then, without a word to
	// anybody: Do returns ErrClosed. Its state is what was saved last, which lacks nothing
	// that was promised. Default: the panic ends the program.
	OnPanic func(error)
}

// Driver runs a Core: it owns the clock, the connections and the state file. One
// goroutine owns the core, so that messages, commands and ticks have one order. Each
// connection has a goroutine that reads, and one that writes while there is
// something to write.
//
// If the state cannot be saved, the node falls silent: what it would send may rely on
// promises that a crash would undo. It tries again with every tick; its peers
// suspect it meanwhile, as they should.
type Driver struct {
	cfg    DriverConfig
	log    hclog.Logger
	core   *Core // owned by the loop; by nobody else before Start and after done
	inputs chan func(now time.Time)
	stop   chan struct{}
	done   chan struct{} // closed when the loop has ended
	broken atomic.Bool   // … by a panic
	ctx    context.Context
	cancel context.CancelFunc

	current     atomic.Pointer[slots.Map]
	cluster     atomic.Pointer[ClusterID]
	incarnation atomic.Uint64
	data        atomic.Pointer[Data]
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
	wires   map[LinkID]*wire
	waiting []answer // commands whose effect is not carried out yet
	events  []Event  // not reported yet, because a save failed
	slotLog slotLog
	saveErr error
	retryAt time.Time
}

// ErrClosed is returned by a Driver that is closed.
var ErrClosed = errors.New("gossip: closed")

const (
	tickEvery  = 100 * time.Millisecond
	inputQueue = 256
	// batch is how many inputs are taken before their effects are carried out
	// together; under load that saves messages and saves.
	batch = 256
)

// NewDriver loads the state file and makes the node, without starting it. A missing
// file means a new node; a damaged one is an error that names it, and is left as
// it is.
func NewDriver(cfg DriverConfig) (*Driver, error) {
	if cfg.Dial == nil {
		return nil, errors.New("gossip: DriverConfig.Dial is nil; give a function that opens bus connections")
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
	core, err := NewCore(cfg.Core, st, time.Now())
	if err != nil {
		return nil, err
	}
	d := &Driver{
		cfg: cfg, log: cfg.Logger, core: core,
		inputs: make(chan func(time.Time), inputQueue),
		stop:   make(chan struct{}), done: make(chan struct{}),
		wires: make(map[LinkID]*wire),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.cluster.Store(&ClusterID{})
	d.data.Store(&cfg.Core.Data)
	d.carryOut(time.Now()) // saves the new incarnation, makes the first map
	if d.saveErr != nil {
		d.cancel()
		return nil, fmt.Errorf("gossip: the state file %s cannot be written: %w", cfg.File, d.saveErr)
	}
	return d, nil
}

func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:]) // never fails
	return rand.New(rand.NewChaCha8(seed))
}

func loadState(d storage.Disk, name string) (*State, error) {
	file, err := storage.ReadFile(d, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gossip: reading the state file %s: %w", name, err)
	}
	st, err := DecodeState(file)
	if err != nil {
		return nil, fmt.Errorf("gossip: the state file %s is damaged and was left untouched; restore it from a copy, "+
			"or move it away to start as a new node: %w", name, err)
	}
	return st, nil
}

// Start begins to run; it returns at once.
func (d *Driver) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started || d.closed {
		return
	}
	d.started = true
	d.wg.Go(d.run)
}

// Close ends the node's part in the gossip: connections are closed, what was not saved
// yet is, and no goroutine is left when it returns. Closing again does nothing.
func (d *Driver) Close() error {
	d.mu.Lock()
	if !d.closed {
		d.closed = true
		close(d.stop)
		d.cancel()
		if !d.started {
			close(d.done)
		}
	}
	d.mu.Unlock()
	d.wg.Wait()
	return nil
}

// spawn runs f in a goroutine that Close waits for; false if it is too late for that.
func (d *Driver) spawn(f func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	d.wg.Go(func() {
		defer guard.Recover("gossip", d.cfg.OnPanic)
		f()
	})
	return true
}

// run is the loop. A panic leaves the core as it was in the middle of something: nobody
// looks at it any more, and nothing of it is saved.
func (d *Driver) run() {
	defer guard.Recover("gossip", d.cfg.OnPanic)
	defer close(d.done)
	whole := false
	defer func() {
		if !whole {
			d.broken.Store(true)
			d.cancel() // closes the connections
		}
	}()
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case in := <-d.inputs:
			d.receive(in)
		case now := <-ticker.C:
			d.core.Tick(now)
		case <-d.stop:
			d.shutDown()
			whole = true
			return
		}
		d.carryOut(time.Now())
	}
}

// receive carries in an input, and those that wait behind it.
func (d *Driver) receive(in func(time.Time)) {
	d.core.SetData(*d.data.Load())
	in(time.Now())
	for range batch - 1 {
		select {
		case in := <-d.inputs:
			in(time.Now())
		default:
			return
		}
	}
}

func (d *Driver) shutDown() {
	d.slotLog.flush(d.log, time.Now().Add(slotLogEvery)) // whatever there is
	for _, w := range d.wires {
		w.close()
	}
	if !d.core.lazyDirty.IsZero() || d.core.dirty {
		if err := storage.WriteFile(d.cfg.Disk, d.cfg.File, EncodeState(d.core.State())); err != nil {
			d.log.Error("the last state could not be saved", "file", d.cfg.File, "error", err)
		}
	}
	d.answerWaiting(ErrClosed)
}

// input hands f to the loop; false if that has ended, or is about to.
func (d *Driver) input(f func(now time.Time)) bool {
	select {
	case d.inputs <- f:
		return true
	case <-d.stop:
	case <-d.done:
	}
	return false
}

type answer struct {
	to  chan<- error
	err error
}

// Do carries out a command. When it returns nil, the effect is durable and visible in
// Map. An error of the core says why it refused; ErrClosed that it is too late; any
// other that the effect could not be saved yet, so that a crash may undo it.
func (d *Driver) Do(ctx context.Context, cmd Command) error {
	done := make(chan error, 1)
	ok := d.input(func(now time.Time) {
		d.waiting = append(d.waiting, answer{done, d.core.Do(now, cmd)})
	})
	if !ok {
		return ErrClosed
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-d.done:
		select {
		case err := <-done:
			return err
		default:
			return ErrClosed
		}
	}
}

func (d *Driver) answerWaiting(err error) {
	for _, a := range d.waiting {
		if a.err == nil {
			a.err = err
		}
		a.to <- a.err
	}
	d.waiting = d.waiting[:0]
}

// Map returns the present view.
func (d *Driver) Map() *slots.Map { return d.current.Load() }

// SetData tells the peers, with the next heartbeats, how far this node's data is. It
// never blocks, and costs next to nothing: call it as often as the data moves.
func (d *Driver) SetData(data Data) {
	d.data.Store(&data)
	if d.catchingUp.Load() { // a manual failover waits for just that
		select {
		case d.inputs <- func(time.Time) {}:
		default: // the loop is awake anyway
		}
	}
}

// SetDataTime says when this replica last heard its master's data (docs/spec.md §6.2).
func (d *Driver) SetDataTime(t time.Time) {
	d.input(func(time.Time) { d.core.SetDataTime(t) })
}

// Cluster returns the id of the cluster, zero while nobody has founded one.
func (d *Driver) Cluster() ClusterID { return *d.cluster.Load() }

// Links returns how many connections to peers there are, of both directions.
func (d *Driver) Links() int { return int(d.links.Load()) }

// Incarnation returns the number of this start of the node: it is greater than that of
// any earlier start.
func (d *Driver) Incarnation() uint64 { return d.incarnation.Load() }

// Peers returns what is known of the other nodes beside the Map.
func (d *Driver) Peers() (list []Peer) {
	d.inspect(func() { list = d.core.Peers() })
	return list
}

// MeetErr returns why a Meet that is under way has not succeeded yet, nil if nothing
// speaks against it so far.
func (d *Driver) MeetErr(addr slots.Addr) (err error) {
	d.inspect(func() { err = d.core.MeetErr(addr) })
	return err
}

// Stats returns the message counters.
func (d *Driver) Stats() (st Stats) {
	d.inspect(func() { st = d.core.Stats() })
	st.BytesSent, st.BytesReceived = d.bytes.sent.Load(), d.bytes.received.Load()
	return st
}

// inspect runs f while nothing else touches the core.
func (d *Driver) inspect(f func()) {
	d.mu.Lock()
	if !d.started && !d.closed {
		f()
		d.mu.Unlock()
		return
	}
	d.mu.Unlock()
	done := make(chan struct{})
	if d.input(func(time.Time) { f(); close(done) }) {
		select {
		case <-done:
			return
		case <-d.done:
		}
	}
	<-d.done
	select {
	case <-done: // just made it
	default:
		if !d.broken.Load() {
			f()
		}
	}
}
