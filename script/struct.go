package script

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// openStruct returns the library struct: values to and from bytes as C lays them out
// (http://www.inf.puc-rio.br/~roberto/struct, version 0.3), in the version of 2018 that
// Redis 7.0 has. Sizes are those of 64-bit Linux: short 2, int 4, long and size_t 8.
func (v *vm) openStruct() *lua.LTable {
	return v.newLibrary(map[string]lua.LGFunction{"pack": v.structPack, "unpack": v.structUnpack, "size": v.structSize})
}

// Bounds of a format.
const (
	maxStructInt  = 32            // bytes of an integer
	maxStructSize = math.MaxInt32 // number in a format
)

// structFormat reads a format. It raises errors of the function that runs.
type structFormat struct {
	L         *lua.LState
	text      string
	bigEndian bool
	align     uint64 // of values that are larger
}

func newStructFormat(L *lua.LState) structFormat {
	return structFormat{L: L, text: checkString(L, 1), align: 1}
}

// next returns the next option; a zero byte ends the format as in C.
func (f *structFormat) next() (option byte, ok bool) {
	if f.text == "" || f.text[0] == 0 {
		return 0, false
	}
	option, f.text = f.text[0], f.text[1:]
	return option, true
}

// number reads the number that may follow an option.
func (f *structFormat) number(absent int) int {
	if f.text == "" || !isDigit(f.text[0]) {
		return absent
	}
	n := 0
	for f.text != "" && isDigit(f.text[0]) {
		if n = n*10 + int(f.text[0]-'0'); n > maxStructSize {
			raise(f.L, "integral size overflow")
		}
		f.text = f.text[1:]
	}
	return n
}

// size returns how many bytes an option stands for, 0 if that depends on the value or the
// option is none for a value.
func (f *structFormat) size(option byte) uint64 {
	switch option {
	case 'b', 'B', 'x':
		return 1
	case 'h', 'H':
		return 2
	case 'f':
		return 4
	case 'l', 'L', 'T', 'd':
		return 8
	case 'c':
		return uint64(f.number(1))
	case 'i', 'I':
		n := f.number(4)
		if n > maxStructInt {
			raise(f.L, "integral size %d is larger than limit of %d", n, maxStructInt)
		}
		return uint64(n)
	}
	return 0
}

// padding returns how many bytes are in front of a value at a position. As in C sizes that
// are no power of 2 are not aligned to a multiple of theirs.
func (f *structFormat) padding(pos uint64, option byte, size uint64) uint64 {
	if size == 0 || option == 'c' {
		return 0
	}
	size = min(size, f.align)
	return (size - pos&(size-1)) & (size - 1)
}

// control applies an option that stands for no value.
func (f *structFormat) control(option byte) {
	switch option {
	case ' ':
	case '>':
		f.bigEndian = true
	case '<':
		f.bigEndian = false
	case '!':
		n := f.number(8)
		if bits.OnesCount(uint(n)) != 1 {
			raise(f.L, "alignment %d is not a power of 2", n)
		}
		f.align = uint64(n)
	default:
		argError(f.L, 1, "invalid format option '%s'", []byte{option})
	}
}

// structSize returns how many bytes a format takes, if that does not depend on values.
func (v *vm) structSize(L *lua.LState) int {
	f := newStructFormat(L)
	pos := uint64(0)
	for option, ok := f.next(); ok; option, ok = f.next() {
		v.step(1)
		size := f.size(option)
		pos += f.padding(pos, option, size)
		switch {
		case option == 's':
			argError(L, 1, "option 's' has no fixed size")
		case option == 'c' && size == 0:
			argError(L, 1, "option 'c0' has no fixed size")
		case !isAlnum(option):
			f.control(option)
		}
		pos += size
	}
	L.Push(lua.LNumber(pos))
	return 1
}
