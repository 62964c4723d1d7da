package client

import (
	"context"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/slots"
)

// Router reaches every key of the cluster, wherever it lives: keys of the local node, if
// there is one, by direct calls, all others over one kept-open connection to each node,
// which many calls share. A node has a Router; a program that is no node gets one from
// [Dial].
//
// It follows the cluster's map: while slots move, masters fail and replicas succeed them,
// it waits and tries again, until ctx ends, or without a deadline for 30 s from the first
// failure on. So an error means one of these:
//
//   - The request was answered, and the answer is an error: [ErrNotFound],
//     slots.ErrCrossSlot, keyspace.ErrOutOfMemory, a [ReplyError] …
//   - ctx ended, or the cluster did not serve the slot for too long. Nothing has been done.
//     The error wraps the last reason, slots.ErrClusterDown for example; an
//     *[UnavailableError] also says what stood in the way, where that is known.
//   - [ErrAmbiguous]: the connection broke, or ctx ended, after a write had left. The write
//     is not sent again: it may have been carried out, and a write of another client may
//     have followed it.
//
// A Router is safe for concurrent use.
type Router struct {
	transport    Transport
	local        Local // nil if there is none
	latencies    *latencies
	reads        ReadPreference
	maxStaleness time.Duration // how far behind a replica may be that is read from; 0: no matter
}

// NewRouter makes a Router that reaches nodes through t. local is the node of this process
// that it belongs to, nil if it belongs to none.
func NewRouter(t Transport, local Local) *Router {
	return &Router{transport: t, local: local, latencies: &latencies{}}
}

// master returns a Router that reads from masters and shares all else with r.
func (r *Router) master() *Router {
	return &Router{transport: r.transport, local: r.local, latencies: r.latencies}
}

// Get returns a copy of the value of key, ErrNotFound if there is none.
func (r *Router) Get(ctx context.Context, key string) ([]byte, error) {
	if local := r.here(key); local != nil && r.reads != ReadReplica {
		value, err := local.Get(ctx, key)
		if !isRouting(err) {
			return value, err
		}
	}
	reply, err := r.keyed(ctx, key, false, cmdGet, bytesOf(key))
	switch {
	case err != nil:
		return nil, err
	case reply.Kind == resp.Null:
		return nil, ErrNotFound
	}
	return reply.Str, nil
}

// Set stores a copy of value under key; ttl 0 means for ever, a shorter one than a
// millisecond counts as one.
func (r *Router) Set(ctx context.Context, key string, value []byte, ttl time.Duration) error {
	if local := r.here(key); local != nil {
		if err := local.Set(ctx, key, value, ttl); !isRouting(err) {
			return err
		}
	}
	_, err := r.keyed(ctx, key, true, setArgs(key, value, ttl)...)
	return err
}

// Delete removes key and reports whether it was there.
func (r *Router) Delete(ctx context.Context, key string) (deleted bool, err error) {
	if local := r.here(key); local != nil {
		if deleted, err = local.Delete(ctx, key); !isRouting(err) {
			return deleted, err
		}
	}
	reply, err := r.keyed(ctx, key, true, cmdDel, bytesOf(key))
	return reply.Int > 0, err
}

// Expire sets how long key has still to live, 0 for ever; a negative ttl deletes it. It
// reports whether the key was there.
func (r *Router) Expire(ctx context.Context, key string, ttl time.Duration) (found bool, err error) {
	if local := r.here(key); local != nil {
		if found, err = local.Expire(ctx, key, ttl); !isRouting(err) {
			return found, err
		}
	}
	if ttl > 0 {
		reply, err := r.keyed(ctx, key, true, cmdPExpire, bytesOf(key), milliseconds(ttl))
		return reply.Int > 0, err
	}
	if ttl < 0 {
		return r.Delete(ctx, key)
	}
	reply, err := r.keyed(ctx, key, true, cmdPersist, bytesOf(key))
	if err != nil || reply.Int > 0 {
		return err == nil, err
	}
	reply, err = r.master().keyed(ctx, key, false, cmdExists, bytesOf(key)) // it had no expiry, or does not exist
	return reply.Int > 0, err
}

// TTL returns how long key has still to live, 0 if for ever, ErrNotFound if it is not
// there.
func (r *Router) TTL(ctx context.Context, key string) (time.Duration, error) {
	if local := r.here(key); local != nil && r.reads != ReadReplica {
		if ttl, err := local.TTL(ctx, key); !isRouting(err) {
			return ttl, err
		}
	}
	reply, err := r.keyed(ctx, key, false, cmdPTTL, bytesOf(key))
	switch {
	case err != nil:
		return 0, err
	case reply.Int == -2: // docs/spec.md §10.2: no such key
		return 0, ErrNotFound
	}
	return max(0, time.Duration(reply.Int)*time.Millisecond), nil
}

// Do runs any command that names keys of one slot, built in or registered at the nodes by
// their host program: "INCR", "visits". The reply is nil, string (a status such as OK),
// []byte, int64, float64, bool, []any, or map[string]any. An error reply is returned as
// error. Arguments are string, []byte, int, int64, uint64 or float64. Commands about the
// connection they come on, such as MULTI or SUBSCRIBE, are refused: all callers share the
// connections.
func (r *Router) Do(ctx context.Context, command string, args ...any) (any, error) {
	line, err := commandLine(command, args)
	if err != nil {
		return nil, err
	}
	keys, write, err := r.transport.Inspect(ctx, line)
	if err != nil {
		return nil, err
	}
	req := &request{write: write}
	req.Args = line
	for i, at := range keys {
		slot := slots.Of(line[at])
		if i > 0 && slot != req.slot {
			return nil, slots.ErrCrossSlot
		}
		req.slot, req.keyed = slot, true
	}
	reply, err := r.do(ctx, req)
	if err != nil {
		return nil, err
	}
	return valueOf(&reply), nil
}

// keyed sends a command for one key.
func (r *Router) keyed(ctx context.Context, key string, write bool, args ...[]byte) (resp.Reply, error) {
	req := &request{slot: slots.OfString(key), keyed: true, write: write}
	req.Args = args
	return r.do(ctx, req)
}

var (
	cmdGet     = []byte("GET")
	cmdSet     = []byte("SET")
	cmdDel     = []byte("DEL")
	cmdExists  = []byte("EXISTS")
	cmdPExpire = []byte("PEXPIRE")
	cmdPersist = []byte("PERSIST")
	cmdPTTL    = []byte("PTTL")
	wordPX     = []byte("PX")
)

func setArgs(key string, value []byte, ttl time.Duration) [][]byte {
	if ttl <= 0 {
		return [][]byte{cmdSet, bytesOf(key), value}
	}
	return [][]byte{cmdSet, bytesOf(key), value, wordPX, milliseconds(ttl)}
}

func milliseconds(d time.Duration) []byte {
	return strconv.AppendInt(nil, max(1, d.Milliseconds()), 10)
}

// here returns the local node if it owns the key's slot, nil otherwise.
func (r *Router) here(key string) Local {
	if r.local == nil || !r.local.Owns(slots.OfString(key)) {
		return nil
	}
	return r.local
}
