package bus

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/repeat"
	"github.com/slotmesh/slotmesh/network"
	"github.com/slotmesh/slotmesh/slots"
)

// Config says what a Bus connects.
type Config struct {
	Network network.Network
	Logger  hclog.Logger

	// ID returns the id of this node. It is called for connections from other nodes and to
	// them, so only after Start.
	ID func() slots.NodeID
	// Admit says whether the node that dialled, by the id that it gives itself, may have a
	// connection of this kind; the error, for the log, says why not. It must not block.
	// Default: every node may have every kind.
	Admit func(kind Kind, from slots.NodeID) error
	// Answer answers the calls of other nodes.
	Answer peer.Handler
	// Silence is how long another node may be silent while it owes an answer to a call.
	Silence time.Duration
	// OnPanic is told of a panic in Answer, as a *guard.Panic; with nil the panic goes on.
	OnPanic func(error)
}

// Bus accepts the connections of other nodes and passes each on by its kind, and dials
// other nodes. Its methods may be called by several goroutines, except where they say
// otherwise.
type Bus struct {
	cfg    Config
	life   context.Context // of calls from other nodes and to them
	accept map[Kind]func(conn net.Conn, from slots.NodeID)
	calls  *peer.Pool[*peer.Conn] // to other nodes

	ln        net.Listener  // set by Listen
	stop      chan struct{} // closed by StopListening
	listening sync.WaitGroup
	answering sync.WaitGroup // connections on which other nodes call

	arrivals    *arrivals
	refusals    repeat.Limit           // for the log
	policy      atomic.Pointer[policy] // never nil; stored under mu
	certificate func() (tls.Certificate, error)

	mu      sync.Mutex // guards the fields below
	stopped bool
	links   map[*link]struct{}          // handed to their users, and open
	callers map[slots.NodeID][]net.Conn // on which nodes call, the oldest first
}

// New makes a bus that neither listens nor has connections, and asks for no evidence: see
// Secure. The end of life ends the calls of other nodes, and the dialling for own ones.
func New(life context.Context, cfg Config) *Bus {
	b := &Bus{cfg: cfg, life: life, stop: make(chan struct{}), arrivals: newArrivals(),
		certificate: sync.OnceValues(newCertificate), links: make(map[*link]struct{}),
		callers: make(map[slots.NodeID][]net.Conn)}
	b.policy.Store(&policy{})
	b.accept = map[Kind]func(net.Conn, slots.NodeID){Calls: b.acceptCalls}
	b.calls = peer.NewPool(life, b.dialCalls)
	return b
}

// Handle sets what is done with the connections of a kind that other nodes open. accept
// owns the connection and must not block; from is the id that the dialling node gives
// itself. Call it before Start.
func (b *Bus) Handle(kind Kind, accept func(conn net.Conn, from slots.NodeID)) {
	b.accept[kind] = accept
}

// Listen opens the port for other nodes and returns its address. Nothing is accepted
// before Start. Call it once.
func (b *Bus) Listen(addr string) (net.Addr, error) {
	ln, err := b.cfg.Network.Listen(addr)
	if err != nil {
		return nil, err
	}
	b.ln = ln
	return ln.Addr(), nil
}

// Start accepts connections, after Listen, until StopListening.
func (b *Bus) Start() { b.listening.Go(b.run) }

// StopListening ends the listener and the connections that are still unfinished.
// When it returns, no connection is passed on any more.
func (b *Bus) StopListening() {
	b.mu.Lock()
	if !b.stopped {
		b.stopped = true
		close(b.stop)
	}
	b.mu.Unlock()
	b.arrivals.close()
	if b.ln != nil {
		b.ln.Close()
	}
	b.listening.Wait()
}

// CloseCalls ends the connections for calls to other nodes, and the calls on them, after
// the end of life. Later calls fail with peer.ErrClosed.
func (b *Bus) CloseCalls() { b.calls.Close() }

// Wait returns when the connections on which other nodes call have ended, after
// StopListening and the end of life.
func (b *Bus) Wait() { b.answering.Wait() }
