package keyspace

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"testing"
)

var codecOps = []Op{
	{Kind: OpPut, Slot: 16383, Key: []byte("key"), Value: []byte("value"), ExpireAt: 1_700_000_000_123, Version: 7},
	{Kind: OpPut, Type: 255, Key: []byte{}, Value: []byte{}, ExpireAt: -1, Version: maxVersion},
	{Kind: OpPut, Slot: 200, Key: bytes.Repeat([]byte("k"), 300), Value: bytes.Repeat([]byte("v"), 70_000),
		Version: 1 << 20},
	{Kind: OpExpire, Slot: 1, Key: []byte("key"), ExpireAt: 0, Version: 128},
	{Kind: OpExpire, Slot: 1, Key: []byte("key"), ExpireAt: math.MinInt64, Version: 70_000},
	{Kind: OpDelete, Slot: 127, Key: []byte{0, 255}, Version: 1 << 40},
	{Kind: OpDrop, Slot: 128, Version: 9},
}

func sameOp(a, b Op) bool {
	return a.Kind == b.Kind && a.Type == b.Type && a.Slot == b.Slot && a.ExpireAt == b.ExpireAt &&
		a.Version == b.Version && bytes.Equal(a.Key, b.Key) && bytes.Equal(a.Value, b.Value)
}

func TestDecodeOpReturnsWhatAppendOpWrote(t *testing.T) {
	var stream []byte
	for i := range codecOps {
		stream = AppendOp(stream, &codecOps[i])
	}
	for _, want := range codecOps {
		got, rest, err := DecodeOp(stream)
		if err != nil || !sameOp(got, want) {
			t.Fatalf("got %+v, %v; want %+v", got, err, want)
		}
		stream = rest
	}
	if len(stream) != 0 {
		t.Fatalf("%d bytes are left over", len(stream))
	}
}

