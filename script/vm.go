package script

import (
	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// Bounds of an interpreter.
const (
	maxCalls     = 20000   // calls that have not returned, as LUAI_MAXCALLS of Lua 5.1
	maxNested    = 200     // of these through functions of libraries and metamethods, as LUAI_MAXCCALLS
	nestedEvery  = 32      // calls between two counts of nested ones
	maxRegisters = 1 << 20 // values on the stack
	spareFrames  = 256     // for what handles an error when there are too many calls
	spareValues  = 1 << 16
	firstValues  = 512 // registers of an interpreter that has not run anything

	pollEvery = 256 // instructions between two looks at Host.Stop
	pollOften = 4   // when single instructions may take long
)

// vm is an interpreter. One goroutine at a time runs scripts with it. What a script can
// change in it is gone when the script has ended.
type vm struct {
	L       *lua.LState    // the main thread
	run     *scripting.Run // the run that is under way
	globals *lua.LTable
	onError *lua.LFunction // handles errors at the place where they are raised

	readOnlyMark, globalsMeta   *lua.LTable
	stringMeta, stringMetaShown *lua.LTable
	yield, yieldInLua           lua.LValue

	left    int    // instructions until the next poll
	every   int    // instructions between two polls
	stopped string // why the script must end, which it cannot catch; "" if it need not
	nested  int    // protected calls and coroutines around the instruction that runs
	meter   meter
	hidden  hidden
	base    baseState

	api     apiState // of the table redis
	library libraryState
	onStart []func() // put back what libraries keep between calls
}

// opener adds a library to an interpreter that is being made.
type opener struct {
	name string // of the global table, "" for functions that are globals themselves
	open func(*vm) *lua.LTable
}

// openers are the libraries of scripts. Each is opened in a file of its own.
var openers []opener

// newVM makes an interpreter.
func newVM() *vm {
	v := &vm{L: lua.NewState(lua.Options{
		CallStackSize:       maxCalls + spareFrames,
		RegistrySize:        firstValues,
		RegistryMaxSize:     maxRegisters + spareValues,
		RegistryGrowStep:    8192,
		SkipOpenLibs:        true,
		MinimizeStackMemory: true,
	})}
	v.L.Options.RegistrySize = coroutineValues
	v.L.Options.CallStackSize = coroutineCalls + spareFrames
	v.globals = v.L.Get(lua.GlobalsIndex).(*lua.LTable)
	v.readOnlyMark, v.globalsMeta = v.L.NewTable(), v.L.NewTable()
	v.attach(v.L)
	v.onError = v.L.NewFunction(v.handleError)
	for _, o := range openers {
		library := o.open(v)
		if o.name != "" {
			v.globals.RawSetString(o.name, library)
			continue
		}
		library.ForEach(func(name, value lua.LValue) { v.globals.RawSet(name, value) })
	}
	v.globals.RawSetString("_G", v.globals)
	v.globals.RawSetString("_VERSION", lua.LString(version))
	v.openGlobals()
	return v
}

// start prepares the interpreter for a run.
func (v *vm) start(run *scripting.Run) {
	v.run, v.stopped, v.left, v.every, v.nested = run, "", pollEvery, pollEvery, 0
	limit := run.Memory
	for _, list := range [][][]byte{run.Keys, run.Args} {
		for _, b := range list {
			limit += int64(len(b)) + stringBytes + valueBytes
		}
	}
	v.meter.start(limit + valueBytes*firstValues + threadBytes)
	for _, reset := range v.onStart {
		reset()
	}
}

// end forgets a run. It returns false if the interpreter is not fit for another one.
func (v *vm) end() (reusable bool) {
	v.run = nil
	thread := stateOf(v.L)
	if v.stopped != "" || len(thread.reg.array) > firstValues || v.L.G.CurrentThread != v.L {
		return false
	}
	clear(thread.reg.array) // the interpreter leaves values behind
	return true
}

// call calls a function of Lua with what returns the result, or the error that nothing
// caught.
func (v *vm) call(fn *lua.LFunction, args ...lua.LValue) (result lua.LValue, ok bool) {
	v.L.Push(fn)
	for _, arg := range args {
		v.L.Push(arg)
	}
	if err := v.protected(v.L, len(args), 1, guard{outermost: true}); err != nil {
		return errorValue(err), false
	}
	result = v.L.Get(-1)
	v.L.SetTop(0)
	return result, true
}

// bytesTable returns an array of strings.
func (v *vm) bytesTable(list [][]byte) *lua.LTable {
	t := v.L.CreateTable(len(list), 0)
	for i, b := range list {
		t.RawSetInt(i+1, lua.LString(b))
	}
	return t
}

// step says that a function of a library has done n units of work, each about as long as an
// instruction. Loops in Go call it, so that a script in them can be stopped.
func (v *vm) step(n int) {
	if v.left -= n; v.left <= 0 {
		v.poll()
	}
}

// poll ends the script if the host wants it to.
func (v *vm) poll() {
	v.left = v.every
	if v.stopped == "" {
		err := v.run.Host.Stop()
		if err == nil {
			return
		}
		v.stopped = err.Error()
	}
	v.left = 0 // nothing of the script runs any more
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: lua.LString(v.stopped)})
}

// abort ends the script with an error that it cannot catch.
func (v *vm) abort(text string) {
	v.stopped = where(v.current(), 0) + text
	v.poll()
}

// current returns the thread that runs.
func (v *vm) current() *lua.LState {
	if L := v.L.G.CurrentThread; L != nil {
		return L
	}
	return v.L
}

// raiseText raises an error whose text does not say where.
func (v *vm) raiseText(text string) { v.current().Error(lua.LString(text), 0) }
