package replication

import (
	"bytes"
	"io"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/keyspace"
)

// TestMessagesAreMsgpack holds that what is written by hand here is msgpack as the library
// sees it, and that another writer's message is read alike, whatever widths it chose.
func TestMessagesAreMsgpack(t *testing.T) {
	for _, want := range messages {
		values := read(t, payload(t, &want))
		if len(values) != 1 {
			t.Fatalf("kind %d is %d values", want.kind, len(values))
		}
		for style := range styles {
			var got message
			err := decodeMessage(write(t, values, style), &got)
			if len(got.wanted) == 0 {
				got.wanted = nil
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("kind %d, numbers %s: %+v, %v; want %+v", want.kind, style, got, err, want)
			}
		}
	}
}

// TestStreamIsMsgpack reads a piece of the stream with the library: extensions, whose
// bodies are the ops of a transaction, or a note.
func TestStreamIsMsgpack(t *testing.T) {
	ops := []keyspace.Op{
		{Kind: keyspace.OpPut, Slot: 300, Key: []byte("k"), Value: []byte("v"), Version: 7},
		{Kind: keyspace.OpDelete, Slot: 300, Key: []byte("other"), Version: 8},
	}
	stream := appendNote(appendRecord(nil, ops), "name", []byte("data"))
	in := bytes.NewReader(stream)
	d := msgpack.NewDecoder(in)
	for _, want := range []struct {
		kind   int8
		values int
	}{{recordCommit, len(ops)}, {recordNote, 2}} {
		kind, size, err := d.DecodeExtHeader()
		if err != nil || kind != want.kind {
			t.Fatalf("extension %d, %v; want %d", kind, err, want.kind)
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(d.Buffered(), body); err != nil {
			t.Fatal(err)
		}
		values := read(t, body)
		if len(values) != want.values {
			t.Errorf("a record of kind %d holds %d values, not %d", kind, len(values), want.values)
		}
		if kind != recordCommit {
			continue
		}
		for style := range styles {
			got, err := decodeOps(nil, write(t, values, style))
			if err != nil || !reflect.DeepEqual(got, ops) {
				t.Errorf("ops, numbers %s: %+v, %v", style, got, err)
			}
		}
	}
	if in.Len() != 0 {
		t.Errorf("%d bytes are left over", in.Len())
	}
}

// styles are the ways in which another msgpack writer might put a number.
var styles = map[string]func(v uint64) any{
	"shortest": func(v uint64) any { return v },
	"32 bits": func(v uint64) any {
		if v < 1<<32 {
			return uint32(v)
		}
		return v
	},
	"64 bits": func(v uint64) any { return v },
}

// read returns the values in b as the library sees them: b must be msgpack to its last
// byte.
func read(t *testing.T, b []byte) (values []any) {
	t.Helper()
	in := bytes.NewReader(b)
	d := msgpack.NewDecoder(in)
	for in.Len() > 0 {
		v, err := d.DecodeInterface()
		if err != nil {
			t.Fatalf("not msgpack, %d bytes before the end: %v\n%x", in.Len(), err, b)
		}
		values = append(values, v)
	}
	return values
}

// write returns what the library makes of values.
func write(t *testing.T, values []any, style string) []byte {
	t.Helper()
	var out bytes.Buffer
	e := msgpack.NewEncoder(&out)
	e.UseCompactInts(style == "shortest")
	for _, v := range values {
		if err := e.Encode(restyle(v, styles[style])); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

func restyle(v any, number func(uint64) any) any {
	switch v := v.(type) {
	case int8:
		if v < 0 {
			return v
		}
		return number(uint64(v))
	case uint8:
		return number(uint64(v))
	case uint16:
		return number(uint64(v))
	case uint32:
		return number(uint64(v))
	case uint64:
		return number(v)
	case []any:
		for i := range v {
			v[i] = restyle(v[i], number)
		}
	}
	return v
}
