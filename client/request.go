package client

import (
	"fmt"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// Request is what a [Router] asks of one node.
type Request struct {
	// Func names a function of the host program, whose arguments are the key and a value;
	// "" stands for a command.
	Func string
	// Args is the command with its arguments, or the arguments of Func.
	Args [][]byte
	// Asking makes the node answer for a slot that it is importing, as ASKING does.
	Asking bool
	// ReadOnly makes a replica answer, as READONLY does.
	ReadOnly bool
	// MaxStaleness bounds how far behind its master the node may be when it answers with
	// ReadOnly set; 0 is no bound.
	MaxStaleness time.Duration
	// Sync is how many replicas must hold a write before it is answered; negative leaves
	// that to the node's configuration.
	Sync int
}

// A Request is converted into what nodes send each other, and back: their fields must stay
// the same.
var _ = (*peer.Request)((*Request)(nil))

// NewRequest makes the Request of a command with arguments as of [Router.Do].
func NewRequest(command string, args ...any) (*Request, error) {
	line, err := commandLine(command, args)
	if err != nil {
		return nil, err
	}
	return &Request{Args: line, Sync: -1}, nil
}

// commandLine turns what Do is given into the arguments of a command.
func commandLine(command string, args []any) ([][]byte, error) {
	line := make([][]byte, 1, 1+len(args))
	line[0] = []byte(command)
	for i, arg := range args {
		var b []byte
		switch v := arg.(type) {
		case string:
			b = []byte(v)
		case []byte:
			b = v
		case int:
			b = strconv.AppendInt(nil, int64(v), 10)
		case int64:
			b = strconv.AppendInt(nil, v, 10)
		case uint64:
			b = strconv.AppendUint(nil, v, 10)
		case float64:
			b = strconv.AppendFloat(nil, v, 'g', -1, 64)
		default:
			return nil, fmt.Errorf("slotmesh: argument %d of %s is a %T: use string, []byte, int, int64, uint64 or float64",
				i+1, command, arg)
		}
		line = append(line, b)
	}
	return line, nil
}

// Reply is a node's reply to a [Request]. The zero value is the null reply.
type Reply struct{ reply resp.Reply }

// DecodeReply decodes one reply of the Redis protocol, of version 2 or 3. It keeps nothing
// of b. An error reply comes back as a Reply whose Value is a [ReplyError].
func DecodeReply(b []byte) (Reply, error) {
	reply, err := resp.Decode(b)
	return Reply{reply}, err
}

// FuncReply makes a Reply of what a function returned. The Reply aliases b.
func FuncReply(b []byte) Reply { return Reply{resp.Reply{Kind: resp.Bulk, Str: b}} }

// Value returns the reply as [Router.Do] does.
func (r Reply) Value() any { return valueOf(&r.reply) }

// valueOf turns a reply into what Do returns.
func valueOf(r *resp.Reply) any {
	switch r.Kind {
	case resp.Simple:
		return string(r.Str)
	case resp.ErrorMsg: // inside an array: the others are worth having
		return ReplyError(r.Str)
	case resp.Int:
		return r.Int
	case resp.Bulk:
		return r.Str
	case resp.Double:
		return r.Float
	case resp.Bool:
		return r.Int == 1
	case resp.Map:
		m := make(map[string]any, len(r.Elems)/2)
		for i := 0; i+1 < len(r.Elems); i += 2 {
			m[r.Elems[i].Text()] = valueOf(&r.Elems[i+1])
		}
		return m
	case resp.Array, resp.Set, resp.Push:
		list := make([]any, len(r.Elems))
		for i := range r.Elems {
			list[i] = valueOf(&r.Elems[i])
		}
		return list
	}
	return nil
}
