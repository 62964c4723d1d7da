package founder

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/internal/guard"
	"github.com/slotmesh/slotmesh/internal/repeat"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// Config says what a Founder works with.
type Config struct {
	// Terms are what all nodes agree on. Without a List the node forms nothing, and only
	// answers.
	Terms forming.Terms
	// Discover returns the client addresses of a list that is forming.Discovered.
	Discover func(ctx context.Context) ([]string, error)
	// Lookup returns the addresses of a name.
	Lookup func(ctx context.Context, name string) ([]string, error)

	Disk storage.Disk
	File string // on Disk: what is promised, and the decision

	// BusAddr asks the node at a client address, "host:port", where its bus listens.
	BusAddr func(ctx context.Context, addr string) (slots.Addr, error)
	// Dial opens a connection to the Founder of the node whose bus listens there.
	Dial func(ctx context.Context, addr slots.Addr) (net.Conn, error)

	// Self is what this node says about itself now.
	Self func() forming.Peer
	// Map is the cluster as this node sees it, and Peers are the other nodes as gossip does.
	Map   func() *slots.Map
	Peers func() []gossip.Peer
	// Found, Meet and Follow change the node. Meet returns when the other one is a member.
	Found  func(ctx context.Context, cmd gossip.FoundCluster) error
	Meet   func(ctx context.Context, addr slots.Addr) error
	Follow func(ctx context.Context, master slots.NodeID) error

	Logger hclog.Logger
	// OnForming is told how many nodes are there of how many that found the cluster, and
	// OnFounded that this node is one of the founders.
	OnForming func(have, want int)
	OnFounded func(founders, masters int)
	OnPanic   func(error) // see bus.Config
}

// Founder is one node's part in the forming of its cluster. Its methods may be called by
// several goroutines.
type Founder struct {
	cfg  Config
	log  hclog.Logger
	rand *rand.Rand // the core's

	ctx     context.Context
	cancel  context.CancelFunc
	inputs  chan func(now time.Time)
	wake    chan struct{} // the acting goroutine
	wg      sync.WaitGroup
	repeats repeat.Limit

	// The loop's own.
	core     *forming.Core // nil if the disk has not taken what it promised
	told     forming.Peer  // what core knows of this node
	replies  []pendingReply
	links    map[string]*link
	retryAt  time.Time // to make a new core, or to ask for addresses
	have     int       // that OnForming was told
	awaiting bool      // for what Lookup or Discover return

	mu       sync.Mutex // guards the fields below
	closed   bool
	conns    map[net.Conn]struct{}
	status   forming.Status
	decision *forming.Value
	joining  *forming.Peer
	record   record
}

type pendingReply struct {
	to    chan<- *forming.Reply
	reply *forming.Reply
}

// New reads what an earlier start has left on the disk.
func New(cfg Config) (*Founder, error) {
	var seed [32]byte
	crand.Read(seed[:]) // never fails
	f := &Founder{cfg: cfg, log: cfg.Logger, rand: rand.New(rand.NewChaCha8(seed)),
		inputs: make(chan func(time.Time)), wake: make(chan struct{}, 1),
		links: make(map[string]*link), conns: make(map[net.Conn]struct{})}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	if f.forms() {
		if err := f.load(time.Now()); err != nil {
			f.cancel()
			return nil, err
		}
	}
	return f, nil
}

// forms reports whether the node forms or looks for a cluster.
func (f *Founder) forms() bool { return len(f.cfg.Terms.List) > 0 }

