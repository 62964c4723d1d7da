package migrator

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
	"github.com/slotmesh/slotmesh/internal/repeat"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/migrate"
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
	// gives it the greatest config epoch and tells all nodes (docs/spec.md §8.2). After an
	// error some slots may have changed; the same will be asked again.
	SetSlots(ctx context.Context, set slots.Set, action migrate.Action, peer slots.NodeID) error
	// Dial opens a connection that ends at the other node's Migrator.Accept.
	Dial(ctx context.Context, node slots.NodeID) (net.Conn, error)
}

// Config says what a Migrator works with. Node, Engine and Disk are needed.
type Config struct {
	Node   Node
	Engine migrate.Engine
	Disk   storage.Disk
	// File is the journal's name on Disk. Default "migrations.journal".
	File string
	// Promises are what writers of this node were told. Default: nothing.
	Promises migrate.Promises
	// Replicas are those that have to hold what was imported before it counts as arrived.
	// Default: none.
	Replicas Replicas
	// OnJournal receives the journal whenever it changes: what a promoted replica needs for
	// Resume. It must not block.
	OnJournal func(journal []byte)
	// OnProgress is called about ten times a second for each job that goes on, and at its
	// end. It must not block.
	OnProgress func(migrate.Status)
	// Logger receives what happens. Default: silence.
	Logger hclog.Logger
	// OnPanic is called if a goroutine of the Migrator panics. It must not wait for Close.
	// Default: the panic ends the program.
	OnPanic func(error)
}

// Migrator runs the migrations of a node, outgoing and incoming. It is safe for
// concurrent use.
//
// Its goroutines: one that looks after the slots in the registry; for each job one that
// owns the job's core, one that carries out its changes of slots, and while connected a
// reader and a writer; for each accepted connection a reader, a writer and one for
// changes of slots. Close ends them all.
type Migrator struct {
	cfg  Config
	log  hclog.Logger
	stop context.CancelFunc
	ctx  context.Context // ends with Close
	wg   sync.WaitGroup

	deletions deletions
	staging   *migrate.Staging
	refused   repeat.Limit // sources, for the log
	hellos    *helloSaves

	saving  sync.Mutex            // held while the journal is written; before mu
	unsaved atomic.Pointer[error] // of the last attempt

	mu       sync.Mutex // guards all below; not held while anything waits
	closed   bool
	jobs     map[migrate.JobID]*runner
	finished []migrate.Status // the latest, oldest first
	registry *migrate.Registry
	sessions map[*session]struct{}
}

const (
	defaultJournal  = "migrations.journal"
	keepFinished    = 64 // jobs that List still shows when they are over
	strayCheckEvery = time.Second
)

// ErrClosed says that the Migrator is closed.
var ErrClosed = errors.New("migrate: the node is shutting down")

