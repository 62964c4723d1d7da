package msgp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"
)

// The tests of this file compare with another implementation of msgpack: what is written
// here it reads, and what it writes is read here, whatever width it gives a value.

var errClass = errors.New("malformed test")

// numbers are those at which a width ends.
var numbers = []uint64{0, 1, 127, 128, 255, 256, 1<<15 - 1, 1 << 15, 1<<16 - 1, 1 << 16, 1<<31 - 1, 1 << 31, 1<<32 - 1,
	1 << 32, 1<<63 - 1, 1 << 63, 1<<64 - 1}

// lengths are those at which a header's form changes.
var lengths = []int{0, 1, 15, 16, 31, 32, 255, 256, 1<<16 - 1, 1 << 16}

// decoded returns the one value that b is to the library.
func decoded(t *testing.T, b []byte) any {
	t.Helper()
	in := bytes.NewReader(b)
	d := msgpack.NewDecoder(in)
	d.SetMapDecoder(func(d *msgpack.Decoder) (any, error) { return d.DecodeUntypedMap() })
	v, err := d.DecodeInterface()
	if err != nil || in.Len() != 0 {
		t.Fatalf("%.40x: %v, %d bytes left", b, err, in.Len())
	}
	return v
}

// encoded returns what the library writes in write.
func encoded(t *testing.T, write func(e *msgpack.Encoder) error) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := write(msgpack.NewEncoder(&out)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// whole runs read on b and fails unless it reads all of it.
func whole[T any](t *testing.T, b []byte, read func(r *Reader) T) T {
	t.Helper()
	r := NewReader(b, errClass)
	v := read(&r)
	r.End()
	if r.Err() != nil {
		t.Fatalf("%.40x: %v", b, r.Err())
	}
	return v
}

func TestNumbers(t *testing.T) {
	number := func(r *Reader) uint64 { return r.Uint("number") }
	for _, v := range numbers {
		forms := [][]byte{AppendUint(nil, v), AppendUint64(nil, v)}
		shortest := encoded(t, func(e *msgpack.Encoder) error { return e.EncodeUint(v) })
		if !bytes.Equal(forms[0], shortest) {
			t.Errorf("%d is %x, to the library %x", v, forms[0], shortest)
		}
		if v <= math.MaxUint16 {
			forms = append(forms, AppendUint16(nil, uint16(v)))
		}
		if v <= math.MaxUint32 {
			forms = append(forms, AppendUint32(nil, uint32(v)))
		}
		for _, b := range forms {
			if got := fmt.Sprint(decoded(t, b)); got != fmt.Sprint(v) {
				t.Errorf("%d, written as %x, is %s to the library", v, b, got)
			}
		}
		forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeUint64(v) }))
		if v <= math.MaxInt64 {
			forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeInt64(int64(v)) }))
		}
		if v <= math.MaxInt32 {
			forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeInt32(int32(v)) }))
		}
		if v <= math.MaxInt16 {
			forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeInt16(int16(v)) }))
		}
		if v <= math.MaxInt8 {
			forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeInt8(int8(v)) }))
		}
		if v <= math.MaxUint8 {
			forms = append(forms, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeUint8(uint8(v)) }))
		}
		for _, b := range forms {
			if got := whole(t, b, number); got != v {
				t.Errorf("%x is read as %d, not %d", b, got, v)
			}
			if v <= math.MaxInt64 {
				if got := whole(t, b, func(r *Reader) int64 { return r.Int("number") }); got != int64(v) {
					t.Errorf("%x is read as %d, not %d", b, got, v)
				}
			}
		}
	}
}

func TestNegativeNumbers(t *testing.T) {
	number := func(r *Reader) int64 { return r.Int("number") }
	for _, v := range []int64{-1, -32, -33, math.MinInt8, math.MinInt8 - 1, math.MinInt16, math.MinInt16 - 1,
		math.MinInt32, math.MinInt32 - 1, math.MinInt64} {
		b := AppendInt(nil, v)
		if got := decoded(t, b); got != v {
			t.Errorf("%d, written as %x, is %v to the library", v, b, got)
		}
		for _, b := range [][]byte{b, encoded(t, func(e *msgpack.Encoder) error { return e.EncodeInt(v) })} {
			if got := whole(t, b, number); got != v {
				t.Errorf("%x is read as %d, not %d", b, got, v)
			}
			r := NewReader(b, errClass)
			if got := r.Uint("number"); got != 0 || !errors.Is(r.Err(), errClass) {
				t.Errorf("%x is read as %d, %v", b, got, r.Err())
			}
		}
	}
}

