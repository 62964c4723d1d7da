package client

import (
	"errors"

	"github.com/slotmesh/slotmesh/internal/peer"
	"github.com/slotmesh/slotmesh/slots"
)

// verdict is what the outcome of an attempt means for the next one.
type verdict uint8

const (
	final   verdict = iota // the caller gets it
	follow                 // another node was named
	again                  // nothing has been done: try again a little later
	unknown                // it may have been done
)

// classify is a truth table: may a request be sent again after err?
func classify(err error, write bool) verdict {
	if err == nil {
		return final
	}
	return classifyError(err, write)
}

// classifyError is apart from classify so that success allocates nothing.
func classifyError(err error, write bool) verdict {
	var failure *peer.Failure
	var moved *slots.MovedError
	var ask *slots.AskError
	switch {
	case errors.As(err, &moved), errors.As(err, &ask):
		return follow
	case errors.Is(err, slots.ErrTryAgain), errors.Is(err, slots.ErrClusterDown), errors.Is(err, ErrNotSent),
		isTransient(err):
		return again
	case errors.As(err, &failure) && failure.Refused:
		return again
	case errors.Is(err, ErrLost) && write:
		return unknown
	case errors.Is(err, ErrLost):
		return again
	}
	return final
}

// isTransient reports whether a node says that it cannot do it now: it is loading its data,
// has lost its master, or has just become a replica.
func isTransient(err error) bool {
	var reply ReplyError
	if !errors.As(err, &reply) {
		return false
	}
	switch reply.Code() {
	case "LOADING", "MASTERDOWN", "READONLY":
		return true
	}
	return false
}

// isRouting reports whether err says that this is not the node for the key, or not now: a
// Router then looks further.
func isRouting(err error) bool {
	switch err.(type) {
	case nil:
		return false
	case *slots.MovedError, *slots.AskError:
		return true
	}
	if err == ErrNotFound {
		return false
	}
	var moved *slots.MovedError
	var ask *slots.AskError
	return errors.As(err, &moved) || errors.As(err, &ask) || errors.Is(err, slots.ErrTryAgain) ||
		errors.Is(err, slots.ErrClusterDown)
}
