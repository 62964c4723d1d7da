package script

import (
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// What the libraries cjson, cmsgpack and struct share.

func init() {
	openers = append(openers, opener{"bit", (*vm).openBit}, opener{"cjson", (*vm).openCJSON},
		opener{"cmsgpack", (*vm).openCmsgpack}, opener{"struct", (*vm).openStruct})
}

// meteredBuffer is a buffer whose memory is charged to the script before it is allocated.
type meteredBuffer struct {
	v *vm
	b []byte
}

// reserve makes room for n bytes.
func (b *meteredBuffer) reserve(n int) {
	if cap(b.b)-len(b.b) >= n {
		return
	}
	n = max(n, cap(b.b), 64)
	b.v.grow(len(b.b) + n)
	b.b = slices.Grow(b.b, n)
}

func (b *meteredBuffer) appendString(s string) {
	b.reserve(len(s))
	b.b = append(b.b, s...)
}

func (b *meteredBuffer) appendByte(c byte) {
	b.reserve(1)
	b.b = append(b.b, c)
}

// value returns a string of what the buffer has.
func (b *meteredBuffer) value() lua.LValue {
	b.v.grow(stringBytes + len(b.b))
	return lua.LString(b.b)
}

// put stores a value in a table that a decoder makes. As in the interpreter nil removes
// what is there, and an index makes the table's array longer up to it.
func (v *vm) put(t *lua.LTable, key, value lua.LValue) {
	if value == lua.LNil && t.RawGet(key) == lua.LNil {
		return
	}
	n := growth(tableOf(t), key)
	v.grow(n)
	v.step(n / (16 * valueBytes))
	t.RawSet(key, value)
}

// doubleBits returns the bits of a number. NaN as Go's package math makes it has another
// last bit than that of C and of the processor.
func doubleBits(f float64) uint64 {
	bits := math.Float64bits(f)
	if f != f && bits&(1<<51-1) == 1 {
		bits--
	}
	return bits
}

// raisePlain ends the function that runs with an error that does not begin with the place
// of the call: those of the interpreter itself while a library works.
func raisePlain(L *lua.LState, text string) { L.Error(lua.LString(text), 0) }
