package script

import (
	"fmt"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// raise ends the library function that runs with an error. As in Lua 5.1 the place of the
// call goes in front of the text if it is in Lua code; there is none if a function of a
// library made the call, as pcall does.
func raise(L *lua.LState, format string, args ...any) {
	L.Error(lua.LString(where(L, 1)+fmt.Sprintf(format, args...)), 0)
}

// where returns "source:line: " of the function at a level of the stack, "" for a function
// that is not written in Lua. Level 0 is the function that runs, 1 its caller.
func where(L *lua.LState, level int) string {
	frame, ok := L.GetStack(level)
	if !ok {
		return ""
	}
	if _, err := L.GetInfo("Sl", frame, lua.LNil); err != nil || frame.CurrentLine <= 0 {
		return ""
	}
	return frame.Source + ":" + strconv.Itoa(frame.CurrentLine) + ": "
}

// argError raises the error of a bad argument of the library function that runs. Arguments
// count from 1; in a call of a method the object itself does not count.
func argError(L *lua.LState, n int, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	name, method := calledAs(L)
	if method {
		if n--; n == 0 {
			raise(L, "calling '%s' on bad self (%s)", name, text)
		}
	}
	raise(L, "bad argument #%d to '%s' (%s)", n, name, text)
}

// typeError raises the error of an argument of another type than the one that is wanted.
func typeError(L *lua.LState, n int, want string) {
	argError(L, n, "%s expected, got %s", want, argType(L, n))
}

// argType returns the name of an argument's type.
func argType(L *lua.LState, n int) string {
	if n > L.GetTop() {
		return "no value"
	}
	return L.Get(n).Type().String()
}

// calledAs returns the name by which Lua code called the function that runs, "?" if it has
// none there, and whether the call was that of a method, a:b().
func calledAs(L *lua.LState) (name string, method bool) {
	frame, ok := L.GetStack(0)
	if !ok {
		return "?", false
	}
	if _, err := L.GetInfo("n", frame, lua.LNil); err != nil {
		return "?", false
	}
	switch frame.Name {
	case "(anonymous)": // there is no call at this place of the code: a loop calls its iterator
		if where(L, 1) == "" {
			return "?", false
		}
		return "(for generator)", false
	case "main chunk", "corountine":
		return "?", false
	}
	name, method = strings.CutPrefix(frame.Name, methodMark)
	return name, method
}

// methodMark begins the names of calls of methods, see markMethods.
const methodMark = ":"

// markMethods marks the calls of methods in the debug information of a compiled function
// and those in it, which does not tell them from other calls: errors have to.
func markMethods(proto *lua.FunctionProto) {
	methods := make(map[int]bool, len(proto.DbgCalls)) // registers that hold a method to be called
	next := 0
	for pc, code := range proto.Code {
		op, a := int(code>>26), int(code>>18)&0xff
		switch op {
		case lua.OP_SELF:
			methods[a] = true
			continue
		case lua.OP_EQ, lua.OP_LT, lua.OP_LE, lua.OP_JMP, lua.OP_SETGLOBAL, lua.OP_SETUPVAL, lua.OP_NOP:
			continue // a is no register that they write
		case lua.OP_CALL, lua.OP_TAILCALL:
			for next < len(proto.DbgCalls) && proto.DbgCalls[next].Pc < pc {
				next++
			}
			if next < len(proto.DbgCalls) && proto.DbgCalls[next].Pc == pc && methods[a] {
				proto.DbgCalls[next].Name = methodMark + proto.DbgCalls[next].Name
			}
		}
		delete(methods, a)
	}
	for _, inner := range proto.FunctionPrototypes {
		markMethods(inner)
	}
}
