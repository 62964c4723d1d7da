package script

import (
	"encoding/binary"
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// structPack returns the bytes of its arguments after the format.
func (v *vm) structPack(L *lua.LState) int {
	f := newStructFormat(L)
	p := structPacker{structFormat: f, out: meteredBuffer{v: v}, arg: 2}
	L.Push(lua.LNil) // in C it marks the end of the arguments: one that is missing is nil
	for option, ok := p.next(); ok; option, ok = p.next() {
		v.step(1)
		size := p.size(option)
		padding := p.padding(uint64(len(p.out.b)), option, size)
		p.appendZeros(int(padding))
		p.pack(option, int(size))
	}
	L.Push(p.out.value())
	return 1
}

type structPacker struct {
	structFormat
	out meteredBuffer
	arg int // the next argument
}

func (p *structPacker) pack(option byte, size int) {
	switch option {
	case 'b', 'B', 'h', 'H', 'l', 'L', 'T', 'i', 'I':
		n := p.nextNumber()
		value := toUnsigned(n)
		if n < 0 {
			value = uint64(toInteger(n))
		}
		p.appendInteger(value, size)
	case 'x':
		p.out.appendByte(0)
	case 'f':
		p.appendInteger(uint64(math.Float32bits(float32(p.nextNumber()))), size)
	case 'd':
		p.appendInteger(doubleBits(p.nextNumber()), size)
	case 'c', 's':
		p.packString(option, size)
	default:
		p.control(option)
	}
}

func (p *structPacker) nextNumber() float64 {
	p.arg++
	return checkNumber(p.L, p.arg-1)
}

// packString appends a string: the first bytes of it, or all if size is 0, and a zero byte
// for the option 's'.
func (p *structPacker) packString(option byte, size int) {
	s := checkString(p.L, p.arg)
	p.arg++
	if size == 0 {
		size = len(s)
	}
	if len(s) < size {
		argError(p.L, p.arg, "string too short") // it names the argument that follows, as in C
	}
	p.out.appendString(s[:size])
	if option == 's' {
		p.out.appendByte(0)
	}
}

// appendInteger appends the lower bytes of an integer; those beyond 8 are zero.
func (p *structPacker) appendInteger(n uint64, size int) {
	var buf [maxStructInt]byte
	binary.LittleEndian.PutUint64(buf[:], n)
	if p.bigEndian {
		slices.Reverse(buf[:size])
	}
	p.out.reserve(size)
	p.out.b = append(p.out.b, buf[:size]...)
}

func (p *structPacker) appendZeros(n int) {
	var zeros [maxStructInt]byte
	p.out.reserve(n)
	p.out.b = append(p.out.b, zeros[:n]...)
}
