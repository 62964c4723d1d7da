package script

import (
	"context"

	lua "github.com/yuin/gopher-lua"
)

// hook is the context of a thread: of the main one or of a coroutine. The interpreter asks
// for Done before every instruction, on the goroutine that runs the script, and goes on if
// there is nothing to receive. So Done sees every instruction before it runs.
type hook struct {
	context.Context // never done
	v               *vm
	L               *lua.LState
	thread          *state
	guard           guard // of the innermost protected call

	result   lua.LValue // of the instruction before this one, if the interpreter has it wrong
	resultAt int        // the register for it
}

// attach gives a thread its hook.
func (v *vm) attach(L *lua.LState) *hook {
	h := &hook{Context: context.Background(), v: v, L: L, thread: stateOf(L)}
	L.SetContext(h)
	return h
}

// hookOf returns the hook of a thread.
func hookOf(L *lua.LState) *hook { return L.Context().(*hook) }

// watched are the instructions that the hook has something to do for.
var watched = func() (set [64]bool) {
	for _, op := range []int{lua.OP_NEWTABLE, lua.OP_CLOSURE, lua.OP_SETGLOBAL, lua.OP_SETTABLE, lua.OP_SETTABLEKS,
		lua.OP_SETLIST, lua.OP_CONCAT, lua.OP_LEN, lua.OP_MOD, lua.OP_POW, lua.OP_FORPREP, lua.OP_TAILCALL} {
		set[op] = true
	}
	return set
}()

// Done is called before every instruction. It raises the error that ends a script, so it
// never returns a channel.
func (h *hook) Done() <-chan struct{} {
	v := h.v
	if h.result != nil {
		h.thread.reg.array[h.resultAt], h.result = h.result, nil
	}
	if v.left--; v.left <= 0 {
		v.showMetatable()
		v.poll()
	}
	v.meter.called = 0
	f := h.thread.currentFrame
	inst := f.instruction()
	if f.Pc == 1 {
		h.enter(f)
	}
	if watched[inst>>26] {
		h.before(f, inst)
	}
	return nil
}

// enter checks how deep calls are nested when a function begins.
func (h *hook) enter(f *callFrame) {
	if f.Parent == nil && h.thread.Parent != nil {
		h.L.Panic = h.v.panicInCoroutine // the interpreter has just set its own
	}
	if f.Idx >= maxCalls || f.LocalBase >= maxRegisters {
		h.overflow(f, "stack overflow")
	}
	if f.Idx%nestedEvery == nestedEvery-1 && nestedCalls(f) >= maxNested {
		h.overflow(f, "C stack overflow")
	}
	h.v.left -= f.NArgs / 16                         // they have been copied
	if f.Fn.Proto.IsVarArg&lua.VarArgNeedsArg != 0 { // the interpreter has made the table arg
		h.v.charge(tableBytes + firstFieldBytes + max(f.NArgs, firstElements)*valueBytes)
	}
}

// overflow raises the error that calls are nested too deep, at the call of the function that
// has just begun.
func (h *hook) overflow(f *callFrame, text string) {
	if f.Parent != nil {
		h.thread.currentFrame = f.Parent
	}
	h.L.RaiseError("%s", text)
}

// nestedCalls counts the calls below one that the interpreter did not make for an
// instruction that calls, but in a function of its own: these nest on the stack of Go.
func nestedCalls(f *callFrame) int {
	n := 0
	for ; f.Parent != nil; f = f.Parent {
		if !calledFromLua(f) {
			n++
		}
	}
	return n
}

// calledFromLua reports whether an instruction that calls made a call.
func calledFromLua(f *callFrame) bool {
	if f.Parent.Fn.IsG {
		return false
	}
	op := opcodeOf(f.Parent.instruction())
	return op == lua.OP_CALL || op == lua.OP_TAILCALL
}

// before looks at an instruction before it runs: it raises errors for which the interpreter
// has no rule, puts operands right that the interpreter would get wrong, and says what the
// instruction will take up.
func (h *hook) before(f *callFrame, inst uint32) {
	a, b, c := int(inst>>18)&0xff, int(inst)&0x1ff, int(inst>>9)&0x1ff
	registers := h.thread.reg.array[f.LocalBase:]
	switch opcodeOf(inst) {
	case lua.OP_SETGLOBAL:
		if h.v.isReadOnly(f.Fn.Env) {
			h.L.RaiseError(readOnlyError)
		}
	case lua.OP_SETTABLE, lua.OP_SETTABLEKS:
		if t, ok := registers[a].(*lua.LTable); ok {
			h.write(t, operandValue(f, registers, b))
		}
	case lua.OP_SETLIST:
		if b == 0 {
			b = h.thread.reg.top - f.LocalBase - a - 1
		}
		h.v.charge(2 * b * valueBytes)
	case lua.OP_NEWTABLE:
		h.v.charge(tableBytes + b*valueBytes + c*fieldBytes)
	case lua.OP_CLOSURE:
		h.v.charge(closureBytes + int(f.Fn.Proto.FunctionPrototypes[inst&0x3ffff].NumUpvalues)*upvalueBytes)
	case lua.OP_CONCAT:
		h.v.concat(registers[b : c+1])
	case lua.OP_LEN:
		if t, ok := operandValue(f, registers, b).(*lua.LTable); ok {
			h.v.length(t)
			if t.Metatable != lua.LNil {
				h.v.hideMetatable(t) // which has no say about the length
			}
		}
	case lua.OP_MOD, lua.OP_POW:
		h.calculate(opcodeOf(inst), operandValue(f, registers, b), operandValue(f, registers, c), f.LocalBase+a)
	case lua.OP_FORPREP:
		h.loop(registers[a : a+3])
	case lua.OP_TAILCALL:
		if registers[a] == h.v.yield {
			registers[a] = h.v.yieldInLua
		}
	}
}

