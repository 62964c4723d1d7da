package peer

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
)

func payload(t *testing.T, framed []byte) []byte {
	t.Helper()
	b, err := frame.NewReader(bytes.NewReader(framed), MaxMessage).Next()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forms returns the values in a frame, as the library writes them: our own bytes must be
// msgpack as the library sees it, and what it writes of the same values must be
// read alike, whatever width it gives a number.
func forms(t *testing.T, framed []byte) map[string][]byte {
	t.Helper()
	values := read(t, payload(t, framed))
	if len(values) != 1 {
		t.Fatalf("a message is %d values", len(values))
	}
	list := make(map[string][]byte)
	for style := range styles {
		list[style] = write(t, values, style)
	}
	return list
}

func TestRequestsAreMsgpack(t *testing.T) {
	many := make([][]byte, 70_000)
	for i := range many {
		many[i] = []byte{byte(i)}
	}
	for _, want := range []Request{
		{id: 1, Args: [][]byte{[]byte("PING")}},
		{id: 1 << 40, left: 300, Sync: -1, Asking: true, ReadOnly: true, MaxStaleness: 1500 * time.Millisecond,
			Args: [][]byte{[]byte("SET"), []byte("k"), bytes.Repeat([]byte("v"), 70_000)}},
		{id: 200, left: 1 << 33, Sync: 2, Func: "load", Args: [][]byte{{}, bytes.Repeat([]byte("x"), 300)}},
		{id: 3, Args: many},
	} {
		for style, b := range forms(t, appendRequest(nil, &want)) {
			u := &unpacker{b: b}
			k, n := head(u)
			got, err := decodeRequest(u, n, nil)
			if err != nil || k != kindRequest || !reflect.DeepEqual(got, want) {
				t.Errorf("numbers %s: kind %d, id %d, %d arguments, %v", style, k, got.id, len(got.Args), err)
			}
		}
	}
}

func TestAnswersAreMsgpack(t *testing.T) {
	addr := slots.Addr{Host: "10.0.0.1", Port: 7000, BusPort: 17000}
	for _, want := range []answer{
		{kind: kindReply, id: 9, reply: []byte("+OK\r\n")},
		{kind: kindReply, id: 1 << 50, reply: bytes.Repeat([]byte("r"), 70_000)},
		{kind: kindFailure, id: 300, refused: true, text: "no"},
		{kind: kindFailure, id: 300, text: "broken"},
		{kind: kindMoved, id: 1, slot: 16383, node: slots.NodeID{1, 2}, addr: addr},
		{kind: kindAsk, id: 2, slot: 127, node: slots.NodeID{3}, addr: addr},
	} {
		for style, b := range forms(t, appendAnswer(nil, &want)) {
			u := &unpacker{b: b}
			k, n := head(u)
			if got, err := decodeAnswer(u, k, n); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("kind %d, numbers %s: %+v, %v; want %+v", want.kind, style, got, err, want)
			}
		}
	}
}

func TestSignalsAreMsgpack(t *testing.T) {
	for k, framed := range map[kind][]byte{
		kindPing: appendSignal(nil, kindPing), kindPong: appendSignal(nil, kindPong), kindCancel: appendCancel(nil, 1<<33),
	} {
		for style, b := range forms(t, framed) {
			u := &unpacker{b: b}
			got, n := head(u)
			if got != k || n == 1 && u.uint() != 1<<33 || u.err != nil || u.off != len(b) {
				t.Errorf("kind %d, numbers %s: read as %d, %v", k, style, got, u.err)
			}
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
