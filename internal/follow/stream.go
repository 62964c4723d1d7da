package follow

import (
	"bytes"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// maxTx is how many commands a transaction may have.
const maxTx = 1 << 24

// command returns the next group of the stream. The position moves behind whole groups
// only: a link that goes on from there begins with a MULTI again.
func (l *Link) command() (Event, error) {
	for {
		args, err := l.parser.Next()
		if err != nil {
			return Event{}, protocolError("%v at offset %d", err, l.at.Offset)
		}
		end := l.begin + l.fed - int64(l.parser.Buffered())
		if args == nil {
			if !l.inTx { // empty lines
				l.at.Offset = end
			}
			return Event{}, nil
		}
		e, err := l.execute(args, end)
		if err != nil {
			return Event{}, err
		}
		if !l.inTx {
			e.Group.Size = int(end - l.counted)
			l.counted = end
			l.at.Offset, l.at.DB = end, l.db
		}
		if e.Kind != Wait {
			return e, nil
		}
	}
}

// execute does what is the link's own, and gathers transactions.
func (l *Link) execute(args [][]byte, end int64) (Event, error) {
	switch name := args[0]; {
	case is(name, "PING"):
		return Event{}, nil
	case is(name, "SELECT"):
		if len(args) != 2 {
			return Event{}, protocolError("SELECT with %d arguments", len(args)-1)
		}
		db, ok := resp.ParseInt(args[1])
		if !ok || db < 0 || db > 1<<30 {
			return Event{}, protocolError("SELECT %q", args[1])
		}
		l.db = int(db)
		return Event{}, nil
	case is(name, "REPLCONF"):
		if len(args) > 1 && is(args[1], "GETACK") {
			return Event{Kind: GetAck}, nil
		}
		return Event{}, nil
	case is(name, "MULTI"):
		if l.inTx {
			return Event{}, protocolError("MULTI in a transaction")
		}
		l.inTx = true
		return Event{}, nil
	case is(name, "EXEC"):
		if !l.inTx {
			return Event{}, protocolError("EXEC without MULTI")
		}
		g := Group{Commands: l.tx, Tx: true, End: end}
		l.inTx, l.tx = false, nil
		if len(g.Commands) == 0 {
			return Event{}, nil
		}
		return Event{Kind: Commands, Group: g}, nil
	case l.inTx:
		if len(l.tx) == maxTx {
			return Event{}, protocolError("a transaction of more than %d commands", maxTx)
		}
		l.tx = append(l.tx, Command{l.db, clone(args)})
		return Event{}, nil
	default:
		return Event{Kind: Commands, Group: Group{Commands: []Command{{l.db, clone(args)}}, End: end}}, nil
	}
}

// clone copies arguments into one piece of memory.
func clone(args [][]byte) [][]byte {
	size := 0
	for _, a := range args {
		size += len(a)
	}
	flat, list := make([]byte, 0, size), make([][]byte, len(args))
	for i, a := range args {
		from := len(flat)
		flat = append(flat, a...)
		list[i] = flat[from:len(flat):len(flat)]
	}
	return list
}

// is reports whether a word of the protocol is name, which has upper-case letters.
func is(word []byte, name string) bool {
	return len(word) == len(name) && bytes.EqualFold(word, []byte(name))
}
