// Package follower follows a Redis as its replicas do: it runs links of package follow over
// connections, one after the other, and hands what comes to a Target in order.
//
// A Follower has three goroutines while Run is under way: one dials, reads and waits
// between attempts; one tells the master each second up to which offset the Target has
// everything; and Run's own calls the Target. What has been read and not been carried out
// yet waits in a queue that is bounded in bytes, and survives the connection: a link that
// is lost goes on where reading ended. It all ends with Run.
package follower

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
)

// Target is where the data goes. Its methods are called one at a time, in the order of the
// master's history. What they return ends Run, unless the link was lost meanwhile.
type Target interface {
	// Load takes over the snapshot of a full sync, an RDB file, and forgets what was before.
	// It reads to the end; size is the number of bytes, -1 if it is not known. An error of
	// rdb is to be returned so that errors.Is finds it.
	Load(ctx context.Context, rdb io.Reader, size int64, at follow.Position) error
	// Apply carries out groups of the stream.
	Apply(ctx context.Context, groups []follow.Group) error
}

// Config says which server to follow.
type Config struct {
	Dial   func(ctx context.Context) (net.Conn, error) // with TLS if the master speaks it
	Link   func() follow.Config                        // asked for each connection
	Target Target
	// Timeout is how long a master may be silent, and a connection may take. Default 60 s,
	// as Redis' repl-timeout.
	Timeout time.Duration
	// MaxQueue is how many bytes of the stream wait for the Target at most; the master
	// keeps what does not fit. Default 64 MiB.
	MaxQueue int
	// Changed is told that Status has changed in more than its offsets; nil tells nobody.
	Changed func()
	// Persistent makes Run go on after a refusal that looks final, a wrong password say: a
	// server that follows waits for it to be put right.
	Persistent bool
}

const (
	defaultTimeout  = time.Minute
	defaultMaxQueue = 64 << 20
	ackEvery        = time.Second
	minBackoff      = 100 * time.Millisecond
	maxBackoff      = 5 * time.Second
)

// State is how far a link is.
type State uint8

// The states, with the names that INFO and ROLE have for them.
const (
	Connect    State = iota // waits to dial again
	Connecting              // dials, or shakes hands
	Sync                    // is given a snapshot, or loads it
	Connected               // has the stream
)

// String returns "connect", "connecting", "sync" or "connected".
func (s State) String() string { return [...]string{"connect", "connecting", "sync", "connected"}[s] }

// Status is how far a Follower is.
type Status struct {
	State     State
	Received  follow.Position // up to where the stream was read
	Applied   int64           // up to where the Target has it
	Full      int             // full syncs that have begun
	Partial   int             // links that went on where the last had ended
	Loading   bool            // the Target loads a snapshot, the one at Applied
	SyncSize  int64           // bytes of the snapshot, -1 if not known
	SyncRead  int64           // of these, read
	LastIO    time.Time       // when anything was last heard
	DownSince time.Time       // when the last link was lost; zero while there is one
	Err       error           // why the last link ended
}

// Follower follows one master, until its Run ends.
type Follower struct {
	cfg Config

	mu     sync.Mutex // guards the rest; held for moments only
	status Status
	queue  []item
	queued int           // bytes of the groups in queue
	more   chan struct{} // has a token if queue has grown
	less   chan struct{} // has a token if queue has shrunk
	conn   net.Conn      // the link's, which acknowledgements go to; nil without one

	sending sync.Mutex // held while something is written to conn
}

// item is something for the Target.
type item struct {
	group follow.Group // without commands it says that the stream has come to its End
	load  *load        // a full sync instead
	ack   bool         // the master wants to hear an offset
	err   error        // Run ends with it
}

type load struct {
	at   follow.Position
	size int64
	r    *io.PipeReader
}

// New returns a Follower that begins at a position; with the zero Position by a full sync.
func New(cfg Config, from follow.Position) *Follower {
	cfg.Timeout = cmp.Or(cfg.Timeout, defaultTimeout)
	cfg.MaxQueue = cmp.Or(cfg.MaxQueue, defaultMaxQueue)
	if cfg.Changed == nil {
		cfg.Changed = func() {}
	}
	return &Follower{cfg: cfg, status: Status{Received: from, Applied: from.Offset, DownSince: time.Now()},
		more: make(chan struct{}, 1), less: make(chan struct{}, 1)}
}

// Reset forgets where the last Run ended: the next one begins with a full sync. No Run is
// under way.
func (f *Follower) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queue, f.queued = nil, 0
	f.status.Received, f.status.Applied = follow.Position{}, 0
}

// Status returns how far it is.
func (f *Follower) Status() Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.status
}

// Run follows until ctx ends, the Target fails, or the master refuses for good.
func (f *Follower) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	background.Go(func() { f.receive(ctx) })
	background.Go(func() { f.acknowledge(ctx) })
	for {
		items, err := f.next(ctx)
		if err != nil {
			return err
		}
		if err := f.apply(ctx, items); err != nil {
			return err
		}
	}
}

// next waits for items, and returns all there are.
func (f *Follower) next(ctx context.Context) ([]item, error) {
	for {
		f.mu.Lock()
		items := f.queue
		f.queue, f.queued = nil, 0
		f.mu.Unlock()
		if len(items) > 0 {
			wake(f.less)
			return items, nil
		}
		select {
		case <-f.more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// apply hands items to the Target: groups that follow one another together.
func (f *Follower) apply(ctx context.Context, items []item) error {
	var groups []follow.Group
	flush := func() error {
		if len(groups) == 0 {
			return nil
		}
		if err := f.cfg.Target.Apply(ctx, groups); err != nil {
			return err
		}
		f.change(func(s *Status) { s.Applied = groups[len(groups)-1].End })
		groups = groups[:0]
		return nil
	}
	for _, it := range items {
		if len(it.group.Commands) > 0 {
			groups = append(groups, it.group)
			continue
		}
		if err := flush(); err != nil {
			return err
		}
		switch {
		case it.group.End > 0:
			f.change(func(s *Status) { s.Applied = it.group.End })
			continue
		case it.err != nil:
			return it.err
		case it.ack:
			f.sendAck()
			continue
		}
		if err := f.load(ctx, it.load); err != nil {
			return err
		}
	}
	return flush()
}

// load hands a snapshot to the Target. If the link is lost meanwhile there will be another.
func (f *Follower) load(ctx context.Context, l *load) error {
	f.change(func(s *Status) { s.Loading, s.Applied = true, l.at.Offset })
	f.cfg.Changed()
	err := f.cfg.Target.Load(ctx, l.r, l.size, l.at)
	l.r.CloseWithError(errLoaded)
	f.change(func(s *Status) { s.Loading = false })
	f.cfg.Changed()
	if errors.Is(err, errLost) && ctx.Err() == nil {
		return nil
	}
	return err
}

var (
	errLost   = errors.New("the link was lost in the middle of a snapshot")
	errLoaded = errors.New("the snapshot is not read any more")
)

func (f *Follower) change(fn func(*Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(&f.status)
}
