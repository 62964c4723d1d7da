package keyspace

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// maxIntText is the greatest length of an integer's text.
const maxIntText = 20

// packedInts are the integers of a packed set, each of width bytes.
type packedInts struct {
	b     []byte
	width int
}

func intsOf(packed []byte) packedInts {
	return packedInts{b: packed[setHeader:], width: int(packed[0] >> 1)}
}

func (v packedInts) len() int { return len(v.b) / v.width }

func (v packedInts) at(i int) int64 {
	if i *= v.width; i+8 <= len(v.b) {
		shift := 64 - 8*uint(v.width)
		return int64(binary.LittleEndian.Uint64(v.b[i:])<<shift) >> shift
	}
	var last [8]byte
	copy(last[8-v.width:], v.b[i:i+v.width])
	return int64(binary.LittleEndian.Uint64(last[:])) >> (64 - 8*uint(v.width))
}

func (v packedInts) put(i int, n int64) {
	for at := i * v.width; at < (i+1)*v.width; at++ {
		v.b[at] = byte(n)
		n >>= 8
	}
}

// find returns the place of n, or the place where it belongs.
func (v packedInts) find(n int64) (i int, ok bool) {
	i = sort.Search(v.len(), func(i int) bool { return v.at(i) >= n })
	return i, i < v.len() && v.at(i) == n
}

// each visits the texts of the integers. They stay valid, as the members of other sets do.
func (v packedInts) each(visit func(text []byte) bool) {
	var texts []byte
	for i := range v.len() {
		if cap(texts)-len(texts) < maxIntText {
			texts = make([]byte, 0, max(maxIntText, 2*v.width*(v.len()-i)))
		}
		from := len(texts)
		texts = appendInt(texts, v.at(i))
		if !visit(texts[from:len(texts):len(texts)]) {
			return
		}
	}
}

// widthOf returns how many bytes n needs.
func widthOf(n int64) int {
	width := 1
	for width < 8 && n != n<<(64-8*uint(width))>>(64-8*uint(width)) {
		width++
	}
	return width
}

// addInt adds n to a packed set of integers.
func addInt(packed []byte, n int64) []byte {
	if width := widthOf(n); width > int(packed[0]>>1) {
		packed = widen(packed, width)
	}
	v := intsOf(packed)
	i, ok := v.find(n)
	if ok {
		return packed
	}
	at := setHeader + i*v.width
	packed = resizeAt(packed, at, at, v.width)
	v = intsOf(packed)
	v.put(i, n)
	raise(packed[setCountAt:], v.len())
	return packed
}

// widen gives each integer width bytes.
func widen(packed []byte, width int) []byte {
	v := intsOf(packed)
	wider := packedInts{b: make([]byte, v.len()*width), width: width}
	for i := range v.len() {
		wider.put(i, v.at(i))
	}
	packed[0] = byte(width)<<1 | setInts
	return append(packed[:setHeader], wider.b...)
}

// cutInt removes n from a packed set of integers.
func cutInt(packed []byte, n int64) ([]byte, bool) {
	v := intsOf(packed)
	i, ok := v.find(n)
	if !ok {
		return packed, false
	}
	at := setHeader + i*v.width
	return slices.Delete(packed, at, at+v.width), true
}

func checkInts(packed []byte) error {
	width := int(packed[0] >> 1)
	if width < 1 || width > 8 || (len(packed)-setHeader)%width != 0 {
		return fmt.Errorf("keyspace: a packed set of %d bytes cannot hold integers of %d bytes", len(packed), width)
	}
	v := intsOf(packed)
	for i := 1; i < v.len(); i++ {
		if v.at(i-1) >= v.at(i) {
			return fmt.Errorf("keyspace: integer %d of a packed set is not greater than the one before it", i)
		}
	}
	if most := le16(packed[setCountAt:]); most < v.len() {
		return fmt.Errorf("keyspace: a packed set of %d integers claims to have had %d at most", v.len(), most)
	}
	return nil
}

func appendInt(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// parseInt returns the integer whose one text b is: without a plus sign, leading zeros or
// a negative zero.
func parseInt(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > maxIntText {
		return 0, false
	}
	digits := b
	if b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	var sum uint64 // 20 digits may overflow it; 19 may not
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		sum = sum*10 + uint64(c-'0')
	}
	if len(digits) > 19 {
		return 0, false
	}
	if b[0] == '-' {
		return -int64(sum), sum <= 1<<63
	}
	return int64(sum), sum < 1<<63
}