// load makes the core of what is on the disk.
func (f *Founder) load(now time.Time) error {
	data, err := storage.ReadFile(f.cfg.Disk, f.cfg.File)
	var st *forming.State
	if err == nil {
		st, err = f.decodeRecord(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forming: %s: %w", f.cfg.File, err)
	}
	f.told = f.cfg.Self()
	f.core, err = forming.New(forming.Config{Terms: f.cfg.Terms, Self: f.told, Rand: f.rand}, st, now)
	return err
}

// Start begins to form, or to watch; it returns at once.
func (f *Founder) Start() {
	if !f.forms() {
		return
	}
	f.spawn(f.run)
	f.spawn(f.act)
}

// Close ends everything, and returns when nothing runs any more.
func (f *Founder) Close() {
	f.mu.Lock()
	f.closed = true
	f.cancel()
	for conn := range f.conns {
		conn.Close()
	}
	f.mu.Unlock()
	f.wg.Wait()
}

// spawn runs fn on a goroutine that Close waits for, unless it is too late for that.
func (f *Founder) spawn(fn func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.wg.Go(func() {
		defer guard.Recover("forming", f.cfg.OnPanic)
		fn()
	})
	return true
}

// input hands fn to the loop; false if that has ended.
func (f *Founder) input(fn func(now time.Time)) bool {
	select {
	case f.inputs <- fn:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// Pauses of the loop and of what it repeats.
const (
	idleTick     = 5 * time.Second // when there is nothing to form, in case the node leaves its cluster
	retryPause   = time.Second     // until the disk is tried again
	resolveEvery = time.Second     // while the addresses may change
)

func (f *Founder) run() {
	defer f.closeLinks()
	tick := time.NewTicker(forming.TickEvery)
	defer tick.Stop()
	idle := false
	for {
		select {
		case in := <-f.inputs:
			in(time.Now())
		case now := <-tick.C:
			f.tick(now)
		case <-f.ctx.Done():
			return
		}
		f.carryOut()
		if over := f.isOver(); over != idle {
			if idle = over; idle {
				tick.Reset(idleTick)
				f.closeLinks()
			} else {
				tick.Reset(forming.TickEvery)
			}
		}
	}
}

func (f *Founder) isOver() bool { return f.core != nil && f.core.Status().Phase == forming.PhaseDone }

// refresh tells the core what the node is by now.
func (f *Founder) refresh(now time.Time) {
	self := f.cfg.Self()
	if self.Addr != f.told.Addr || self.Zone != f.told.Zone { // the core may know the host better
		f.core.SetSelf(self.Addr, self.Zone)
	}
	f.told = self
	f.core.SetCluster(now, self.Cluster, self.Serving)
}

func (f *Founder) tick(now time.Time) {
	switch {
	case f.core != nil:
	case now.Before(f.retryAt):
		return
	default:
		f.retryAt = now.Add(retryPause)
		if err := f.load(now); err != nil {
			f.warn("the record of the forming cannot be read", err)
			f.core = nil
			return
		}
	}
	f.refresh(now)
	if f.cfg.Terms.Dynamic() && !f.isOver() && !f.awaiting && !now.Before(f.retryAt) {
		f.awaiting = true
		f.spawn(f.resolveAgain)
	}
	f.core.Tick(now)
}

// resolveAgain finds out which addresses the list names now.
func (f *Founder) resolveAgain() {
	ctx, cancel := context.WithTimeout(f.ctx, lookupTimeout)
	defer cancel()
	addrs, err := f.addresses(ctx)
	if err != nil {
		f.warn("not all addresses to join are known", err)
	}
	f.input(func(now time.Time) {
		f.awaiting, f.retryAt = false, now.Add(resolveEvery)
		if f.core != nil && err == nil {
			f.core.SetAddresses(now, addrs)
			f.pruneLinks(addrs)
		}
	})
}

// carryOut does what the core asks for. What must be durable is, before anything leaves.
func (f *Founder) carryOut() {
	if f.core == nil {
		f.answer(false)
		return
	}
	out := f.core.Output()
	if out.Save != nil {
		if err := f.save(out.Save); err != nil {
			f.warn("cannot save what the nodes agree on; will try again", err)
			f.core, f.retryAt = nil, time.Now().Add(retryPause)
			f.answer(false)
			return
		}
	}
	f.answer(true)
	for _, s := range out.Sends {
		if !f.link(s.Address).send(s.Request) {
			f.core.Failed(time.Now(), s.Address, s.Request.Seq)
		}
	}
	for _, r := range out.Refused {
		f.warn("cannot form a cluster with the node at "+r.Address, errors.New(r.Text))
	}
	f.publish(&out)
}

// publish makes known how things stand.
func (f *Founder) publish(out *forming.Output) {
	status := f.core.Status()
	f.mu.Lock()
	f.status = status
	if out.Decision != nil {
		f.decision = out.Decision
	}
	if out.Join != nil {
		f.joining = out.Join
	}
	f.mu.Unlock()
	if out.Decision != nil || out.Join != nil {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
	if status.Phase == forming.PhaseGathering && status.Have != f.have && f.cfg.Terms.Expect > 0 {
		f.have = status.Have
		f.log.Info("the cluster forms", "nodes", status.Have, "of", status.Want)
		f.cfg.OnForming(status.Have, status.Want)
	}
}

// answer lets the replies go; without ok the connections end.
func (f *Founder) answer(ok bool) {
	for i := range f.replies {
		if p := &f.replies[i]; ok {
			p.to <- p.reply
		} else {
			p.to <- nil
		}
	}
	f.replies = f.replies[:0]
}

// warn logs an error, the same one once a minute.
func (f *Founder) warn(text string, err error) {
	if f.ctx.Err() != nil {
		return
	}
	if due, more := f.repeats.Due(time.Now(), text+err.Error()); due {
		f.log.Warn(text, "error", err, "more", more)
	}
}
