package peer

import (
	"bytes"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

var sampleRequests = []call{
	{id: 1, Request: Request{Args: [][]byte{[]byte("PING")}}},
	{id: 1 << 40, left: 300, Request: Request{Sync: -1, Asking: true, ReadOnly: true,
		MaxStaleness: 1500 * time.Millisecond,
		Args:         [][]byte{[]byte("SET"), []byte("k"), bytes.Repeat([]byte("v"), 300)}}},
	{id: 200, left: 1 << 33, Request: Request{Sync: 2, Func: "load",
		Args: [][]byte{{}, bytes.Repeat([]byte("x"), 70_000)}}},
	{id: 3, Request: Request{Args: make([][]byte, 20)}},
}

var sampleAnswers = []answer{
	{kind: kindReply, id: 9, reply: []byte("+OK\r\n")},
	{kind: kindReply, id: 1 << 50, reply: bytes.Repeat([]byte("r"), 300)},
	{kind: kindFailure, id: 300, refused: true, text: "no"},
	{kind: kindFailure, id: 300, text: "broken"},
	{kind: kindMoved, id: 1, slot: 16383, node: slots.NodeID{1, 2},
		addr: slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 17000}},
	{kind: kindAsk, id: 2, slot: 127, node: slots.NodeID{3},
		addr: slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 17000}},
	{kind: kindAsk, id: 2, slot: 127, node: slots.NodeID{3},
		addr: slots.Addr{Host: "10.0.0.1", BusPort: 17000, TLSPort: 7001}},
}

// TestWireForm compares with the bytes of an earlier release, since nodes of different
// releases talk to each other. The lines of the file are the requests, the answers, then
// the signals.
func TestWireForm(t *testing.T) {
	golden, err := os.ReadFile("testdata/wire.golden")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(golden))
	var encodings [][]byte
	for i := range sampleRequests {
		encodings = append(encodings, appendRequest(nil, &sampleRequests[i]))
	}
	for i := range sampleAnswers {
		encodings = append(encodings, appendAnswer(nil, &sampleAnswers[i]))
	}
	encodings = append(encodings, appendSignal(nil, kindPing), appendSignal(nil, kindPong), appendCancel(nil, 1<<33))
	if len(lines) != len(encodings) {
		t.Fatalf("%d lines for %d samples", len(lines), len(encodings))
	}
	for i, b := range encodings {
		if got := abridged(b); got != lines[i] {
			t.Errorf("sample %d is\n%s, was\n%s", i, got, lines[i])
		}
	}
}

// abridged returns b in hex, and of a long one the first 400 bytes: the frame's checksum
// among them stands for the rest.
func abridged(b []byte) string { return hex.EncodeToString(b[:min(len(b), 400)]) }

// BenchmarkMessages measures what a call costs apart from the connection.
func BenchmarkMessages(b *testing.B) {
	r := &call{Request: *req("SET", "key:0123456789ab", string(make([]byte, 100)))}
	a := answer{kind: kindReply, id: 1 << 20, reply: make([]byte, 100)}
	request, reply := appendRequest(nil, r), appendAnswer(nil, &a)
	b.Run("request/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			request = appendRequest(request[:0], r)
		}
	})
	b.Run("request/decode", func(b *testing.B) {
		b.ReportAllocs()
		var args [][]byte
		for b.Loop() {
			msg := newReader(request[8:])
			_, n := head(&msg)
			got, err := decodeRequest(&msg, n, args)
			if err != nil {
				b.Fatal(err)
			}
			args = got.Args
		}
	})
	b.Run("reply/encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reply = appendAnswer(reply[:0], &a)
		}
	})
	b.Run("reply/decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			msg := newReader(reply[8:])
			k, n := head(&msg)
			if _, err := decodeAnswer(&msg, k, n); err != nil {
				b.Fatal(err)
			}
		}
	})
}
