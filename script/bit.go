package script

import (
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// openBit returns the library bit: operations on 32-bit integers as those of LuaBitOp 1.0.2
// (https://bitop.luajit.org/semantics.html), which Redis has.
func (v *vm) openBit() *lua.LTable {
	return v.newLibrary(map[string]lua.LGFunction{
		"tobit":   bitUnary(func(b uint32) uint32 { return b }),
		"bnot":    bitUnary(func(b uint32) uint32 { return ^b }),
		"bswap":   bitUnary(bits.ReverseBytes32),
		"band":    bitFold(func(a, b uint32) uint32 { return a & b }),
		"bor":     bitFold(func(a, b uint32) uint32 { return a | b }),
		"bxor":    bitFold(func(a, b uint32) uint32 { return a ^ b }),
		"lshift":  bitShift(func(b, n uint32) uint32 { return b << n }),
		"rshift":  bitShift(func(b, n uint32) uint32 { return b >> n }),
		"arshift": bitShift(func(b, n uint32) uint32 { return uint32(int32(b) >> n) }),
		"rol":     bitShift(func(b, n uint32) uint32 { return bits.RotateLeft32(b, int(n)) }),
		"ror":     bitShift(func(b, n uint32) uint32 { return bits.RotateLeft32(b, -int(n)) }),
		"tohex":   bitToHex,
	})
}

// checkBits returns an argument as 32 bits: the lower ones of the integer that is nearest,
// for which the sum with 2^52 + 2^51 rounds, so that the bits are the last ones of the sum.
func checkBits(L *lua.LState, n int) uint32 {
	return uint32(doubleBits(checkNumber(L, n) + (1<<52 + 1<<51)))
}

// pushBits returns bits as the signed integer that they stand for.
func pushBits(L *lua.LState, b uint32) int {
	L.Push(lua.LNumber(int32(b)))
	return 1
}

func bitUnary(operation func(uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int { return pushBits(L, operation(checkBits(L, 1))) }
}

// bitFold makes a function of one or more arguments. It reads the first one and then from
// the last one on, which errors show.
func bitFold(operation func(a, b uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		b := checkBits(L, 1)
		for n := L.GetTop(); n > 1; n-- {
			b = operation(b, checkBits(L, n))
		}
		return pushBits(L, b)
	}
}

// bitShift makes a function whose second argument is a number of bits, of which the lower
// five count.
func bitShift(operation func(b, n uint32) uint32) lua.LGFunction {
	return func(L *lua.LState) int {
		b := checkBits(L, 1)
		return pushBits(L, operation(b, checkBits(L, 2)&31))
	}
}

// bitToHex returns the last digits of a number in hexadecimal, eight unless the second
// argument says otherwise; if that is negative they are in upper case.
func bitToHex(L *lua.LState) int {
	b := checkBits(L, 1)
	n, digits := int64(8), "0123456789abcdef"
	if L.GetTop() > 1 {
		n = int64(int32(checkBits(L, 2)))
	}
	if n < 0 {
		n, digits = -n, "0123456789ABCDEF"
	}
	var buf [8]byte
	n = min(n, int64(len(buf)))
	for i := n - 1; i >= 0; i-- {
		buf[i] = digits[b&15]
		b >>= 4
	}
	L.Push(lua.LString(buf[:n]))
	return 1
}
