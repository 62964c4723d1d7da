package sender

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Streams has the streams of commands of a node's followers: of those that are there, and of
// those that were and may come back. It is safe for concurrent use.
type Streams struct {
	cfg Config

	full, partial, refused atomic.Uint64

	mu   sync.Mutex         // guards what follows
	live map[string]*Sender // by the ids of their streams
	kept []*kept            // the one that has been away the longest first
}

// kept is a stream whose follower is away.
type kept struct {
	stream *stream
	end    context.CancelFunc
}

// maxKept bounds the streams that are kept without a follower: each is translated.
const maxKept = 16

// NewStreams returns the Streams of a node that nobody follows.
func NewStreams(cfg Config) *Streams {
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Ping <= 0 {
		cfg.Ping = 10 * time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Libraries == nil {
		cfg.Libraries = none{}
	}
	return &Streams{cfg: cfg, live: make(map[string]*Sender)}
}

// none are no libraries.
type none struct{}

func (none) Version() uint64                      { return 0 }
func (none) Sources() (map[string][]byte, uint64) { return nil, 0 }

// Syncs counts how followers have begun, in the words of INFO.
type Syncs struct {
	Full    uint64 // with a file
	Partial uint64 // where they had ended
	Refused uint64 // of those with a file, wanted to go on from a place that is not there
}

// Syncs returns how followers have begun so far.
func (p *Streams) Syncs() Syncs { return Syncs{p.full.Load(), p.partial.Load(), p.refused.Load()} }

// enter notes that a Sender serves its stream.
func (p *Streams) enter(f *Sender) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[f.stream.id] = f
}

// leave keeps the stream of a Sender whose connection has ended, if the follower can come back.
func (p *Streams) leave(f *Sender) {
	s := f.stream
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, s.id)
	if !s.resumable {
		s.close()
		return
	}
	s.to, s.lost, s.left = nil, nil, s.backlog.End()
	if len(p.kept) == maxKept {
		p.kept[0].end()
	}
	k := &kept{stream: s}
	var ended context.Context
	ended, k.end = context.WithCancel(context.Background())
	p.kept = append(p.kept, k)
	p.cfg.Spawn(func(ctx context.Context) {
		stop := context.AfterFunc(ctx, k.end)
		defer stop()
		defer k.end()
		claimed := s.keep(ended.Done())
		p.forget(k)
		if !claimed {
			s.close()
		}
	})
}

func (p *Streams) forget(k *kept) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.kept {
		if p.kept[i] == k {
			p.kept = append(p.kept[:i], p.kept[i+1:]...)
			return
		}
	}
}

const (
	// silenceLimit is how long a follower says nothing until another connection may take its
	// stream: one that is there says something each second.
	silenceLimit = 3 * time.Second
	// partTime is how long a stream is waited for whose connection is about to end.
	partTime = time.Second
)

// reopen returns the stream that a follower wants to go on with, and which has all that it has
// missed. nil: it needs a new file.
func (p *Streams) reopen(ctx context.Context, req *Request) *stream {
	if req.ID == "" {
		return nil
	}
	if s := p.claim(ctx, req.ID); s != nil {
		if s.backlog.Has(req.Offset) {
			p.partial.Add(1)
			return s
		}
		s.close() // a follower has one stream: nobody else comes back for it
	}
	p.refused.Add(1)
	return nil
}

// claim makes the caller the owner of the stream of an id.
func (p *Streams) claim(ctx context.Context, id string) *stream {
	s := p.find(id)
	if s == nil {
		return nil
	}
	c := claim{make(chan struct{})}
	timer := time.NewTimer(partTime)
	defer timer.Stop()
	select {
	case s.claims <- c:
		<-c.done
		return s
	case <-s.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	return nil
}

// find returns the stream of an id. One whose follower is silent loses its connection.
func (p *Streams) find(id string) *stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.live[id]; f != nil {
		if f.silent() > silenceLimit {
			f.cancel()
		}
		return f.stream
	}
	for _, k := range p.kept {
		if k.stream.id == id {
			return k.stream
		}
	}
	return nil
}
