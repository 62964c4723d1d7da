package messages

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// A receiver that does not read costs a bounded number of bytes; what does not fit is
// dropped and counted, and nobody waits.
func TestOutboxIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 3)
		slow, fast, p := c.members[0], c.members[1], c.members[2]
		const outbox = 1 << 20
		p.end()
		p.start(Config{Outbox: outbox})
		slow.subscribe("news")
		fast.subscribe("news")
		reading := make(chan struct{})
		slow.deliver = func() { <-reading }
		payload := make([]byte, 50_000)
		const messages = 100
		began := time.Now()
		for range messages {
			p.Publish([]byte("news"), payload)
			synctest.Wait()
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the publisher waited for %v", took)
		}
		if got := len(fast.taken()); got != messages {
			t.Errorf("the other receiver got %d of %d messages", got, messages)
		}
		for _, r := range *p.receivers.Load() {
			if r.out.bytes > outbox {
				t.Errorf("%d bytes wait, more than %d", r.out.bytes, outbox)
			}
		}
		close(reading)
		time.Sleep(time.Second)
		dropped := p.Stats().Dropped
		if got := len(slow.taken()); dropped == 0 || uint64(got)+dropped != messages {
			t.Errorf("%d messages arrived and %d were dropped, of %d", got, dropped, messages)
		}
		p.Publish([]byte("news"), []byte("after"))
		slow.wantTaken("news=after")
	})
}

// A message that is larger than the whole outbox passes if nothing else waits.
func TestLargeMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newMesh(t, 2)
		s, p := c.members[0], c.members[1]
		const outbox = 200_000
		p.end()
		p.start(Config{Outbox: outbox})
		s.subscribe("news")
		p.Publish([]byte("news"), make([]byte, outbox+1))
		p.Publish([]byte("news"), []byte("next"))
		time.Sleep(time.Second)
		if got := s.taken(); len(got) < 1 || len(got[0]) < outbox {
			t.Errorf("%d messages arrived, %d dropped", len(got), p.Stats().Dropped)
		}
	})
}

// What is urgent goes before the messages that wait, at the end of a frame.
func TestUrgentGoesFirst(t *testing.T) {
	near, far := net.Pipe()
	defer far.Close()
	o := &outbox{conn: near, limit: 1 << 20, spawn: func(f func()) bool { go f(); return true }}
	for range 3 {
		if !o.post(typeChannel, []byte("c"), bytes.Repeat([]byte("m"), chunkSize)) {
			t.Fatal("a message does not fit")
		}
	}
	o.push(func(b []byte) []byte { return append(b, pongFrame...) })
	frames := frame.NewReader(far, maxFrame)
	var kinds []byte
	for range 4 {
		b, err := frames.Next()
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, b[0])
	}
	if got := string(kinds); got != "cocc" && got != "occc" {
		t.Errorf("frames came as %q, want the pong after one message at most", got)
	}
	if lost := o.close(); lost != 0 {
		t.Errorf("%d messages are lost, though all have been written", lost)
	}
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Error("close leaves the connection open")
	}
}

// Publishing allocates nothing but the buffers that messages wait in.
func TestPostAllocates(t *testing.T) {
	o := &outbox{limit: 1 << 30, spawn: func(func()) bool { return true }}
	channel, payload := []byte("news"), make([]byte, 100)
	buf := make([]byte, 0, chunkSize)
	if n := testing.AllocsPerRun(1000, func() {
		o.post(typeChannel, channel, payload)
		if len(o.chunks[0].bytes) > chunkSize/2 {
			o.chunks[0].bytes, o.bytes = buf[:0], 0
		}
	}); n >= 1 {
		t.Errorf("%v allocations for a message", n)
	}
}
