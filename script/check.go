package script

import lua "github.com/yuin/gopher-lua"

// Arguments of library functions, as the luaL_check functions of Lua 5.1 take them.

func checkAny(L *lua.LState, n int) lua.LValue {
	if n > L.GetTop() {
		argError(L, n, "value expected")
	}
	return L.Get(n)
}

// checkString returns a string argument; numbers become text.
func checkString(L *lua.LState, n int) string {
	s, ok := textOf(L.Get(n))
	if !ok {
		typeError(L, n, "string")
	}
	return s
}

func optString(L *lua.LState, n int, absent string) string {
	if L.Get(n) == lua.LNil {
		return absent
	}
	return checkString(L, n)
}

// checkNumber returns a number argument; it may be a string that stands for a number.
func checkNumber(L *lua.LState, n int) float64 {
	f, ok := numberOf(L.Get(n))
	if !ok {
		typeError(L, n, "number")
	}
	return f
}

// checkInteger returns an argument as a lua_Integer, which has 64 bits.
func checkInteger(L *lua.LState, n int) int64 { return toInteger(checkNumber(L, n)) }

func optInteger(L *lua.LState, n int, absent int64) int64 {
	if L.Get(n) == lua.LNil {
		return absent
	}
	return checkInteger(L, n)
}

// checkInt returns an argument as a C int: the lower 32 bits.
func checkInt(L *lua.LState, n int) int { return int(int32(checkInteger(L, n))) }

func optInt(L *lua.LState, n, absent int) int {
	if L.Get(n) == lua.LNil {
		return absent
	}
	return checkInt(L, n)
}

// checkTable returns a table argument.
func checkTable(L *lua.LState, n int) *lua.LTable {
	t, ok := L.Get(n).(*lua.LTable)
	if !ok {
		typeError(L, n, "table")
	}
	return t
}

// checkFunction returns a function argument.
func checkFunction(L *lua.LState, n int) *lua.LFunction {
	fn, ok := L.Get(n).(*lua.LFunction)
	if !ok {
		typeError(L, n, "function")
	}
	return fn
}

// Values that come up often need no allocation.
var (
	characters  = makeValues(256, func(i int) lua.LValue { return lua.LString([]byte{byte(i)}) })
	emptyString = lua.LValue(lua.LString(""))
)

func makeValues(n int, value func(int) lua.LValue) []lua.LValue {
	values := make([]lua.LValue, n)
	for i := range values {
		values[i] = value(i)
	}
	return values
}

func stringValue(s string) lua.LValue {
	switch len(s) {
	case 0:
		return emptyString
	case 1:
		return characters[s[0]]
	}
	return lua.LString(s)
}
