package messages

import (
	"bytes"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/interest"
	"github.com/slotmesh/slotmesh/slots"
)

// A message costs at most 30 bytes on the wire beside its channel and itself, whatever
// their lengths.
func TestOverhead(t *testing.T) {
	for _, channel := range []int{0, 1, 20, 127, 128, 1000, 1 << 16, 1 << 22} {
		for _, payload := range []int{0, 1, 100, 1 << 16, 1 << 22} {
			b := appendMessage(nil, typeChannel, make([]byte, channel), make([]byte, payload))
			if extra := len(b) - channel - payload; extra > 13 || channel < 128 && extra != 10 {
				t.Errorf("a channel of %d and a message of %d bytes: %d bytes beside", channel, payload, extra)
			}
			if len(b) > messageSize(make([]byte, channel), make([]byte, payload)) {
				t.Errorf("%d bytes, more than the bound", len(b))
			}
		}
	}
}

// counted counts what is written to a connection.
type counted struct {
	net.Conn
	bytes, writes int
}

func (c *counted) Write(b []byte) (int, error) {
	c.bytes += len(b)
	c.writes++
	return c.Conn.Write(b)
}

// What a link has carried for a message is what TestOverhead says: nothing goes beside it.
// All that waits is written at once.
func TestBytesAndWritesOfALink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		s.subscribe("news")
		synctest.Wait() // nothing is being written
		r := (*p.receivers.Load())[0]
		conn := &counted{Conn: r.out.conn}
		r.out.conn = conn
		const messages = 1000
		payload := bytes.Repeat([]byte("x"), 100)
		r.out.mu.Lock() // the writer waits until all have been published
		r.out.writing = true
		r.out.mu.Unlock()
		for range messages {
			p.Publish([]byte("news"), payload)
		}
		r.out.write()
		synctest.Wait()
		if got := len(s.taken()); got != messages {
			t.Fatalf("%d of %d messages arrived", got, messages)
		}
		if extra := conn.bytes/messages - len(payload) - len("news"); extra > 30 || extra != 10 {
			t.Errorf("%d bytes beside channel and message", extra)
		}
		if conn.writes > 1+conn.bytes/(chunkSize-200) {
			t.Errorf("%d writes for %d messages of %d bytes in all", conn.writes, messages, conn.bytes)
		}
	})
}

func TestMessageThereAndBack(t *testing.T) {
	for _, channel := range []string{"", "c", strings.Repeat("c", 300)} {
		for _, payload := range []string{"", "m", strings.Repeat("m", 70_000)} {
			frames := frame.NewReader(bytes.NewReader(appendMessage(nil, typeShard, []byte(channel), []byte(payload))),
				maxFrame)
			b, err := frames.Next()
			if err != nil || b[0] != typeShard {
				t.Fatal(b[0], err)
			}
			c, m, err := cutMessage(b[1:])
			if err != nil || string(c) != channel || string(m) != payload {
				t.Errorf("%d and %d bytes came back as %d and %d, %v", len(channel), len(payload), len(c), len(m), err)
			}
		}
	}
}

// FuzzFrames: whatever the other end says, a link ends with an error of the class
// ErrMalformed, or goes on.
func FuzzFrames(f *testing.F) {
	payload := func(b []byte) []byte { return b[frame.HeaderSize:] }
	f.Add(payload(appendMessage(nil, typeChannel, []byte("news"), []byte("hello"))))
	f.Add(payload(appendMessage(nil, typeShard, nil, nil)))
	f.Add(payload(appendNumber(nil, typeKnown, 7)))
	f.Add(payload(pingFrame))
	f.Add(payload(pongFrame))
	f.Add(payload(hello{wanted: slots.NodeID{1}, incarnation: 3}.append(nil)))
	f.Add(payload(appendWelcome(nil, 3)))
	f.Add([]byte("t\x01\x01\x80abcdefgh"))
	f.Add([]byte("c\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := New(Config{Deliver: func(interest.Kind, []byte, []byte) {}})
		defer m.Close()
		near, far := net.Pipe()
		far.Close()
		s := m.newSource(&slots.Node{}, 1, true)
		r := &Receiver{m: m, out: &outbox{conn: near, spawn: m.spawn, limit: 1000}}
		_, helloErr := decodeHello(b)
		_, welcomeErr := decodeWelcome(b)
		for _, err := range []error{s.step(b), r.step(b), helloErr, welcomeErr} {
			if err != nil && !errors.Is(err, ErrMalformed) && !errors.Is(err, interest.ErrMalformed) {
				t.Fatalf("an error of another class: %v", err)
			}
		}
	})
}
