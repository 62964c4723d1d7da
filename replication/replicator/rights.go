package replicator

import (
	"errors"
	"net"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// A master gives its data only to nodes that may have it: the host's MayFollow knows, from
// the cluster's map, which nodes replicate this one. A node that has just become a replica
// may say hello before the news of that arrives here, on another connection. So the master
// waits a moment for it; the replica tries again if that was not enough.

// newsLimit is how long a hello waits for the news that its sender is a replica. It
// is well below the time-out of a link, so that the replica hears the reason of a refusal.
const newsLimit = 2 * time.Second

// noRight is why a node must not follow this one.
type noRight struct{ error }

func (e *noRight) Error() string        { return "replication: " + e.error.Error() }
func (e *noRight) Is(target error) bool { return target == errNoRight }

var errNoRight = errors.New("no right to follow")

// mayFollow returns why a node must not follow this one, nil if it may.
func (r *Replicator) mayFollow(id slots.NodeID) error {
	if r.cfg.MayFollow == nil {
		return nil
	}
	if err := r.cfg.MayFollow(id); err != nil {
		return &noRight{err}
	}
	return nil
}

// awaitRight returns when the node that said hello on the link may follow this one, or
// with the reason why it must not.
func (p *replica) awaitRight() error {
	limit := time.NewTimer(newsLimit)
	defer limit.Stop()
	for {
		p.r.mu.Lock()
		changed := p.r.changed
		p.r.mu.Unlock()
		err := p.r.mayFollow(p.id)
		switch {
		case p.cause.Load() != nil:
			return net.ErrClosed
		case err == nil:
			return nil
		}
		select {
		case <-changed:
		case <-p.poke: // the link has ended
		case <-limit.C:
			return err
		}
	}
}

// logRefusal tells of a link on which no replica joined: once a minute for each node and
// reason.
func (r *Replicator) logRefusal(p *replica, err error) {
	log := r.log.Debug
	var more int
	if errors.Is(err, errNoRight) {
		var due bool
		if due, more = r.unwanted.Due(time.Now(), p.id.String()+err.Error()); due {
			log = r.log.Warn
		}
	}
	log("a replica did not join", "replica", p.id.Short(), "from", p.conn.RemoteAddr(), "error", err, "times before", more)
}

// MapChanged tells that Config.MayFollow may give other answers from now on. The links of
// nodes that must not follow this one any more end, and what these have acknowledged does
// not count any more.
func (r *Replicator) MapChanged() {
	r.mu.Lock()
	r.notifyLocked()
	r.mu.Unlock()
	for _, p := range *r.replicas.Load() {
		if !p.known.Load() {
			continue
		}
		if err := r.mayFollow(p.id); err != nil {
			r.mu.Lock()
			r.goneLocked(p.link)
			r.mu.Unlock()
			p.end(err)
		}
	}
}
