package peer

import (
	"errors"

	"github.com/slotmesh/slotmesh/slots"
)

var (
	// ErrNotSent says that the connection ended before the request left: it has not been
	// carried out.
	ErrNotSent = errors.New("peer: the connection was lost before the request was sent")
	// ErrLost says that the connection ended after the request left: it may have been
	// carried out.
	ErrLost = errors.New("peer: the connection was lost before the answer came")
	// ErrClosed says that the calling end, a node or a client, is closed.
	ErrClosed = errors.New("slotmesh: node is closed")
)

// Failure is an error that the other node answered with; Error returns its text.
type Failure struct {
	Text    string
	Refused bool // the other node has done nothing
}

func (f *Failure) Error() string { return f.Text }

// err returns what the answer is for the caller.
func (a *answer) err() error {
	switch a.kind {
	case kindFailure:
		return &Failure{Text: a.text, Refused: a.refused}
	case kindMoved:
		return &slots.MovedError{Slot: a.slot, Node: a.node, Addr: a.addr}
	case kindAsk:
		return &slots.AskError{Slot: a.slot, Node: a.node, Addr: a.addr}
	}
	return nil
}

// failed makes an answer of an error.
func failed(id uint64, err error) answer {
	var moved *slots.MovedError
	var ask *slots.AskError
	switch {
	case errors.As(err, &moved):
		return answer{kind: kindMoved, id: id, slot: moved.Slot, node: moved.Node, addr: moved.Addr}
	case errors.As(err, &ask):
		return answer{kind: kindAsk, id: id, slot: ask.Slot, node: ask.Node, addr: ask.Addr}
	}
	var f *Failure
	return answer{kind: kindFailure, id: id, text: err.Error(), refused: errors.As(err, &f) && f.Refused}
}
