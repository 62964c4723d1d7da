package script

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text reads a string. What is between the quotes needs not be valid UTF-8.
func (s *jsonScanner) text() jsonToken {
	token := jsonToken{kind: jsonString, pos: s.pos}
	s.pos++
	start, escaped := s.pos, false
	for {
		rest := s.data[s.pos:]
		n := strings.IndexAny(rest, "\"\\\x00")
		if n < 0 {
			n = len(rest)
		}
		s.v.step(1 + n/64)
		s.pos += n
		if s.at(0) == 0 {
			return s.failed("unexpected end of string")
		}
		if rest[n] == '"' && !escaped {
			s.pos++
			token.value = s.v.substring(s.data, start, s.pos-1)
			return token
		}
		if !escaped {
			s.unescaped, escaped = meteredBuffer{v: s.v, b: s.unescaped.b[:0]}, true
		}
		s.unescaped.appendString(rest[:n])
		if rest[n] == '"' {
			s.pos++
			token.value = s.unescaped.value()
			return token
		}
		if problem := s.escape(); problem != "" {
			return s.failed(problem)
		}
	}
}

// jsonUnescapes are the characters for which one after a backslash stands.
var jsonUnescapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 't': '\t', 'n': '\n', 'f': '\f', 'r': '\r',
}

// escape reads an escape sequence, or returns what is wrong with it.
func (s *jsonScanner) escape() (problem string) {
	c := s.at(1)
	if c == 'u' {
		return s.unicodeEscape()
	}
	if c = jsonUnescapes[c]; c == 0 {
		return "invalid escape code"
	}
	s.unescaped.appendByte(c)
	s.pos += 2
	return ""
}

// unicodeEscape reads \uXXXX, or two of them that are a pair of surrogates.
func (s *jsonScanner) unicodeEscape() (problem string) {
	const length = len(`\u0000`)
	r, ok := s.hex4(2)
	if ok && utf16.IsSurrogate(r) {
		low, valid := s.hex4(length + 2)
		r = utf16.DecodeRune(r, low)
		ok = valid && s.at(length) == '\\' && s.at(length+1) == 'u' && r != utf8.RuneError
		if ok {
			s.pos += length
		}
	}
	if !ok {
		return "invalid unicode escape code"
	}
	s.pos += length
	s.unescaped.reserve(utf8.UTFMax)
	s.unescaped.b = utf8.AppendRune(s.unescaped.b, r)
	return ""
}

// hex4 reads four hexadecimal digits at a distance from the position.
func (s *jsonScanner) hex4(at int) (r rune, ok bool) {
	for i := range 4 {
		c := s.at(at + i)
		if !isHexDigit(c) {
			return 0, false
		}
		r = r<<4 | rune(digitValue(c))
	}
	return r, true
}
