package keyspace

import (
	"bytes"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// TestOpsAreMsgpack holds that what is written by hand here is msgpack as the library sees
// it, one array an op, and that what the library writes of the same values is read
// alike, whatever width it gives a number.
func TestOpsAreMsgpack(t *testing.T) {
	var stream []byte
	for i := range codecOps {
		stream = AppendOp(stream, &codecOps[i])
	}
	values := read(t, stream)
	if len(values) != len(codecOps) {
		t.Fatalf("%d ops are %d values", len(codecOps), len(values))
	}
	for style := range styles {
		b := write(t, values, style)
		for _, want := range codecOps {
			got, rest, err := DecodeOp(b)
			if err != nil || !sameOp(got, want) {
				t.Fatalf("numbers %s: got %+v, %v; want %+v", style, got, err, want)
			}
			b = rest
		}
		if len(b) != 0 {
			t.Errorf("numbers %s: %d bytes are left over", style, len(b))
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
		if v < 0 {
			return v
		}
		return number(uint64(v))
	case []any:
		for i := range v {
			v[i] = restyle(v[i], number)
		}
	}
	return v
}
