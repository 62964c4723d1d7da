package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// longText is from which length on "%s" takes a string as it is, with zero bytes.
const longText = 100

// maxItem is more than what a conversion of a number with any width and precision makes.
const maxItem = 512

func (v *vm) stringFormat(L *lua.LState) int {
	format := checkString(L, 1)
	out := v.base.text[:0]
	for arg := 1; ; {
		i := strings.IndexByte(format, '%')
		if i < 0 {
			out = append(v.room(out, len(format)), format...)
			break
		}
		out = append(v.room(out, i+1), format[:i]...)
		format = format[i+1:]
		if strings.HasPrefix(format, "%") {
			out, format = append(out, '%'), format[1:]
			continue
		}
		if arg++; arg > L.GetTop() {
			argError(L, arg, "no value")
		}
		sp, length, problem := parseSpec(format)
		if problem != "" {
			raise(L, "%s", problem)
		}
		out, format = v.appendItem(L, out, &sp, arg), format[length:]
	}
	v.reserve(len(out))
	L.Push(stringValue(string(out)))
	if cap(out) <= maxKept {
		v.base.text = out
	}
	return 1
}

// room makes room for n more bytes, whose memory it charges before.
func (v *vm) room(out []byte, n int) []byte {
	if need := len(out) + n; need > cap(out) {
		size := max(need, 2*cap(out))
		v.reserve(size - cap(out))
		out = append(make([]byte, 0, size), out...)
	}
	return out
}

// appendItem appends an argument as its conversion says.
func (v *vm) appendItem(L *lua.LState, out []byte, sp *spec, arg int) []byte {
	switch sp.verb {
	case 's':
		s := checkString(L, arg)
		if sp.precision < 0 && len(s) >= longText {
			return append(v.room(out, len(s)), s...)
		}
		s, _, _ = strings.Cut(s, "\x00")
		return sp.appendText(v.room(out, maxItem), s)
	case 'q':
		s := checkString(L, arg)
		return appendQuoted(v.room(out, 4*len(s)+2), s)
	}
	out = v.room(out, maxItem)
	switch sp.verb {
	case 'd', 'i':
		return sp.appendInteger(out, toInteger(checkNumber(L, arg)))
	case 'o', 'u', 'x', 'X':
		return sp.appendUnsigned(out, toUnsigned(checkNumber(L, arg)))
	case 'e', 'E', 'f', 'g', 'G':
		return sp.appendFloat(out, checkNumber(L, arg))
	case 'c':
		return sp.appendChar(out, byte(cInt(checkNumber(L, arg))))
	case 0:
		raise(L, "invalid option '%%' to 'format'")
	}
	raise(L, "invalid option '%%%s' to 'format'", []byte{sp.verb})
	return nil
}

// appendChar appends a character. A zero byte ends the text of the conversion, as in C.
func (sp *spec) appendChar(dst []byte, c byte) []byte {
	if c != 0 {
		return sp.appendText(dst, string([]byte{c}))
	}
	if sp.minus {
		return dst
	}
	return appendRepeated(dst, ' ', sp.width-1)
}

// appendQuoted appends a string as Lua source that reads back as the same string: %q.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\', '\n':
			dst = append(dst, '\\', c)
		case '\r':
			dst = append(dst, `\r`...)
		case 0:
			dst = append(dst, `\000`...)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
