package rdb

import (
	stdcrc "hash/crc64"
	"math/bits"
	"math/rand/v2"
	"testing"
)

func TestCRC64CheckValue(t *testing.T) {
	if got := crc64([]byte("123456789")); got != 0xe9c6d914c4b8d9ca {
		t.Fatalf("crc64 = %#x, want the check value of CRC-64/Jones", got)
	}
}

// The standard library starts and ends with all bits set, which Redis does not.
func TestCRC64AgreesWithTheStandardLibrary(t *testing.T) {
	table := stdcrc.MakeTable(bits.Reverse64(poly))
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if got, want := crc64(b), ^stdcrc.Update(^uint64(0), table, b); got != want {
			t.Fatalf("%d bytes: %#x, want %#x", n, got, want)
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	data := make([]byte, 1024)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		crc64(data)
	}
}
