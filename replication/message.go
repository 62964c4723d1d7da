package replication

import (
	"io"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

// Kind is the first element of a message; a message is a msgpack array in a frame. A
// reader ignores kinds it does not know, and elements behind those it knows.
type Kind uint8

// The kinds of messages, and what each carries.
const (
	// from the replica
	KindHello Kind = 1 // version, node, address, positions, wanted master, cluster, incarnation
	// offset up to which it holds the stream, stamp, offset up to which its log on disk does
	KindAck Kind = 2
	// from the master
	KindRefuse Kind = 3 // why
	KindResume Kind = 4 // history and place, term: the stream follows from there
	KindFull   Kind = 5 // history and place, number of keys, term: everything follows
	KindStream Kind = 6 // offset, flags, bytes of the stream
	KindDump   Kind = 7 // slot, flags, Ops
	KindSynced Kind = 8 // offset: what came up to here is complete
	// the master's offset, flags, stamp of an ack: all that was written before it came has
	// been sent
	KindPing     Kind = 9
	KindMetadata Kind = 10 // name, data, flags: a note there was when a full sync began, or a piece of it
	// in snapshots only
	KindShard Kind = 11 // data: the name of the shard
)

// Flags of messages: bits of Message.Flags.
const (
	FlagAck  = 1 // answer with an ack at once
	FlagMore = 2 // the Ops, or the note, go on in the next message
)

// ProtocolVersion grows when an older node could misunderstand a newer one.
const ProtocolVersion = 1

// MaxMessage bounds a message, in bytes; longer data is cut into several.
const (
	MaxMessage = 1 << 20
	maxPiece   = MaxMessage - 64
)

// maxPositions bounds what a replica may offer: a History has two names at most.
const maxPositions = 2

// Message is any of the kinds, whose comments say which fields they use.
type Message struct {
	Kind        Kind
	Version     uint64       // ProtocolVersion of the replica
	Node        slots.NodeID // the replica
	Addr        slots.Addr   // of Node, for INFO
	Incarnation uint64       // of Node: grows with every start
	Wanted      []Position   // where the replica may join: Stream.Positions
	Master      slots.NodeID // the node that the replica takes the receiver for
	Cluster     [16]byte     // of the replica, zero if it has none yet
	History     History      // of the master; its Offset is the stream's end
	Offset      int64
	Keys        uint64     // that the master has when a full sync begins
	Through     slots.Slot // the last slot whose dump has begun
	Flags       uint64
	Stamp       uint64 // of an ack, which the master sends back; 0: none
	Durable     int64  // of an ack: what the replica's log on disk has of the stream; 0: nothing, or it has no log
	Text        string
	Data        []byte // aliases the frame
}

// AppendMessage appends m as a frame: length, checksum, payload.
func AppendMessage(dst []byte, m *Message) []byte {
	dst, start := frame.Begin(dst)
	switch m.Kind {
	case KindHello:
		dst = msgp.AppendArrayHeader(dst, 10+2*len(m.Wanted))
		dst = packUint(dst, uint64(m.Kind))
		dst = packUint(dst, m.Version)
		dst = packBytes(dst, m.Node[:])
		dst = packBytes(dst, m.Addr.Host)
		dst = packUint(dst, uint64(m.Addr.ClientPort(false)))
		dst = packUint(dst, uint64(m.Addr.BusPort))
		dst = packUint(dst, uint64(len(m.Wanted)))
		for _, p := range m.Wanted {
			dst = packUint(packBytes(dst, p.ID[:]), uint64(p.Offset))
		}
		dst = packBytes(packBytes(dst, m.Master[:]), m.Cluster[:])
		dst = packUint(dst, m.Incarnation)
	case KindRefuse:
		dst = packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.Kind))
		dst = packBytes(dst, m.Text)
	case KindResume, KindFull:
		dst = packUint(msgp.AppendArrayHeader(dst, 8), uint64(m.Kind))
		dst = packUint(packBytes(dst, m.History.ID[:]), uint64(m.History.Offset))
		dst = packUint(packBytes(dst, m.History.PrevID[:]), uint64(m.History.PrevLimit))
		dst = packUint(packUint(packUint(dst, uint64(m.Offset)), m.Keys), m.History.Term)
	case KindStream:
		dst = packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.Kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.Offset)), m.Flags), m.Data)
	case KindDump:
		dst = packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.Kind))
		dst = packBytes(packUint(packUint(dst, uint64(m.Through)), m.Flags), m.Data)
	case KindMetadata:
		elements := 3
		if m.Flags != 0 {
			elements = 4
		}
		dst = packBytes(packBytes(packUint(msgp.AppendArrayHeader(dst, elements), uint64(m.Kind)), m.Text), m.Data)
		if m.Flags != 0 {
			dst = packUint(dst, m.Flags)
		}
	case KindShard:
		dst = packBytes(packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.Kind)), m.Data)
	case KindAck:
		elements := 3
		if m.Durable != 0 {
			elements = 4
		}
		dst = packUint(packUint(packUint(msgp.AppendArrayHeader(dst, elements), uint64(m.Kind)), uint64(m.Offset)), m.Stamp)
		if m.Durable != 0 {
			dst = packUint(dst, uint64(m.Durable))
		}
	case KindSynced:
		dst = packUint(packUint(msgp.AppendArrayHeader(dst, 2), uint64(m.Kind)), uint64(m.Offset))
	case KindPing:
		dst = packUint(packUint(msgp.AppendArrayHeader(dst, 4), uint64(m.Kind)), uint64(m.Offset))
		dst = packUint(packUint(dst, m.Flags), m.Stamp)
	}
	return frame.Finish(dst, start)
}

