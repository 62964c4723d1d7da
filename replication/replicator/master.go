package replicator

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/slots"
)

// replica is the master's end of a link to a replica.
type replica struct {
	r    *Replicator
	conn net.Conn
	from slots.NodeID // who opened it, zero if that is not known
	link uint64
	poke chan struct{} // asks for an ack
	echo chan struct{} // receives a value when stamp is set

	// Set once by the replica's hello, before the replica is counted or shown.
	id          slots.NodeID
	incarnation uint64
	addr        slots.Addr
	full        bool

	known   atomic.Bool
	online  atomic.Bool  // it has acknowledged
	held    atomic.Int64 // up to where it holds the stream
	durable atomic.Int64 // up to where its log on disk does
	sent    atomic.Int64 // up to where it can hold it, -1 while a full sync is on its way
	heard   atomic.Int64 // Replicator.clock at the last message
	cause   atomic.Pointer[error]
	stamp   atomic.Uint64 // of the last ack, until it is on its way back; see freshness
}

// maxReplicas bounds the connections of replicas, those that have not said hello yet
// included. Each costs two goroutines and may cost a full sync; no real master has as
// many.
const maxReplicas = 1024

// maxFromReplica bounds what a replica may send in one message.
const maxFromReplica = 4 << 10

// Accept serves a replica on a connection that the replica opened. It returns at once;
// conn is closed when the link ends. from is the node that opened it, as the host knows:
// the hello must name the same, and a connection on which it has not come yet ends when
// that node opens another one. Zero: not known.
func (r *Replicator) Accept(conn net.Conn, from slots.NodeID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || len(*r.replicas.Load()) >= maxReplicas {
		conn.Close()
		return
	}
	r.nextLink++
	for _, old := range *r.replicas.Load() {
		if !from.IsZero() && old.from == from && !old.known.Load() {
			old.end(errAnew)
		}
	}
	p := &replica{r: r, conn: conn, from: from, link: r.nextLink, poke: make(chan struct{}, 1),
		echo: make(chan struct{}, 1)}
	list := append(slices.Clone(*r.replicas.Load()), p)
	r.replicas.Store(&list)
	r.spawn(p.serve)
}

var (
	// errPanicked ends a link whose goroutine panicked.
	errPanicked = errors.New("replication: this end of the link had a bug; see the log")
	// errAnew ends a link when its node opens another one.
	errAnew = errors.New("the replica has connected anew")
)

// end closes the link. The cause of the first call is the one that is reported.
func (p *replica) end(cause error) {
	if p.cause.CompareAndSwap(nil, &cause) {
		p.conn.Close()
		select {
		case p.poke <- struct{}{}: // so that send looks at the cause
		default:
		}
	}
}

// endReplicas closes all links to replicas.
func (r *Replicator) endReplicas(cause error) {
	for _, p := range *r.replicas.Load() {
		p.end(cause)
	}
}

func (r *Replicator) dropReplica(p *replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(*r.replicas.Load()), func(x *replica) bool { return x == p })
	r.replicas.Store(&list)
	r.goneLocked(p.link)
}

// serve reads what the replica sends until the link ends.
func (p *replica) serve() {
	defer p.r.dropReplica(p)
	defer p.end(errPanicked) // has no effect unless talk panics
	err := p.talk()
	p.end(err)
	p.r.dropReplica(p)
	if !p.known.Load() {
		p.r.logRefusal(p, err)
		return
	}
	cause := *p.cause.Load()
	p.r.log.Info("lost a replica", "replica", p.id.Short(), "from", p.conn.RemoteAddr(), "error", cause)
	p.r.cfg.OnEvent(replication.ReplicaLeft{Replica: p.id, Err: cause})
}

func (p *replica) talk() error {
	in := replication.NewMessageReader(p.conn, maxFromReplica)
	var m replication.Message
	if err := p.read(in, &m); err != nil {
		return err
	}
	f, err := p.join(&m)
	if err != nil {
		p.write(replication.AppendMessage(nil, &replication.Message{Kind: replication.KindRefuse, Text: err.Error()}))
		return err
	}
	p.sent.Store(f.Holdable())
	p.r.spawn(func() { p.end(p.send(f)) })
	for {
		if err := p.read(in, &m); err != nil {
			return err
		}
		if err := p.receive(&m); err != nil {
			return err
		}
	}
}

