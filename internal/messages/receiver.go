package messages

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// helloTimeout is how long a dialling node may take to say which node it wants.
const helloTimeout = 5 * time.Second

// Receiver is the link of another member that wants messages of this node.
type Receiver struct {
	m           *Messenger
	id          slots.NodeID
	incarnation uint64
	out         *outbox
	heard       atomic.Int64 // when it said something last, in Unix nanoseconds

	mu    sync.RWMutex // guards wants
	wants interest.Set
}

// Accept takes a connection that another node has opened for messages. from is its id.
func (m *Messenger) Accept(conn net.Conn, from slots.NodeID) {
	if !m.spawn(func() { m.serve(conn, from) }) {
		conn.Close()
	}
}

// serve uses an accepted connection until its end.
func (m *Messenger) serve(conn net.Conn, from slots.NodeID) {
	defer conn.Close()
	r := &Receiver{m: m, id: from}
	r.out = &outbox{conn: conn, limit: m.cfg.Outbox, spawn: m.spawn}
	frames := frame.NewReader(conn, maxTold)
	err := peer.Handshake(m.ctx, conn, func() error { return r.greet(frames) })
	if err == nil {
		err = m.addReceiver(r)
	}
	if err != nil {
		m.cfg.Logger.Debug("refused a link for messages", "node", from, "error", err)
		return
	}
	defer m.removeReceiver(r)
	m.cfg.Logger.Debug("a link for messages ended", "node", from, "error", r.use(frames))
}

// greet finds out whether the link is meant for this node.
func (r *Receiver) greet(frames *frame.Reader) error {
	conn := r.out.conn
	conn.SetDeadline(time.Now().Add(helloTimeout))
	b, err := frames.Next()
	if err != nil {
		return err
	}
	h, err := decodeHello(b)
	if err != nil {
		return err
	}
	if self := r.m.cfg.Map().Self().ID; h.wanted != self {
		return fmt.Errorf("it wants node %s", h.wanted)
	}
	r.incarnation = h.incarnation
	if _, err := conn.Write(appendWelcome(nil, r.m.cfg.Incarnation())); err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// addReceiver makes r the link of its member. One that is there is replaced: its member has
// given it up, or was started anew.
func (m *Messenger) addReceiver(r *Receiver) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(*m.receivers.Load())
	i := slices.IndexFunc(list, func(o *Receiver) bool { return o.id == r.id })
	switch {
	case m.ctx.Err() != nil:
		return net.ErrClosed
	case m.cfg.Map().Node(r.id) == nil:
		return fmt.Errorf("node %s is no member any more", r.id)
	case i < 0:
		list = append(list, r)
	case r.incarnation < list[i].incarnation:
		return fmt.Errorf("it is of incarnation %d, before %d", r.incarnation, list[i].incarnation)
	default:
		list[i].out.conn.Close()
		list[i] = r
	}
	m.receivers.Store(&list)
	return nil
}

func (m *Messenger) removeReceiver(r *Receiver) {
	m.mu.Lock()
	list := slices.DeleteFunc(slices.Clone(*m.receivers.Load()), func(o *Receiver) bool { return o == r })
	m.receivers.Store(&list)
	m.mu.Unlock()
	m.counts.dropped.Add(uint64(r.out.close()))
}

// use reads the link until its end.
func (r *Receiver) use(frames *frame.Reader) error {
	r.touch()
	stop := every(r.m.cfg.Silence/pingsPerSilence, r.m.spawn, r.check)
	defer stop()
	frames.Bound(r.out.conn, frame.ProgressTimeout)
	for {
		b, err := frames.Next()
		if err != nil {
			return err
		}
		r.touch()
		if err := r.step(b); err != nil {
			r.m.cfg.Logger.Warn("closing a link for messages", "node", r.id, "error", err)
			return err
		}
	}
}

// step takes in a frame of the member.
func (r *Receiver) step(b []byte) error {
	if len(b) == 0 {
		return malformed("it is empty")
	}
	switch t, b := b[0], b[1:]; {
	case t == typeInterest:
		r.mu.Lock()
		position, err := r.wants.Apply(b)
		r.mu.Unlock()
		if err != nil {
			return err
		}
		r.out.push(func(b []byte) []byte { return appendNumber(b, typeKnown, position) })
		return nil
	case t == typePing:
		r.out.push(func(b []byte) []byte { return append(b, pongFrame...) })
		return nil
	default:
		return malformed(fmt.Sprintf("type %q", t))
	}
}
