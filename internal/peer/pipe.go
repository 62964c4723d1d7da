package peer

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Pipe is the calling end of a connection to a node's client port: many callers share it,
// and their commands follow each other without waiting for replies. It is safe for
// concurrent use.
type Pipe struct {
	conn   net.Conn
	quiet  time.Duration
	tokens chan struct{}
	wake   chan struct{}
	closed chan struct{}
	wg     sync.WaitGroup

	mu      sync.Mutex // guards the fields below; not held across I/O
	waiting []*waiting // in the order of their commands
	last    uint64     // number of the last command
	taken   uint64     // the last one that may have left
	out     []byte
	room    chan struct{} // closed when out has been taken; nil if no call waits for it
	heard   bool          // since the last look of watch
	watch   *time.Timer   // runs while calls wait
	err     error
}

// waiting is a command whose replies are to come.
type waiting struct {
	number uint64
	skip   int // replies before the one that counts
	done   chan struct{}
	reply  resp.Reply
	err    error
}

// NewPipe makes a Pipe of an open connection, which it closes. If a reply is awaited and
// nothing is heard for quiet, it ends.
func NewPipe(conn net.Conn, quiet time.Duration) *Pipe {
	p := &Pipe{
		conn: conn, quiet: quiet,
		tokens: make(chan struct{}, maxCalls), wake: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	p.wg.Go(p.read)
	p.wg.Go(p.write)
	return p
}

// Call sends a command, after ASKING if r says so, and waits for its reply. r must not
// name a function. An error reply is a Reply, no error; the error matches ErrNotSent or
// ErrLost, and ctx.Err() if ctx ended.
func (p *Pipe) Call(ctx context.Context, r *Request) (resp.Reply, error) {
	select {
	case p.tokens <- struct{}{}:
	case <-p.closed:
		return resp.Reply{}, p.notSent()
	case <-ctx.Done():
		return resp.Reply{}, fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	defer func() { <-p.tokens }()
	w, err := p.send(ctx, r)
	if err != nil {
		return resp.Reply{}, err
	}
	select {
	case <-w.done:
		return w.reply, w.err
	case <-ctx.Done(): // its reply will be dropped
		return resp.Reply{}, fmt.Errorf("%w: %w", ErrLost, ctx.Err())
	}
}

func (p *Pipe) send(ctx context.Context, r *Request) (*waiting, error) {
	w := &waiting{done: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.out) > maxPending && p.err == nil {
		if err := p.awaitRoomLocked(ctx); err != nil {
			return nil, err
		}
	}
	if p.err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, p.err)
	}
	if r.Asking {
		p.out = resp.AppendCommand(p.out, "ASKING")
		w.skip = 1
	}
	p.out = resp.AppendCommand(p.out, r.Args...)
	p.last++
	w.number = p.last
	p.waiting = append(p.waiting, w)
	if len(p.waiting) == 1 {
		p.startWatchLocked()
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return w, nil
}

// awaitRoomLocked waits, without the mutex, until what is queued has been taken.
func (p *Pipe) awaitRoomLocked(ctx context.Context) error {
	if p.room == nil {
		p.room = make(chan struct{})
	}
	room := p.room
	p.mu.Unlock()
	defer p.mu.Lock()
	select {
	case <-room:
	case <-p.closed:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrNotSent, ctx.Err())
	}
	return nil
}

func (p *Pipe) notSent() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return fmt.Errorf("%w: %w", ErrNotSent, p.err)
}

func (p *Pipe) write() {
	for {
		select {
		case <-p.wake:
		case <-p.closed:
			return
		}
		p.mu.Lock()
		b := p.out
		p.out, p.taken = nil, p.last
		if p.room != nil {
			close(p.room)
			p.room = nil
		}
		p.mu.Unlock()
		if _, err := p.conn.Write(b); err != nil {
			p.fail(err)
			return
		}
	}
}

func (p *Pipe) read() {
	in := resp.NewReader(p.conn)
	for {
		reply, err := in.Read()
		if err != nil {
			p.fail(err)
			return
		}
		if reply.Kind != resp.Push {
			p.deliver(reply)
		}
	}
}

func (p *Pipe) deliver(reply resp.Reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard = true
	if len(p.waiting) == 0 {
		return // a server that says more than it was asked is not worth a crash
	}
	w := p.waiting[0]
	if w.skip > 0 {
		w.skip--
		return
	}
	p.waiting[0] = nil
	p.waiting = p.waiting[1:]
	w.reply = reply
	close(w.done)
}

func (p *Pipe) startWatchLocked() {
	p.heard = true
	if p.watch == nil {
		p.watch = time.AfterFunc(p.quiet, p.watchdog)
	} else {
		p.watch.Reset(p.quiet)
	}
}

// watchdog runs every quiet while calls wait.
func (p *Pipe) watchdog() {
	p.mu.Lock()
	alive := p.heard
	p.heard = false
	if p.err != nil || len(p.waiting) == 0 {
		p.mu.Unlock()
		return
	}
	if alive {
		p.watch.Reset(p.quiet)
	}
	p.mu.Unlock()
	if !alive {
		p.fail(errQuiet)
	}
}

func (p *Pipe) fail(err error) {
	p.mu.Lock()
	if p.err != nil {
		p.mu.Unlock()
		return
	}
	p.err = err
	waiting, taken := p.waiting, p.taken
	p.waiting = nil
	if p.watch != nil {
		p.watch.Stop()
	}
	p.mu.Unlock()
	close(p.closed)
	p.conn.Close()
	for _, w := range waiting {
		if w.err = fmt.Errorf("%w: %w", ErrLost, err); w.number > taken {
			w.err = fmt.Errorf("%w: %w", ErrNotSent, err)
		}
		close(w.done)
	}
}

// Broken is closed when the connection has ended.
func (p *Pipe) Broken() <-chan struct{} { return p.closed }

// Close ends the connection, and the calls under way with ErrNotSent or ErrLost.
func (p *Pipe) Close() {
	p.fail(net.ErrClosed)
	p.wg.Wait()
}