// receive handles a message of a replica after its hello. An acknowledgement of more than
// the replica was sent ends the link and does not count: WAIT and WithSync promise that
// replicas hold a write.
func (p *replica) receive(m *replication.Message) error {
	if m.Kind != replication.KindAck {
		return nil
	}
	if sent := p.sent.Load(); m.Offset > sent {
		return fmt.Errorf("replication: the replica acknowledges offset %d, and has been sent the stream up to %d (-1: "+
			"its full sync goes on): %w",
			m.Offset, sent, replication.ErrCorrupt)
	}
	if m.Durable > m.Offset {
		return fmt.Errorf("replication: the replica has offset %d on disk, and offset %d in memory: %w", m.Durable, m.Offset,
			replication.ErrCorrupt)
	}
	p.ack(m.Offset, m.Durable)
	if m.Stamp != 0 {
		p.stamp.Store(m.Stamp)
		select {
		case p.echo <- struct{}{}:
		default:
		}
	}
	return nil
}

func (p *replica) read(in *replication.MessageReader, m *replication.Message) error {
	p.conn.SetReadDeadline(time.Now().Add(p.r.cfg.Timeout))
	err := in.Next(m)
	switch {
	case err == nil:
		p.heard.Store(p.r.clock())
	case err == io.EOF:
		return errors.New("the replica closed the connection")
	}
	return err
}

func (p *replica) write(b []byte) error {
	p.conn.SetWriteDeadline(time.Now().Add(p.r.cfg.Timeout))
	_, err := p.conn.Write(b)
	return err
}

// outgoing is what a replica gets: the answer, then what the Sender yields.
type outgoing struct {
	*replication.Sender
	in     *reader
	answer []byte
}

// join decides how the replica is brought up to date.
func (p *replica) join(m *replication.Message) (*outgoing, error) {
	r := p.r
	self, _ := r.cfg.Self()
	switch {
	case m.Kind != replication.KindHello:
		return nil, fmt.Errorf("replication: a message of kind %d before the hello: %w", m.Kind, replication.ErrCorrupt)
	case m.Version < replication.ProtocolVersion:
		return nil, fmt.Errorf("replication: protocol version %d is too old, use at least %d", m.Version,
			replication.ProtocolVersion)
	case m.Node != p.from && !p.from.IsZero():
		return nil, fmt.Errorf("replication: node %s says that it is node %s", p.from, m.Node)
	case m.Node == self:
		return nil, errors.New("replication: a node cannot replicate itself")
	case m.Master != self:
		return nil, fmt.Errorf("replication: node %s is not at this address any more, here is %s", m.Master, self)
	case m.Cluster != r.cfg.Cluster():
		return nil, fmt.Errorf("replication: the replica belongs to another cluster, %x", m.Cluster)
	case r.fresh.Load() != nil:
		return nil, replication.ErrNotMaster
	}
	p.id, p.incarnation, p.addr = m.Node, m.Incarnation, m.Addr
	if err := p.awaitRight(); err != nil {
		return nil, err
	}
	if r.outlived(m) {
		return nil, errors.New("replication: this node has been started anew since, and its later self replicates already")
	}
	keys := r.cfg.Store.Len()
	reader, answer, why, err := r.cfg.Log.join(m.Wanted, keys)
	if err != nil {
		return nil, err
	}
	p.full = why != ""
	p.known.Store(true)
	r.replaceOlder(p)
	if err := r.mayFollow(p.id); err != nil { // MapChanged may have come before the link was known
		reader.close()
		return nil, err
	}
	f := &outgoing{in: reader, answer: answer, Sender: replication.NewSender(replication.SenderConfig{Store: r.cfg.Store,
		Source: reader, Offset: reader.offset(), Full: p.full, Covered: r.coveredOffset})}
	if p.full {
		r.full.Add(1)
		if len(m.Wanted) > 0 {
			r.refused.Add(1)
		}
		r.log.Info("full sync", "replica", p.id.Short(), "why", why, "keys", keys, "from", f.Offset())
	} else {
		r.partial.Add(1)
		r.log.Info("partial resync", "replica", p.id.Short(), "from", f.Offset())
	}
	return f, nil
}

