package script

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// structUnpack returns the values in a string, from a position on that is optional, and
// the position after them.
func (v *vm) structUnpack(L *lua.LState) int {
	u := structUnpacker{structFormat: newStructFormat(L), v: v}
	u.data = checkString(L, 2)
	u.pos = uint64(optInteger(L, 3, 1)) // a negative one is too large, as in C
	if u.pos == 0 {
		argError(L, 3, "offset must be 1 or greater")
	}
	u.pos--
	for option, ok := u.next(); ok; option, ok = u.next() {
		v.step(1)
		size := u.size(option)
		u.pos += u.padding(u.pos, option, size)
		u.check(size)
		v.checkStack(L, 2, "stack overflow (too many results)")
		u.pos += u.unpack(option, size)
	}
	L.Push(lua.LNumber(int64(u.pos + 1)))
	return u.results + 1
}

type structUnpacker struct {
	structFormat
	v       *vm
	data    string
	pos     uint64
	results int
}

// check raises an error unless there are size bytes more.
func (u *structUnpacker) check(size uint64) {
	if length := uint64(len(u.data)); size > length || u.pos > length-size {
		argError(u.L, 2, "data string too short")
	}
}

// unpack pushes the value at the position and returns how many bytes it takes.
func (u *structUnpacker) unpack(option byte, size uint64) uint64 {
	switch option {
	case 'b', 'h', 'l', 'i':
		u.push(lua.LNumber(u.signed(size)))
	case 'B', 'H', 'L', 'T', 'I':
		u.push(lua.LNumber(u.integer(size)))
	case 'x':
	case 'f':
		u.push(lua.LNumber(math.Float32frombits(uint32(u.integer(size)))))
	case 'd':
		u.push(lua.LNumber(math.Float64frombits(u.integer(size))))
	case 'c':
		if size == 0 {
			size = u.popSize()
		}
		u.push(u.v.substring(u.data, int(u.pos), int(u.pos+size)))
	case 's':
		length := strings.IndexByte(u.data[u.pos:], 0)
		if length < 0 {
			raise(u.L, "unfinished string in data")
		}
		u.push(u.v.substring(u.data, int(u.pos), int(u.pos)+length))
		return uint64(length) + 1
	default:
		u.control(option)
	}
	return size
}

func (u *structUnpacker) push(value lua.LValue) {
	u.L.Push(value)
	u.results++
}

// popSize takes the value before as the size of the string that follows.
func (u *structUnpacker) popSize() uint64 {
	if u.results > 0 {
		if n, ok := numberOf(u.L.Get(-1)); ok {
			size := toUnsigned(n)
			u.L.Pop(1)
			u.results--
			u.check(size)
			return size
		}
	}
	raise(u.L, "format 'c0' needs a previous size")
	return 0
}

// integer reads size bytes, of which the lower 8 count.
func (u *structUnpacker) integer(size uint64) (n uint64) {
	for i := range size {
		at := u.pos + i
		if !u.bigEndian {
			at = u.pos + size - 1 - i
		}
		n = n<<8 | uint64(u.data[at])
	}
	return n
}

// signed reads a signed integer. With more than 8 bytes the sign is that of the bit which
// x86 takes for it: the number of the bit modulo 64.
func (u *structUnpacker) signed(size uint64) int64 {
	n := u.integer(size)
	sign := ^uint64(0) << ((size*8 - 1) % 64)
	if n&sign != 0 {
		n |= sign
	}
	return int64(n)
}