// New returns a Migrator with the jobs of the journal. A damaged journal is an error, and
// is left as it is.
func New(cfg Config) (*Migrator, error) {
	if cfg.File == "" {
		cfg.File = defaultJournal
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Replicas == nil {
		cfg.Replicas = noReplicas{}
	}
	mg := &Migrator{cfg: cfg, log: cfg.Logger, registry: migrate.NewRegistry(), jobs: make(map[migrate.JobID]*runner),
		sessions: make(map[*session]struct{}), hellos: newHelloSaves(),
		staging: migrate.NewStaging(new(sync.Mutex))}
	mg.ctx, mg.stop = context.WithCancel(context.Background())
	file, err := storage.ReadFile(cfg.Disk, cfg.File)
	if errors.Is(err, fs.ErrNotExist) {
		return mg, nil
	}
	jobs, derr := []migrate.Job(nil), err
	if err == nil {
		jobs, derr = migrate.DecodeJournal(file)
	}
	if derr != nil {
		return nil, fmt.Errorf("migrate: reading %s: %w; restore it from a backup, or remove it and close open slots "+
			"by hand", cfg.File, derr)
	}
	for _, job := range jobs {
		mg.registry.Add(job, time.Now())
	}
	return mg, nil
}

// Start goes on with the jobs of the journal. Call it when the node has a map and
// other nodes can be reached.
func (mg *Migrator) Start() {
	m := mg.cfg.Node.Map()
	journal := mg.journal()
	for i := range journal {
		mg.dropOldCopies(m, &journal[i], journal)
	}
	mg.spawn(mg.returnStrays)
	mg.mu.Lock()
	defer mg.mu.Unlock()
	for _, job := range migrate.Resumable(journal, m) {
		mg.runLocked(job)
	}
}

// Resume goes on with the jobs of the master former, whose place this node, its replica
// until now, has taken. Call it when this node's map shows it as a master.
func (mg *Migrator) Resume(journal []byte, former slots.NodeID) error {
	jobs, err := migrate.DecodeJournal(journal)
	if err != nil {
		return fmt.Errorf("migrate: the journal of the former master: %w", err)
	}
	m := mg.cfg.Node.Map()
	self := m.Self().ID
	migrate.Succeed(jobs, former, self)
	for i := range jobs {
		mg.dropOldCopies(m, &jobs[i], jobs)
	}
	mg.mu.Lock()
	for _, job := range jobs {
		if _, known := mg.registry.Job(job.ID); !known && (job.Source == self || job.Target == self) {
			mg.registry.Add(job, time.Now())
		}
	}
	for _, job := range migrate.Resumable(jobs, m) {
		if mg.jobs[job.ID] != nil {
			continue
		}
		for _, r := range mg.jobs {
			job.Slots.Subtract(&r.job.Slots) // see adopt
		}
		mg.registry.Remove(job.ID) // it was over for this node, if it was its own before
		mg.registry.Add(job, time.Now())
		mg.runLocked(job)
	}
	mg.mu.Unlock()
	return mg.saveJournal()
}

// Move starts a job that hands slots of this node, and their keys, to another master. It
// returns once the job is durable; see Wait and Status.
func (mg *Migrator) Move(set slots.Set, target slots.NodeID) (migrate.JobID, error) {
	job := migrate.Job{Kind: migrate.KindMove, Slots: set, Target: target}
	crand.Read(job.ID[:]) // never fails
	if err := mg.admit(&job); err != nil {
		return migrate.JobID{}, err
	}
	if err := mg.saveJournal(); err != nil {
		mg.mu.Lock()
		mg.registry.Remove(job.ID)
		mg.mu.Unlock()
		return migrate.JobID{}, err
	}
	mg.mu.Lock()
	defer mg.mu.Unlock()
	if mg.closed {
		return migrate.JobID{}, ErrClosed
	}
	mg.runLocked(job)
	return job.ID, nil
}

// admit checks a new job and enters it.
func (mg *Migrator) admit(job *migrate.Job) error {
	m := mg.cfg.Node.Map()
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
	mg.mu.Lock()
	defer mg.mu.Unlock()
	if mg.closed {
		return ErrClosed
	}
	for id, r := range mg.jobs {
		common := r.job.Slots
		common.Intersect(&job.Slots)
		if r.job.Kind == migrate.KindMove && !common.Empty() {
			return fmt.Errorf("migrate: slots %s are in job %s already; cancel it or wait", common, id)
		}
	}
	job.Created = mg.registry.Later(time.Now())
	mg.registry.Add(*job, time.Now())
	return nil
}

// runLocked starts the goroutines of a job.
func (mg *Migrator) runLocked(job migrate.Job) *runner {
	r := newRunner(mg, job)
	mg.jobs[job.ID] = r
	mg.registry.SetLive(job.ID, true, time.Now())
	mg.spawn(r.run)
	return r
}

// Committed tells of a commit of the node's store, in which a key that a job has brought
// here may have been deleted. Call it from the store's Sink. It does not block.
func (mg *Migrator) Committed(slot slots.Slot, ops []keyspace.Op) {
	if !mg.deletions.commit(slot, ops) {
		mg.log.Warn("so many keys have been deleted in slots that come here that no more can be remembered: those that " +
			"the source finds again, should it be restarted now, come back")
	}
}

// MapChanged tells that the node has a new map. It does not block.
func (mg *Migrator) MapChanged() {
	m := mg.cfg.Node.Map()
	mg.deletions.end(func(slot slots.Slot) bool { _, open := m.Importing(slot); return !open })
	mg.mu.Lock()
	defer mg.mu.Unlock()
	for _, r := range mg.jobs {
		r.wakeUp()
	}
	for s := range mg.sessions {
		if !s.source.IsZero() && m.Node(s.source) == nil { // forgotten
			s.conn.conn.Close()
		}
	}
}

// Claimed returns the slots whose keys the node must not delete if it loses the slot: the
// Migrator brings them to the new owner.
func (mg *Migrator) Claimed() slots.Set {
	mg.mu.Lock()
	defer mg.mu.Unlock()
	return mg.registry.Slots()
}

// guarded returns f with its panics handed to Config.OnPanic.
func (mg *Migrator) guarded(f func()) func() {
	return func() {
		defer guard.Recover("migrate", mg.cfg.OnPanic)
		f()
	}
}

// spawn runs f on a goroutine that Close waits for.
func (mg *Migrator) spawn(f func()) { mg.wg.Go(mg.guarded(f)) }

// Close ends all connections and goroutines. Jobs stay in the journal and go on after the
// next Start. Closing again does nothing.
func (mg *Migrator) Close() error {
	mg.mu.Lock()
	mg.closed = true
	for s := range mg.sessions {
		s.conn.conn.Close()
	}
	mg.mu.Unlock()
	mg.stop()
	mg.wg.Wait()
	return nil
}