// MessageReader reads messages from a connection or a file.
type MessageReader struct{ frames *frame.Reader }

// NewMessageReader returns a MessageReader for messages of at most limit bytes:
// MaxMessage from a master.
func NewMessageReader(r io.Reader, limit int) *MessageReader {
	return &MessageReader{frame.NewReader(r, limit)}
}

// Next reads one message into m, whose Data is valid until the next call. The errors are
// those of reading, or match ErrCorrupt.
func (r *MessageReader) Next(m *Message) error {
	b, err := r.frames.Next()
	if err != nil {
		return err
	}
	return DecodeMessage(b, m)
}

// ErrCorrupt is matched by the errors about bytes that no node of this protocol writes.
var ErrCorrupt = frame.ErrCorrupt

// DecodeMessage reads the payload of a frame into m, whose Data then aliases b. Its
// errors match ErrCorrupt.
func DecodeMessage(b []byte, m *Message) error {
	*m = Message{Wanted: m.Wanted[:0]}
	r := newReader(b)
	elements := r.Array("message", 1)
	switch m.Kind = Kind(r.Uint("kind")); m.Kind {
	case KindHello:
		decodeHello(r, m)
	case KindRefuse:
		m.Text = r.text("reason")
	case KindResume, KindFull:
		m.History.ID, m.History.Offset = r.id("history"), r.offset("end of history")
		m.History.PrevID, m.History.PrevLimit = r.id("previous history"), r.offset("end of previous history")
		m.Offset, m.Keys = r.offset("offset"), r.Uint("keys")
		if m.History.Term = 1; elements > 7 {
			m.History.Term = uint64(r.offset("term"))
		}
	case KindStream:
		m.Offset, m.Flags, m.Data = r.offset("offset"), r.Uint("flags"), r.Bytes("stream")
	case KindDump:
		m.Through = slots.Slot(r.UintMax("slot", slots.Count-1))
		m.Flags, m.Data = r.Uint("flags"), r.Bytes("ops")
	case KindMetadata:
		m.Text, m.Data = string(r.Bytes("name")), r.Bytes("metadata")
		if elements > 3 { // an older node has no long notes
			m.Flags = r.Uint("flags")
		}
	case KindShard:
		m.Data = r.Bytes("shard")
	case KindAck:
		m.Offset = r.offset("offset")
		if elements > 2 { // an older node says no more
			m.Stamp = r.Uint("stamp")
		}
		if elements > 3 {
			m.Durable = r.offset("durable offset")
		}
	case KindSynced:
		m.Offset = r.offset("offset")
	case KindPing:
		m.Offset, m.Flags = r.offset("offset"), r.Uint("flags")
		if elements > 3 {
			m.Stamp = r.Uint("stamp")
		}
	}
	return r.Err()
}

func decodeHello(r *reader, m *Message) {
	m.Version = r.Uint("version")
	m.Node = slots.NodeID(r.id("node id"))
	if m.Addr.Host = string(r.Bytes("host")); !slots.ValidHost(m.Addr.Host) {
		m.Addr.Host = "" // it is for INFO only
	}
	m.Addr.Port, m.Addr.BusPort = r.port("port"), r.port("bus port")
	for range r.UintMax("number of positions", maxPositions) {
		m.Wanted = append(m.Wanted, Position{r.id("history"), r.offset("position")})
	}
	m.Master = slots.NodeID(r.id("master id"))
	r.Fixed("cluster id", m.Cluster[:])
	m.Incarnation = r.Uint("incarnation")
}
