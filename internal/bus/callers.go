package bus

import (
	"net"

	"github.com/slotmesh/slotmesh/slots"
)

// addCaller notes that a node calls on a connection, and closes it if the right to do so
// has ended since the node was admitted.
func (b *Bus) addCaller(conn net.Conn, from slots.NodeID) {
	b.mu.Lock()
	b.callers[conn] = from
	b.mu.Unlock()
	b.recheck(conn, from)
}

func (b *Bus) removeCaller(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.callers, conn)
}

// MembersChanged tells that Config.Admit may answer otherwise from now on. Connections end
// on which nodes call that may not any more; those of other kinds are the business of the
// packages that have them.
func (b *Bus) MembersChanged() {
	b.mu.Lock()
	callers := make(map[net.Conn]slots.NodeID, len(b.callers))
	for conn, from := range b.callers {
		callers[conn] = from
	}
	b.mu.Unlock()
	for conn, from := range callers {
		b.recheck(conn, from)
	}
}

func (b *Bus) recheck(conn net.Conn, from slots.NodeID) {
	if err := b.admit(Calls, from); err != nil {
		b.cfg.Logger.Debug("ended a connection for calls", "node", from, "error", err)
		conn.Close()
	}
}
