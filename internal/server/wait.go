package server

import (
	"context"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/internal/server/commands"
)

var waitGroup = []commands.Command{
	{Name: "wait", Arity: 3, Flags: commands.NoScript, Group: "generic", Since: "3.0.0", Category: "connection",
		Tips:    "request_policy:all_shards response_policy:agg_min",
		Summary: "Waits until replicas hold this client's writes.", Run: ofSession(cmdWait)},
	{Name: "waitaof", Arity: 4, Flags: commands.NoScript | commands.Hidden, Group: "generic", Since: "7.2.0",
		Category: "connection", Tips: "request_policy:all_shards response_policy:agg_min",
		Summary: "Waits until this node and replicas have this client's writes on disk.", Run: ofSession(cmdWaitAOF)},
}

// cmdWait answers how many replicas hold the client's last write (docs/spec.md §9.3).
func cmdWait(s *session) error {
	if s.mayNotWait() {
		return replyError("ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a " +
			"replica is configured to be writable (which is not the default) writes to replicas are just local and are " +
			"not propagated.")
	}
	replicas, err := s.Number(1)
	if err != nil {
		return err
	}
	timeout, err := s.waitTimeout(2)
	if err != nil {
		return err
	}
	if s.writes.acks == nil {
		s.Out.Int(0)
		return nil
	}
	ctx, cancel := s.waitContext(timeout)
	defer cancel()
	n, _ := s.writes.held(ctx, int(min(replicas, mostReplicas))) // the number tells all
	s.Out.Int(int64(n))
	return nil
}

const (
	errNumReplicas = replyError("ERR value is out of range, must be positive")
	errNumLocal    = replyError("ERR value is out of range, value must between 0 and 1")
)

// mostReplicas is more than there can be.
const mostReplicas = 1 << 20

// cmdWaitAOF answers whether this node, and how many replicas, have the client's last write
// on disk (docs/spec.md §9.3).
func cmdWaitAOF(s *session) error {
	local, err := s.Number(1)
	if err == nil && (local < 0 || local > 1) {
		err = errNumLocal
	}
	if err != nil {
		return err
	}
	replicas, err := s.NumberIn(2, 0, math.MaxInt64, errNumReplicas)
	if err != nil {
		return err
	}
	timeout, err := s.waitTimeout(3)
	switch {
	case err != nil:
		return err
	case s.mayNotWait():
		return replyError("ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are " +
			"just local and are not propagated.")
	case local == 1 && !s.Node.Logs():
		return errNotLogging
	}
	here, n := false, 0
	if s.writes.acks != nil {
		ctx, cancel := s.waitContext(timeout)
		defer cancel()
		here, n = s.writes.durable(ctx, local == 1, int(min(replicas, mostReplicas)))
	}
	if local == 1 && !s.Node.Logs() { // it has been turned off
		return errNotLogging
	}
	count := int64(0)
	if here {
		count = 1
	}
	s.Out.Array(2)
	s.Out.Int(count)
	s.Out.Int(int64(n))
	return nil
}

const errNotLogging = replyError("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")

// mayNotWait reports whether the node is a replica, which nothing is to be waited for on. What a
// client wrote here when this node was a master can still be asked about.
func (s *session) mayNotWait() bool {
	return s.Node.IsReplica() && s.Node.Engine.Map() != nil && !s.writes.any()
}

// waitTimeout reads how long a client would wait; 0: for ever.
func (s *session) waitTimeout(i int) (time.Duration, error) {
	ms, err := s.Number(i)
	switch {
	case err != nil:
		return 0, replyError("ERR timeout is not an integer or out of range")
	case ms < 0:
		return 0, replyError("ERR timeout is negative")
	}
	return time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond, nil
}

// waitContext returns how long a client waits for what has become of its writes. A wait
// within a transaction would hold up what comes after it: count and go on, as Redis does.
func (s *session) waitContext(timeout time.Duration) (context.Context, context.CancelFunc) {
	s.fanOut.send()
	switch {
	case s.multi.on:
		ctx, cancel := context.WithCancel(s.srv.life)
		cancel()
		return ctx, cancel
	case timeout > 0:
		return context.WithTimeout(s.srv.life, timeout)
	}
	return context.WithCancel(s.srv.life)
}
