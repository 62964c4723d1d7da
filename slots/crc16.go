package slots

// CRC16/XMODEM: polynomial 0x1021, initial value 0, no reflection, no final xor
// (docs/spec.md §1.1).
const poly = 0x1021

// crcTable[k][b] is the checksum of byte b followed by k zero bytes. CRC is
// linear, so 16 bytes of input can be folded with 16 independent loads instead
// of a chain of 16 dependent ones ("slicing").
var crcTable = makeCRCTable()

func makeCRCTable() *[16][256]uint16 {
	var t [16][256]uint16
	for b := range t[0] {
		crc := uint16(b) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ poly
			} else {
				crc <<= 1
			}
		}
		t[0][b] = crc
	}
	for k := 1; k < len(t); k++ {
		for b := range t[k] {
			prev := t[k-1][b]
			t[k][b] = prev<<8 ^ t[0][prev>>8]
		}
	}
	return &t
}

func crc16(s string) uint16 {
	t := crcTable
	var crc uint16
	for len(s) >= 16 {
		// Brackets keep the chain of dependent xors short: the compiler does not regroup.
		crc = (t[15][s[0]^byte(crc>>8)] ^ t[14][s[1]^byte(crc)]) ^
			((t[13][s[2]] ^ t[12][s[3]]) ^ (t[11][s[4]] ^ t[10][s[5]]) ^
				((t[9][s[6]] ^ t[8][s[7]]) ^ (t[7][s[8]] ^ t[6][s[9]])) ^
				((t[5][s[10]] ^ t[4][s[11]]) ^ (t[3][s[12]] ^ t[2][s[13]]) ^
					(t[1][s[14]] ^ t[0][s[15]])))
		s = s[16:]
	}
	if len(s) >= 8 {
		crc = t[7][s[0]^byte(crc>>8)] ^ t[6][s[1]^byte(crc)] ^
			t[5][s[2]] ^ t[4][s[3]] ^ t[3][s[4]] ^ t[2][s[5]] ^
			t[1][s[6]] ^ t[0][s[7]]
		s = s[8:]
	}
	for i := range len(s) {
		crc = crc<<8 ^ t[0][s[i]^byte(crc>>8)]
	}
	return crc
}