// outlived reports whether a later incarnation of the node that says hello is connected
// already: then the hello comes from a process that was thought to be dead.
func (r *Replicator) outlived(hello *replication.Message) bool {
	for _, p := range *r.replicas.Load() {
		if p.known.Load() && p.id == hello.Node && p.incarnation > hello.Incarnation {
			return true
		}
	}
	return false
}

// replaceOlder ends earlier links of the same node, so that it is not counted twice.
func (r *Replicator) replaceOlder(p *replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, old := range *r.replicas.Load() {
		if old.link < p.link && old.known.Load() && old.id == p.id {
			r.goneLocked(old.link)
			old.end(errAnew)
		}
	}
}

// coveredOffset returns the offset that covers everything the store has shown so far.
func (r *Replicator) coveredOffset() int64 {
	r.step.Lock()
	defer r.step.Unlock()
	return r.cfg.Log.Offset()
}

// send writes what the sender yields, and a ping when there has been nothing for a while.
func (p *replica) send(f *outgoing) (err error) {
	defer f.in.close()
	ping := time.NewTimer(pingEvery)
	defer ping.Stop()
	buf := f.answer
	f.answer = nil
	var back echo
	paused := time.Now()
	for {
		if f.Dumping() && time.Since(paused) > stretch {
			time.Sleep(time.Microsecond) // on an idle machine, a millisecond
			paused = time.Now()
		}
		if len(buf) > 0 {
			if err := p.write(buf); err != nil {
				return err
			}
		}
		if back.stamp == 0 { // one stamp at a time: a newer one would move the due offset on under a busy stream
			back = echo{p.stamp.Swap(0), p.r.cfg.Log.Offset()}
		}
		if buf, err = f.Next(buf[:0], p.ackFlag()); err != nil {
			return err
		}
		p.sent.Store(f.Holdable()) // before it is written: the ack may come at once
		if back.stamp != 0 && f.Holdable() >= back.end {
			buf = replication.AppendMessage(buf, &replication.Message{Kind: replication.KindPing, Offset: f.Offset(),
				Stamp: back.stamp})
			back = echo{}
			ping.Reset(pingEvery)
		}
		if len(buf) > 0 {
			continue
		}
		if p.cause.Load() != nil {
			return net.ErrClosed
		}
		select {
		case <-f.in.wake:
		case <-p.echo:
		case <-p.poke:
			buf = replication.AppendMessage(buf, &replication.Message{Kind: replication.KindPing, Offset: f.Offset(),
				Flags: replication.FlagAck})
		case <-ping.C:
			buf = replication.AppendMessage(buf, &replication.Message{Kind: replication.KindPing, Offset: f.Offset(),
				Flags: p.ackFlag()})
			ping.Reset(pingEvery)
		}
	}
}

// stretch is how long a full sync runs before it pauses, so that the process sees
// requests of clients. Go's scheduler polls the network when no goroutine is ready to
// run: one that always has something to do delays that by up to 10 ms, whether it yields
// or not. The pauses cost nothing, because the replica needs longer than the master.
const stretch = 300 * time.Microsecond

// echo is a stamp to be sent back once the stream is sent up to end, which is where the
// stream ended when the stamp arrived.
type echo struct {
	stamp uint64
	end   int64
}

// ackFlag returns the flag that asks for an ack with each message, or 0.
func (p *replica) ackFlag() uint64 {
	if until := p.r.askedAcks.Load(); until != 0 && p.r.clock() < until {
		return replication.FlagAck
	}
	return 0
}

// ack notes what the replica holds in memory and on disk.
func (p *replica) ack(offset, durable int64) {
	r := p.r
	p.held.Store(offset)
	p.durable.Store(durable)
	if !p.online.Swap(true) {
		r.log.Info("replica is online", "replica", p.id.Short(), "offset", offset)
		r.cfg.OnEvent(replication.ReplicaJoined{Replica: p.id, Full: p.full})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p.cause.Load() == nil {
		r.held.acks.ack(p.link, offset)
		r.durable.acks.ack(p.link, durable)
	}
}
