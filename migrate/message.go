package migrate

import (
	"bytes"
	"slices"

	"github.com/slotmesh/slotmesh/slots"
)

// msgType tells what a message is for. Unknown types are ignored, so that later releases
// can say more.
type msgType uint8

// What the source says, and how the target answers. Prepare, list, finalise and abandon may
// be repeated: after a lost connection the source does not know which of them arrived.
const (
	msgHello    msgType = 1 // the first message: Job of node Source, which moves Slots to node Target
	msgPrepare  msgType = 2 // be ready to take Slots: answered by done
	msgPart     msgType = 3 // a piece of batch N: answered by ack
	msgList     msgType = 4 // which keys of Slots have you? Answered by keys
	msgFinalise msgType = 5 // Slots are empty here, claim them: answered by done
	msgAbandon  msgType = 6 // Slots will not come: answered by done
	msgBye      msgType = 7 // the job is over
	msgPing     msgType = 8 // are you there? Answered by pong

	msgWelcome msgType = 16 // go on; these Slots of a Return are to stay where they are
	msgDone    msgType = 17 // what message N asked is done, durably
	msgRefuse  msgType = 18 // message N is not done, Text says why
	// Size bytes of batch N have arrived; if these are all, it is stored, and Held replicas
	// have it
	msgAck   msgType = 19
	msgKeys  msgType = 20 // Keys of one of the slots that list N asked for; More follow
	msgPong  msgType = 21
	msgDelay msgType = 22 // batch N is stored, and waits for replicas: Text says why
)

// Message is what the two ends of a migration say to each other. Fields that a type does
// not need are zero.
type Message struct {
	typ msgType
	n   uint64 // of the window or batch that it is about

	job    JobID        // hello
	kind   Kind         // hello
	source slots.NodeID // hello
	target slots.NodeID // hello
	slots  *slots.Set   // hello, prepare, list, finalise, abandon, welcome

	promises []promise // hello of a Return, prepare: what the source's writers in the slots were told

	text string // refuse, delay

	size   uint64 // part: of the whole batch, in bytes. ack: how much of it has arrived
	held   int    // ack
	offset uint64 // part: of Data in the batch
	data   []byte // part: aliases the frame it was read from

	slot slots.Slot // keys
	keys [][]byte   // keys: alias the frame
	more bool       // keys
}

// Clone returns a copy that stays valid when what m was decoded from changes.
func (m Message) Clone() Message {
	m.data = bytes.Clone(m.data)
	m.keys = slices.Clone(m.keys)
	for i, key := range m.keys {
		m.keys[i] = bytes.Clone(key)
	}
	return m
}

const (
	// MaxMessage bounds a message to the target, in bytes.
	MaxMessage = 1 << 20
	// MaxAnswer bounds a message to the source, in bytes: a key in it may be as long as a
	// batch. A reader allocates memory only for what arrives.
	MaxAnswer = maxBatch
	// partSize is how much of a batch a message carries at most, in bytes: small enough
	// that others do not wait long behind it.
	partSize = 256 << 10
)
