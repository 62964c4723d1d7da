package bench

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/slots"
)

// byteTable is the usual CRC16 of Go's cluster clients: one table look-up per byte, each
// waiting for the one before.
var byteTable = func() (t [256]uint16) {
	for b := range t {
		crc := uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
		t[b] = crc
	}
	return t
}()

func byteTableSlot(key string) int {
	if s := strings.IndexByte(key, '{'); s > -1 {
		if e := strings.IndexByte(key[s+1:], '}'); e > 0 {
			key = key[s+1 : s+e+1]
		}
	}
	var crc uint16
	for i := range len(key) {
		crc = crc<<8 ^ byteTable[byte(crc>>8)^key[i]]
	}
	return int(crc) % slots.Count
}

var slotSink int

func BenchmarkSlot(b *testing.B) {
	for _, n := range []int{16, 64, 1024} {
		key := strings.Repeat("k", n-1) + "1"
		if int(slots.OfString(key)) != byteTableSlot(key) {
			b.Fatal("the two disagree")
		}
		b.Run(fmt.Sprintf("bytes=%d/slotmesh", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				slotSink = int(slots.OfString(key))
			}
		})
		b.Run(fmt.Sprintf("bytes=%d/bytetable", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				slotSink = byteTableSlot(key)
			}
		})
	}
}
