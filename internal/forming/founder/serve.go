package founder

import (
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/internal/frame"
)

const (
	// maxConns bounds the connections of other nodes: strangers may open them.
	maxConns = 2 * forming.MaxFounders
	// silence is how long one may say nothing.
	silence = 30 * time.Second
	// writeTimeout is how long a reply may take to leave.
	writeTimeout = 5 * time.Second
)

// Accept answers on a connection that another node has opened, and does not wait for it.
func (f *Founder) Accept(raw net.Conn) {
	f.mu.Lock()
	full := f.closed || len(f.conns) >= maxConns
	if !full {
		f.conns[raw] = struct{}{}
	}
	f.mu.Unlock()
	if full || !f.spawn(func() { f.serve(raw) }) {
		raw.Close()
	}
}

func (f *Founder) serve(raw net.Conn) {
	defer func() {
		raw.Close()
		f.mu.Lock()
		delete(f.conns, raw)
		f.mu.Unlock()
	}()
	host, _, _ := net.SplitHostPort(raw.RemoteAddr().String())
	frames := frame.NewReader(raw, forming.MaxMessage)
	var buf []byte
	for {
		raw.SetReadDeadline(time.Now().Add(silence))
		payload, err := frames.Next()
		if err != nil {
			return
		}
		r, err := forming.DecodeRequest(payload)
		if err != nil {
			f.log.Debug("a node asks something else", "from", raw.RemoteAddr(), "error", err)
			return
		}
		if r.From.Addr.Host == "" {
			r.From.Addr.Host = host
		}
		reply := f.handle(r)
		if reply == nil {
			return
		}
		b, start := frame.Begin(buf[:0])
		buf = frame.Finish(forming.AppendReply(b, reply), start)
		raw.SetWriteDeadline(time.Now().Add(writeTimeout))
		if _, err := raw.Write(buf); err != nil {
			return
		}
	}
}

// handle returns the reply to a request, when what it promises is durable; nil if that
// cannot be.
func (f *Founder) handle(r *forming.Request) *forming.Reply {
	if !f.forms() {
		return &forming.Reply{Type: r.Type, Seq: r.Seq, From: f.cfg.Self(), Terms: f.cfg.Terms}
	}
	replied := make(chan *forming.Reply, 1)
	ok := f.input(func(now time.Time) {
		if f.core == nil {
			replied <- nil
			return
		}
		f.refresh(now)
		reply := f.core.Handle(now, *r)
		f.replies = append(f.replies, pendingReply{replied, &reply})
	})
	if !ok {
		return nil
	}
	select {
	case reply := <-replied:
		return reply
	case <-f.ctx.Done():
		return nil
	}
}
