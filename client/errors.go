package client

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

var (
	// ErrNotFound says that a key is not there, or has expired.
	ErrNotFound = errors.New("slotmesh: key not found")

	// ErrUndeclaredKey is matched by the error of a transaction that touched a key which it
	// had not named.
	ErrUndeclaredKey = errors.New("slotmesh: the transaction did not name this key")

	// ErrAmbiguous is matched by the error of a write that may or may not have been carried
	// out, and may or may not survive.
	ErrAmbiguous = keyspace.ErrAmbiguous

	// ErrClosed says that the Client is closed, or the node that the Router belongs to.
	ErrClosed = peer.ErrClosed

	// ErrNotSent is matched by a [Transport]'s error if the request has not left: it has not
	// been carried out.
	ErrNotSent = peer.ErrNotSent

	// ErrLost is matched by a [Transport]'s error if the request left and no reply came: it
	// may have been carried out.
	ErrLost = peer.ErrLost

	// ErrNoFunc is matched by the error of [Router.Call] for a name that the key's owner
	// does not offer.
	ErrNoFunc = errors.New("slotmesh: the node does not have this function")
)

// ReplyError is an error reply of the Redis protocol, "CODE text", that has no type of
// its own.
type ReplyError string

// Error returns the text of the reply.
func (e ReplyError) Error() string { return string(e) }

// Code returns the first word: ERR, WRONGTYPE, LOADING …
func (e ReplyError) Code() string {
	code, _, _ := strings.Cut(string(e), " ")
	return code
}

// NoFuncError says that a node does not offer a function; it matches [ErrNoFunc].
type NoFuncError struct{ Name string }

func (e *NoFuncError) Error() string { return fmt.Sprintf("%v: %q", ErrNoFunc, e.Name) }

// Is makes the error match ErrNoFunc.
func (e *NoFuncError) Is(target error) bool { return target == ErrNoFunc }

// ambiguous is the error of a write that left and was not answered.
type ambiguous struct{ cause error }

func (e *ambiguous) Error() string {
	return "slotmesh: the write may or may not have been carried out: " + e.cause.Error()
}

func (e *ambiguous) Is(target error) bool { return target == ErrAmbiguous }
func (e *ambiguous) Unwrap() error        { return e.cause }

// Codes of errors between nodes for which the Redis protocol has none.
const (
	codeAmbiguous = "UNKNOWNFATE "
	codeNoFunc    = "NOPROCEDURE "
)

// ErrorText returns the text by which a node tells another of err, from which [ParseError]
// makes an error of the same kind.
func ErrorText(err error) string {
	if lost, ok := err.(*ambiguous); ok { // from another node, or on its way to one
		return codeAmbiguous + lost.cause.Error()
	}
	var noFunc *NoFuncError
	switch {
	case errors.Is(err, ErrAmbiguous):
		return codeAmbiguous + err.Error()
	case errors.As(err, &noFunc):
		return codeNoFunc + noFunc.Name
	}
	return err.Error()
}

// ParseError returns the error that a node means by the text of an error reply: one of
// this package, of package slots, keyspace or context that has a value of its own,
// otherwise a [ReplyError].
func ParseError(text string) error {
	if err := known[text]; err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(text, slots.ErrTryAgain.Error()):
		return slots.ErrTryAgain
	case strings.HasPrefix(text, keyspace.ErrNotLogged.Error()):
		return fmt.Errorf("%w%s", keyspace.ErrNotLogged, text[len(keyspace.ErrNotLogged.Error()):])
	case strings.HasPrefix(text, codeAmbiguous):
		return &ambiguous{errors.New(text[len(codeAmbiguous):])}
	case strings.HasPrefix(text, codeNoFunc):
		return &NoFuncError{text[len(codeNoFunc):]}
	}
	return ReplyError(text)
}

// known are the errors that have a value of their own, by their text.
var known = func() map[string]error {
	m := make(map[string]error)
	for _, err := range []error{
		slots.ErrCrossSlot, slots.ErrTryAgain, slots.ErrClusterDown, slots.ErrDownReadOnly, slots.ErrSlotNotServed,
		keyspace.ErrOutOfMemory, keyspace.ErrWrongType, keyspace.ErrNoReplicas, keyspace.ErrNotSaved, ErrClosed,
		context.Canceled, context.DeadlineExceeded,
	} {
		m[err.Error()] = err
	}
	return m
}()

// UnavailableError is the error of a call that gave up while the cluster did not serve its
// key. Reason says in plain English what stood in the way, as this end saw it. Err says
// what ended the wait: errors.Is finds ctx's error in it, and slots.ErrClusterDown.
type UnavailableError struct {
	Reason string
	Err    error
}

// Error returns the text of Err and the Reason.
func (e *UnavailableError) Error() string { return e.Err.Error() + ": " + e.Reason }

// Unwrap returns Err.
func (e *UnavailableError) Unwrap() error { return e.Err }

// unavailable returns err with a reason if there is one.
func unavailable(err error, reason string) error {
	if err == nil || reason == "" {
		return err
	}
	return &UnavailableError{Reason: reason, Err: err}
}
