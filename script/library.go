package script

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// A library registers functions of its own while its code runs. An interpreter has to run
// that code before it can call one of them, once; what the code leaves, the functions and
// the variables that they share, stays in the interpreter for the next call.

// library is a compiled library.
type library struct {
	engine    *Engine
	id        libraryID
	proto     *lua.FunctionProto
	functions []scripting.Function
	bytes     int
}

// loadMemory is what a library may hold while it is loaded, in bytes.
const loadMemory = 64 << 20

// Load compiles a library and runs it once, so that it registers its functions.
func (e *Engine) Load(code []byte, host scripting.Host) (_ scripting.Library, err error) {
	proto, err := compile(code, functionName)
	if err != nil {
		return nil, errors.New("Error compiling function: " + err.Error())
	}
	defer func() {
		if problem := recover(); problem != nil { // the interpreter is not used again
			err = fmt.Errorf("Error registering functions: ERR internal error of the interpreter: %.200q", fmt.Sprint(problem))
		}
	}()
	v := e.acquire()
	v.start(&scripting.Run{Host: host, Memory: loadMemory})
	r, failure := v.register(proto)
	l := &library{engine: e, proto: proto, bytes: len(code)}
	if failure == "" {
		l.functions, l.id = r.functions, e.addLibrary()
		runtime.AddCleanup(l, e.removeLibrary, l.id)
		v.library.registered[l.id] = r
	}
	if v.end() {
		e.release(v)
	}
	if failure != "" {
		return nil, errors.New("Error registering functions: " + failure)
	}
	return l, nil
}

// Functions returns the functions in the order of their names.
func (l *library) Functions() []scripting.Function { return l.functions }

// Bytes returns about how much memory the library takes up.
func (l *library) Bytes() int { return l.bytes }

// Run calls a function.
func (l *library) Run(function string, r *scripting.Run) {
	v := l.engine.acquire()
	before := len(r.Reply)
	defer func() {
		if problem := recover(); problem != nil { // v is not used again
			r.Reply = fmt.Appendf(r.Reply[:before], "-ERR internal error of the interpreter: %.200q\r\n", fmt.Sprint(problem))
		}
	}()
	v.start(r)
	v.callFunction(l, function)
	if v.end() {
		l.engine.release(v)
	}
}

// callFunction calls a function of a library and appends its reply.
func (v *vm) callFunction(l *library, function string) {
	r := v.library.registered[l.id]
	if r == nil {
		var failure string
		if r, failure = v.register(l.proto); failure != "" {
			v.appendErrorLine(failure)
			return
		}
		v.library.registered[l.id] = r
	}
	callback := r.callbacks[function]
	if callback == nil {
		v.appendErrorLine("ERR Function not found")
		return
	}
	if result, ok := v.call(callback, v.bytesTable(v.run.Keys), v.bytesTable(v.run.Args)); ok {
		v.appendReply(result)
	} else {
		v.appendError(result)
	}
	if !v.mayStay(r) {
		delete(v.library.registered, l.id)
	}
}

// registration is what an interpreter has of a library.
type registration struct {
	callbacks map[string]*lua.LFunction
	functions []scripting.Function
	charged   int64 // by its calls since what it holds was measured
}

// Bounds of what the variables of a library hold in an interpreter from call to call, in
// bytes.
const (
	measureAfter = 16 << 20 // charged
	maxStay      = 8 << 20
)

// mayStay reports whether what a library holds may stay for the next call. If it has become
// too much, the library starts afresh.
func (v *vm) mayStay(r *registration) bool {
	m := &v.meter
	if r.charged += m.charged; r.charged < measureAfter && m.charged <= m.allowed && m.allowed == m.limit {
		return true
	}
	w := walk{v: v, marks: &m.marks}
	w.marks.reset()
	for _, callback := range r.callbacks {
		w.value(callback)
	}
	w.all()
	r.charged = w.bytes
	return w.bytes <= maxStay
}

// libraryState is what an interpreter has of libraries.
type libraryState struct {
	registered map[libraryID]*registration
	swept      uint64        // libraryIDs.removed when those that are gone were dropped
	loading    *registration // the library whose code runs
	globals    *lua.LTable   // of functions
	atLoad     *lua.LTable   // while a library is loaded, what globals has otherwise
}

// register runs the code of a library. failure is the error that ended it.
func (v *vm) register(proto *lua.FunctionProto) (r *registration, failure string) {
	v.openFunctions()
	s := &v.library
	s.loading = &registration{callbacks: make(map[string]*lua.LFunction)}
	exchange(s.globals, s.atLoad)
	defer func() {
		s.loading = nil
		exchange(s.globals, s.atLoad)
	}()
	code := v.L.NewFunctionFromProto(proto)
	code.Env = s.globals
	if failed, ok := v.call(code); !ok {
		t, isTable := failed.(*lua.LTable)
		if !isTable {
			return nil, "ERR " + failed.String()
		}
		text, _ := textOf(v.errorField(t, "err"))
		return nil, untilNUL(text)
	}
	slices.SortFunc(s.loading.functions, func(a, b scripting.Function) int { return strings.Compare(a.Name, b.Name) })
	return s.loading, ""
}

// openFunctions makes the globals of functions, and those that a library has while it is
// loaded: no more than it takes to register functions. They are the same table for Lua,
// because a function keeps the globals with which it was made.
func (v *vm) openFunctions() {
	s := &v.library
	if s.registered != nil {
		return
	}
	s.registered = make(map[libraryID]*registration)
	s.globals = v.L.NewTable()
	v.globals.ForEach(func(name, value lua.LValue) {
		if text, ok := name.(lua.LString); !ok || text != "KEYS" && text != "ARGV" {
			s.globals.RawSet(name, value)
		}
	})
	redis := v.openRedis()
	s.globals.RawSetString("redis", redis)
	s.globals.RawSetString("_G", s.globals)
	s.globals.Metatable = v.globalsMeta
	v.protect(s.globals)

	loading := v.L.NewTable()
	for _, name := range []string{"log", "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING", "REDIS_VERSION",
		"REDIS_VERSION_NUM"} {
		loading.RawSetString(name, redis.RawGetString(name))
	}
	loading.RawSetString("register_function", v.L.NewFunction(v.registerFunction))
	loading.Metatable = v.globalsMeta // a missing field is an error, too
	s.atLoad = v.L.NewTable()
	s.atLoad.RawSetString("redis", loading)
	s.atLoad.Metatable = v.globalsMeta
}

// exchange swaps what two tables hold.
func exchange(a, b *lua.LTable) { *tableOf(a), *tableOf(b) = *tableOf(b), *tableOf(a) }
