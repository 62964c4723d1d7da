package migrate

import "github.com/slotmesh/slotmesh/slots"

// msgType tells what a message is for. Unknown types are ignored, so that later releases
// can say more.
type msgType uint8

// What the source says, and how the target answers. Prepare, list, finalise and abandon may
// be repeated: after a lost connection nobody knows which of them arrived.
const (
	msgHello    msgType = 1 // the first message: Job of node Source, which moves Slots to node Target
	msgPrepare  msgType = 2 // be ready to take Slots: answered by done
	msgPart     msgType = 3 // a piece of batch N: answered by ack
	msgList     msgType = 4 // which keys of Slots have you? Answered by keys
	msgFinalise msgType = 5 // Slots are empty here, claim them: answered by done
	msgAbandon  msgType = 6 // Slots will not come: answered by done
	msgBye      msgType = 7 // the job is over
	msgPing     msgType = 8 // are you there? Answered by pong

	msgWelcome msgType = 16 // go on; of the Slots of a Return these are to stay where they are
	msgDone    msgType = 17 // what message N asked is done, durably
	msgRefuse  msgType = 18 // message N is not done, Text says why
	// Size bytes of batch N have arrived; if these are all, it is stored, and Held replicas
	// have it
	msgAck   msgType = 19
	msgKeys  msgType = 20 // Keys of one of the slots that list N asked for; More follow
	msgPong  msgType = 21
	msgDelay msgType = 22 // batch N is stored, and waits for replicas: Text says why
)

// message is what the two ends of a migration say to each other. Fields that a type does
// not need are zero.
type message struct {
	Type msgType
	N    uint64 // of the window or batch that it is about

	Job    JobID        // hello
	Kind   Kind         // hello
	Source slots.NodeID // hello
	Target slots.NodeID // hello
	Slots  *slots.Set   // hello, prepare, list, finalise, abandon, welcome

	Promises []promise // hello of a Return, prepare: what the source's writers in the slots were told

	Text string // refuse, delay

	Size   uint64 // part: of the whole batch, in bytes. ack: how much of it has arrived
	Held   int    // ack
	Offset uint64 // part: of Data in the batch
	Data   []byte // part: aliases the frame it was read from

	Slot slots.Slot // keys
	Keys [][]byte   // keys: alias the frame
	More bool       // keys
}

const (
	// maxFrame bounds a frame, in bytes.
	maxFrame = 1 << 20
	// partSize is how much of a batch a frame carries at most, in bytes: small enough
	// that other messages do not wait long behind it.
	partSize = 256 << 10
)
