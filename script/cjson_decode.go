package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// jsonDecode returns the value that its argument has in JSON.
func (v *vm) jsonDecode(L *lua.LState, config *jsonConfig) int {
	if L.GetTop() != 1 {
		argError(L, 1, "expected 1 argument")
	}
	data := checkString(L, 1)
	if len(data) >= 2 && (data[0] == 0 || data[1] == 0) {
		raise(L, "JSON parser does not support UTF-16 or UTF-32")
	}
	d := jsonDecoder{jsonScanner: jsonScanner{v: v, data: data, invalidNumbers: config.decodeInvalid == 1},
		L: L, maxDepth: config.decodeMaxDepth, stack: 1}
	value := d.value(d.next())
	if token := d.next(); token.kind != jsonEnd {
		d.fail("the end", token)
	}
	L.Push(value)
	return 1
}

// jsonDecoder reads values. Its depth is bounded by the setting and by maxStack. It raises
// errors of the function that runs.
type jsonDecoder struct {
	jsonScanner
	L        *lua.LState
	maxDepth int
	depth    int
	stack    int // values that lua-cjson would have on the stack
}

// fail raises the error that there is something else than what is expected.
func (d *jsonDecoder) fail(expected string, found jsonToken) {
	name := jsonTokenNames[found.kind]
	if found.kind == jsonError {
		name = found.text
	}
	raise(d.L, "Expected %s but found %s at character %d", expected, name, found.pos+1)
}

func (d *jsonDecoder) value(token jsonToken) lua.LValue {
	d.v.step(1)
	switch token.kind {
	case jsonString:
		return token.value
	case jsonNumber:
		return lua.LNumber(token.number)
	case jsonBoolean:
		return lua.LBool(token.number == 1)
	case jsonNullToken:
		return jsonNull
	case jsonObjectBegin:
		return d.object()
	case jsonArrayBegin:
		return d.array()
	}
	d.fail("value", token)
	return lua.LNil
}

// descend enters an array or object, for which lua-cjson needs so many more values on its
// stack.
func (d *jsonDecoder) descend(values int) {
	d.depth++
	if d.depth > d.maxDepth || d.stack+values > maxStack {
		raise(d.L, "Found too many nested data structures (%d) at character %d", d.depth, d.pos)
	}
	d.v.grow(tableBytes)
}

func (d *jsonDecoder) array() lua.LValue {
	d.descend(2)
	token := d.next()
	if token.kind == jsonArrayEnd {
		d.depth--
		return d.L.CreateTable(0, 0)
	}
	table := d.L.CreateTable(4, 0)
	d.stack++
	for i := 1; ; i++ {
		value := d.value(token)
		d.v.put(table, lua.LNumber(i), value)
		switch token = d.next(); token.kind {
		case jsonArrayEnd:
			d.depth--
			d.stack--
			return table
		case jsonComma:
			token = d.next()
		default:
			d.fail("comma or array end", token)
		}
	}
}

func (d *jsonDecoder) object() lua.LValue {
	d.descend(3)
	token := d.next()
	if token.kind == jsonObjectEnd {
		d.depth--
		return d.L.CreateTable(0, 0)
	}
	table := d.L.CreateTable(0, 8)
	d.stack += 2
	for {
		if token.kind != jsonString {
			d.fail("object key string", token)
		}
		key := token.value
		if token = d.next(); token.kind != jsonColon {
			d.fail("colon", token)
		}
		value := d.value(d.next())
		d.v.put(table, key, value)
		switch token = d.next(); token.kind {
		case jsonObjectEnd:
			d.depth--
			d.stack -= 2
			return table
		case jsonComma:
			token = d.next()
		default:
			d.fail("comma or object end", token)
		}
	}
}

// jsonTokenKind is the kind of a token.
type jsonTokenKind int

const (
	jsonObjectBegin jsonTokenKind = iota
	jsonObjectEnd
	jsonArrayBegin
	jsonArrayEnd
	jsonString
	jsonNumber
	jsonBoolean
	jsonNullToken
	jsonColon
	jsonComma
	jsonEnd
	jsonError
)

