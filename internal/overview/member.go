package overview

import (
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// Call is the name under which members ask each other.
const Call = "slotmesh:overview"

// BlockSlots is the number of slots whose operations are counted together.
const BlockSlots = 64

// Blocks is the number of blocks of slots.
const Blocks = slots.Count / BlockSlots

// MaxMoves bounds the moves that a node tells of.
const MaxMoves = 64

// Member is what a node says of itself at one moment. Counters are since its start.
type Member struct {
	ID slots.NodeID
	// Err says why the node did not answer; what follows is zero then.
	Err error

	Version  string // of slotmesh, "" if the build does not tell
	Uptime   time.Duration
	Clients  int    // connections of clients
	Commands uint64 // of clients

	Keys      int
	Memory    int64 // bytes of keys and values
	MaxMemory int64 // bytes, 0 for no limit
	Expired   uint64
	Evicted   uint64

	// Offset is up to where the node holds its shard's stream, in bytes. Of a replica, Link
	// is how it stands with its master (connect, handshake, sync, connected), Lag the bytes
	// that it lacks, and Silence how long it has heard nothing of the master.
	Offset  int64
	Link    string
	Lag     int64
	Silence time.Duration

	// Ops counts the reads and writes of keys by block of slots: Ops[0] is of slots 0 to 63.
	Ops [Blocks]uint64
	// Moves are the jobs under way that move slots away from the node.
	Moves []Move
}

// Move is a job that moves slots from one node to another.
type Move struct {
	ID      string // 40 hexadecimal digits
	Source  slots.NodeID
	Target  slots.NodeID
	Slots   slots.Set // all of the job, also those that have been moved
	State   string    // running or cancelling
	Doing   string    // for people
	Waiting string    // why it does not go on at present, "" if it does
	Done    int       // slots handed over
	Total   int       // slots to hand over
	Keys    int64     // handed over
	Bytes   int64     // handed over
	Elapsed time.Duration
	ETA     time.Duration // until it is done, 0 if that is not known
}
