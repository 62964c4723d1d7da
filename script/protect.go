package script

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"", (*vm).openProtect}) }

// openProtect returns the functions that catch errors. None of them catches the one that
// ends a script.
func (v *vm) openProtect() *lua.LTable {
	t := v.L.NewTable()
	t.RawSetString("pcall", v.L.NewFunction(v.basePcall))
	t.RawSetString("xpcall", v.L.NewFunction(v.baseXpcall))
	return t
}

// guard is a protected call that is under way.
type guard struct {
	active    bool
	base      int        // its first register
	handler   lua.LValue // of xpcall
	outermost bool       // it is that of the whole script
}

// protected calls the function on the stack of a thread and returns the error that it
// raises. Errors are handled where they are raised, while the calls are still there.
func (v *vm) protected(L *lua.LState, nargs, nresults int, g guard) error {
	h := hookOf(L)
	outer, nested, held := h.guard, v.nested, v.meter.held
	g.active, g.base = true, h.thread.reg.top-nargs-1
	h.guard = g
	v.nested++
	h.thread.hasErrorFunc = true
	err := L.PCall(nargs, nresults, v.onError)
	h.guard, v.nested, v.meter.held = outer, nested, held
	// Without it the interpreter would cut closures off from the variables of all calls.
	h.thread.hasErrorFunc = outer.active
	return err
}

// handleError is called for an error in a protected call, when the stack is still as it was.
func (v *vm) handleError(L *lua.LState) int {
	h := hookOf(L)
	value := L.Get(1)
	raised := h.thread.currentFrame.Parent
	if v.stopped == "" {
		value = v.translate(L, raised, value)
	}
	switch {
	case h.guard.outermost:
		value = v.locateError(L, value)
	case v.stopped == "" && h.guard.handler != nil:
		g := h.guard
		h.guard.handler = lua.LValue(nil) // its own errors are not handled
		L.Push(g.handler)
		L.Push(value)
		L.Call(1, 1)
		value = L.Get(-1)
		h.guard = g
	}
	closeUpvalues(h.thread, h.guard.base)
	L.Push(value)
	return 1
}

// closeUpvalues lets closures keep the variables in the registers from base on, before
// these go. The interpreter does it when a function returns, but not for an error.
func closeUpvalues(s *state, base int) {
	var last *upvalue // below base
	for u := s.uvcache; u != nil; u = u.next {
		if u.index < base {
			last = u
			continue
		}
		u.exported().Close()
	}
	if last != nil {
		last.next = nil
	} else {
		s.uvcache = nil
	}
}

// errorValue returns what was raised.
func errorValue(err error) lua.LValue {
	api, ok := err.(*lua.ApiError)
	switch {
	case !ok:
		return lua.LString(err.Error())
	case api.Type == lua.ApiErrorPanic: // of Go
		return lua.LString(fmt.Sprintf("internal error of the interpreter: %v", api.Object))
	case api.Object == nil:
		return lua.LNil
	}
	return api.Object
}

// rethrow goes on with the error that ends the script, if there is one.
func (v *vm) rethrow() {
	if v.stopped != "" {
		v.poll()
	}
}

// basePcall is pcall as Redis has it: of an error of Redis, a table, it returns the text.
func (v *vm) basePcall(L *lua.LState) int {
	if L.GetTop() == 0 {
		L.Push(lua.LTrue)
	}
	if text := v.notCallable(L.Get(1)); text != "" {
		return v.failed(L, lua.LString(text))
	}
	if v.nested >= maxNested-1 {
		return v.failed(L, lua.LString("C stack overflow"))
	}
	if err := v.protected(L, L.GetTop()-1, lua.MultRet, guard{}); err != nil {
		v.rethrow()
		value := errorValue(err)
		if t, ok := value.(*lua.LTable); ok {
			switch text := L.GetField(t, "err").(type) {
			case lua.LString, lua.LNumber:
				value = text
			default: // Redis returns what it found there, too
				n := v.failed(L, value)
				L.Push(text)
				return n + 1
			}
		}
		return v.failed(L, value)
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// baseXpcall is xpcall.
func (v *vm) baseXpcall(L *lua.LState) int {
	if L.GetTop() < 2 {
		argError(L, 2, "value expected")
	}
	handler := L.Get(2)
	L.SetTop(1)
	if v.nested >= maxNested-1 {
		return v.failed(L, lua.LString("C stack overflow"))
	}
	fn := L.Get(1)
	if text := v.notCallable(fn); text != "" {
		fn = L.NewFunction(func(*lua.LState) int { v.raiseText(text); return 0 })
	}
	L.SetTop(0)
	L.Push(fn)
	if err := v.protected(L, 0, lua.MultRet, guard{handler: handler}); err != nil {
		v.rethrow()
		if api, ok := err.(*lua.ApiError); ok && api.Type != lua.ApiErrorError {
			return v.failed(L, lua.LString("error in error handling"))
		}
		return v.failed(L, errorValue(err))
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// failed returns the results of a protected call that ended with an error.
func (v *vm) failed(L *lua.LState, value lua.LValue) int {
	L.Push(lua.LFalse)
	L.Push(value)
	return 2
}

// notCallable returns the error of calling a value, "" if it can be called.
func (v *vm) notCallable(value lua.LValue) string {
	if _, ok := value.(*lua.LFunction); ok {
		return ""
	}
	if _, ok := v.L.GetMetaField(value, "__call").(*lua.LFunction); ok {
		return ""
	}
	return "attempt to call a " + value.Type().String() + " value"
}
