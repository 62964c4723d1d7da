package follow

// Position is a place in a master's stream of commands, up to which everything is known.
// The zero Position is none: a link from there gets a full sync.
type Position struct {
	ID     string // the name of the master's history, 40 hexadecimal digits
	Offset int64  // bytes of the stream
	DB     int    // the database that the stream has selected there
}

// Command is one command of the stream.
type Command struct {
	DB   int      // the database that it is for
	Args [][]byte // the name and the arguments, as they came; not shared with a buffer
}

// Group is what takes effect at once: one command, or the commands of a transaction.
type Group struct {
	Commands []Command
	Tx       bool  // it came between MULTI and EXEC
	End      int64 // the offset behind it
	Size     int   // bytes of the stream
}

// Event is what has arrived.
type Event struct {
	Kind  EventKind
	Data  []byte // of Payload; valid until the next call of Fill
	Size  int64  // of FullSync: bytes of the snapshot; -1 if the master does not know it yet
	Group Group  // of Commands
}

// EventKind is the kind of an Event.
type EventKind uint8

// The kinds of events, in the order in which a link has them.
const (
	Wait       EventKind = iota // nothing has arrived completely: call Fill
	Resumed                     // the stream goes on where the Position was
	FullSync                    // a snapshot follows; Link.Position is the place in the stream that it is of
	Payload                     // a part of the snapshot, an RDB file
	PayloadEnd                  // it is complete; the stream follows
	Commands                    // a group of the stream
	GetAck                      // the master wants to hear an offset now: AppendAck
)