func TestBooleans(t *testing.T) {
	for _, v := range []bool{false, true} {
		b := AppendBool(nil, v)
		if decoded(t, b) != v || whole(t, b, func(r *Reader) bool { return r.Bool("flag") }) != v {
			t.Errorf("%v is not read back", v)
		}
	}
}

func TestBytesAndText(t *testing.T) {
	for _, n := range lengths {
		text := strings.Repeat("x", n)
		long := append(AppendBytes32Header(nil, n), text...)
		shortest := encoded(t, func(e *msgpack.Encoder) error { return e.EncodeBytes([]byte(text)) })
		for _, b := range [][]byte{AppendBytes(nil, text), shortest, long} {
			if got := decoded(t, b).([]byte); string(got) != text {
				t.Errorf("%d bytes are %d to the library", n, len(got))
			}
			for _, read := range []func(r *Reader) []byte{
				func(r *Reader) []byte { return r.Bytes("data") },
				func(r *Reader) []byte { return r.BytesOrText("data") },
				func(r *Reader) []byte { dst := make([]byte, n); r.Fixed("data", dst); return dst },
			} {
				if got := whole(t, b, read); string(got) != text {
					t.Errorf("%d bytes are read as %d", n, len(got))
				}
			}
		}
		if b := AppendBytes(nil, text); !bytes.Equal(b, shortest) {
			t.Errorf("%d bytes have the header %.5x, to the library %.5x", n, b, shortest)
		}
		b := AppendString(nil, text)
		if want := encoded(t, func(e *msgpack.Encoder) error { return e.EncodeString(text) }); !bytes.Equal(b, want) {
			t.Errorf("text of %d bytes has the header %.5x, to the library %.5x", n, b, want)
		}
		if got := whole(t, b, func(r *Reader) string { return r.String("text", n) }); got != text {
			t.Errorf("text of %d bytes is read as %d", n, len(got))
		}
		if got := whole(t, b, func(r *Reader) []byte { return r.BytesOrText("text") }); string(got) != text {
			t.Errorf("text of %d bytes is read as %d", n, len(got))
		}
	}
}

func TestArraysAndMaps(t *testing.T) {
	for _, n := range lengths {
		elements := bytes.Repeat([]byte{1}, n)
		list := append(encoded(t, func(e *msgpack.Encoder) error { return e.EncodeArrayLen(n) }), elements...)
		if b := append(AppendArrayHeader(nil, n), elements...); !bytes.Equal(b, list) {
			t.Errorf("an array of %d has the header %.5x, to the library %.5x", n, b, list)
		}
		for _, b := range [][]byte{list, append(AppendArray32Header(nil, n), elements...)} {
			r := NewReader(b, errClass)
			if got := r.Array("list", 1); got != n || string(r.Remaining()) != string(elements) {
				t.Errorf("an array of %d is read as one of %d, %v", n, got, r.Err())
			}
			if got := decoded(t, b); len(got.([]any)) != n {
				t.Errorf("an array of %d is one of %d to the library", n, len(got.([]any)))
			}
		}

		forms := [][]byte{encoded(t, func(e *msgpack.Encoder) error { return e.EncodeMapLen(n) })}
		for range n {
			forms[0] = append(forms[0], 1, 2)
		}
		if n <= math.MaxUint16 {
			b, at := BeginMap([]byte("before"))
			for range n {
				b = append(b, 1, 2)
			}
			forms = append(forms, EndMap(b, at, n)[len("before"):])
			if !bytes.Equal(forms[0], forms[1]) {
				t.Errorf("a map of %d has the header %.5x, to the library %.5x", n, forms[1], forms[0])
			}
		}
		for _, b := range forms {
			r := NewReader(b, errClass)
			if got := r.Map("entries"); got != n || len(r.Remaining()) != 2*n {
				t.Errorf("a map of %d is read as one of %d, %v", n, got, r.Err())
			}
		}
	}
}

