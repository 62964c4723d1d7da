package bus

import (
	"bytes"
	"errors"
	"net"

	"github.com/slotmesh/slotmesh/internal/peer"
)

// link is a connection that has been handed to its user. The bus keeps a list of them, so
// that it can end those whose evidence is not enough any more.
type link struct {
	net.Conn // encrypted or not
	bus      *Bus
	raw      net.Conn // of the network, below Conn
	kind     Kind
	dialled  bool
	heard    bool // something has been read; only used by the goroutine that reads
	evidence
}

// Close closes the connection of the network at once: nothing more is written, such as the
// alert that ends a TLS connection, which could block. Messages between nodes have lengths
// and checksums, so no half of one is ever taken for a whole.
func (l *link) Close() error {
	l.bus.forget(l)
	return l.raw.Close()
}

// Read tells the dialling end by its first bytes that it was refused.
func (l *link) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if l.heard || !l.dialled {
		return n, err
	}
	l.heard = n > 0
	refused := bytes.HasPrefix(b[:n], refusal) || l.kind == Calls && n > 0 && b[0] == refusal[0] // see askForID
	if !refused && !isRefusal(err) {
		return n, err
	}
	l.bus.warnDialled(l.raw.RemoteAddr().String(), l.kind, errRefused)
	return 0, errRefused
}

// refusal is what the accepting end says to one that it refuses: the TLS alert
// access_denied (RFC 8446 §6.2), which a dialling end with TLS understands anyway.
var refusal = []byte{21, 3, 3, 0, 2, 2, 49}

// isRefusal reports whether an error is an alert of the other end.
func isRefusal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// errChanged is for connections that were being opened while the policy changed.
var errChanged = errors.New("the cluster secret was changed in this moment: try again")

// hand adds a connection to the list, unless its evidence is not enough: the policy may
// have changed since it was opened.
func (b *Bus) hand(l *link) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.policy.Load()
	if err := p.refuseKind(l.kind, &l.evidence); err != nil && !l.dialled {
		return err
	}
	if p.ends(l) {
		return errChanged
	}
	b.links[l] = struct{}{}
	return nil
}

func (b *Bus) forget(l *link) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.links, l)
}

// Secure puts a Security in force. On an error nothing has changed.
//
// Connections whose evidence is not enough any more are closed. Those that this node has
// dialled with other evidence than it would show now are replaced: gossip and replication
// dial anew, calls go on where they are while new ones use a new connection. So, if each
// node in turn accepts a new secret beside its own (OldSecret), then each shows the new one
// (Secret), and then each drops the old one, nothing is refused or lost on the way.
func (b *Bus) Secure(s Security) error {
	p, err := newPolicy(s, b.policy.Load(), b.certificate)
	if err != nil {
		return err
	}
	b.mu.Lock()
	before := b.policy.Load()
	b.policy.Store(p)
	var ended []*link
	for l := range b.links {
		if p.ends(l) {
			ended = append(ended, l)
		}
	}
	b.mu.Unlock()
	for _, l := range ended {
		b.cfg.Logger.Info("closing a connection that was made under another cluster secret", "with", l.raw.RemoteAddr(),
			"kind", l.kind)
		l.Close()
	}
	if !before.wanted(Calls).equal(p.wanted(Calls)) {
		b.calls.Renew((*peer.Conn).Retire)
	}
	return nil
}

// ends reports whether a connection ends when the policy comes into force.
func (p *policy) ends(l *link) bool {
	switch {
	case !l.dialled:
		return p.refuseKind(l.kind, &l.evidence) != nil
	case l.kind == Calls: // the pool replaces them
		return false
	case l.kind == Migration: // begins its slot again if it is cut off
		return p.refuse(&l.evidence) != nil
	}
	return !l.evidence.equal(p.wanted(l.kind))
}
