package script

import (
	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"", (*vm).openLoad}) }

// openLoad returns the functions that compile a text. Compiled code is not accepted, as in
// Redis.
func (v *vm) openLoad() *lua.LTable {
	t := v.L.NewTable()
	t.RawSetString("load", v.L.NewFunction(v.baseLoad))
	t.RawSetString("loadstring", v.L.NewFunction(v.baseLoadstring))
	return t
}

// compileFactor is about how many bytes the compiler needs for a byte of source.
const compileFactor = 64

// baseLoadstring is loadstring.
func (v *vm) baseLoadstring(L *lua.LState) int {
	source := checkString(L, 1)
	name := source
	if L.GetTop() > 1 && L.Get(2) != lua.LNil {
		name = checkString(L, 2)
	}
	return v.loadChunk(L, source, name)
}

// baseLoad is load: a function returns the text in pieces.
func (v *vm) baseLoad(L *lua.LState) int {
	reader, ok := L.Get(1).(*lua.LFunction)
	if !ok {
		typeError(L, 1, "function")
	}
	name := "=(load)"
	if L.GetTop() > 1 && L.Get(2) != lua.LNil {
		name = checkString(L, 2)
	}
	L.SetTop(0)
	var source []byte
	defer func() { v.hold(-len(source)) }()
	for {
		L.SetTop(0)
		L.Push(reader)
		// An error comes back as what the error function of the script makes of it.
		if err := v.protected(L, 0, 1, guard{outermost: true}); err != nil {
			v.rethrow()
			L.Push(lua.LNil)
			L.Push(errorValue(err))
			return 2
		}
		piece := L.Get(-1)
		text, ok := textOf(piece)
		if !ok && piece != lua.LNil {
			err := lua.LString(where(L, 1) + "reader function must return a string")
			L.Push(lua.LNil)
			L.Push(v.locateError(L, err))
			return 2
		}
		if text == "" {
			break
		}
		v.grow(2 * len(text))
		v.hold(len(text))
		source = append(source, text...)
	}
	return v.loadChunk(L, string(source), name)
}

// loadChunk compiles a source and pushes the function, or nil and the error.
func (v *vm) loadChunk(L *lua.LState, source, name string) int {
	v.grow(compileFactor * len(source))
	v.step(len(source))
	proto, err := compile([]byte(source), name)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}