// operandValue returns the value of an operand that is a register or a constant.
func operandValue(f *callFrame, registers []lua.LValue, rk int) lua.LValue {
	if rk&constantBit != 0 {
		return f.Fn.Proto.Constants[rk&^constantBit]
	}
	return registers[rk]
}

// constantBit marks operands that are constants.
const constantBit = 1 << 8

// write is called before a value is stored in a table.
func (h *hook) write(t *lua.LTable, key lua.LValue) {
	v, inside := h.v, tableOf(t)
	if inside.Metatable != lua.LNil {
		t = v.target(t, key)
		if t == nil {
			return // a function of the script will do it, or there will be an error
		}
		if v.isReadOnly(t) {
			h.L.RaiseError(readOnlyError)
		}
		inside = tableOf(t)
	}
	v.charge(growth(inside, key))
	makeRoom(inside, key)
}

// makeRoom gives a table its first field or element with little room: the interpreter would
// make room for 32.
func makeRoom(t *table, key lua.LValue) {
	switch key.(type) {
	case lua.LString:
		if t.strdict == nil {
			t.strdict = make(map[string]lua.LValue)
		}
	case lua.LNumber:
		if t.array == nil {
			t.array = make([]lua.LValue, 0, firstElements)
		}
	}
}

// target returns the table in which a value will be stored, which the metatable of t may
// redirect, or nil.
func (v *vm) target(t *lua.LTable, key lua.LValue) *lua.LTable {
	for range lua.MaxTableGetLoop {
		if t.RawGet(key) != lua.LNil {
			return t
		}
		metatable, ok := t.Metatable.(*lua.LTable)
		if !ok || metatable == v.readOnlyMark {
			return t
		}
		next := metatable.RawGetString("__newindex")
		if next == lua.LNil {
			return t
		}
		if t, ok = next.(*lua.LTable); !ok {
			return nil
		}
	}
	return nil
}

// concat is called before values are joined. The interpreter has another text for numbers
// than Lua 5.1, so they become strings here. Those that a metamethod gets stay numbers.
func (v *vm) concat(values []lua.LValue) {
	size, last := 0, len(values)-1
	text := true // to the right of the value, or will be
	for i := last; i >= 0; i-- {
		switch value := values[i].(type) {
		case lua.LString:
			size += len(value)
		case lua.LNumber:
			if i == last {
				text = isText(values[i-1])
			}
			if text {
				s := lua.LString(numberText(value))
				values[i], size = s, size+len(s)
			}
		default:
			text = false
		}
	}
	v.charge(size + stringBytes)
}

// length is called before the length of a table is taken, for which the interpreter goes
// through the elements at its end that are nil.
func (v *vm) length(t *lua.LTable) {
	array := tableOf(t).array
	n := 0
	for i := len(array) - 1; i >= 0 && array[i] == lua.LNil; i-- {
		n++
	}
	if n > 0 {
		v.step(n)
	}
}

// loop is called before a loop over numbers. Its bounds may be strings in Lua 5.1, but not
// in the interpreter.
func (h *hook) loop(bounds []lua.LValue) {
	for i, name := range [...]string{"initial value", "limit", "step"} {
		switch bound := bounds[i].(type) {
		case lua.LNumber:
			continue
		case lua.LString:
			if f, ok := parseNumber(string(bound)); ok {
				bounds[i] = lua.LNumber(f)
				continue
			}
		}
		h.L.RaiseError("'for' %s must be a number", name)
	}
}

// hidden is a table whose metatable is away for an instruction.
type hidden struct {
	table     *lua.LTable
	metatable lua.LValue
}

// hideMetatable takes the metatable of a table away until the next instruction.
func (v *vm) hideMetatable(t *lua.LTable) {
	v.hidden = hidden{t, t.Metatable}
	t.Metatable = lua.LNil
	v.left = 0
}

// showMetatable gives it back.
func (v *vm) showMetatable() {
	if v.hidden.table != nil {
		v.hidden.table.Metatable = v.hidden.metatable
		v.hidden = hidden{}
	}
}
