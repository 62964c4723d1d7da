package script

import (
	"bytes"
	"math"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
	lua "github.com/yuin/gopher-lua"
)

// maxNesting is how deep replies of commands may nest. Those of Redis' commands have a few
// levels; a host's own may have more.
const maxNesting = 128

// smallNumbers are the integers that most replies consist of, so that no memory is
// allocated for them.
var smallNumbers = func() (list [1024]lua.LValue) {
	for i := range list {
		list[i] = lua.LNumber(i)
	}
	return list
}()

// number returns an integer as a value of Lua.
func number(n int64) lua.LValue {
	if n >= 0 && n < int64(len(smallNumbers)) {
		return smallNumbers[n]
	}
	return lua.LNumber(n)
}

// parser reads the reply of a command.
type parser struct {
	v      *vm
	L      *lua.LState
	in     []byte // what has not been read
	broken bool   // the reply is not one
}

// parseReply returns the value that a reply is for a script. One that breaks the protocol
// raises an error.
func (v *vm) parseReply(L *lua.LState, reply []byte) lua.LValue {
	p := parser{v: v, L: L, in: reply}
	value := p.value(0)
	if p.broken {
		v.raiseReply(L, "the node's reply to a command breaks the protocol")
	}
	return value
}

// value reads a reply.
func (p *parser) value(depth int) lua.LValue {
	line, ok := p.line()
	if !ok || depth > maxNesting {
		return p.fail()
	}
	kind, text := line[0], line[1:]
	switch kind {
	case '+':
		p.v.grow(stringBytes + len(text))
		return p.v.fieldTable("ok", lua.LString(text))
	case '-':
		return p.v.commandError(text)
	case ':':
		return p.integer(text)
	case '$':
		return p.bulk(text)
	case '*', '>':
		return p.array(text, depth)
	case '_':
		return lua.LNil
	case '#':
		return lua.LBool(string(text) == "t")
	case ',':
		return p.double(text)
	case '(':
		p.v.grow(stringBytes + len(text))
		return p.v.fieldTable("big_number", lua.LString(text))
	case '%':
		return p.pairs(text, depth)
	case '~':
		return p.set(text, depth)
	case '=':
		return p.verbatim(text)
	case '|':
		return p.attribute(text, depth)
	}
	return p.fail()
}

func (p *parser) fail() lua.LValue {
	p.broken, p.in = true, nil
	return lua.LNil
}

// line reads up to a line break.
func (p *parser) line() (line []byte, ok bool) {
	at := bytes.IndexByte(p.in, '\n')
	if at < 2 || p.in[at-1] != '\r' {
		return nil, false
	}
	line, p.in = p.in[:at-1], p.in[at+1:]
	return line, true
}

// length returns the length of an aggregate, whose elements take up at least perElement
// bytes each.
func (p *parser) length(text []byte, perElement int) (n int, ok bool) {
	long, ok := resp.ParseInt(text)
	return int(long), ok && long >= 0 && long <= int64(len(p.in)/perElement)
}

func (p *parser) integer(text []byte) lua.LValue {
	n, ok := resp.ParseInt(text)
	if !ok {
		return p.fail()
	}
	return number(n)
}

func (p *parser) bulk(text []byte) lua.LValue {
	if string(text) == "-1" {
		return lua.LFalse
	}
	s, ok := p.string(text)
	if !ok {
		return p.fail()
	}
	return lua.LString(s)
}

// string reads as many bytes as text says, and the line break after them.
func (p *parser) string(text []byte) (s string, ok bool) {
	n, ok := p.length(text, 1)
	if !ok || len(p.in) < n+2 {
		return "", false
	}
	p.v.grow(stringBytes + n)
	s, p.in = string(p.in[:n]), p.in[n+2:]
	return s, true
}

const minReply = 3 // bytes of the shortest one: "_\r\n"

func (p *parser) array(text []byte, depth int) lua.LValue {
	if string(text) == "-1" {
		return lua.LFalse
	}
	n, ok := p.length(text, minReply)
	if !ok {
		return p.fail()
	}
	p.v.grow(tableBytes + n*valueBytes)
	t := p.L.CreateTable(n, 0)
	for i := range n {
		if value := p.value(depth + 1); value != lua.LNil {
			t.RawSetInt(i+1, value)
		}
	}
	return t
}

func (p *parser) pairs(text []byte, depth int) lua.LValue {
	n, ok := p.length(text, 2*minReply)
	if !ok {
		return p.fail()
	}
	p.v.grow(tableBytes + n*fieldBytes)
	m := p.L.CreateTable(0, n)
	for range n {
		key, value := p.value(depth+1), p.value(depth+1)
		p.store(m, key, value)
	}
	return p.v.fieldTable("map", m)
}

func (p *parser) set(text []byte, depth int) lua.LValue {
	n, ok := p.length(text, minReply)
	if !ok {
		return p.fail()
	}
	p.v.grow(tableBytes + n*fieldBytes)
	m := p.L.CreateTable(0, n)
	for range n {
		p.store(m, p.value(depth+1), lua.LTrue)
	}
	return p.v.fieldTable("set", m)
}

// store sets a field of a table that nothing else has seen.
func (p *parser) store(t *lua.LTable, key, value lua.LValue) {
	if key == lua.LNil {
		if !p.broken {
			p.L.RaiseError("table index is nil")
		}
		return
	}
	p.v.store(t, key) // a number as key may take up much
	t.RawSet(key, value)
}

func (p *parser) double(text []byte) lua.LValue {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !math.IsInf(f, 0) {
		return p.fail()
	}
	return p.v.fieldTable("double", lua.LNumber(f))
}

func (p *parser) verbatim(text []byte) lua.LValue {
	s, ok := p.string(text)
	if !ok || len(s) < 4 {
		return p.fail()
	}
	p.v.grow(tableBytes + 2*fieldBytes)
	t := p.L.CreateTable(0, 2)
	t.RawSetString("string", lua.LString(s[4:]))
	t.RawSetString("format", lua.LString(s[:3]))
	return p.v.fieldTable("verbatim_string", t)
}

// attribute skips an attribute and returns the reply that it stands before.
func (p *parser) attribute(text []byte, depth int) lua.LValue {
	n, ok := p.length(text, 2*minReply)
	if !ok {
		return p.fail()
	}
	for range 2 * n {
		p.value(depth + 1)
	}
	return p.value(depth + 1)
}

// commandError returns the table of a command's error reply, without the "-".
func (v *vm) commandError(reply []byte) *lua.LTable {
	v.grow(tableBytes + 2*fieldBytes + stringBytes + len(reply))
	t := v.L.CreateTable(0, 2)
	t.RawSetString("err", lua.LString(errorText(string(reply))))
	t.RawSetString("ignore_error_stats_update", lua.LTrue)
	return t
}
