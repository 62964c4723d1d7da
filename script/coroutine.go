package script

import (
	"sync"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"coroutine", (*vm).openCoroutine}) }

// Coroutines start small, since a script may make many.
const (
	coroutineCalls  = 4096 // that have not returned
	coroutineValues = 64   // on the stack at first
)

// nativeCoroutines are the functions of the interpreter's library, which create and resume
// threads. They run on the goroutine that calls them.
var nativeCoroutines = sync.OnceValue(func() (native struct{ create, resume lua.LGFunction }) {
	L := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer L.Close()
	L.Push(L.NewFunction(lua.OpenCoroutine))
	L.Call(0, 1)
	library := L.Get(-1).(*lua.LTable)
	native.create = library.RawGetString("create").(*lua.LFunction).GFunction
	native.resume = library.RawGetString("resume").(*lua.LFunction).GFunction
	return native
})

// openCoroutine returns the library coroutine.
func (v *vm) openCoroutine() *lua.LTable {
	t := v.L.NewTable()
	for name, fn := range map[string]lua.LGFunction{
		"create": v.coroutineCreate, "resume": v.coroutineResume, "running": v.coroutineRunning,
		"status": v.coroutineStatus, "wrap": v.coroutineWrap,
	} {
		t.RawSetString(name, v.L.NewFunction(fn))
	}
	yield := v.L.NewFunction(v.coroutineYield)
	t.RawSetString("yield", yield)
	v.yield, v.yieldInLua = yield, v.inLua(yield)
	return t
}

// callProto is the code of a function that calls its upvalue with its arguments. It is no
// tail call.
var callProto = sync.OnceValue(func() *lua.FunctionProto {
	proto, err := compile([]byte("local f return function(...) return f(...) end"), "=?")
	if err != nil {
		panic(err)
	}
	proto = proto.FunctionPrototypes[0]
	for pc, inst := range proto.Code {
		if opcodeOf(inst) == lua.OP_TAILCALL {
			proto.Code[pc] = inst&(1<<26-1) | uint32(lua.OP_CALL)<<26
		}
	}
	clear(proto.DbgSourcePositions) // errors do not say that they were raised here
	proto.DbgCalls = nil
	return proto
})

// inLua returns a function in Lua that calls one in Go: only such can be a coroutine, and
// a yield must not be a tail call.
func (v *vm) inLua(fn *lua.LFunction) *lua.LFunction {
	wrapper := v.L.NewFunctionFromProto(callProto())
	wrapper.Upvalues = v.L.NewClosure(nil, fn).Upvalues
	return wrapper
}

func (v *vm) coroutineCreate(L *lua.LState) int {
	v.create(L)
	return 1
}

// create pushes a new thread that will run the function that is the first argument.
func (v *vm) create(L *lua.LState) *lua.LState {
	fn, ok := L.Get(1).(*lua.LFunction)
	if !ok || fn.IsG {
		argError(L, 1, "Lua function expected")
	}
	v.grow(threadBytes)
	h := hookOf(L)
	L.RemoveContext() // the interpreter would derive one from it
	nativeCoroutines().create(L)
	L.SetContext(h)
	thread := L.Get(-1).(*lua.LState)
	v.attach(thread)
	return thread
}

// checkThread returns the argument that must be a coroutine.
func checkThread(L *lua.LState) *lua.LState {
	thread, ok := L.Get(1).(*lua.LState)
	if !ok {
		argError(L, 1, "coroutine expected")
	}
	return thread
}

func (v *vm) coroutineResume(L *lua.LState) int {
	return v.resume(L, checkThread(L))
}

// resume runs the thread that is the first argument until it yields or ends. It pushes
// true and what it yields or returns, or false and the error, and returns how many values.
func (v *vm) resume(L, thread *lua.LState) int {
	if status := v.status(thread); status != "suspended" {
		return v.failed(L, lua.LString("cannot resume "+status+" coroutine"))
	}
	if v.nested >= maxNested {
		return v.failed(L, lua.LString("C stack overflow"))
	}
	nested, held := v.nested, v.meter.held
	v.nested++
	n := nativeCoroutines().resume(L)
	v.nested, v.meter.held = nested, held
	v.rethrow()
	return n
}

// status returns the state of a thread.
func (v *vm) status(thread *lua.LState) string {
	switch {
	case thread.Dead:
		return "dead"
	case thread == v.L.G.CurrentThread:
		return "running"
	case thread.Parent != nil:
		return "normal" // it has resumed another one
	}
	return "suspended"
}

func (v *vm) coroutineStatus(L *lua.LState) int {
	L.Push(lua.LString(v.status(checkThread(L))))
	return 1
}

func (v *vm) coroutineRunning(L *lua.LState) int {
	if L == v.L {
		L.Push(lua.LNil)
	} else {
		L.Push(L)
	}
	return 1
}

// coroutineWrap returns a function that resumes a new thread, and raises its errors.
func (v *vm) coroutineWrap(L *lua.LState) int {
	thread := v.create(L)
	L.Push(L.NewClosure(func(L *lua.LState) int {
		L.Insert(thread, 1)
		n := v.resume(L, thread)
		if first := L.GetTop() - n + 1; L.Get(first) == lua.LFalse {
			value := L.Get(-1)
			if text, ok := textValue(value); ok {
				value = lua.LString(where(L, 1) + text)
			}
			L.Error(value, 0)
		}
		return n - 1
	}, thread))
	return 1
}

// textValue returns the text of a string or number.
func textValue(value lua.LValue) (text string, ok bool) {
	switch value := value.(type) {
	case lua.LString:
		return string(value), true
	case lua.LNumber:
		return numberText(value), true
	}
	return "", false
}

// coroutineYield suspends the thread. Between it and the function that the thread runs
// there must be calls of functions in Lua only, since the stack of Go cannot be kept.
func (v *vm) coroutineYield(L *lua.LState) int {
	frame := stateOf(L).currentFrame
	for ; frame.Parent != nil; frame = frame.Parent {
		if !calledFromLua(frame) {
			break
		}
	}
	if L.Parent == nil || frame.Parent != nil {
		v.raiseText("attempt to yield across metamethod/C-call boundary")
	}
	return -1
}

// panicInCoroutine raises an error in a coroutine that nothing in it catches.
func (v *vm) panicInCoroutine(L *lua.LState) {
	value := L.Get(-1)
	if v.stopped == "" {
		value = v.translate(L, stateOf(L).currentFrame, value)
	}
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: value})
}
