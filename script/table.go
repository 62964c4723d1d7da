package script

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"table", (*vm).openTable}) }

func (v *vm) openTable() *lua.LTable {
	return v.newLibrary(map[string]lua.LGFunction{
		"concat": v.tableConcat, "foreach": v.tableForeach, "foreachi": v.tableForeachi, "getn": v.tableGetn,
		"insert": v.tableInsert, "maxn": v.tableMaxn, "remove": v.tableRemove, "setn": v.tableSetn, "sort": v.tableSort,
	})
}

func (v *vm) tableGetn(L *lua.LState) int {
	L.Push(number(int64(checkTable(L, 1).Len())))
	return 1
}

func (v *vm) tableSetn(L *lua.LState) int {
	checkTable(L, 1)
	raise(L, "'setn' is obsolete")
	return 0
}

// tableMaxn returns the largest number among the keys.
func (v *vm) tableMaxn(L *lua.LState) int {
	t := checkTable(L, 1)
	most := float64(t.MaxN())
	keys := tableOf(t).keys
	v.step(len(keys) >> 2)
	for _, key := range keys {
		if t.RawGetH(key) == lua.LNil {
			continue
		}
		if n, ok := key.(lua.LNumber); ok {
			most = max(most, float64(n))
		}
	}
	L.Push(lua.LNumber(most))
	return 1
}

func (v *vm) tableInsert(L *lua.LState) int {
	t, n := checkTable(L, 1), L.GetTop()
	switch n {
	case 2:
		v.writable(t)
		v.store(t, lua.LNumber(len(tableOf(t).array)+1))
		t.Append(L.Get(2))
	case 3:
		pos := checkInt(L, 2)
		v.writable(t)
		v.insertAt(t, pos, L.Get(3))
	default:
		raise(L, "wrong number of arguments to 'insert'")
	}
	return 0
}

// store charges what a value needs that is about to be stored in a table.
func (v *vm) store(t *lua.LTable, key lua.LValue) { v.grow(growth(tableOf(t), key)) }

// insertAt sets the element at pos after it has moved up the elements from there to the end.
func (v *vm) insertAt(t *lua.LTable, pos int, value lua.LValue) {
	length := t.Len()
	switch {
	case pos > length:
		v.store(t, lua.LNumber(pos))
		t.RawSetInt(pos, value)
	case pos < 1:
		for i := length + 1; i > pos; i-- {
			v.step(1)
			t.RawSetInt(i, t.RawGet(lua.LNumber(i-1)))
		}
		t.RawSetInt(pos, value)
	default:
		v.store(t, lua.LNumber(length+1))
		v.step((length - pos) >> 5)
		t.Insert(pos, value)
	}
}

func (v *vm) tableRemove(L *lua.LState) int {
	t := checkTable(L, 1)
	length := t.Len()
	pos := optInt(L, 2, length)
	if pos < 1 || pos > length {
		return 0
	}
	v.writable(t)
	v.step((length - pos) >> 5)
	L.Push(t.Remove(pos))
	return 1
}

func (v *vm) tableConcat(L *lua.LState) int {
	separator := optString(L, 2, "")
	t := checkTable(L, 1)
	first, last := optInt(L, 3, 1), 0
	if L.Get(4) == lua.LNil {
		last = t.Len()
	} else {
		last = checkInt(L, 4)
	}
	size := 0
	for i := first; i <= last; i++ {
		v.step(1)
		if i > first {
			size += len(separator)
		}
		size += v.checkPart(L, t, i)
		if size > math.MaxInt32 {
			v.grow(size)
		}
	}
	v.reserve(size)
	out := make([]byte, 0, size)
	for i := first; i <= last; i++ {
		if i > first {
			out = append(out, separator...)
		}
		switch part := t.RawGet(lua.LNumber(i)).(type) {
		case lua.LString:
			out = append(out, part...)
		case lua.LNumber:
			out = appendNumber(out, float64(part))
		}
	}
	L.Push(stringValue(string(out)))
	return 1
}

// checkPart returns the length of an element's text, at least.
func (v *vm) checkPart(L *lua.LState, t *lua.LTable, i int) int {
	switch part := t.RawGet(lua.LNumber(i)).(type) {
	case lua.LString:
		return len(part)
	case lua.LNumber:
		return 8
	default:
		raise(L, "invalid value (%s) at index %d in table for 'concat'", part.Type(), i)
		return 0
	}
}

// tableForeach calls a function with each key and value until it returns something.
func (v *vm) tableForeach(L *lua.LState) int {
	t, fn := checkTable(L, 1), checkFunction(L, 2)
	for key := lua.LNil; ; {
		following, value, ok := v.next(t, key)
		if !ok || following == lua.LNil {
			return 0
		}
		if call(L, fn, following, value) {
			return 1
		}
		key = following
	}
}

func (v *vm) tableForeachi(L *lua.LState) int {
	t, fn := checkTable(L, 1), checkFunction(L, 2)
	for i, n := 1, t.Len(); i <= n; i++ {
		if call(L, fn, number(int64(i)), t.RawGetInt(i)) {
			return 1
		}
	}
	return 0
}

// call calls a function and reports whether its result, which it leaves on the stack, is
// not nil.
func call(L *lua.LState, fn *lua.LFunction, args ...lua.LValue) bool {
	L.Push(fn)
	for _, arg := range args {
		L.Push(arg)
	}
	L.Call(len(args), 1)
	if L.Get(-1) != lua.LNil {
		return true
	}
	L.Pop(1)
	return false
}
