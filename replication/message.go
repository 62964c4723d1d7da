package replication

import (
	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
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
		dst = msgp.AppendArrayHeader(dst, 10+2*len(m.wanted))
		dst = packUint(dst, uint64(m.kind))
		dst = packUint(dst, m.version)
		dst = packBytes(dst, m.node[:])
		dst = packBytes(dst, m.addr.Host)
		dst = packUint(dst, uint64(m.addr.Port))
		dst = packUint(dst, uint64(m.addr.BusPort))
		dst = packUint(dst, uint64(len(m.wanted)))
		for _, p := range m.wanted {
			dst = packUint(packBytes(dst, p.ID[:]), uint64(p.Offset))
		}
		dst = packBytes(packBytes(dst, m.master[:]), m.cluster[:])
		dst = packUint(dst, m.incarnation)
	case kindRefuse:
		dst = packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.kind))
		dst = packBytes(dst, m.text)
	case kindResume, kindFull:
		dst = packUint(msgp.AppendArrayHeader(dst, 8), uint64(m.kind))
		dst = packUint(packBytes(dst, m.hist.ID[:]), uint64(m.hist.Offset))
		dst = packUint(packBytes(dst, m.hist.PrevID[:]), uint64(m.hist.PrevLimit))
		dst = packUint(packUint(packUint(dst, uint64(m.offset)), m.keys), m.hist.Term)
	case kindStream:
		dst = packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.offset)), m.flags), m.data)
	case kindDump:
		dst = packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.through)), m.flags), m.data)
	case kindMetadata:
		dst = packBytes(packBytes(packUint(msgp.AppendArrayHeader(dst, 3), uint64(m.kind)), m.text), m.data)
	case kindShard:
		dst = packBytes(packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.kind)), m.data)
	case kindAck:
		dst = packUint(packUint(packUint(msgp.AppendArrayHeader(dst, 3), uint64(m.kind)), uint64(m.offset)), m.stamp)
	case kindSynced:
		dst = packUint(packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.kind)), uint64(m.offset))
	case kindPing:
		dst = packUint(packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.kind)), uint64(m.offset))
		dst = packUint(packUint(dst, m.flags), m.stamp)
	}
	return frame.Finish(dst, start)
}

// decodeMessage reads the payload of a frame into m, whose data then aliases b.
func decodeMessage(b []byte, m *message) error {
	*m = message{wanted: m.wanted[:0]}
	r := newReader(b)
	elements := r.Array("message", 1)
	switch m.kind = kind(r.Uint("kind")); m.kind {
	case kindHello:
		decodeHello(r, m)
	case kindRefuse:
		m.text = r.text("reason")
	case kindResume, kindFull:
		m.hist.ID, m.hist.Offset = r.id("history"), r.offset("end of history")
		m.hist.PrevID, m.hist.PrevLimit = r.id("previous history"), r.offset("end of previous history")
		m.offset, m.keys = r.offset("offset"), r.Uint("keys")
		if m.hist.Term = 1; elements > 7 {
			m.hist.Term = uint64(r.offset("term"))
		}
	case kindStream:
		m.offset, m.flags, m.data = r.offset("offset"), r.Uint("flags"), r.Bytes("stream")
	case kindDump:
		m.through = slots.Slot(r.UintMax("slot", slots.Count-1))
		m.flags, m.data = r.Uint("flags"), r.Bytes("ops")
	case kindMetadata:
		m.text, m.data = string(r.Bytes("name")), r.Bytes("metadata")
	case kindShard:
		m.data = r.Bytes("shard")
	case kindAck:
		m.offset = r.offset("offset")
		if elements > 2 { // an older node says no more
			m.stamp = r.Uint("stamp")
		}
	case kindSynced:
		m.offset = r.offset("offset")
	case kindPing:
		m.offset, m.flags = r.offset("offset"), r.Uint("flags")
		if elements > 3 {
			m.stamp = r.Uint("stamp")
		}
	}
	return r.Err()
}

func decodeHello(r *reader, m *message) {
	m.version = r.Uint("version")
	m.node = slots.NodeID(r.id("node id"))
	if m.addr.Host = string(r.Bytes("host")); !slots.ValidHost(m.addr.Host) {
		m.addr.Host = "" // it is for INFO only
	}
	m.addr.Port, m.addr.BusPort = r.port("port"), r.port("bus port")
	for range r.UintMax("number of positions", maxPositions) {
		m.wanted = append(m.wanted, Position{r.id("history"), r.offset("position")})
	}
	m.master = slots.NodeID(r.id("master id"))
	r.Fixed("cluster id", m.cluster[:])
	m.incarnation = r.Uint("incarnation")
}
