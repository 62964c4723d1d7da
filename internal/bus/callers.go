package bus

import (
	"maps"
	"net"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// maxCalling is how many connections a node may call on at one time. It keeps one itself,
// and opens another when that breaks; those before may take a while to end here.
const maxCalling = 8

// addCaller notes that a node calls on a connection, and closes it if the right to do so
// has ended since the node was admitted. Of too many connections the oldest is closed: it
// is the likeliest to be dead.
func (b *Bus) addCaller(conn net.Conn, from slots.NodeID) {
	b.mu.Lock()
	var oldest net.Conn
	open := append(b.callers[from], conn)
	if len(open) > maxCalling {
		oldest, open = open[0], open[1:]
	}
	b.callers[from] = open
	b.mu.Unlock()
	if oldest != nil {
		b.cfg.Logger.Debug("ended a connection for calls: its node has too many", "node", from, "limit", maxCalling)
		oldest.Close()
	}
	b.recheck(from, conn)
}

func (b *Bus) removeCaller(conn net.Conn, from slots.NodeID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := slices.DeleteFunc(b.callers[from], func(c net.Conn) bool { return c == conn })
	if b.callers[from] = left; len(left) == 0 {
		delete(b.callers, from)
	}
}

// MembersChanged tells that Config.Admit may answer otherwise from now on. Connections end
// on which nodes call that may not any more; those of other kinds are the business of the
// packages that have them.
func (b *Bus) MembersChanged() {
	b.mu.Lock()
	callers := maps.Clone(b.callers)
	for from, open := range callers {
		callers[from] = slices.Clone(open)
	}
	b.mu.Unlock()
	for from, open := range callers {
		b.recheck(from, open...)
	}
}

// recheck closes the connections of a node that may not call any more.
func (b *Bus) recheck(from slots.NodeID, open ...net.Conn) {
	err := b.admit(Calls, from)
	if err == nil {
		return
	}
	b.cfg.Logger.Debug("ended the connections for calls of a node", "node", from, "error", err)
	for _, conn := range open {
		conn.Close()
	}
}
