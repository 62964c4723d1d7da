package script

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// openCmsgpack returns the library cmsgpack: values to and from MessagePack
// (https://github.com/msgpack/msgpack/blob/master/spec.md) with the forms and errors of
// lua-cmsgpack 0.4.0, which Redis has.
func (v *vm) openCmsgpack() *lua.LTable {
	table := v.newLibrary(map[string]lua.LGFunction{
		"pack": v.msgpackPack, "unpack": v.msgpackUnpack,
		"unpack_one": v.msgpackUnpackOne, "unpack_limit": v.msgpackUnpackLimit,
	})
	table.RawSetString("_NAME", lua.LString("cmsgpack"))
	table.RawSetString("_VERSION", lua.LString("lua-cmsgpack 0.4.0"))
	table.RawSetString("_COPYRIGHT", lua.LString("Copyright (C) 2012, Salvatore Sanfilippo"))
	table.RawSetString("_DESCRIPTION", lua.LString("MessagePack C implementation for Lua"))
	return table
}

// msgpackPack returns its arguments in MessagePack, one after the other.
func (v *vm) msgpackPack(L *lua.LState) int {
	n := L.GetTop()
	switch {
	case n == 0:
		argError(L, 0, "MessagePack pack needs input.")
	case 2*n > maxStack:
		argError(L, 0, "Too many arguments for MessagePack pack.")
	}
	e := msgpackEncoder{meteredBuffer{v: v}}
	for i := 1; i <= n; i++ {
		e.value(L.Get(i), 0)
	}
	L.Push(e.meteredBuffer.value())
	return 1
}

// msgpackUnpack returns all values in a string.
func (v *vm) msgpackUnpack(L *lua.LState) int { return v.msgpackUnpackFrom(L, 0, 0) }

// msgpackUnpackOne returns the value at an offset and the offset after it, see
// msgpackUnpackFrom.
func (v *vm) msgpackUnpackOne(L *lua.LState) int {
	offset := optInteger(L, 2, 0)
	L.SetTop(min(L.GetTop(), 1))
	return v.msgpackUnpackFrom(L, 1, offset)
}

// msgpackUnpackLimit returns some values from an offset on, and the offset after them, see
// msgpackUnpackFrom.
func (v *vm) msgpackUnpackLimit(L *lua.LState) int {
	limit, offset := checkInteger(L, 2), optInteger(L, 3, 0)
	L.SetTop(min(L.GetTop(), 1))
	return v.msgpackUnpackFrom(L, limit, offset)
}

// msgpackUnpackFrom returns limit values of the first argument, fewer at its end, from an
// offset on. In front of them is the offset of what follows, -1 at the end. With no limit
// and no offset it returns all values only.
func (v *vm) msgpackUnpackFrom(L *lua.LState, limit, offset int64) int {
	data := checkString(L, 1)
	switch {
	case offset < 0 || limit < 0:
		raise(L, "Invalid request to unpack with offset of %d and limit of %d.", int32(offset), int32(len(data)))
	case offset > int64(len(data)):
		raise(L, "Start offset %d greater than input length %d.", int32(offset), int32(len(data)))
	}
	all := limit == 0 && offset == 0
	if all {
		limit = math.MaxInt32
	}
	d := msgpackDecoder{v: v, L: L, data: data, pos: int(offset)}
	arguments := L.GetTop()
	for n := int64(0); d.pos < len(data) && n < limit; n++ {
		d.stack = L.GetTop()
		L.Push(d.value())
	}
	results := L.GetTop() - arguments
	if all {
		return results
	}
	v.checkStack(L, 1, "stack overflow (in function mp_unpack_full)")
	next := d.pos
	if next == len(data) {
		next = -1
	}
	L.Insert(lua.LNumber(next), arguments+1)
	return results + 1
}
