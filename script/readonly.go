package script

import lua "github.com/yuin/gopher-lua"

// Tables that scripts share are read-only: the globals, the libraries, and metatables of
// these. Their metatable is a mark; the hook refuses instructions that write to such
// a table, and functions that write to a table of a script ask before.

// readOnlyError is the text of Redis.
const readOnlyError = "Attempt to modify a readonly table"

// isReadOnly reports whether scripts must not write to a table.
func (v *vm) isReadOnly(t *lua.LTable) bool {
	return t.Metatable == lua.LValue(v.readOnlyMark) || t.Metatable == lua.LValue(v.globalsMeta)
}

// writable raises an error if a table is read-only. Functions that write to a table that
// a script gives them call it before.
func (v *vm) writable(t *lua.LTable) {
	if v.isReadOnly(t) {
		v.raiseText(readOnlyError)
	}
}

// protect makes a table and those in it read-only.
func (v *vm) protect(t *lua.LTable) {
	if t.Metatable == lua.LNil {
		t.Metatable = v.readOnlyMark
	}
	t.ForEach(func(_, value lua.LValue) {
		if inner, ok := value.(*lua.LTable); ok && !v.isReadOnly(inner) {
			v.protect(inner)
		}
	})
}

// metatable returns the metatable of a value as scripts see it, nil if it has none: without
// the marks of this package, and of strings without the operators that make numbers of them.
func (v *vm) metatable(value lua.LValue) *lua.LTable {
	metatable, _ := v.L.GetMetatable(value).(*lua.LTable)
	switch metatable {
	case v.readOnlyMark:
		return nil
	case v.stringMeta:
		return v.stringMetaShown
	}
	return metatable
}

// openGlobals makes the globals read-only, at the end of the interpreter's making.
func (v *vm) openGlobals() {
	v.globalsMeta.RawSetString("__index", v.L.NewFunction(func(L *lua.LState) int {
		name := L.Get(2)
		if text, ok := name.(lua.LString); ok {
			raise(L, "Script attempted to access nonexistent global variable '%s'", string(text))
		}
		raise(L, "Script attempted to access nonexistent global variable '%s'", "?")
		return 0
	}))
	v.protect(v.globalsMeta)
	v.globals.Metatable = v.globalsMeta
	v.protect(v.globals)
	if meta, ok := v.L.GetMetatable(lua.LString("")).(*lua.LTable); ok {
		v.stringMeta, v.stringMetaShown = meta, v.L.NewTable()
		v.stringMetaShown.RawSetString("__index", meta.RawGetString("__index"))
		v.protect(v.stringMetaShown)
	}
}