// jsonTokenNames are the names that errors have for tokens.
var jsonTokenNames = [...]string{
	"T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER", "T_BOOLEAN", "T_NULL", "T_COLON",
	"T_COMMA", "T_END", "T_ERROR",
}

// jsonToken is a token of JSON.
type jsonToken struct {
	kind   jsonTokenKind
	pos    int        // of its first byte, for errors
	value  lua.LValue // of a string
	number float64    // of a number; 1 or 0 for a boolean
	text   string     // what is wrong
}

// jsonScanner splits a text into tokens. A zero byte is the end, as in C.
type jsonScanner struct {
	v              *vm
	data           string
	pos            int
	invalidNumbers bool // accept what JSON does not have: infinity, NaN, hexadecimal, leading zeros and plus signs
	unescaped      meteredBuffer
}

// at returns the byte at a distance from the position, zero behind the end.
func (s *jsonScanner) at(i int) byte {
	if i += s.pos; i < len(s.data) {
		return s.data[i]
	}
	return 0
}

func (s *jsonScanner) failed(text string) jsonToken {
	return jsonToken{kind: jsonError, pos: s.pos, text: text}
}

// next returns the next token.
func (s *jsonScanner) next() jsonToken {
	for c := s.at(0); c == ' ' || c == '\t' || c == '\n' || c == '\r'; c = s.at(0) {
		s.pos++
		if s.pos&0xfff == 0 {
			s.v.step(64)
		}
	}
	token := jsonToken{pos: s.pos}
	switch c := s.at(0); c {
	case '{':
		return s.single(jsonObjectBegin)
	case '}':
		return s.single(jsonObjectEnd)
	case '[':
		return s.single(jsonArrayBegin)
	case ']':
		return s.single(jsonArrayEnd)
	case ':':
		return s.single(jsonColon)
	case ',':
		return s.single(jsonComma)
	case 0:
		token.kind = jsonEnd
		return token
	case '"':
		return s.text()
	default:
		if c == '-' || isDigit(c) {
			if !s.invalidNumbers && s.invalidNumber() {
				return s.failed("invalid number")
			}
			return s.number()
		}
	}
	return s.word()
}

func (s *jsonScanner) single(kind jsonTokenKind) jsonToken {
	s.pos++
	return jsonToken{kind: kind, pos: s.pos - 1}
}

// word reads a literal, or one of the numbers that JSON does not have.
func (s *jsonScanner) word() jsonToken {
	token := jsonToken{pos: s.pos}
	rest := s.data[s.pos:]
	switch {
	case strings.HasPrefix(rest, "true"):
		token.kind, token.number = jsonBoolean, 1
		s.pos += len("true")
	case strings.HasPrefix(rest, "false"):
		token.kind = jsonBoolean
		s.pos += len("false")
	case strings.HasPrefix(rest, "null"):
		token.kind = jsonNullToken
		s.pos += len("null")
	case s.invalidNumbers && strings.IndexByte("+iInN", rest[0]) >= 0 && s.invalidNumber():
		return s.number()
	default:
		return s.failed("invalid token")
	}
	return token
}

// invalidNumber reports whether a number begins in a way that JSON does not have.
func (s *jsonScanner) invalidNumber() bool {
	if s.at(0) == '+' {
		return true
	}
	rest := s.data[s.pos:]
	if s.at(0) == '-' {
		rest = rest[1:]
	}
	if len(rest) > 1 && rest[0] == '0' {
		return rest[1]|0x20 == 'x' || isDigit(rest[1])
	}
	return hasFold(rest, "inf") || hasFold(rest, "nan")
}

func (s *jsonScanner) number() jsonToken {
	token := jsonToken{kind: jsonNumber, pos: s.pos}
	rest := s.data[s.pos:]
	n := scanNumber(rest)
	if n == 0 {
		return s.failed("invalid number")
	}
	s.v.step(n / 64)
	token.number = convertNumber(rest[:n])
	s.pos += n
	return token
}
