package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"string", (*vm).openString}) }

func (v *vm) openString() *lua.LTable {
	library := v.newLibrary(map[string]lua.LGFunction{
		"byte": v.stringByte, "char": v.stringChar, "find": v.stringFind, "format": v.stringFormat,
		"gfind": v.stringGmatch, "gmatch": v.stringGmatch, "gsub": v.stringGsub, "len": stringLen,
		"lower": v.stringLower, "match": v.stringMatch, "rep": v.stringRep, "reverse": v.stringReverse,
		"sub": v.stringSub, "upper": v.stringUpper,
	})
	v.setStringMetatable(library)
	return library
}

// newLibrary returns a table of functions.
func (v *vm) newLibrary(functions map[string]lua.LGFunction) *lua.LTable {
	return v.L.SetFuncs(v.L.CreateTable(0, len(functions)), functions)
}

// reserve charges the memory of a string of n bytes and the work of making it.
func (v *vm) reserve(n int) {
	v.grow(n)
	v.step(n >> 8)
}

// substring returns a part of a string. It is copied, because it would hold the memory of
// the whole string.
func (v *vm) substring(s string, start, end int) lua.LValue {
	if end-start <= 1 || end-start == len(s) {
		return stringValue(s[start:end])
	}
	v.reserve(end - start)
	return lua.LString(strings.Clone(s[start:end]))
}

// fromEnd turns a position that counts from the end of a string, if it is negative, into
// one that counts from 1.
func fromEnd(pos int64, length int) int64 {
	if pos < 0 {
		pos += int64(length) + 1
	}
	return max(pos, 0)
}

func stringLen(L *lua.LState) int {
	L.Push(number(int64(len(checkString(L, 1)))))
	return 1
}

func (v *vm) stringSub(L *lua.LState) int {
	s := checkString(L, 1)
	start := max(fromEnd(checkInteger(L, 2), len(s)), 1)
	end := min(fromEnd(optInteger(L, 3, -1), len(s)), int64(len(s)))
	if start > end {
		L.Push(emptyString)
	} else {
		L.Push(v.substring(s, int(start-1), int(end)))
	}
	return 1
}

func (v *vm) stringByte(L *lua.LState) int {
	s := checkString(L, 1)
	start := fromEnd(optInteger(L, 2, 1), len(s))
	end := min(fromEnd(optInteger(L, 3, start), len(s)), int64(len(s)))
	start = max(start, 1)
	if start > end {
		return 0
	}
	n := int(end - start + 1)
	v.checkStack(L, n, "stack overflow (string slice too long)")
	for _, c := range []byte(s[start-1 : end]) {
		L.Push(smallNumbers[c])
	}
	return n
}

// maxStack is how many values a library function may have on the stack (LUAI_MAXCSTACK).
const maxStack = 8000

// checkStack raises an error if n more values do not fit on the stack.
func (v *vm) checkStack(L *lua.LState, n int, problem string) {
	if n > maxStack-L.GetTop() {
		raise(L, "%s", problem)
	}
	v.grow(16 * n)
	v.step(n)
}

func (v *vm) stringChar(L *lua.LState) int {
	n := L.GetTop()
	v.reserve(n)
	var short [16]byte
	text := short[:0]
	for i := 1; i <= n; i++ {
		c := checkInt(L, i)
		if c != int(byte(c)) {
			argError(L, i, "invalid value")
		}
		text = append(text, byte(c))
	}
	L.Push(stringValue(string(text)))
	return 1
}

func (v *vm) stringRep(L *lua.LState) int {
	s, n := checkString(L, 1), max(checkInt(L, 2), 0)
	v.reserve(saturatingMul(len(s), n))
	L.Push(stringValue(strings.Repeat(s, n)))
	return 1
}

// saturatingMul returns a product of numbers below 2^31, or of a length and such a number,
// which is more than any memory if it does not fit.
func saturatingMul(a, b int) int {
	const most = 1 << 50
	if a != 0 && b > most/a {
		return most
	}
	return a * b
}

func (v *vm) stringReverse(L *lua.LState) int {
	s := checkString(L, 1)
	return v.pushMapped(L, s, func(i int) byte { return s[len(s)-1-i] })
}

func (v *vm) stringLower(L *lua.LState) int {
	s := checkString(L, 1)
	return v.pushMapped(L, s, func(i int) byte { return toLower(s[i]) })
}

func (v *vm) stringUpper(L *lua.LState) int {
	s := checkString(L, 1)
	return v.pushMapped(L, s, func(i int) byte { return toUpper(s[i]) })
}

// pushMapped pushes a string that is as long as s and has the given bytes.
func (v *vm) pushMapped(L *lua.LState, s string, at func(i int) byte) int {
	v.reserve(len(s))
	v.step(len(s) >> 4)
	var b strings.Builder
	b.Grow(len(s))
	for i := range len(s) {
		b.WriteByte(at(i))
	}
	L.Push(stringValue(b.String()))
	return 1
}
