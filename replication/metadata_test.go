package replication

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// Notes that change together are one record: a replica never has some of them.
func TestNotesAreOneRecord(t *testing.T) {
	_, log := newMaster()
	cur, answer, _, err := log.Join(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	version := log.MetadataVersion()
	log.PutMetadata("old", []byte("0"))
	if log.MetadataVersion() == version {
		t.Error("the version is the same after a change")
	}
	if _, err := log.PutNotes([]Note{{"old", nil}, {"a", []byte("1")}, {"same", nil}, {"b", []byte("2")}}); err != nil {
		t.Fatal(err)
	}
	stream, err := cur.Next(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	store, replica := newReplica()
	in := NewApplier(store, replica)
	steps := readMessages(t, answer)
	steps = append(steps, Message{Kind: KindDump, Through: 16383}, Message{Kind: KindSynced, Offset: steps[0].Offset})
	for i := range stream { // each byte alone
		steps = append(steps, Message{Kind: KindStream, Offset: steps[0].Offset + int64(i), Data: stream[i : i+1]})
	}
	for i := range steps {
		if err := in.Step(&steps[i]); err != nil {
			t.Fatal(err)
		}
		has := replica.Metadata()
		if (has["a"] == nil) != (has["b"] == nil) || has["a"] != nil && has["old"] != nil {
			t.Fatalf("after step %d the replica has %q", i, has)
		}
	}
	if has := replica.Metadata(); len(has) != 2 || string(has["b"]) != "2" {
		t.Errorf("the replica has %q", has)
	}
	end := log.Offset()
	if got, err := log.PutNotes([]Note{{"a", []byte("1")}, {"b", []byte("2")}}); got != end || err != nil {
		t.Errorf("notes that are known were written: offset %d, want %d, %v", got, end, err)
	}
}

// A note that is longer than a message goes into a full sync and a snapshot in pieces.
func TestLongNotes(t *testing.T) {
	_, log := newMaster()
	long := bytes.Repeat([]byte("0123456789"), 300_000)
	if _, err := log.PutNotes([]Note{{"long", long}, {"short", []byte("s")}}); err != nil {
		t.Fatal(err)
	}
	_, answer, _, err := log.Join(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	store, replica := newReplica()
	in := NewApplier(store, replica)
	steps := readMessages(t, answer)
	steps = append(steps, Message{Kind: KindDump, Through: 16383}, Message{Kind: KindSynced, Offset: steps[0].Offset})
	for i := range steps {
		if err := in.Step(&steps[i]); err != nil {
			t.Fatal(err)
		}
	}
	if has := replica.Metadata(); len(has) != 2 || !bytes.Equal(has["long"], long) || string(has["short"]) != "s" {
		t.Errorf("the replica has %d notes, the long one with %d bytes", len(has), len(has["long"]))
	}
	broken := append([]Message(nil), steps[:2]...) // the rest of the long note is missing
	broken = append(broken, Message{Kind: KindMetadata, Text: "short", Data: []byte("s")})
	in = NewApplier(newReplica())
	for i := range broken {
		if err := in.Step(&broken[i]); errors.Is(err, frame.ErrCorrupt) != (i == 2) {
			t.Errorf("step %d: %v", i, err)
		}
	}
}

// What is beyond the bounds is refused as a whole.
func TestNotesAreBounded(t *testing.T) {
	_, log := newMaster()
	for _, bad := range [][]Note{
		{{"fine", []byte("1")}, {"long", make([]byte, MaxNote)}},
		{{"fine", []byte("1")}, {strings.Repeat("n", maxNoteName+1), []byte("1")}},
	} {
		if _, err := log.PutNotes(bad); err == nil || len(log.Metadata()) > 0 {
			t.Errorf("%v, and %d notes", err, len(log.Metadata()))
		}
	}
	const room = maxMetadata / MaxNote
	data := make([]byte, MaxNote-len("other"))
	for i := range room {
		_, err := log.PutMetadata(strings.Repeat("n", i+1), data)
		if full := i == room-1; full != (err != nil) {
			t.Errorf("note %d: %v", i, err)
		}
	}
	replaced := []Note{{"n", nil}, {"other", data}}
	if _, err := log.PutNotes(replaced); err != nil {
		t.Errorf("a note in the place of another: %v", err)
	}
	if log.metadataSize > maxMetadata || len(log.Metadata()) != room-1 {
		t.Errorf("%d bytes in %d notes", log.metadataSize, len(log.Metadata()))
	}
}

func readMessages(t *testing.T, b []byte) (list []Message) {
	t.Helper()
	r := frame.NewReader(bytes.NewReader(b), MaxMessage)
	for {
		payload, err := r.Next()
		if err != nil {
			return list
		}
		var m Message
		if err := DecodeMessage(bytes.Clone(payload), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
}
