package script

import (
	"math"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"", (*vm).openBase}) }

// openBase returns the global functions that need nothing from the interpreter.
func (v *vm) openBase() *lua.LTable {
	library := v.newLibrary(map[string]lua.LGFunction{
		"assert": baseAssert, "collectgarbage": v.baseCollectgarbage, "error": baseError, "gcinfo": v.baseGcinfo,
		"getmetatable": v.baseGetmetatable, "rawequal": baseRawequal, "rawget": baseRawget, "rawset": v.baseRawset,
		"select": v.baseSelect, "setmetatable": v.baseSetmetatable, "tonumber": baseTonumber, "tostring": baseTostring,
		"type": baseType, "unpack": v.baseUnpack,
	})
	iterateAll, iterate := v.L.NewFunction(v.baseNext), v.L.NewFunction(baseIterate)
	library.RawSetString("next", v.L.NewFunction(v.baseNext)) // not the one that pairs returns, as in Lua
	library.RawSetString("pairs", v.L.NewFunction(func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(iterateAll)
		L.Push(t)
		L.Push(lua.LNil)
		return 3
	}))
	library.RawSetString("ipairs", v.L.NewFunction(func(L *lua.LState) int {
		t := checkTable(L, 1)
		L.Push(iterate)
		L.Push(t)
		L.Push(smallNumbers[0])
		return 3
	}))
	return library
}

// baseIterate is the iterator of ipairs.
func baseIterate(L *lua.LState) int {
	i := checkInt(L, 2) + 1
	value := checkTable(L, 1).RawGet(lua.LNumber(i))
	if value == lua.LNil {
		return 0
	}
	L.Push(number(int64(i)))
	L.Push(value)
	return 2
}

func baseType(L *lua.LState) int {
	L.Push(typeNames[checkAny(L, 1).Type()])
	return 1
}

var typeNames = makeValues(int(lua.LTChannel)+1, func(i int) lua.LValue {
	return lua.LString(lua.LValueType(i).String())
})

func baseTostring(L *lua.LState) int {
	value := checkAny(L, 1)
	if meta := L.GetMetaField(value, "__tostring"); meta != lua.LNil {
		L.Push(meta)
		L.Push(value)
		L.Call(1, 1)
		return 1
	}
	switch plain := value.(type) {
	case lua.LString:
		L.Push(value)
	case lua.LNumber:
		L.Push(lua.LString(numberText(plain)))
	case *lua.LUserData: // cjson.null, which is a null pointer in C
		L.Push(lua.LString("userdata: (nil)"))
	default:
		L.Push(lua.LString(value.String()))
	}
	return 1
}

func baseTonumber(L *lua.LState) int {
	base := optInt(L, 2, 10)
	if base == 10 {
		value := checkAny(L, 1)
		if _, ok := value.(lua.LNumber); ok {
			L.Push(value)
		} else if f, ok := numberOf(value); ok {
			L.Push(lua.LNumber(f))
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}
	s := checkString(L, 1)
	if base < 2 || base > 36 {
		argError(L, 2, "base out of range")
	}
	if n, ok := parseInBase(s, base); ok {
		L.Push(lua.LNumber(n))
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

func baseAssert(L *lua.LState) int {
	if !lua.LVAsBool(checkAny(L, 1)) {
		raise(L, "%s", optString(L, 2, "assertion failed!"))
	}
	return L.GetTop()
}

// baseError raises an error. A text gets the place in front of it at which the function of
// the level was called.
func baseError(L *lua.LState) int {
	value, level := L.Get(1), optInt(L, 2, 1)
	if text, ok := textOf(value); ok && level > 0 {
		value = lua.LString(where(L, level) + text)
	}
	L.Error(value, 0)
	return 0
}

func (v *vm) baseGetmetatable(L *lua.LState) int {
	value := checkAny(L, 1)
	if field := L.GetMetaField(value, "__metatable"); field != lua.LNil {
		L.Push(field)
	} else if meta := v.metatable(value); meta != nil {
		L.Push(meta)
	} else {
		L.Push(lua.LNil)
	}
	return 1
}

func (v *vm) baseSetmetatable(L *lua.LState) int {
	t := checkTable(L, 1)
	meta := L.Get(2)
	if _, ok := meta.(*lua.LTable); !ok && (meta != lua.LNil || L.GetTop() < 2) {
		argError(L, 2, "nil or table expected")
	}
	if L.GetMetaField(t, "__metatable") != lua.LNil {
		raise(L, "cannot change a protected metatable")
	}
	v.writable(t)
	t.Metatable = meta
	L.SetTop(1)
	return 1
}

func baseRawequal(L *lua.LState) int {
	a, b := checkAny(L, 1), checkAny(L, 2)
	L.Push(lua.LBool(L.RawEqual(a, b)))
	return 1
}

func baseRawget(L *lua.LState) int {
	t, key := checkTable(L, 1), checkAny(L, 2)
	L.Push(t.RawGet(key))
	return 1
}

func (v *vm) baseRawset(L *lua.LState) int {
	t, key := checkTable(L, 1), checkAny(L, 2)
	value := checkAny(L, 3)
	v.writable(t)
	n, isNumber := key.(lua.LNumber)
	switch {
	case key == lua.LNil:
		L.Error(lua.LString("table index is nil"), 0)
	case isNumber && math.IsNaN(float64(n)):
		L.Error(lua.LString("table index is NaN"), 0)
	}
	v.store(t, key)
	t.RawSet(key, value)
	L.SetTop(1)
	return 1
}

func (v *vm) baseSelect(L *lua.LState) int {
	n := L.GetTop()
	if s, ok := L.Get(1).(lua.LString); ok && strings.HasPrefix(string(s), "#") {
		L.Push(number(int64(n - 1)))
		return 1
	}
	i := checkInt(L, 1)
	if i < 0 {
		i += n
	}
	if i < 1 {
		argError(L, 1, "index out of range")
	}
	return n - min(i, n)
}

func (v *vm) baseUnpack(L *lua.LState) int {
	t := checkTable(L, 1)
	first, last := optInt(L, 2, 1), 0
	if L.Get(3) == lua.LNil {
		last = t.Len()
	} else {
		last = checkInt(L, 3)
	}
	if first > last {
		return 0
	}
	n := last - first + 1
	v.checkStack(L, n, "too many results to unpack")
	for i := first; i <= last; i++ {
		L.Push(t.RawGet(lua.LNumber(i)))
	}
	return n
}

// Options of collectgarbage and what they return. Go collects the garbage, so they do
// nothing.
var collectorOptions = map[string]float64{
	"stop": 0, "restart": 0, "collect": 0, "setpause": 200, "setstepmul": 200,
}

func (v *vm) baseCollectgarbage(L *lua.LState) int {
	option := optString(L, 1, "collect")
	optInt(L, 2, 0)
	result, ok := collectorOptions[option]
	switch {
	case ok:
		return pushNumber(L, result)
	case option == "count":
		return pushNumber(L, float64(v.memoryInUse())/1024)
	case option == "step":
		L.Push(lua.LTrue)
		return 1
	}
	argError(L, 1, "invalid option '%s'", option)
	return 0
}

func (v *vm) baseGcinfo(L *lua.LState) int {
	return pushNumber(L, math.Ceil(float64(v.memoryInUse())/1024))
}

// memoryInUse returns about how many bytes the script holds.
func (v *vm) memoryInUse() int { return 1 << 16 }
