package replication

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

// kind is the first element of a message; a message is a msgpack array in a frame. A
// reader ignores kinds it does not know, and elements behind those it knows.
type kind uint8

const (
	// from the replica
	kindHello kind = 1 // version, node, address, positions, whom it wants, cluster, incarnation
	kindAck   kind = 2 // offset up to which it holds the stream, stamp
	// from the master
	kindRefuse kind = 3 // why
	kindResume kind = 4 // history and place, term: the stream follows from there
	kindFull   kind = 5 // history and place, number of keys, term: everything follows
	kindStream kind = 6 // offset, flags, bytes of the stream
	kindDump   kind = 7 // slot, flags, Ops
	kindSynced kind = 8 // offset: what came up to here is complete
	// the master's offset, flags, stamp of an ack: all that was written before it came has
	// been sent
	kindPing     kind = 9
	kindMetadata kind = 10 // name, data: a note there was when a full sync began
	// in snapshots only
	kindShard kind = 11 // data: see Config.Shard
)

// Flags of messages.
const (
	flagAck  = 1 // answer with an ack at once
	flagMore = 2 // the Ops go on in the next message
)

// protocolVersion grows when an older node could misunderstand a newer one.
const protocolVersion = 1

// maxMessage bounds a message; longer data is cut into several.
const (
	maxMessage = 1 << 20
	maxPiece   = maxMessage - 64
)

// maxPositions bounds what a replica may offer: a History has two names at most.
const maxPositions = 2

// message is any of the kinds; which fields it uses is said there.
type message struct {
	kind    kind
	version uint64
	node    slots.NodeID
	addr    slots.Addr

	incarnation uint64 // of node

	wanted  []Position
	master  slots.NodeID // the node that the replica takes the receiver for
	cluster [16]byte
	hist    History // Offset: the master's end
	offset  int64
	keys    uint64
	through slots.Slot // the last slot whose dump has begun
	flags   uint64
	stamp   uint64 // see freshness; 0: none
	text    string
	data    []byte // aliases the frame
}

// appendMessage appends m as a frame.
func appendMessage(dst []byte, m *message) []byte {
	dst, start := frame.Begin(dst)
	switch m.kind {
	case kindHello:
		dst = packArray(dst, 10+2*len(m.wanted))
		dst = packUint(dst, uint64(m.kind))
		dst = packUint(dst, m.version)
		dst = packBytes(dst, m.node[:])
		dst = packBytes(dst, []byte(m.addr.Host))
		dst = packUint(dst, uint64(m.addr.Port))
		dst = packUint(dst, uint64(m.addr.BusPort))
		dst = packUint(dst, uint64(len(m.wanted)))
		for _, p := range m.wanted {
			dst = packUint(packBytes(dst, p.ID[:]), uint64(p.Offset))
		}
		dst = packBytes(packBytes(dst, m.master[:]), m.cluster[:])
		dst = packUint(dst, m.incarnation)
	case kindRefuse:
		dst = packUint(packArray(dst, 2), uint64(m.kind))
		dst = packBytes(dst, []byte(m.text))
	case kindResume, kindFull:
		dst = packUint(packArray(dst, 8), uint64(m.kind))
		dst = packUint(packBytes(dst, m.hist.ID[:]), uint64(m.hist.Offset))
		dst = packUint(packBytes(dst, m.hist.PrevID[:]), uint64(m.hist.PrevLimit))
		dst = packUint(packUint(packUint(dst, uint64(m.offset)), m.keys), m.hist.Term)
	case kindStream:
		dst = packUint(packArray(dst, 4), uint64(m.kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.offset)), m.flags), m.data)
	case kindDump:
		dst = packUint(packArray(dst, 4), uint64(m.kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.through)), m.flags), m.data)
	case kindMetadata:
		dst = packBytes(packBytes(packUint(packArray(dst, 3), uint64(m.kind)), []byte(m.text)), m.data)
	case kindShard:
		dst = packBytes(packUint(packArray(dst, 2), uint64(m.kind)), m.data)
	case kindAck:
		dst = packUint(packUint(packUint(packArray(dst, 3), uint64(m.kind)), uint64(m.offset)), m.stamp)
	case kindSynced:
		dst = packUint(packUint(packArray(dst, 2), uint64(m.kind)), uint64(m.offset))
	case kindPing:
		dst = packUint(packUint(packArray(dst, 4), uint64(m.kind)), uint64(m.offset))
		dst = packUint(packUint(dst, m.flags), m.stamp)
	}
	return frame.Finish(dst, start)
}

// decodeMessage reads the payload of a frame into m, whose data then aliases b.
func decodeMessage(b []byte, m *message) error {
	*m = message{wanted: m.wanted[:0]}
	u := unpacker{b: b}
	elements := u.array()
	switch m.kind = kind(u.uint()); m.kind {
	case kindHello:
		decodeHello(&u, m)
	case kindRefuse:
		m.text = u.text()
	case kindResume, kindFull:
		m.hist.ID, m.hist.Offset = u.id(), u.offset()
		m.hist.PrevID, m.hist.PrevLimit = u.id(), u.offset()
		m.offset, m.keys = u.offset(), u.uint()
		if m.hist.Term = 1; elements > 7 {
			m.hist.Term = uint64(u.offset())
		}
	case kindStream:
		m.offset, m.flags, m.data = u.offset(), u.uint(), u.bytes()
	case kindDump:
		through := u.uint()
		if through >= slots.Count {
			u.fail(fmt.Sprintf("a slot instead of %d", through))
		}
		m.through, m.flags, m.data = slots.Slot(through), u.uint(), u.bytes()
	case kindMetadata:
		m.text, m.data = string(u.bytes()), u.bytes()
	case kindShard:
		m.data = u.bytes()
	case kindAck:
		m.offset = u.offset()
		if elements > 2 { // an older node says no more
			m.stamp = u.uint()
		}
	case kindSynced:
		m.offset = u.offset()
	case kindPing:
		m.offset, m.flags = u.offset(), u.uint()
		if elements > 3 {
			m.stamp = u.uint()
		}
	}
	return u.err
}

func decodeHello(u *unpacker, m *message) {
	m.version = u.uint()
	m.node = slots.NodeID(u.id())
	if m.addr.Host = string(u.bytes()); !slots.ValidHost(m.addr.Host) {
		m.addr.Host = "" // it is for INFO only
	}
	m.addr.Port, m.addr.BusPort = u.port(), u.port()
	n := u.uint()
	if n > maxPositions {
		u.fail("at most 2 positions")
		return
	}
	for range n {
		m.wanted = append(m.wanted, Position{u.id(), u.offset()})
	}
	m.master = slots.NodeID(u.id())
	if cluster := u.bytes(); len(cluster) == len(m.cluster) {
		copy(m.cluster[:], cluster)
	} else {
		u.fail("a cluster id of 16 bytes")
	}
	m.incarnation = u.uint()
}
