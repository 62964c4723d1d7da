package conf

import (
	"errors"
	"strconv"
	"strings"
)

var errQuotes = errors.New("unbalanced quotes: close them, and put a space after the closing one")

// split cuts a line into words as Redis does: spaces separate, "…" and '…' hold together,
// a closing quote ends the word.
func split(line string) ([]string, error) {
	var list []string
	for {
		line = strings.TrimLeft(line, " \t\r\n\v\f\x00")
		if line == "" {
			return list, nil
		}
		word, rest, err := nextWord(line)
		if err != nil {
			return nil, err
		}
		list, line = append(list, word), rest
	}
}

func nextWord(s string) (word, rest string, err error) {
	var b strings.Builder
	for s != "" {
		switch s[0] {
		case ' ', '\t', '\r', '\n', '\v', '\f', 0:
			return b.String(), s, nil
		case '"', '\'':
			rest, err := quoted(&b, s[1:], s[0])
			if err != nil {
				return "", "", err
			}
			return b.String(), rest, nil
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String(), "", nil
}

// quoted appends to b what stands before the closing quote, and returns what stands after
// it.
func quoted(b *strings.Builder, s string, quote byte) (rest string, err error) {
	for s != "" {
		switch {
		case s[0] == quote:
			if rest = s[1:]; rest != "" && !strings.ContainsRune(" \t\r\n\v\f\x00", rune(rest[0])) {
				return "", errQuotes
			}
			return rest, nil
		case s[0] == '\\' && quote == '\'' && len(s) > 1 && s[1] == '\'':
			b.WriteByte('\'')
			s = s[2:]
		case s[0] == '\\' && quote == '"' && len(s) > 1:
			c, n := unescape(s)
			b.WriteByte(c)
			s = s[n:]
		default:
			b.WriteByte(s[0])
			s = s[1:]
		}
	}
	return "", errQuotes
}

// unescape reads an escape of at least two bytes and says how long it is.
func unescape(s string) (c byte, length int) {
	if s[1] == 'x' && len(s) >= 4 {
		if n, err := strconv.ParseUint(s[2:4], 16, 8); err == nil {
			return byte(n), 4
		}
	}
	if i := strings.IndexByte("nrtba", s[1]); i >= 0 {
		return "\n\r\t\b\a"[i], 2
	}
	return s[1], 2
}

// quote writes a word so that split reads it back. A # begins a comment only where it is
// the first of the line, which no value is.
func quote(word string) string {
	if word != "" &&
		strings.IndexFunc(word, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' }) < 0 {
		return word
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(word) {
		switch c := word[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			b.WriteString(`\x`)
			b.WriteByte("0123456789abcdef"[c>>4])
			b.WriteByte("0123456789abcdef"[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
