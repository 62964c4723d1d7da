package script

import (
	"fmt"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// stackLimit is how many values Redis' interpreter lets C functions push. Its conversion
// of replies keeps tables that it is in on that stack, which bounds how deep they nest.
const stackLimit = 8000

// replier converts the value that a script returned to its reply, as Redis'
// luaReplyToRedisReply does: fields are looked up in its order, without metatables.
type replier struct {
	reply       []byte
	resp3       bool // the client's protocol
	scriptRESP3 bool // that of redis.setresp
	limit       int  // how long the reply may get
	step        func(n int)
}

// appendReply appends the reply of a script that returned value.
func (v *vm) appendReply(value lua.LValue) {
	start := len(v.run.Reply)
	defer func() {
		if v.stopped != "" { // meanwhile
			recover()
			v.run.Reply = v.run.Reply[:start]
			v.appendErrorLine("ERR " + v.stopped)
		}
	}()
	r := replier{
		reply: v.run.Reply, resp3: v.run.RESP3, scriptRESP3: v.api.resp3,
		limit: start + v.run.MaxReply, step: v.step,
	}
	if !r.append(value, 2) { // below the value is the function that handles errors
		r.reply = fmt.Appendf(r.reply[:start], "-ERR the reply of the script is longer than %d bytes\r\n", v.run.MaxReply)
	}
	v.run.Reply = r.reply
}

// append appends a value that is the one at the given height of Redis' stack. It returns
// false if the reply gets too long.
func (r *replier) append(value lua.LValue, stack int) bool {
	if stack+4 > stackLimit {
		r.reply = append(r.reply, "-ERR reached lua stack limit\r\n"...)
		return r.fits()
	}
	switch value := value.(type) {
	case lua.LString:
		return r.bulk(string(value))
	case lua.LBool:
		r.bool(bool(value))
	case lua.LNumber:
		r.header(':', cLongLong(float64(value)))
	case *lua.LTable:
		return r.table(value, stack)
	default:
		r.null()
	}
	return r.fits()
}

func (r *replier) fits() bool { return len(r.reply) <= r.limit }

func (r *replier) header(kind byte, n int64) {
	r.reply = strconv.AppendInt(append(r.reply, kind), n, 10)
	r.reply = append(r.reply, '\r', '\n')
}

func (r *replier) bulk(s string) bool {
	if len(r.reply)+len(s) > r.limit {
		return false
	}
	r.header('$', int64(len(s)))
	r.reply = append(r.reply, s...)
	r.reply = append(r.reply, '\r', '\n')
	return r.fits()
}

func (r *replier) null() {
	if r.resp3 {
		r.reply = append(r.reply, "_\r\n"...)
	} else {
		r.reply = append(r.reply, "$-1\r\n"...)
	}
}

// bool appends a boolean. Scripts that did not ask for RESP3 have false for nothing.
func (r *replier) bool(b bool) {
	switch {
	case r.scriptRESP3 && r.resp3 && b:
		r.reply = append(r.reply, "#t\r\n"...)
	case r.scriptRESP3 && r.resp3:
		r.reply = append(r.reply, "#f\r\n"...)
	case b:
		r.reply = append(r.reply, ":1\r\n"...)
	case r.scriptRESP3:
		r.reply = append(r.reply, ":0\r\n"...)
	default:
		r.null()
	}
}

// table appends what a table stands for: the first field that has the right type says it.
func (r *replier) table(t *lua.LTable, stack int) bool {
	if err, ok := t.RawGetString("err").(lua.LString); ok {
		return r.line('-', untilNUL(string(err)))
	}
	if status, ok := t.RawGetString("ok").(lua.LString); ok {
		return r.line('+', untilNUL(string(status)))
	}
	if double, ok := t.RawGetString("double").(lua.LNumber); ok {
		return r.double(float64(double))
	}
	if number, ok := t.RawGetString("big_number").(lua.LString); ok {
		if r.resp3 {
			return r.line('(', string(number))
		}
		return r.bulk(string(spaced(nil, string(number))))
	}
	if verbatim, ok := t.RawGetString("verbatim_string").(*lua.LTable); ok {
		format, ok := verbatim.RawGetString("format").(lua.LString)
		text, ok2 := verbatim.RawGetString("string").(lua.LString)
		if ok && ok2 {
			return r.verbatim(untilNUL(string(format)), string(text))
		}
	}
	if m, ok := t.RawGetString("map").(*lua.LTable); ok {
		return r.pairs(m, stack)
	}
	if set, ok := t.RawGetString("set").(*lua.LTable); ok {
		return r.keys(set, stack)
	}
	return r.array(t, stack)
}

// line appends a reply of one line.
func (r *replier) line(kind byte, text string) bool {
	if len(r.reply)+len(text) > r.limit {
		return false
	}
	if kind == '-' {
		text = trimNewlines(text)
	}
	r.reply = spaced(append(r.reply, kind), text)
	r.reply = append(r.reply, '\r', '\n')
	return r.fits()
}

// spaced appends text with spaces where the line would break.
func spaced(b []byte, text string) []byte {
	from := len(b)
	b = append(b, text...)
	for i := from; i < len(b); i++ {
		if b[i] == '\r' || b[i] == '\n' {
			b[i] = ' '
		}
	}
	return b
}

func (r *replier) double(f float64) bool {
	var scratch [32]byte
	text := appendNumber17(scratch[:0], f)
	if !r.resp3 {
		return r.bulk(string(text))
	}
	r.reply = append(append(append(r.reply, ','), text...), '\r', '\n')
	return r.fits()
}

func (r *replier) verbatim(format, text string) bool {
	if !r.resp3 {
		return r.bulk(text)
	}
	if len(r.reply)+len(text) > r.limit {
		return false
	}
	r.header('=', int64(len(text))+4)
	r.reply = append(r.reply, (format + "   ")[:3]...)
	r.reply = append(append(r.reply, ':'), text...)
	r.reply = append(r.reply, '\r', '\n')
	return r.fits()
}

// pairs appends a map: the values of t by their keys.
func (r *replier) pairs(t *lua.LTable, stack int) bool {
	n := int64(0)
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		n++
		r.step(1)
	}
	if r.resp3 {
		r.header('%', n)
	} else {
		r.header('*', 2*n)
	}
	for key, value := t.Next(lua.LNil); key != lua.LNil; key, value = t.Next(key) {
		// The field, the key, the value and a copy of the key lie on Redis' stack.
		if !r.append(key, stack+4) || !r.append(value, stack+3) {
			return false
		}
		r.step(1)
	}
	return r.fits()
}

// keys appends a set: the keys of t.
func (r *replier) keys(t *lua.LTable, stack int) bool {
	n := int64(0)
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		n++
		r.step(1)
	}
	if r.resp3 {
		r.header('~', n)
	} else {
		r.header('*', n)
	}
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		if !r.append(key, stack+3) {
			return false
		}
		r.step(1)
	}
	return r.fits()
}

// array appends the elements of t up to the first nil.
func (r *replier) array(t *lua.LTable, stack int) bool {
	n := 0
	for t.RawGetInt(n+1) != lua.LNil {
		n++
	}
	r.step(n)
	r.header('*', int64(n))
	for i := range n {
		if !r.append(t.RawGetInt(i+1), stack+1) {
			return false
		}
	}
	return r.fits()
}
