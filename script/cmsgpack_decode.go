package script

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// msgpackDecoder reads values. A length that it reads is never trusted: elements are made
// one by one, and a string only if all of its bytes are there. The depth is bounded by
// maxStack. It raises errors of the function that runs.
type msgpackDecoder struct {
	v     *vm
	L     *lua.LState
	data  string
	pos   int
	stack int // values that lua-cmsgpack would have on the stack
}

// need raises an error unless there are n bytes more.
func (d *msgpackDecoder) need(n int) {
	if len(d.data)-d.pos < n {
		raise(d.L, "Missing bytes in input.")
	}
}

// checkStack raises an error if there is no room for a value besides n more than the stack
// has.
func (d *msgpackDecoder) checkStack(n int, problem string) {
	if d.stack+n+1 > maxStack {
		raise(d.L, "stack overflow (%s)", problem)
	}
}

// uint reads a big-endian integer after the byte that tells its type.
func (d *msgpackDecoder) uint(bytes int) (n uint64) {
	d.need(1 + bytes)
	for _, c := range []byte(d.data[d.pos+1 : d.pos+1+bytes]) {
		n = n<<8 | uint64(c)
	}
	d.pos += 1 + bytes
	return n
}

func (d *msgpackDecoder) value() lua.LValue {
	d.need(1)
	d.checkStack(0, "too many return values at once; use unpack_one or unpack_limit instead.")
	d.v.step(1)
	switch c := d.data[d.pos]; {
	case c < 0x80:
		d.pos++
		return lua.LNumber(c)
	case c >= 0xe0:
		d.pos++
		return lua.LNumber(int8(c))
	case c < 0x90:
		d.pos++
		return d.hash(int(c & 0xf))
	case c < 0xa0:
		d.pos++
		return d.array(int(c & 0xf))
	case c < 0xc0:
		d.pos++
		return d.text(int(c & 0x1f))
	case 0xd9 <= c && c <= 0xdb:
		return d.text(int(d.uint(1 << (c - 0xd9))))
	case c == 0xdc || c == 0xdd:
		return d.array(int(d.uint(2 << (c - 0xdc))))
	case c == 0xde || c == 0xdf:
		return d.hash(int(d.uint(2 << (c - 0xde))))
	default:
		return d.scalar(c)
	}
}

func (d *msgpackDecoder) scalar(c byte) lua.LValue {
	switch c {
	case 0xc0:
		d.pos++
		return lua.LNil
	case 0xc2, 0xc3:
		d.pos++
		return lua.LBool(c == 0xc3)
	case 0xca:
		return lua.LNumber(math.Float32frombits(uint32(d.uint(4))))
	case 0xcb:
		return lua.LNumber(math.Float64frombits(d.uint(8)))
	case 0xcc, 0xcd, 0xce:
		return lua.LNumber(d.uint(1 << (c - 0xcc)))
	case 0xcf, 0xd3: // both are signed, as in C
		return lua.LNumber(int64(d.uint(8)))
	case 0xd0:
		return lua.LNumber(int8(d.uint(1)))
	case 0xd1:
		return lua.LNumber(int16(d.uint(2)))
	case 0xd2:
		return lua.LNumber(int32(d.uint(4)))
	}
	raise(d.L, "Bad data format in input.")
	return lua.LNil
}

func (d *msgpackDecoder) text(n int) lua.LValue {
	d.need(n)
	d.pos += n
	return d.v.substring(d.data, d.pos-n, d.pos)
}

func (d *msgpackDecoder) array(n int) lua.LValue {
	d.v.grow(tableBytes)
	table := d.L.CreateTable(min(n, len(d.data)-d.pos, 64), 0)
	d.checkStack(1, "in function mp_decode_to_lua_array")
	d.stack += 2 // the table and the index
	for i := 1; i <= n; i++ {
		d.v.put(table, lua.LNumber(i), d.value())
	}
	d.stack -= 2
	return table
}

func (d *msgpackDecoder) hash(n int) lua.LValue {
	d.v.grow(tableBytes)
	table := d.L.CreateTable(0, min(n, (len(d.data)-d.pos)/2, 8))
	d.stack++
	for range n {
		key := d.value()
		d.stack++
		value := d.value()
		d.stack--
		d.checkKey(key)
		d.v.put(table, key, value)
	}
	d.stack--
	return table
}

// checkKey raises the interpreter's error for a value that no table has as key.
func (d *msgpackDecoder) checkKey(key lua.LValue) {
	if key == lua.LNil {
		raisePlain(d.L, "table index is nil")
	}
	if n, ok := key.(lua.LNumber); ok && n != n {
		raisePlain(d.L, "table index is NaN")
	}
}
