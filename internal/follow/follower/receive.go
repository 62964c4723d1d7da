package follower

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
)

// receive runs links until ctx ends or the master refuses for good.
func (f *Follower) receive(ctx context.Context) {
	backoff := minBackoff
	for ctx.Err() == nil {
		streamed, err := f.receiveOne(ctx)
		if ctx.Err() != nil {
			return
		}
		f.change(func(s *Status) {
			s.State, s.Err, s.SyncRead, s.SyncSize = Connect, err, 0, 0
			if s.DownSince.IsZero() {
				s.DownSince = time.Now()
			}
		})
		f.cfg.Changed()
		var refused *follow.RefusedError
		if !f.cfg.Persistent && (errors.As(err, &refused) && !refused.Temporary() || errors.Is(err, follow.ErrProtocol)) {
			f.push(ctx, item{err: err})
			return
		}
		if streamed {
			backoff = minBackoff
		}
		timer := time.NewTimer(backoff)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

// receiveOne runs one link to its end; streamed says that it came to the stream.
func (f *Follower) receiveOne(ctx context.Context) (streamed bool, err error) {
	f.enter(Connecting)
	dialing, cancel := context.WithTimeout(ctx, f.cfg.Timeout)
	conn, err := f.cfg.Dial(dialing)
	cancel()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	f.attach(conn)
	defer f.attach(nil)
	r := &receiver{f: f, conn: conn, link: follow.NewLink(f.cfg.Link(), f.Status().Received)}
	err = r.run(ctx)
	r.endPayload(errLost)
	return r.streamed, err
}

func (f *Follower) attach(conn net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn = conn
}

func (f *Follower) enter(state State) {
	f.change(func(s *Status) {
		s.State = state
		if state == Connected {
			s.DownSince, s.Err = time.Time{}, nil
		}
	})
	f.cfg.Changed()
}

// receiver reads one link.
type receiver struct {
	f        *Follower
	conn     net.Conn
	link     *follow.Link
	payload  *io.PipeWriter // of the snapshot that arrives, nil if none does
	stop     func() bool    // ends what ends payload with ctx
	streamed bool
}

func (r *receiver) run(ctx context.Context) error {
	for {
		e, err := r.link.Next()
		if err != nil {
			return err
		}
		if out := r.link.Output(); len(out) > 0 {
			if err := r.f.write(r.conn, out); err != nil {
				return err
			}
		}
		if e.Kind != follow.Wait {
			if err := r.handle(ctx, e); err != nil {
				return err
			}
			continue
		}
		if err := r.advance(ctx); err != nil {
			return err
		}
		r.conn.SetReadDeadline(time.Now().Add(r.f.cfg.Timeout))
		if _, err := r.link.Fill(r.conn); err != nil {
			if errors.Is(err, io.EOF) {
				err = errClosed
			}
			return err
		}
		r.f.change(func(s *Status) { s.LastIO = time.Now() })
	}
}

// advance notes how far the stream has come by what is no group: a master's pings.
func (r *receiver) advance(ctx context.Context) error {
	at := r.link.Position()
	if !r.streamed || at == r.f.Status().Received {
		return nil
	}
	if err := r.f.push(ctx, item{group: follow.Group{End: at.Offset}}); err != nil {
		return err
	}
	r.f.change(func(s *Status) { s.Received = at })
	return nil
}

var errClosed = errors.New("the master closed the connection")

func (r *receiver) handle(ctx context.Context, e follow.Event) error {
	f := r.f
	switch e.Kind {
	case follow.Resumed:
		f.change(func(s *Status) {
			s.Partial++
			s.Received = r.link.Position()
		})
		r.streamed = true
		f.enter(Connected)
	case follow.FullSync:
		pr, pw := io.Pipe()
		r.payload = pw
		r.stop = context.AfterFunc(ctx, func() { pr.CloseWithError(ctx.Err()) })
		f.change(func(s *Status) {
			s.Full++
			s.Received = follow.Position{} // a link that is lost now has to begin anew
			s.SyncSize, s.SyncRead = e.Size, 0
		})
		f.enter(Sync)
		return f.push(ctx, item{load: &load{at: r.link.Position(), size: e.Size, r: pr}})
	case follow.Payload:
		f.change(func(s *Status) { s.SyncRead += int64(len(e.Data)) })
		_, err := r.payload.Write(e.Data)
		return err
	case follow.PayloadEnd:
		r.endPayload(nil)
		r.streamed = true
		at := r.link.Position()
		f.change(func(s *Status) { s.Received = at })
		f.enter(Connected)
		// A master that sends snapshots straight from memory begins the stream when it hears
		// this. It is loaded while that comes.
		return f.write(r.conn, follow.AppendAck(nil, at.Offset))
	case follow.Commands:
		at := r.link.Position()
		if err := f.push(ctx, item{group: e.Group}); err != nil {
			return err
		}
		f.change(func(s *Status) { s.Received = at })
	case follow.GetAck:
		return f.push(ctx, item{ack: true})
	}
	return nil
}

// endPayload ends the snapshot that arrives, if any; nil: it is complete.
func (r *receiver) endPayload(err error) {
	if r.payload == nil {
		return
	}
	r.stop()
	r.payload.CloseWithError(err)
	r.payload = nil
}

// push puts an item into the queue, when there is room.
func (f *Follower) push(ctx context.Context, it item) error {
	for {
		f.mu.Lock()
		if f.queued < f.cfg.MaxQueue || len(f.queue) == 0 {
			f.queue = append(f.queue, it)
			f.queued += it.group.Size
			f.mu.Unlock()
			wake(f.more)
			return nil
		}
		f.mu.Unlock()
		select {
		case <-f.less:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// acknowledge tells the master each second that the replica is there, and how far.
func (f *Follower) acknowledge(ctx context.Context) {
	ticker := time.NewTicker(ackEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.sendAck()
		case <-ctx.Done():
			return
		}
	}
}

func (f *Follower) sendAck() {
	f.mu.Lock()
	conn, state, applied := f.conn, f.status.State, f.status.Applied
	f.mu.Unlock()
	switch {
	case conn == nil:
	case state == Sync:
		f.write(conn, []byte{'\n'})
	case state == Connected:
		f.write(conn, follow.AppendAck(nil, applied))
	}
}

// write sends something at once. A connection that takes nothing is closed by the reader,
// too, or by its peer.
func (f *Follower) write(conn net.Conn, b []byte) error {
	f.sending.Lock()
	defer f.sending.Unlock()
	conn.SetWriteDeadline(time.Now().Add(f.cfg.Timeout))
	_, err := conn.Write(b)
	return err
}
