package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestErrorTextTravels: what one node writes another reads as an error of the same kind,
// however many nodes pass it on.
func TestErrorTextTravels(t *testing.T) {
	for _, want := range []error{
		slots.ErrCrossSlot, slots.ErrTryAgain, slots.ErrClusterDown, slots.ErrDownReadOnly, slots.ErrSlotNotServed,
		keyspace.ErrOutOfMemory, keyspace.ErrNoReplicas, keyspace.ErrNotSaved, client.ErrClosed,
		context.Canceled, context.DeadlineExceeded,
	} {
		if err := client.ParseError(client.ErrorText(want)); err != want {
			t.Errorf("%v became %v", want, err)
		}
	}
	lost := fmt.Errorf("1 of 2 replicas hold it: %w", client.ErrAmbiguous)
	once := client.ParseError(client.ErrorText(lost))
	twice := client.ParseError(client.ErrorText(once))
	if !errors.Is(once, client.ErrAmbiguous) || !errors.Is(twice, client.ErrAmbiguous) {
		t.Errorf("%v, then %v", once, twice)
	}
	if once.Error() != twice.Error() {
		t.Errorf("%v grew to %v", once, twice)
	}
	full := fmt.Errorf("%w: no space left on device", keyspace.ErrNotLogged)
	if err := client.ParseError(client.ErrorText(full)); !errors.Is(err, keyspace.ErrNotLogged) ||
		err.Error() != full.Error() {
		t.Error(err)
	}
	var noFunc *client.NoFuncError
	err := client.ParseError(client.ErrorText(&client.NoFuncError{Name: "resize"}))
	if !errors.Is(err, client.ErrNoFunc) || !errors.As(err, &noFunc) || noFunc.Name != "resize" {
		t.Error(err)
	}
	var reply client.ReplyError
	err = client.ParseError(client.ErrorText(errors.New("WRONGTYPE not a string")))
	if !errors.As(err, &reply) || reply.Code() != "WRONGTYPE" || reply.Error() != "WRONGTYPE not a string" {
		t.Error(err)
	}
	if code := client.ReplyError("ERR").Code(); code != "ERR" {
		t.Errorf("code %q", code)
	}
}
