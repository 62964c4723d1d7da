package script

import (
	"fmt"
	"strings"
)

// The parser of gopher-lua is not used: its texts of errors, numbers and reserved words
// are not those of Lua 5.1, and nothing bounds how deep expressions nest.

// token is what the lexer found. The value of a token of one character is that character.
type token int

// Tokens of several characters, in the order of their names.
const (
	tokenAnd token = iota + 256
	tokenBreak
	tokenDo
	tokenElse
	tokenElseif
	tokenEnd
	tokenFalse
	tokenFor
	tokenFunction
	tokenIf
	tokenIn
	tokenLocal
	tokenNil
	tokenNot
	tokenOr
	tokenRepeat
	tokenReturn
	tokenThen
	tokenTrue
	tokenUntil
	tokenWhile
	tokenConcat
	tokenDots
	tokenEq
	tokenGe
	tokenLe
	tokenNe
	tokenNumber
	tokenName
	tokenString
	tokenEOF
)

var tokenNames = strings.Fields("and break do else elseif end false for function if in local nil not or repeat " +
	"return then true until while .. ... == >= <= ~= <number> <name> <string> <eof>")

// reserved are the words that are no names.
var reserved = func() map[string]token {
	words := make(map[string]token)
	for t := tokenAnd; t <= tokenWhile; t++ {
		words[tokenNames[t-tokenAnd]] = t
	}
	return words
}()

// String returns the token as errors show it.
func (t token) String() string {
	switch {
	case t >= tokenAnd:
		return tokenNames[t-tokenAnd]
	case t < ' ' || t == 127:
		return fmt.Sprintf("char(%d)", int(t))
	}
	return string([]byte{byte(t)})
}

// lexer splits a source into tokens (Lua 5.1, llex.c).
type lexer struct {
	name   string // of the source
	source []byte
	at     int
	line   int    // where the current token ends
	last   int    // the line of the token before
	raw    []byte // the text of the current token as errors show it

	token  token
	text   string  // of a name or a string
	number float64 // of a number

	peeked bool // the next token is known
	next   struct {
		token  token
		text   string
		number float64
		line   int
	}
}

// syntaxError is why a source is no program.
type syntaxError struct{ text string }

func (e *syntaxError) Error() string { return e.text }

// fail ends the compilation with an error near the current token.
func (l *lexer) fail(format string, args ...any) {
	l.failNear(fmt.Sprintf(format, args...), l.token)
}

// failNear ends it with an error near a token, none if that is 0.
func (l *lexer) failNear(text string, near token) {
	text = fmt.Sprintf("%s:%d: %s", l.name, l.line, text)
	if near != 0 {
		text += " near '" + l.shown(near) + "'"
	}
	panic(&syntaxError{text})
}

// shown returns a token as errors show it.
func (l *lexer) shown(t token) string {
	switch t {
	case tokenName, tokenString, tokenNumber:
		raw, _, _ := strings.Cut(string(l.raw), "\x00")
		return raw
	}
	return t.String()
}

// advance goes on to the next token.
func (l *lexer) advance() {
	l.last = l.line
	if l.peeked {
		l.peeked = false
		l.token, l.text, l.number, l.line = l.next.token, l.next.text, l.next.number, l.next.line
		return
	}
	l.token = l.scan()
}

// peek returns the token after the current one.
func (l *lexer) peek() token {
	if !l.peeked {
		text, number, line := l.text, l.number, l.line
		l.next.token = l.scan()
		l.next.text, l.next.number, l.next.line = l.text, l.number, l.line
		l.text, l.number, l.line, l.peeked = text, number, line, true
	}
	return l.next.token
}

// char returns the character at an offset from where the lexer is, -1 at the end.
func (l *lexer) char(offset int) int {
	if l.at+offset >= len(l.source) {
		return -1
	}
	return int(l.source[l.at+offset])
}

// newline skips a line break, which may have two characters.
func (l *lexer) newline() {
	c := l.char(0)
	l.at++
	if next := l.char(0); (next == '\n' || next == '\r') && next != c {
		l.at++
	}
	l.line++
}

// scan reads a token.
func (l *lexer) scan() token {
	for {
		l.raw = l.raw[:0]
		c := l.char(0)
		switch {
		case c < 0:
			return tokenEOF
		case c == '\n' || c == '\r':
			l.newline()
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			l.at++
		case c == '-' && l.char(1) == '-':
			l.comment()
		case c == '[':
			if level, ok := l.bracket(); ok {
				l.longString(level, "string")
				return tokenString
			}
			return '['
		case c == '"' || c == '\'':
			l.quoted(byte(c))
			return tokenString
		case decimal(c) || c == '.' && decimal(l.char(1)):
			l.numeral()
			return tokenNumber
		case letter(c):
			return l.word()
		default:
			return l.symbol(c)
		}
	}
}

