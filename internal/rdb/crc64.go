package rdb

import (
	"encoding/binary"
	"math/bits"
)

// CRC-64/Jones: polynomial 0xad93d23594c935a9, input and output reflected,
// initial value and final xor 0.
const poly = 0xad93d23594c935a9

// crcTable[k][b] is the checksum of byte b followed by k zero bytes, so that 8
// bytes of input cost 8 independent loads instead of a chain of dependent ones
// ("slicing"). The standard library slices only its own polynomials for
// inputs under 2 KiB, which is what most values are.
var crcTable = makeCRCTable()

func makeCRCTable() *[8][256]uint64 {
	var t [8][256]uint64
	reflected := bits.Reverse64(poly)
	for b := range t[0] {
		crc := uint64(b)
		for range 8 {
			crc = crc>>1 ^ reflected&-(crc&1)
		}
		t[0][b] = crc
	}
	for k := 1; k < len(t); k++ {
		for b := range t[k] {
			prev := t[k-1][b]
			t[k][b] = prev>>8 ^ t[0][byte(prev)]
		}
	}
	return &t
}

func crc64(b []byte) uint64 { return crc64Next(0, b) }

// crc64Next returns the checksum of what has the checksum crc, followed by b.
func crc64Next(crc uint64, b []byte) uint64 {
	t := crcTable
	for len(b) >= 8 {
		crc ^= binary.LittleEndian.Uint64(b)
		crc = t[7][byte(crc)] ^ t[6][byte(crc>>8)] ^ t[5][byte(crc>>16)] ^ t[4][byte(crc>>24)] ^
			t[3][byte(crc>>32)] ^ t[2][byte(crc>>40)] ^ t[1][byte(crc>>48)] ^ t[0][byte(crc>>56)]
		b = b[8:]
	}
	for _, c := range b {
		crc = crc>>8 ^ t[0][byte(crc)^c]
	}
	return crc
}
