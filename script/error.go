package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Errors that Redis raises in a script are tables: err is the text with its code, and
// ignore_error_stats_update says that the command has been counted as failed already.
// When an error leaves the script, source and line say where it was raised.

// raiseReply raises an error of the table redis: with a table.
func (v *vm) raiseReply(L *lua.LState, text string) {
	L.Error(v.errorTable("ERR "+text), 0)
}

// errorTable returns the table of an error.
func (v *vm) errorTable(text string) *lua.LTable { return v.fieldTable("err", lua.LString(text)) }

// fieldTable returns a table with one field.
func (v *vm) fieldTable(name string, value lua.LValue) *lua.LTable {
	v.grow(tableBytes + fieldBytes)
	t := v.L.CreateTable(0, 1)
	t.RawSetString(name, value)
	return t
}

// errorText returns the text of an error reply, without the "-", as scripts see it: without
// line breaks at the end, and with a code also if it has no blank that would end one.
func errorText(reply string) string {
	code, text, ok := strings.Cut(reply, " ")
	if !ok {
		code, text = "ERR", reply
	}
	return code + " " + strings.Trim(untilNUL(text), "\r\n")
}

// untilNUL returns what C takes for the whole of a string.
func untilNUL(s string) string {
	if at := strings.IndexByte(s, 0); at >= 0 {
		return s[:at]
	}
	return s
}

func trimNewlines(s string) string { return strings.TrimRight(s, "\r\n") }

// locateError is what handles an error where it was raised, when nothing catches it: it
// makes a table of it and notes the place. It runs as the error function of the call that
// runs the script.
func (v *vm) locateError(L *lua.LState, value lua.LValue) lua.LValue {
	source, line, ok := raisedAt(L)
	t, isTable := value.(*lua.LTable)
	if !isTable {
		text, ok := textOf(value)
		if !ok {
			text = L.ToStringMeta(value).String()
		}
		t = v.errorTable("ERR " + text)
	}
	if !ok {
		return t
	}
	place := func(t *lua.LTable) lua.LValue {
		t.RawSetString("source", lua.LString(source))
		t.RawSetString("line", lua.LNumber(line))
		return t
	}
	if t.Metatable == lua.LNil {
		return place(t)
	}
	err := v.attempt(L, func() {
		v.writable(t)
		L.SetField(t, "source", lua.LString(source))
		L.SetField(t, "line", lua.LNumber(line))
	})
	if err != nil { // of a metamethod, or the table is read-only
		return place(v.errorTable(v.textOfError(errorValue(err))))
	}
	return t
}

// attempt calls a function that may run code of the script and raise errors.
func (v *vm) attempt(L *lua.LState, fn func()) error {
	L.Push(L.NewFunction(func(*lua.LState) int { fn(); return 0 }))
	return v.protected(L, 0, 0, guard{})
}

// textOfError returns the text of an error reply for what was raised.
func (v *vm) textOfError(value lua.LValue) string {
	if t, ok := value.(*lua.LTable); ok {
		value = v.errorField(t, "err")
		if text, ok := textOf(value); ok {
			return text
		}
		return unknownError
	}
	if text, ok := textOf(value); ok {
		return "ERR " + text
	}
	return unknownError
}

// unknownError is the reply to an error without a text, which stock Redis 7.0 crashes of.
const unknownError = "ERR unknown error"

// raisedAt returns the source and the line of the function that raised an error: of the one
// that called it, if it is written in Go, such as error. The error function itself is at
// level 0.
func raisedAt(L *lua.LState) (source string, line int, ok bool) {
	for level := 1; level <= 2; level++ {
		frame, found := L.GetStack(level)
		if !found {
			break
		}
		fn, err := L.GetInfo("fSl", frame, lua.LNil)
		if f, isFunction := fn.(*lua.LFunction); err != nil || !isFunction || f.IsG {
			source, line, ok = "=[C]", -1, true
			continue
		}
		return sourceOf(fn.(*lua.LFunction).Proto), frame.CurrentLine, true
	}
	return source, line, ok
}

// appendError appends the reply of a script that an error ended.
func (v *vm) appendError(value lua.LValue) {
	t, ok := value.(*lua.LTable)
	if !ok {
		text, isText := textOf(value)
		if !isText {
			text = "execution failure"
		}
		text = untilNUL(text)
		v.appendErrorLine("ERR Error running script " + v.run.ID + ", " + text[:min(len(text), 100)])
		return
	}
	text := untilNUL(v.textOfError(t))
	source, hasSource := textOf(v.errorField(t, "source"))
	line, hasLine := textOf(v.errorField(t, "line"))
	if hasSource && hasLine {
		text += " script: " + v.run.ID + ", on " + untilNUL(source) + ":" + untilNUL(line) + "."
	}
	v.appendErrorLine(text)
}

// appendErrorLine appends an error reply.
func (v *vm) appendErrorLine(text string) {
	if len(text) > v.run.MaxReply {
		text = text[:v.run.MaxReply]
	}
	v.run.Reply = spaced(append(v.run.Reply, '-'), text)
	v.run.Reply = append(v.run.Reply, '\r', '\n')
}

// errorField returns a field of an error's table, nil if a metamethod raises an error.
func (v *vm) errorField(t *lua.LTable, name string) (value lua.LValue) {
	if t.Metatable == lua.LNil {
		return t.RawGetString(name)
	}
	value = lua.LNil
	if err := v.attempt(v.L, func() { value = v.L.GetField(t, name) }); err != nil {
		return lua.LNil
	}
	return value
}
