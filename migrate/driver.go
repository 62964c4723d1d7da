package migrate

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Node is what migrations need of the node they run in.
type Node interface {
	// Map returns the cluster as the node sees it now.
	Map() *slots.Map
	// SetSlots changes the state of all slots in set. When it returns nil, the change is
	// durable and in force: no transaction acts on the old state any more. Migrating and
	// Importing have reached the node's replicas by then. Assign to this node itself also
	// gives it the greatest config epoch and tells everybody (docs/spec.md §8.2). After an
	// error some slots may have changed; the same will be asked again.
	SetSlots(ctx context.Context, set slots.Set, action Action, peer slots.NodeID) error
	// Dial opens a connection that ends at the other node's Driver.Accept.
	Dial(ctx context.Context, node slots.NodeID) (net.Conn, error)
}

// DriverConfig says what a Driver works with. Node, Engine and Disk are needed.
type DriverConfig struct {
	Node   Node
	Engine Engine
	Disk   storage.Disk
	// File is the journal's name on Disk. Default "migrations.journal".
	File string
	// Promises are what writers of this node were told. Default: nothing.
	Promises Promises
	// Replicas are those that have to hold what was imported before it counts as arrived.
	// Default: none.
	Replicas Replicas
	// OnJournal receives the journal whenever it changes: what a promoted replica needs for
	// Resume. It must not block.
	OnJournal func(journal []byte)
	// OnProgress is called about ten times a second for each job that goes on, and at its
	// end. It must not block.
	OnProgress func(Status)
	// Logger receives what happens. Default: silence.
	Logger hclog.Logger
	// OnPanic is called if a goroutine of the Driver panics. It must not wait for Close.
	// Default: the panic ends the program.
	OnPanic func(error)
}

// Driver runs the migrations of a node, outgoing and incoming. It is safe for
// concurrent use.
//
// Its goroutines: one that looks after the slots in the registry; for each job one that
// owns the job's core, one that carries out its changes of slots, and while connected a
// reader and a writer; for each accepted connection a reader, a writer and one for
// changes of slots. Close ends them all.
type Driver struct {
	cfg  DriverConfig
	log  hclog.Logger
	stop context.CancelFunc
	ctx  context.Context // ends with Close
	wg   sync.WaitGroup

	deletions deletions
	hellos    *helloSaves

	saving  sync.Mutex            // held while the journal is written; before mu
	unsaved atomic.Pointer[error] // of the last attempt

	mu       sync.Mutex // guards all below; not held while anything waits
	closed   bool
	jobs     map[JobID]*runner
	finished []Status // the latest, oldest first
	registry *registry
	sessions map[*session]struct{}
}

const (
	defaultJournal  = "migrations.journal"
	keepFinished    = 64 // jobs that List still shows when they are over
	strayCheckEvery = time.Second
)

// ErrClosed says that the driver is closed.
var ErrClosed = errors.New("migrate: the node is shutting down")

