package migrate

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/keyspace"
	"github.com/slotmesh/slotmesh/slots"
)

// TestMessagesAreMsgpack holds that what is written by hand here is msgpack as the library
// sees it, and that what the library writes of the same values is read alike,
// whatever width it gives a number.
func TestMessagesAreMsgpack(t *testing.T) {
	for _, m := range exampleMessages() {
		values := read(t, appendMessage(nil, &m))
		if len(values) != 1 {
			t.Fatalf("type %d is %d values", m.Type, len(values))
		}
		for style := range styles {
			if got, err := decodeMessage(write(t, values, style)); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("type %d, numbers %s: %+v, %v; want %+v", m.Type, style, got, err, m)
			}
		}
	}
}

func TestJournalIsMsgpack(t *testing.T) {
	_, payload, err := frame.Open(journalMagic, EncodeJournal(exampleJobs()))
	if err != nil {
		t.Fatal(err)
	}
	for style := range styles {
		b := write(t, read(t, payload), style)
		got, err := DecodeJournal(frame.Seal(journalMagic, journalVersion, b))
		if err != nil || !reflect.DeepEqual(got, exampleJobs()) {
			t.Errorf("numbers %s: %+v, %v", style, got, err)
		}
	}
}

// A batch is ops, one after the other; the head of a great one is put together here.
func TestLargeOpsAreMsgpack(t *testing.T) {
	op := keyspace.Op{Kind: keyspace.OpPut, Slot: slots.Slot(9), Key: []byte("k"), Value: make([]byte, inlineValue+1),
		ExpireAt: 5, Version: 1 << 33}
	b := append(appendLarge(nil, op), op.Value...)
	values := read(t, b)
	if len(values) != 1 {
		t.Fatalf("an op is %d values", len(values))
	}
	for style := range styles {
		got, rest, err := keyspace.DecodeOp(write(t, values, style))
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(got, op) {
			t.Errorf("numbers %s: %d bytes left, %v", style, len(rest), err)
		}
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
