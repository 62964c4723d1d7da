package script

import (
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// translate returns an error with the text of Lua 5.1 if the interpreter raised it: then
// the function where it was raised is one in Lua.
func (v *vm) translate(L *lua.LState, raised *callFrame, value lua.LValue) lua.LValue {
	message, ok := value.(lua.LString)
	if !ok || raised == nil || raised.Fn.IsG || raised.Pc == 0 {
		return value
	}
	place := where(L, levelOf(L, raised))
	text, ok := strings.CutPrefix(string(message), place)
	if !ok {
		return value
	}
	f := failure{v: v, frame: raised, registers: stateOf(L).reg.array[raised.LocalBase:]}
	f.names = operandNames(raised.Fn.Proto, raised.Pc-1)
	if words := f.words(text); words != "" {
		return lua.LString(place + words)
	}
	return value
}

// levelOf returns the level of a call on the stack.
func levelOf(L *lua.LState, frame *callFrame) int {
	if stateOf(L).currentFrame == frame {
		return 0
	}
	return 1
}

// failure is an instruction that raised an error.
type failure struct {
	v         *vm
	frame     *callFrame
	registers []lua.LValue
	names     []string
}

var (
	indexed    = regexp.MustCompile(`^attempt to index a non-table object\((\w+)\) with key '`)
	calculated = regexp.MustCompile(`^(cannot perform \w+ operation between|__unm undefined)`)
	compared   = regexp.MustCompile(`^attempt to compare (\w+) with (\w+)$`)
)

// words returns the text of Lua 5.1 for one of the interpreter, "" if it is the same.
func (f *failure) words(text string) string {
	inst := f.frame.instruction()
	a, b, c := int(inst>>18)&0xff, int(inst)&0x1ff, int(inst>>9)&0x1ff
	if match := indexed.FindStringSubmatch(text); match != nil {
		object := b
		if op := opcodeOf(inst); op == lua.OP_SETTABLE || op == lua.OP_SETTABLEKS {
			object = a
		}
		if f.registers[object].Type().String() != match[1] {
			f.names = nil // it is not the operand, but what its metatable leads to
		}
		return "attempt to index " + f.called(0, match[1])
	}
	if match := compared.FindStringSubmatch(text); match != nil && match[1] == match[2] {
		return "attempt to compare two " + match[1] + " values"
	}
	switch {
	case text == "attempt to call a non-function object":
		at := 0
		if len(f.names) == 2 {
			at = 1 // the method, not the object
		}
		return "attempt to call " + f.called(at, f.registers[a].Type().String())
	case strings.HasPrefix(text, "cannot perform concat operation between "):
		return f.concatenated(b, c)
	case calculated.MatchString(text) && opcodeOf(inst) == lua.OP_UNM:
		return "attempt to perform arithmetic on " + f.called(0, f.operand(b).Type().String())
	case calculated.MatchString(text):
		at, culprit := 0, f.operand(b)
		if isNumeric(culprit) {
			at, culprit = 1, f.operand(c)
		}
		return "attempt to perform arithmetic on " + f.called(at, culprit.Type().String())
	case text == "__len undefined":
		return "attempt to get length of " + f.called(0, f.operand(b).Type().String())
	case strings.HasPrefix(text, "too many recursions in "):
		return "loop in " + strings.TrimPrefix(text, "too many recursions in ")
	case text == "registry overflow":
		return "stack overflow"
	}
	return ""
}

// called returns how an error names an operand of a type.
func (f *failure) called(operand int, kind string) string {
	if operand < len(f.names) && f.names[operand] != "" {
		return f.names[operand] + " (a " + kind + " value)"
	}
	return "a " + kind + " value"
}

func (f *failure) operand(rk int) lua.LValue { return operandValue(f.frame, f.registers, rk) }

// isNumeric reports whether arithmetic takes a value for a number.
func isNumeric(value lua.LValue) bool {
	switch value := value.(type) {
	case lua.LNumber:
		return true
	case lua.LString:
		_, ok := parseNumber(string(value))
		return ok
	}
	return false
}

// concatenated returns the error of joining the registers from b to c. They are joined from
// the right, two at a time.
func (f *failure) concatenated(b, c int) string {
	for at := c - 1; at >= b; at-- {
		left, right := f.registers[at], f.registers[at+1]
		if isText(left) && isText(right) {
			continue
		}
		culprit := at
		if isText(left) {
			culprit++
		}
		return "attempt to concatenate " + f.called(culprit-b, f.registers[culprit].Type().String())
	}
	return ""
}

func isText(value lua.LValue) bool {
	switch value.(type) {
	case lua.LString, lua.LNumber:
		return true
	}
	return false
}