// NewDriver reads the journal. A damaged one is an error, and is left as it is.
func NewDriver(cfg DriverConfig) (*Driver, error) {
	if cfg.File == "" {
		cfg.File = defaultJournal
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Promises == nil {
		cfg.Promises = alone{}
	}
	if cfg.Replicas == nil {
		cfg.Replicas = alone{}
	}
	d := &Driver{cfg: cfg, log: cfg.Logger, registry: newRegistry(), jobs: make(map[JobID]*runner),
		sessions: make(map[*session]struct{}), hellos: newHelloSaves()}
	d.ctx, d.stop = context.WithCancel(context.Background())
	file, err := storage.ReadFile(cfg.Disk, cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	jobs, derr := []Job(nil), err
	if err == nil {
		jobs, derr = DecodeJournal(file)
	}
	if derr != nil {
		return nil, fmt.Errorf("migrate: reading %s: %w; restore it from a backup, or remove it and close open slots "+
			"by hand", cfg.File, derr)
	}
	for _, job := range jobs {
		d.registry.add(job, time.Now())
	}
	return d, nil
}

// Start goes on with the jobs of the journal. Call it when the node has a map and
// other nodes can be reached.
func (d *Driver) Start() {
	m := d.cfg.Node.Map()
	journal := d.journal()
	for i := range journal {
		d.dropDelivered(m, &journal[i], journal)
	}
	d.spawn(d.returnStrays)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, job := range journal {
		if job.Source == m.Self().ID && job.Kind == KindMove && job.unfinished(m) {
			d.runLocked(job)
		}
	}
}

// Resume goes on with the jobs of the master former, whose place this node, its replica
// until now, has taken. Call it when this node's map shows it as a master.
func (d *Driver) Resume(journal []byte, former slots.NodeID) error {
	jobs, err := DecodeJournal(journal)
	if err != nil {
		return fmt.Errorf("migrate: the journal of the former master: %w", err)
	}
	m := d.cfg.Node.Map()
	self := m.Self().ID
	for i := range jobs {
		switch job := &jobs[i]; former {
		case job.Source:
			job.Source = self
		case job.Target:
			job.Target = self
		}
	}
	for i := range jobs {
		d.dropDelivered(m, &jobs[i], jobs)
	}
	d.mu.Lock()
	for _, job := range jobs {
		if d.registry.records[job.ID] != nil {
			continue
		}
		switch {
		case job.Source == self:
			for _, r := range d.jobs {
				job.Slots.Subtract(&r.job.Slots) // see adopt
			}
			d.registry.add(job, time.Now())
			d.runLocked(job)
		case job.Target == self:
			d.registry.add(job, time.Now())
		}
	}
	d.mu.Unlock()
	return d.saveJournal()
}

// Move starts a job that hands slots of this node, and their keys, to another master. It
// returns once the job is durable; see Wait and Status.
func (d *Driver) Move(set slots.Set, target slots.NodeID) (JobID, error) {
	job := Job{Kind: KindMove, Slots: set, Target: target, Created: time.Now()}
	crand.Read(job.ID[:]) // never fails
	if err := d.admit(&job); err != nil {
		return JobID{}, err
	}
	if err := d.saveJournal(); err != nil {
		d.mu.Lock()
		delete(d.registry.records, job.ID)
		d.mu.Unlock()
		return JobID{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return JobID{}, ErrClosed
	}
	d.runLocked(job)
	return job.ID, nil
}

// admit checks a new job and enters it.
func (d *Driver) admit(job *Job) error {
	m := d.cfg.Node.Map()
	job.Source = m.Self().ID
	target := m.Node(job.Target)
	switch {
	case !m.Self().IsMaster():
		return errors.New("ERR Please use SETSLOT only with masters.")
	case job.Slots.Empty():
		return errors.New("migrate: no slots to move")
	case target == nil:
		return fmt.Errorf("ERR I don't know about node %s", job.Target)
	case job.Target == job.Source:
		return errors.New("migrate: the target is this node itself")
	case !target.IsMaster():
		return fmt.Errorf("migrate: target node %s is a replica; name its master %s", job.Target, target.Master)
	}
	for slot := range job.Slots.All() {
		if !m.IsMine(slot) {
			return fmt.Errorf("ERR I'm not the owner of hash slot %d", slot)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrClosed
	}
	for id, r := range d.jobs {
		common := r.job.Slots
		common.Intersect(&job.Slots)
		if r.job.Kind == KindMove && !common.Empty() {
			return fmt.Errorf("migrate: slots %s are in job %s already; cancel it or wait", common, id)
		}
	}
	d.registry.add(*job, time.Now())
	return nil
}

// runLocked starts the goroutines of a job.
func (d *Driver) runLocked(job Job) *runner {
	r := newRunner(d, job)
	d.jobs[job.ID] = r
	d.registry.live(job.ID, true, time.Now())
	d.spawn(r.run)
	return r
}

// Committed tells of a commit of the node's store, in which a key that a job has brought
// here may have been deleted. Call it from the store's Sink. It does not block.
func (d *Driver) Committed(slot slots.Slot, ops []keyspace.Op) {
	if !d.deletions.commit(slot, ops) {
		d.log.Warn("so many keys have been deleted in slots that come here that no more can be remembered: those that " +
			"the source finds again, should it be restarted now, come back")
	}
}

// MapChanged tells that the node has a new map. It does not block.
func (d *Driver) MapChanged() {
	m := d.cfg.Node.Map()
	d.deletions.end(func(slot slots.Slot) bool { _, open := m.Importing(slot); return !open })
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.jobs {
		r.wakeUp()
	}
}

// Claimed returns the slots whose keys, should this node lose the slot, are not to be
// deleted: the driver brings them to the new owner.
func (d *Driver) Claimed() slots.Set {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.registry.set()
}

// guarded returns f, whose panics are DriverConfig.OnPanic's.
func (d *Driver) guarded(f func()) func() {
	return func() {
		defer guard.Recover("migrate", d.cfg.OnPanic)
		f()
	}
}

// spawn runs f on a goroutine that Close waits for.
func (d *Driver) spawn(f func()) { d.wg.Go(d.guarded(f)) }

// Close ends all connections and goroutines. Jobs stay in the journal and go on after the
// next Start. Closing again does nothing.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	for s := range d.sessions {
		s.conn.conn.Close()
	}
	d.mu.Unlock()
	d.stop()
	d.wg.Wait()
	return nil
}
