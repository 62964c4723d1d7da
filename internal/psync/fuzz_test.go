package psync

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

// opsOf makes a record of bytes: ops of any kind and type, most of them on few keys.
func opsOf(b []byte) (ops []keyspace.Op) {
	take := func(n int) []byte {
		n = min(n, len(b))
		part := b[:n:n]
		b = b[n:]
		return part
	}
	for len(b) > 0 && len(ops) < 600 {
		head := append(take(4), 0, 0, 0, 0)
		op := keyspace.Op{Kind: keyspace.OpKind(head[0] & 15), Type: keyspace.Type(head[1] & 7), Begins: head[1]&8 != 0,
			Key: []byte{'k', '0' + head[2]&3}, Part: take(int(head[3] & 15)), ExpireAt: int64(head[1]>>4) - 1}
		op.Value = take(int(head[3] >> 4))
		if head[2] > 250 {
			op.Key = take(int(head[2]))
		}
		ops = append(ops, op)
		for range int(head[2]&0x7c) * 5 { // parts of one key in a row
			ops = append(ops, op)
		}
	}
	return ops
}

// checkCommands makes sure that a text is whole commands, each with words, and transactions that
// are not in one another.
func checkCommands(t *testing.T, text []byte) {
	t.Helper()
	p := resp.NewParser(resp.Limits{}.WithDefaults())
	in, inMulti, held := bytes.NewReader(text), false, 0
	for {
		args, err := p.Next()
		if err != nil {
			t.Fatalf("%v in %.200q", err, text)
		}
		if args == nil {
			if _, err := p.Fill(in); err == nil {
				continue
			}
			break
		}
		switch name := string(args[0]); {
		case name == "MULTI" && inMulti, name == "EXEC" && (!inMulti || held < 2):
			t.Fatalf("%s at the wrong place of %.200q", name, text)
		case name == "MULTI":
			inMulti, held = true, 0
		case name == "EXEC":
			inMulti = false
		default:
			held++
		}
	}
	if p.Buffered() > 0 || inMulti {
		t.Fatalf("%.200q ends in the middle", text)
	}
}

// FuzzTranslator: whatever is in a stream, what is made of it is whole commands, or an error
// that ends it; a key that is dirty is sent once it is due, and then all is complete.
func FuzzTranslator(f *testing.F) {
	f.Add([]byte{1, 1, 0, 0x21, 'p', 'v', 'w', 5, 2, 1, 0x11, 'a', 'b', 5, 2, 1, 0x11, 'c', 'd'}, uint8(3), uint16(9))
	f.Add([]byte{7, 1, 0, 2, 'k', '1', 8, 1, 1, 2, 'k', '2', 4, 0, 0, 0, 2, 0x21, 1, 0}, uint8(1), uint16(40))
	f.Add([]byte{5, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7, 6, 2, 0x7c, 1, 'x', 12, 3, 2, 0, 5, 4, 3, 0x88}, uint8(7), uint16(0))
	f.Add([]byte{1, 9, 255, 0x11, 3, 1, 0, 0, 14, 0, 0, 0}, uint8(0), uint16(1))
	f.Fuzz(func(t *testing.T, b []byte, size uint8, ready uint16) {
		b = b[:min(len(b), 1<<10)] // more takes its time, and shows nothing else
		tr := New(ready&1 == 0, 0)
		now, end := int64(0), int64(0)
		if tr.Ready != math.MaxInt64 {
			t.Fatal("a Translator is ready at once")
		}
		tr.Ready = int64(ready >> 1)
		send := func(n int) {
			for _, key := range tr.Due(nil, now, n) {
				tr.Out = AppendUnlink(tr.Out, []byte(key))
				tr.Sent(key, end+int64(size&1)*100, now, len(b)*int(size))
			}
		}
		for len(b) > 0 {
			n := min(len(b), 1+int(size))
			ops := opsOf(b[:n])
			b = b[n:]
			end += int64(n)
			now += int64(n)
			if err := tr.Record(end, now, ops); err != nil {
				if tr.Standalone && tr.Ready < end && errors.Is(err, ErrDropped) {
					t.Fatal("a drop that can be told ended the stream")
				}
				return
			}
			checkCommands(t, tr.Out)
			tr.Out = tr.Out[:0]
			send(int(size >> 6))
			if tr.Held() < 0 || tr.Complete() > end {
				t.Fatalf("%d bytes held, complete up to %d of %d", tr.Held(), tr.Complete(), end)
			}
		}
		now = math.MaxInt64 / 2
		send(math.MaxInt)
		checkCommands(t, tr.Out)
		if tr.Held() != 0 || tr.Complete() != end {
			t.Errorf("%d bytes are held, complete up to %d of %d", tr.Held(), tr.Complete(), end)
		}
	})
}
