package bus

import (
	"net"
	"sync"
	"time"
)

const (
	// warnEvery is how often the log says the same of one address.
	warnEvery = time.Minute
	// maxWarned bounds the addresses that the log says something of in that time.
	maxWarned = 64
)

// refusals says which warnings are due. Connections are tried again and again, and by
// strangers, too.
type refusals struct {
	mu    sync.Mutex // guards the fields below
	began time.Time
	said  map[refused]struct{} // since began
}

// refused is one kind of refusal.
type refused struct {
	host    string
	reason  string
	dialled bool
}

// due reports whether to warn of r.
func (r *refusals) due(what refused, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said == nil || now.Sub(r.began) >= warnEvery {
		r.began, r.said = now, make(map[refused]struct{})
	}
	if _, twice := r.said[what]; twice || len(r.said) >= maxWarned {
		return false
	}
	r.said[what] = struct{}{}
	return true
}

// warnAccepted tells that a node was refused here.
func (b *Bus) warnAccepted(from net.Addr, err error) {
	host, _, splitErr := net.SplitHostPort(from.String())
	if splitErr != nil {
		host = from.String()
	}
	if b.refusals.due(refused{host, err.Error(), false}, time.Now()) {
		b.cfg.Logger.Warn("refused a connection of another node", "from", from, "error", err)
	}
}

// warnDialled tells that this node was refused, or met an impostor.
func (b *Bus) warnDialled(addr string, kind Kind, err error) {
	if b.refusals.due(refused{addr, err.Error(), true}, time.Now()) {
		b.cfg.Logger.Warn("cannot connect to another node", "to", addr, "kind", kind, "error", err)
	}
}
