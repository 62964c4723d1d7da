package invalidation

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/slots"
)

// MaxLease is the longest lease. With a tenth more it is still shorter than what any master
// waits, whatever its node timeout, before it serves after its start or a time in a minority:
// 500 ms at least (docs/spec.md §5.2).
const MaxLease = 450 * time.Millisecond

// Lease returns how long a lease is where the node timeout is t: shorter than any election
// takes.
func Lease(t time.Duration) time.Duration { return min(t/4, MaxLease) }

// members is which nodes one node counts on, by its map.
type members struct {
	masters uint64                  // digest of the masters that have not failed
	shards  map[slots.NodeID]uint64 // by master: of its replicas that have not failed
}

// membersOf returns the members of a map.
func membersOf(m *slots.Map) members {
	list := members{shards: make(map[slots.NodeID]uint64)}
	for _, n := range m.Nodes() {
		switch {
		case n.Health == slots.Failed:
		case n.IsMaster():
			list.masters ^= hash(n.ID, 'm')
		default:
			list.shards[n.Master] ^= hash(n.ID, 'r')
		}
	}
	return list
}

// digest returns that of the members of which a holder needs leases for the slots of the
// shard that n belongs to.
func (l *members) digest(n *slots.Node) uint64 {
	master := n.Master
	if n.IsMaster() {
		master = n.ID
	}
	return l.masters ^ l.shards[master] ^ hash(master, 's')
}

// hash tells nodes in different roles apart.
func hash(id slots.NodeID, role byte) uint64 {
	var b [len(id) + 1]byte
	copy(b[:], id[:])
	b[len(id)] = role
	return xxhash.Sum64(b[:])
}
