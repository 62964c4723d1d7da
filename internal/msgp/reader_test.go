package msgp

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// Errors name the field, the place and what is wrong there, and match the class.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name, b string
		read    func(r *Reader)
		want    string
	}{
		{"missing", "\x01", func(r *Reader) { r.Uint("a"); r.Uint("b") }, "b at byte 1 of 1 is missing: want an integer"},
		{"another kind", "\x01\xa1x", func(r *Reader) { r.Uint("a"); r.Uint("b") },
			"b at byte 1 of 3 is text: want an integer"},
		{"negative", "\xff", func(r *Reader) { r.Uint("a") }, "a at byte 0 of 1 is negative"},
		{"negative, wide", "\xd1\xff\x00", func(r *Reader) { r.Uint("a") }, "a at byte 0 of 3 is negative"},
		{"too large", "\x05", func(r *Reader) { r.UintMax("a", 4) }, "a at byte 0 of 1 is 5, out of range: at most 4"},
		{"too large for Int", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", func(r *Reader) { r.Int("a") }, "out of range"},
		{"number cut", "\xcd\x01", func(r *Reader) { r.Uint("a") }, "a at byte 0 of 2 is cut short"},
		{"no boolean", "\x01", func(r *Reader) { r.Bool("a") }, "is an integer: want a boolean"},
		{"no bytes", "\xc0", func(r *Reader) { r.Bytes("a") }, "is nil: want bytes"},
		{"text for bytes", "\xa1x", func(r *Reader) { r.Bytes("a") }, "is text: want bytes"},
		{"bytes for text", "\xc4\x01x", func(r *Reader) { _ = r.String("a", 9) }, "is bytes: want text"},
		{"bytes cut", "\xc6\xff\xff\xff\xffx", func(r *Reader) { r.Bytes("a") }, "a at byte 0 of 6 is cut short"},
		{"text too long", "\xa3xyz", func(r *Reader) { _ = r.String("a", 2) }, "has 3 bytes, more than 2"},
		{"another length", "\xc4\x01x", func(r *Reader) { r.Fixed("a", make([]byte, 2)) }, "has 1 bytes instead of 2"},
		{"no array", "\x80", func(r *Reader) { r.Array("a", 1) }, "is a map: want an array"},
		{"no map", "\x90", func(r *Reader) { r.Map("a") }, "is an array: want a map"},
		{"array's claim", "\x93\x01\x02", func(r *Reader) { r.Array("a", 1) }, "claims 3 elements in 2 bytes"},
		{"large elements", "\x92\x01\x02\x03", func(r *Reader) { r.Array("a", 2) }, "claims 2 elements in 3 bytes"},
		{"map's claim", "\xdf\xff\xff\xff\xff\x01", func(r *Reader) { r.Map("a") }, "claims 4294967295 elements in 1 bytes"},
		{"reserved code", "\xc1", func(r *Reader) { r.Skip("a", 1) }, "is no msgpack value"},
		{"skipped claim", "\x91\xdd\xff\xff\xff\xff", func(r *Reader) { r.Skip("a", 1) }, "claims 4294967295 values"},
		{"float", "\xca", func(r *Reader) { r.Int("a") }, "is a float"},
		{"extension", "\xd4", func(r *Reader) { r.Int("a") }, "is an extension"},
		{"boolean", "\xc2", func(r *Reader) { r.Int("a") }, "is a boolean"},
		{"bytes left", "\x01\x02", func(r *Reader) { r.Uint("a"); r.End() }, "byte 1 of 2 is 1 bytes too many"},
		{"Fail", "\x01\x02", func(r *Reader) { r.Uint("a"); r.Uint("b"); r.Fail("b", "is odd") },
			"malformed test: b at byte 1 of 2 is odd"},
		{"the first counts", "\xc0", func(r *Reader) { r.Uint("a"); r.Fail("b", "is odd"); r.Uint("c") }, "a at byte 0"},
	} {
		r := NewReader([]byte(c.b), errClass)
		c.read(&r)
		if err := r.Err(); !errors.Is(err, errClass) || !strings.Contains(err.Error(), c.want) || len(r.Remaining()) != 0 {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Nil takes a nil, and leaves what is none for another method.
func TestNil(t *testing.T) {
	r := NewReader([]byte("\xc0\x05\xc0"), errClass)
	if !r.Nil() || r.Nil() || r.Uint("a") != 5 || !r.Nil() || r.Nil() || r.Err() != nil {
		t.Errorf("%x is left, %v", r.Remaining(), r.Err())
	}
}

// After an error every method returns zero, however good the rest of the bytes is.
func TestErrorsEndReading(t *testing.T) {
	r := NewReader([]byte("\xc0\x01\x01\xc3\xc4\x01x\xa1x\x91\x01\x81\x01\x01"), errClass)
	r.Uint("nil")
	first := r.Err()
	if r.Uint("a") != 0 || r.UintMax("a", 9) != 0 || r.Int("a") != 0 || r.Bool("a") || len(r.Bytes("a")) != 0 ||
		len(r.BytesOrText("a")) != 0 || r.String("a", 9) != "" || r.Array("a", 1) != 0 || r.Map("a") != 0 {
		t.Error("something is read after an error")
	}
	r.Skip("a", 1<<62)
	if r.End(); r.Err() != first {
		t.Errorf("%v replaces %v", r.Err(), first)
	}
}

// What Bytes returns cannot be appended to over the bytes behind it.
func TestBytesAreClipped(t *testing.T) {
	b := []byte("\xc4\x01x\x07")
	r := NewReader(b, errClass)
	_ = append(r.Bytes("a"), 'y')
	if r.Uint("b") != 7 {
		t.Error("appending to a result changes the input")
	}
}

func TestClaimsAllocateNothing(t *testing.T) {
	for _, code := range []string{"\xc6", "\xc9", "\xdb", "\xdd", "\xdf"} {
		b := []byte(code + "\x7f\xff\xff\xff\x01")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, read := range []func(r *Reader){
			func(r *Reader) { r.Bytes("a") }, func(r *Reader) { r.BytesOrText("a") },
			func(r *Reader) { _ = r.String("a", 1<<31-1) }, func(r *Reader) { r.Array("a", 1) },
			func(r *Reader) { r.Map("a") }, func(r *Reader) { r.Skip("a", 1) },
		} {
			r := NewReader(b, errClass)
			if read(&r); r.Err() == nil {
				t.Errorf("%x is accepted", b)
			}
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 1<<16 {
			t.Errorf("%x: %d bytes allocated for a claim", b, got)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendArrayHeader(buf, 5)
		b = AppendBytes(AppendInt(AppendUint(b, 1<<40), -7), "bytes")
		b = AppendBool(AppendString(b, "text"), true)
		r := NewReader(b, errClass)
		r.Array("list", 1)
		if r.Uint("a") != 1<<40 || r.Int("b") != -7 || len(r.Bytes("c")) != 5 || len(r.BytesOrText("d")) != 4 ||
			!r.Bool("e") {
			t.Fatal(r.Err())
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
