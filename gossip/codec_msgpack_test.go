package gossip

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/slotmesh/slotmesh/internal/frame"
)

// TestMessagesAreMsgpack holds that what is written by hand here is msgpack as the library
// sees it, and that what the library writes of the same values is read alike,
// whatever width it gives a number and whatever order the fields of a map.
func TestMessagesAreMsgpack(t *testing.T) {
	for _, m := range sampleMessages() {
		values := read(t, AppendMessage(nil, m))
		if len(values) != 1 {
			t.Fatalf("%v is %d values", m.Type, len(values))
		}
		for style := range styles {
			b := write(t, values, style)
			if got, err := DecodeMessage(b); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%v, numbers %s: %v\ngot  %+v\nwant %+v", m.Type, style, err, got, m)
			}
		}
	}
}

func TestStateIsMsgpack(t *testing.T) {
	want := sampleState()
	_, payload, err := frame.Open(stateMagic, EncodeState(want))
	if err != nil {
		t.Fatal(err)
	}
	for style := range styles {
		b := write(t, read(t, payload), style)
		if got, err := DecodeState(frame.Seal(stateMagic, stateVersion, b)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("numbers %s: %v\ngot  %+v\nwant %+v", style, err, got, want)
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
	"signed": func(v uint64) any {
		if v < 1<<63 {
			return int64(v)
		}
		return v
	},
}

// read returns the values in b as the library sees them: b must be msgpack to its last
// byte.
func read(t *testing.T, b []byte) (values []any) {
	t.Helper()
	in := bytes.NewReader(b)
	d := msgpack.NewDecoder(in)
	d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
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
	case int64:
		return number(uint64(v))
	case []any:
		for i := range v {
			v[i] = restyle(v[i], number)
		}
	case map[any]any: // written in random order
		m := make(map[any]any, len(v))
		for key, value := range v {
			m[restyle(key, number)] = restyle(value, number)
		}
		return m
	}
	return v
}