// symbol reads a token that is neither a word nor a literal.
func (l *lexer) symbol(c int) token {
	l.at++
	two := map[int]token{'=': tokenEq, '<': tokenLe, '>': tokenGe, '~': tokenNe}
	if t, ok := two[c]; ok && l.char(0) == '=' {
		l.at++
		return t
	}
	if c == '.' && l.char(0) == '.' {
		l.at++
		if l.char(0) == '.' {
			l.at++
			return tokenDots
		}
		return tokenConcat
	}
	return token(c)
}

// word reads a name or a reserved word.
func (l *lexer) word() token {
	start := l.at
	for c := l.char(0); letter(c) || decimal(c); c = l.char(0) {
		l.at++
	}
	l.raw = append(l.raw, l.source[start:l.at]...)
	l.text = string(l.raw)
	if t, ok := reserved[l.text]; ok {
		return t
	}
	return tokenName
}

// numeral reads a number.
func (l *lexer) numeral() {
	start := l.at
	for c := l.char(0); decimal(c) || c == '.'; c = l.char(0) {
		l.at++
	}
	if c := l.char(0); c == 'e' || c == 'E' {
		l.at++
		if c := l.char(0); c == '+' || c == '-' {
			l.at++
		}
	}
	for c := l.char(0); letter(c) || decimal(c); c = l.char(0) {
		l.at++
	}
	l.raw = append(l.raw, l.source[start:l.at]...)
	f, ok := parseNumber(string(l.raw))
	if !ok {
		l.failNear("malformed number", tokenNumber)
	}
	l.number = f
}

// comment skips a comment.
func (l *lexer) comment() {
	l.at += 2
	if l.char(0) == '[' {
		if level, ok := l.bracket(); ok {
			l.longString(level, "comment")
			return
		}
	}
	for c := l.char(0); c >= 0 && c != '\n' && c != '\r'; c = l.char(0) {
		l.at++
	}
}

// bracket skips what begins a long string, "[==[", and returns how many "=" it has. It
// skips nothing if there is none.
func (l *lexer) bracket() (level int, ok bool) {
	for l.char(1+level) == '=' {
		level++
	}
	if l.char(1+level) == '[' {
		l.raw = append(l.raw, l.source[l.at:l.at+level+2]...)
		l.at += level + 2
		return level, true
	}
	if level > 0 && !l.inComment() {
		l.raw = append(l.raw, l.source[l.at:l.at+level+1]...)
		l.failNear("invalid long string delimiter", tokenString)
	}
	l.at++
	return 0, false
}

// inComment reports whether "--" is in front.
func (l *lexer) inComment() bool {
	return l.at >= 2 && l.source[l.at-1] == '-' && l.source[l.at-2] == '-'
}

// longString reads the rest of a long string or comment.
func (l *lexer) longString(level int, what string) {
	if c := l.char(0); c == '\n' || c == '\r' {
		l.newline()
	}
	closing := "]" + strings.Repeat("=", level) + "]"
	var text []byte
	for {
		c := l.char(0)
		switch {
		case c < 0:
			l.failNear("unfinished long "+what, tokenEOF)
		case c == ']' && strings.HasPrefix(string(l.source[l.at:min(len(l.source), l.at+len(closing))]), closing):
			l.at += len(closing)
			l.text = string(text)
			l.raw = append(append(l.raw, text...), closing...)
			return
		case c == '\n' || c == '\r':
			l.newline()
			text = append(text, '\n')
		default:
			text = append(text, byte(c))
			l.at++
		}
	}
}

// quoted reads a string in quotes.
func (l *lexer) quoted(quote byte) {
	l.raw = append(l.raw, quote)
	for l.at++; ; {
		c := l.char(0)
		switch {
		case c < 0:
			l.failNear("unfinished string", tokenEOF)
		case c == '\n' || c == '\r':
			l.failNear("unfinished string", tokenString)
		case c == '\\':
			l.at++
			l.escape()
		case c == int(quote):
			l.at++
			l.text = string(l.raw[1:])
			l.raw = append(l.raw, quote)
			return
		default:
			l.raw = append(l.raw, byte(c))
			l.at++
		}
	}
}

// escape reads what follows a backslash in a string.
func (l *lexer) escape() {
	c := l.char(0)
	switch {
	case c < 0:
		return // the loop says so
	case c == '\n' || c == '\r':
		l.newline()
		l.raw = append(l.raw, '\n')
		return
	case decimal(c):
		value := 0
		for i := 0; i < 3 && decimal(l.char(0)); i++ {
			value = 10*value + l.char(0) - '0'
			l.at++
		}
		if value > 255 {
			l.failNear("escape sequence too large", tokenString)
		}
		l.raw = append(l.raw, byte(value))
		return
	}
	if i := strings.IndexByte("abfnrtv", byte(c)); i >= 0 {
		c = int("\a\b\f\n\r\t\v"[i])
	}
	l.raw = append(l.raw, byte(c))
	l.at++
}

func decimal(c int) bool { return '0' <= c && c <= '9' }

func letter(c int) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
