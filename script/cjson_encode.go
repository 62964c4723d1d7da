package script

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// jsonEncode returns its argument in JSON.
func (v *vm) jsonEncode(L *lua.LState, config *jsonConfig) int {
	if L.GetTop() != 1 {
		argError(L, 1, "expected 1 argument")
	}
	e := jsonEncoder{meteredBuffer: meteredBuffer{v: v}, L: L, config: config, stack: 1}
	e.value(L.Get(1), 0)
	L.Push(e.meteredBuffer.value())
	return 1
}

// jsonEncoder writes values. Its depth is bounded by the setting and by maxStack. It raises
// errors of the function that runs.
type jsonEncoder struct {
	meteredBuffer
	L      *lua.LState
	config *jsonConfig
	stack  int // values that lua-cjson would have on the stack
}

// fail raises the error that a value has no form in JSON.
func (e *jsonEncoder) fail(value lua.LValue, problem string) {
	raise(e.L, "Cannot serialise %s: %s", value.Type(), problem)
}

func (e *jsonEncoder) value(value lua.LValue, depth int) {
	e.v.step(1)
	switch value := value.(type) {
	case lua.LString:
		e.text(string(value))
	case lua.LNumber:
		e.number(value)
	case lua.LBool:
		e.appendString(value.String())
	case *lua.LTable:
		e.table(value, depth+1)
	case *lua.LNilType:
		e.appendString("null")
	default:
		if value != lua.LValue(jsonNull) {
			e.fail(value, "type not supported")
		}
		e.appendString("null")
	}
}

func (e *jsonEncoder) table(table *lua.LTable, depth int) {
	if depth > e.config.encodeMaxDepth || e.stack+3 > maxStack {
		raise(e.L, "Cannot serialise, excessive nesting (%d)", depth)
	}
	if n := e.arrayLength(table); n > 0 {
		e.array(table, n, depth)
	} else {
		e.object(table, depth)
	}
}

// arrayLength returns the last index of a table whose keys are all indices, otherwise
// something that is not positive. It is an int of C: indices that do not fit become the
// smallest one.
func (e *jsonEncoder) arrayLength(table *lua.LTable) int {
	last, items := int32(0), int32(0)
	for key, _ := table.Next(lua.LNil); key != lua.LNil; key, _ = table.Next(key) {
		e.v.step(1)
		n, ok := key.(lua.LNumber)
		if !ok || n < 1 || n != lua.LNumber(math.Floor(float64(n))) {
			return -1
		}
		switch {
		case n <= lua.LNumber(last):
		case n > math.MaxInt32:
			last = math.MinInt32
		default:
			last = int32(n)
		}
		items++
	}
	c := e.config
	if c.sparseRatio > 0 && last > items*int32(c.sparseRatio) && int(last) > c.sparseSafe {
		if c.sparseConvert == 0 {
			e.fail(table, "excessively sparse array")
		}
		return -1
	}
	return int(last)
}

func (e *jsonEncoder) array(table *lua.LTable, n, depth int) {
	e.stack++
	for i := 1; i <= n; i++ {
		if i == 1 {
			e.appendByte('[')
		} else {
			e.appendByte(',')
		}
		e.value(table.RawGet(lua.LNumber(i)), depth)
	}
	e.appendByte(']')
	e.stack--
}

func (e *jsonEncoder) object(table *lua.LTable, depth int) {
	e.appendByte('{')
	e.stack += 2
	first := true
	for key, value := table.Next(lua.LNil); key != lua.LNil; key, value = table.Next(key) {
		if !first {
			e.appendByte(',')
		}
		first = false
		switch key := key.(type) {
		case lua.LNumber:
			e.appendByte('"')
			e.number(key)
			e.appendString(`":`)
		case lua.LString:
			e.text(string(key))
			e.appendByte(':')
		default:
			e.fail(key, "table key must be a number or string")
		}
		e.value(value, depth)
	}
	e.stack -= 2
	e.appendByte('}')
}

func (e *jsonEncoder) number(n lua.LNumber) {
	f := float64(n)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		switch {
		case e.config.encodeInvalid == 0:
			e.fail(n, "must not be NaN or Inf")
		case e.config.encodeInvalid == 2:
			e.appendString("null")
			return
		case math.IsNaN(f):
			e.appendString("nan")
			return
		}
	}
	e.reserve(32)
	if e.config.precision == 14 || math.IsInf(f, 0) {
		e.b = appendNumber(e.b, f)
	} else {
		e.b = strconv.AppendFloat(e.b, f, 'g', e.config.precision, 64)
	}
}

// jsonEscapes are the characters that the encoder escapes.
var jsonEscapes = func() (escapes [256]string) {
	for c := range ' ' {
		escapes[c] = `\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
	}
	escapes[0x7f] = `\u007f`
	for c, escape := range map[byte]string{
		'\b': `\b`, '\t': `\t`, '\n': `\n`, '\f': `\f`, '\r': `\r`, '"': `\"`, '/': `\/`, '\\': `\\`,
	} {
		escapes[c] = escape
	}
	return escapes
}()

// text writes a string. Bytes from 0x80 on are written as they are, valid UTF-8 or not.
func (e *jsonEncoder) text(s string) {
	e.v.step(len(s) / 64)
	e.reserve(len(s) + 2)
	e.b = append(e.b, '"')
	start := 0
	for i := range len(s) {
		if escape := jsonEscapes[s[i]]; escape != "" {
			e.appendString(s[start:i])
			e.appendString(escape)
			start = i + 1
		}
	}
	e.appendString(s[start:])
	e.appendByte('"')
}
