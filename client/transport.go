package client

import (
	"context"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Transport is how a [Router] reaches the nodes of a cluster. A [Client] has one that
// speaks the Redis protocol to the nodes' client ports, a node one that calls the others
// over the bus. It must be safe for concurrent use.
type Transport interface {
	Topology

	// Send sends a request to one node and waits for the reply. It must not keep r.
	//
	// An error reply comes back as an error: a *slots.MovedError or *slots.AskError, which
	// the Router follows, or what [ParseError] makes of its text. If there was no reply, the
	// error matches [ErrNotSent] or [ErrLost], and ctx's error if ctx ended the wait: they
	// decide whether a write may be sent again.
	Send(ctx context.Context, to Endpoint, r *Request) (Reply, error)

	// Inspect returns the indices in a command line of the arguments that are keys, and
	// whether the command may write. The error is that of a command which cannot be sent.
	Inspect(ctx context.Context, line [][]byte) (keys []int, write bool, err error)

	// Done returns a channel that is closed when the transport is. Calls of the Router then
	// return [ErrClosed].
	Done() <-chan struct{}
}

// Topology is which node serves which slots, as far as one end of a cluster knows.
type Topology interface {
	// Owner returns the master of slot, false if none is known.
	Owner(slot slots.Slot) (Endpoint, bool)
	// Replicas returns the replicas that can serve reads of slot. The caller owns the list.
	Replicas(slot slots.Slot) []Endpoint
	// Masters returns the nodes that own slots, for requests without a key. The caller must
	// not change the list.
	Masters() []Endpoint
	// Learn takes note of a redirect.
	Learn(e *slots.MovedError)
	// Refresh asks for a newer map, where the map does not arrive by itself, after a request
	// has failed. It returns slots.ErrClusterDown if the cluster is known not to serve, and
	// no other error.
	Refresh(ctx context.Context) error
	// Changed returns a channel that is closed by the next change of the map; nil if nothing
	// announces changes.
	Changed() <-chan struct{}
	// Explain says in plain English what keeps slot from being served, "" if that is not
	// known.
	Explain(slot slots.Slot) string
}

// Local is a node of this process, whose keys a [Router] reaches by direct calls. If the
// node does not serve a key after all, a method returns a redirect or another error of
// package slots, and the Router sends the request through its Transport instead. The
// methods of the same names as those of Router do the same for one node's keys.
type Local interface {
	// ID returns the node's id, zero if it is in no cluster.
	ID() slots.NodeID
	// Owns reports whether the node owns slot now, as far as its map tells.
	Owns(slot slots.Slot) bool

	Get(ctx context.Context, key string) ([]byte, error)
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	Delete(ctx context.Context, key string) (deleted bool, err error)
	Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error)
	TTL(ctx context.Context, key string) (time.Duration, error)
	Update(ctx context.Context, keys []string, fn func(Tx) error) error
}

// Endpoint is a node and where it is reached.
type Endpoint struct {
	ID   slots.NodeID // zero if only the address is known
	Addr slots.Addr
}
