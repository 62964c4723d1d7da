package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
)

// taken returns what waits in an inbox, numbers for messages in a row.
func taken(in *inbox) (list []string) {
	for {
		d, ok := in.pop()
		if !ok {
			return list
		}
		if d.err != nil {
			list = append(list, d.err.Error())
		} else {
			list = append(list, string(d.m.Payload))
		}
	}
}

// TestInboxFull: what has no room is left out, and an error in its place says how much.
func TestInboxFull(t *testing.T) {
	in := newInbox()
	put := func(n int) {
		for range n {
			in.put(Message{Payload: []byte("m")}, nil)
		}
	}
	put(maxMessages + 3)
	if got := taken(in); len(got) != maxMessages+1 || got[maxMessages] != (&MissedError{3, ErrSlow}).Error() {
		t.Errorf("%d deliveries, the last is %q", len(got), got[len(got)-1])
	}
	put(maxMessages + 2)
	for range 3 {
		in.pop()
	}
	put(2) // the error takes the place of one
	if got := taken(in); len(got) != maxMessages || got[len(got)-3] != (&MissedError{2, ErrSlow}).Error() ||
		got[len(got)-1] != "m" {
		t.Errorf("%d deliveries, the last are %q", len(got), got[len(got)-3:])
	}
	if in.bytes != 0 {
		t.Errorf("an empty inbox holds %d bytes", in.bytes)
	}
}

// TestInboxBytes: one message has room, whatever its size.
func TestInboxBytes(t *testing.T) {
	in := newInbox()
	large := make([]byte, maxMessageBytes/2)
	for range 3 {
		in.put(Message{Payload: large}, nil)
	}
	d, _ := in.pop()
	if len(d.m.Payload) != len(large) {
		t.Errorf("the first message has %d bytes", len(d.m.Payload))
	}
	if got := taken(in); len(got) != 1 || got[0] != (&MissedError{2, ErrSlow}).Error() {
		t.Errorf("%d deliveries are left", len(got))
	}
}

// TestInboxMissed: errors in a row about missing messages are one; the last error always
// has room.
func TestInboxMissed(t *testing.T) {
	in := newInbox()
	lost := fmt.Errorf("lost: %w", net.ErrClosed)
	for range maxMessages + 1 {
		in.put(Message{Payload: []byte("m")}, nil)
	}
	in.put(Message{}, &MissedError{Err: lost})
	in.put(Message{}, &MissedError{Err: lost})
	in.put(Message{Payload: []byte("m")}, nil)
	in.put(Message{}, ErrClosed)
	got := taken(in)
	want := []string{(&MissedError{2, lost}).Error(), ErrClosed.Error()}
	if len(got) != maxMessages+2 || got[maxMessages] != want[0] || got[maxMessages+1] != want[1] {
		t.Errorf("%d deliveries, the last are %q, want %q", len(got), got[max(0, len(got)-2):], want)
	}
	if err := error(&MissedError{2, lost}); !errors.Is(err, net.ErrClosed) {
		t.Error("the reason does not show")
	}
}

// TestInboxNext waits, and ends with the context.
func TestInboxNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, got := newInbox(), make(chan delivery)
		go func() {
			defer close(got)
			for {
				d, ok := in.next(ctx)
				if !ok {
					return
				}
				got <- d
			}
		}()
		for range 3 {
			in.put(Message{Channel: "c"}, nil)
		}
		for range 3 {
			if d := <-got; d.m.Channel != "c" {
				t.Errorf("got %+v", d)
			}
		}
		synctest.Wait()
		cancel()
		if _, ok := <-got; ok {
			t.Error("a delivery after the end")
		}
		in.close()
		in.put(Message{}, nil)
		if len(in.queue) > 0 {
			t.Error("a closed inbox takes more")
		}
	})
}

func BenchmarkInbox(b *testing.B) {
	in := newInbox()
	m := Message{Channel: "channel", Payload: make([]byte, 100)}
	b.ReportAllocs()
	for b.Loop() {
		in.put(m, nil)
		in.pop()
	}
}
