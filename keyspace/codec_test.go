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
	{Kind: OpPut, Type: 255, Key: []byte{}, Value: []byte{}, ExpireAt: -1, Version: math.MaxUint64},
	{Kind: OpPut, Slot: 200, Key: bytes.Repeat([]byte("k"), 300), Value: bytes.Repeat([]byte("v"), 70_000), Version: 1 << 20},
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