// The wire form must not change: files and other releases have it.
func TestOpWireForm(t *testing.T) {
	op := Op{Kind: OpPut, Type: String, Slot: 300, Version: 70_000, Key: []byte("k"), Value: []byte("vv"),
		ExpireAt: 1_700_000_000_123}
	want := []byte{0x97, 1, 0xcd, 0x01, 0x2c, 0xce, 0, 1, 0x11, 0x70, 0xc4, 1, 'k', 0xcf, 0, 0, 0x01, 0x8b, 0xcf, 0xe5,
		0x68, 0x7b, 0, 0xc4, 2, 'v', 'v'}
	if got := AppendOp(nil, &op); !bytes.Equal(got, want) {
		t.Fatalf("%x, want %x", got, want)
	}
	// The same op as another msgpack writer might put it: array 16, str 8, int 64.
	other := []byte{0xdc, 0, 7, 0xd0, 1, 0xd1, 0x01, 0x2c, 0xd3, 0, 0, 0, 0, 0, 1, 0x11, 0x70, 0xd9, 1, 'k',
		0xd3, 0, 0, 0x01, 0x8b, 0xcf, 0xe5, 0x68, 0x7b, 0xcc, 0, 0xda, 0, 2, 'v', 'v'}
	if got, rest, err := DecodeOp(other); err != nil || len(rest) != 0 || !sameOp(got, op) {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestDecodeOpSkipsLaterFields(t *testing.T) {
	for name, more := range map[string][]byte{
		"nil": {0xc0}, "bool": {0xc3}, "float": {0xca, 1, 2, 3, 4}, "str": {0xa2, 'h', 'i'}, "bin": {0xc4, 1, 9},
		"int": {0xd2, 0xff, 0, 0, 0}, "uint": {0xcd, 1, 2}, "ext": {0xc7, 2, 5, 1, 2}, "fixext": {0xd5, 5, 1, 2},
		"array": {0x92, 1, 0x91, 2}, "map": {0x81, 1, 0xdc, 0, 1, 3}, "map16": {0xde, 0, 1, 1, 2},
	} {
		b := append([]byte{0x94, byte(OpDrop), 9, 8}, more...)
		op, rest, err := DecodeOp(append(b, "next"...))
		if err != nil || string(rest) != "next" || op.Version != 8 {
			t.Errorf("%s: %+v, rest %q, %v", name, op, rest, err)
		}
	}
}

// Older nodes say nothing of the type of a key whose part is cut.
func TestDecodeCutWithoutType(t *testing.T) {
	cut := Op{Kind: OpCut, Type: ZSet, Slot: 1, Key: []byte("k"), Part: []byte("p"), Version: 2}
	b := AppendOp(nil, &cut)
	got, rest, err := DecodeOp(b)
	if err != nil || len(rest) > 0 || got.Type != ZSet {
		t.Errorf("%+v, %v", got, err)
	}
	b[0]-- // a field less
	got, rest, err = DecodeOp(b[:len(b)-1])
	if err != nil || len(rest) > 0 || got.Type != 0 || string(got.Part) != "p" {
		t.Errorf("without the type: %+v, %v", got, err)
	}
}

func TestDecodeOpRefusesWhatIsCutOrWrong(t *testing.T) {
	for _, op := range codecOps {
		b := AppendOp(nil, &op)
		for cut := 0; cut < len(b); cut += max(1, len(b)/100) {
			if _, _, err := DecodeOp(b[:cut]); !errors.Is(err, ErrBadOp) {
				t.Fatalf("%s cut at %d: %v", op.Kind, cut, err)
			}
		}
	}
	for name, b := range map[string][]byte{
		"no array":       {0xc0},
		"unknown kind":   {0x93, 9, 0, 1},
		"slot too great": {0x93, 4, 0xcd, 0x40, 0x00, 1},
		"too few fields": {0x94, 1, 0, 1, 0xc4, 0},
		"negative":       {0x93, 4, 0, 0xff},
		"huge key":       {0x94, 3, 0, 1, 0xc6, 0xff, 0xff, 0xff, 0xff, 1},
		"huge array":     {0xdd, 0xff, 0xff, 0xff, 0xff, 4, 0, 1},
		"nested arrays":  append([]byte{0x94, 4, 0, 1}, bytes.Repeat([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, 50)...),
		"reserved code":  {0x94, 4, 0, 1, 0xc1},
	} {
		if op, rest, err := DecodeOp(b); !errors.Is(err, ErrBadOp) || !reflect.DeepEqual(op, Op{}) || len(rest) != len(b) {
			t.Errorf("%s: %+v, %v", name, op, err)
		}
	}
}

func TestOpCodecDoesNotAllocate(t *testing.T) {
	op, buf := codecOps[0], make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() {
		b := AppendOp(buf, &op)
		if _, _, err := DecodeOp(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func FuzzDecodeOp(f *testing.F) {
	for _, op := range codecOps {
		if len(op.Value) < 1000 {
			f.Add(AppendOp(nil, &op))
		}
	}
	f.Add([]byte{0xdd, 0xff, 0xff, 0xff, 0xff, 4, 0, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		op, rest, err := DecodeOp(b)
		if err != nil {
			if !errors.Is(err, ErrBadOp) {
				t.Fatal(err)
			}
			return
		}
		if len(rest) >= len(b) {
			t.Fatal("an op of no bytes")
		}
		again, rest, err := DecodeOp(AppendOp(nil, &op))
		if err != nil || len(rest) != 0 || !sameOp(op, again) {
			t.Fatalf("%+v became %+v, %v", op, again, err)
		}
	})
}

// The write after the greatest version would start again at 0, and be old everywhere.
func TestDecodeOpBoundsVersions(t *testing.T) {
	op := Op{Kind: OpDrop, Version: maxVersion + 1}
	if _, _, err := DecodeOp(AppendOp(nil, &op)); !errors.Is(err, ErrBadOp) {
		t.Errorf("version %d: %v", op.Version, err)
	}
}
