package peer

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// Handler carries a request out and appends its reply to dst. With inline set it must not
// wait: then it returns ErrWait instead, nothing having been done, and is called again
// without, on a goroutine of its own, with a ctx that ends when the caller gives up.
type Handler func(ctx context.Context, r *Request, inline bool, dst []byte) (reply []byte, err error)

// ErrWait is what a Handler returns when it was called inline and has to wait.
var ErrWait = errors.New("peer: has to wait")

// maxWaiting bounds the requests of one connection that run on goroutines of their own.
// Beyond, requests are refused, and nothing has been done.
const maxWaiting = 4096

// firstRequest is how long the first request may take to begin. A caller dials because it
// has a request; later on the connection may be idle for any time.
const firstRequest = 30 * time.Second

// answerer is the answering end of a connection.
type answerer struct {
	handle Handler
	out    *outbox
	wg     sync.WaitGroup

	mu      sync.Mutex                    // guards waiting
	waiting map[uint64]context.CancelFunc // the requests on goroutines of their own, by id
}

// Serve answers requests until the connection or ctx ends. It closes conn, and returns
// when nothing of it runs any more.
func Serve(ctx context.Context, conn net.Conn, handle Handler) {
	ctx, cancel := context.WithCancel(ctx)
	s := &answerer{handle: handle, out: newOutbox(conn), waiting: make(map[uint64]context.CancelFunc)}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	s.read(ctx, conn)
	cancel()
	stop()
	conn.Close()
	s.wg.Wait()
}

func (s *answerer) read(ctx context.Context, conn net.Conn) {
	in := bufio.NewReaderSize(conn, 16<<10)
	frames := frame.NewReader(in, MaxMessage)
	frames.Bound(conn, frame.ProgressTimeout)
	conn.SetReadDeadline(time.Now().Add(firstRequest))
	var args [][]byte
	var reply []byte
	for first := true; ; {
		if in.Buffered() == 0 {
			s.out.flush()
		}
		payload, err := frames.Next()
		if err != nil {
			return
		}
		if first {
			first = false
			conn.SetReadDeadline(time.Time{})
		}
		msg := newReader(payload)
		switch k, n := head(&msg); k {
		case kindRequest:
			r, err := decodeRequest(&msg, n, args)
			if err != nil {
				return
			}
			args = r.Args
			reply = s.answer(ctx, &r, reply[:0])
			if cap(reply) > keepBuffer {
				reply = nil
			}
		case kindCancel:
			s.cancel(msg.Uint("id"))
		case kindPing:
			s.out.add(func(b []byte) []byte { return appendSignal(b, kindPong) })
		default:
			return // no node of ours says that
		}
	}
}

// answer carries a request out, here if it need not wait. buf is memory for the reply.
func (s *answerer) answer(ctx context.Context, r *call, buf []byte) []byte {
	reply, err := s.handle(ctx, &r.Request, true, buf)
	if !errors.Is(err, ErrWait) {
		s.reply(r.id, reply, err)
		return reply
	}
	if err := s.fork(ctx, r); err != nil {
		s.reply(r.id, nil, err)
	}
	return buf
}

// fork carries a request out on a goroutine of its own.
func (s *answerer) fork(ctx context.Context, r *call) error {
	var cancel context.CancelFunc
	if r.left > 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(min(r.left, 1<<40))*time.Millisecond)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.waiting[r.id]; twice || len(s.waiting) >= maxWaiting {
		cancel()
		return &Failure{Text: "ERR too many requests of one node wait here", Refused: true}
	}
	s.waiting[r.id] = cancel
	own := r.clone()
	s.wg.Go(func() {
		reply, err := s.handle(ctx, &own.Request, false, nil)
		s.cancel(own.id)
		s.reply(own.id, reply, err)
		s.out.flush()
	})
	return nil
}

func (s *answerer) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, ok := s.waiting[id]; ok {
		delete(s.waiting, id)
		cancel()
	}
}

func (s *answerer) reply(id uint64, reply []byte, err error) {
	a := answer{kind: kindReply, id: id, reply: reply}
	if err != nil {
		a = failed(id, err)
	}
	s.out.add(func(b []byte) []byte { return appendAnswer(b, &a) })
}

// clone copies what aliases the message.
func (r *call) clone() *call {
	own := *r
	own.Args = make([][]byte, len(r.Args))
	for i, arg := range r.Args {
		own.Args[i] = append([]byte(nil), arg...)
	}
	return &own
}