func TestSkip(t *testing.T) {
	fixext := []byte{codeFixExt16, 5}
	fixext = append(fixext, make([]byte, 16)...)
	for name, b := range map[string][]byte{
		"all kinds": encoded(t, func(e *msgpack.Encoder) error {
			return e.EncodeMulti([]any{nil, -1, float32(1), 2.5, "text", map[string]any{"a": []int{1, 2},
				"b": map[int]string{-1: strings.Repeat("y", 300)}}, true, uint64(1 << 40), make([]int, 70_000),
				bytes.Repeat([]byte{2}, 300), int32(-70_000), strings.Repeat("z", 70_000), make([]byte, 70_000)})
		}),
		"fixext":      fixext,
		"ext":         {codeExt8, 2, 1, 0, 0},
		"ext 32":      {codeExt32, 0, 0, 0, 2, 1, 0, 0},
		"map 32":      {codeMap32, 0, 0, 0, 1, 1, 2},
		"nested":      append(bytes.Repeat([]byte{codeFixArray | 1}, 100_000), codeNil),
		"nested maps": append(bytes.Repeat([]byte{codeFixMap | 1, 7}, 100_000), codeNil),
	} {
		r := NewReader(b, errClass)
		r.Skip("field", 1)
		r.End()
		if r.Err() != nil {
			t.Errorf("%s: %v", name, r.Err())
		}
	}
}

// FuzzReader reads b as the methods that script names. Whatever a Reader accepts means
// the same to the library, and nothing that it returns exceeds the input.
func FuzzReader(f *testing.F) {
	script := []byte{0, 1, 2, 3, 4, 5, 6, 7, 8}
	for _, v := range numbers {
		f.Add(AppendUint(nil, v), []byte{0})
		f.Add(AppendInt(nil, -int64(v)), []byte{1})
	}
	f.Add(AppendBytes(AppendString(AppendBool(nil, true), "text"), "bytes"), []byte{2, 5, 3})
	f.Add([]byte{codeFixArray | 2, 1, codeFixMap | 1, 1, codeNil}, []byte{6, 0, 7, 0, 8})
	for _, claim := range []byte{codeBin32, codeExt32, codeStr32, codeArray32, codeMap32} {
		for m := range script {
			f.Add([]byte{claim, 0xff, 0xff, 0xff, 0xff, 1}, []byte{byte(m)})
		}
	}
	f.Add(bytes.Repeat([]byte{codeFixArray | 15}, 100), []byte{8})
	f.Fuzz(func(t *testing.T, b, script []byte) {
		if len(b) > 1<<10 {
			return
		}
		r := NewReader(b, errClass)
		for _, method := range script {
			before := r.Remaining()
			compare(t, &r, method%9)
			if r.Err() == nil && len(r.Remaining()) >= len(before) {
				t.Fatalf("method %d reads nothing of %x", method%9, before)
			}
			if r.Err() != nil && (!errors.Is(r.Err(), errClass) || len(r.Remaining()) != 0) {
				t.Fatalf("%v with %d bytes left", r.Err(), len(r.Remaining()))
			}
		}
	})
}

// compare reads one value with a method and, if that goes well, with the library, which
// may allocate what a length claims.
func compare(t *testing.T, r *Reader, method byte) {
	in := bytes.NewReader(r.Remaining())
	d, left := msgpack.NewDecoder(in), in.Len()
	var got any
	var library func() (any, error)
	switch method {
	case 0:
		got, library = r.Uint("v"), func() (any, error) { return d.DecodeUint64() }
	case 1:
		got, library = r.Int("v"), func() (any, error) { return d.DecodeInt64() }
	case 2:
		got, library = r.Bool("v"), func() (any, error) { return d.DecodeBool() }
	case 3:
		got, library = string(r.Bytes("v")), func() (any, error) { return d.DecodeString() }
	case 4:
		got, library = string(r.BytesOrText("v")), func() (any, error) { return d.DecodeString() }
	case 5:
		got, library = r.String("v", left), func() (any, error) { return d.DecodeString() }
	case 6:
		n := r.Array("v", 3)
		if 3*n > left {
			t.Fatalf("%d elements in %d bytes", n, left)
		}
		got, library = n, func() (any, error) { return d.DecodeArrayLen() }
	case 7:
		n := r.Map("v")
		if 2*n > left {
			t.Fatalf("%d entries in %d bytes", n, left)
		}
		got, library = n, func() (any, error) { return d.DecodeMapLen() }
	case 8:
		r.Skip("v", 1)
		got, library = 0, func() (any, error) { return 0, d.Skip() }
	}
	if r.Err() != nil {
		if !reflect.ValueOf(got).IsZero() {
			t.Fatalf("%v together with %v", got, r.Err())
		}
		return
	}
	if want, err := library(); err != nil || got != want || len(r.Remaining()) != in.Len() {
		t.Fatalf("method %d: %v with %d bytes left; the library: %v with %d left, %v", method, got, len(r.Remaining()), want,
			in.Len(), err)
	}
}
