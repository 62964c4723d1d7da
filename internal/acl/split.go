package acl

import "strings"

// mergeSelectors joins the modifiers of a selector that was given in several arguments,
// as "(~a", "+get)" is, because a shell or a file split it at its spaces.
func mergeSelectors(modifiers []string) ([]string, error) {
	merged := make([]string, 0, len(modifiers))
	begin := -1
	for i, m := range modifiers {
		switch {
		case begin < 0 && strings.HasPrefix(m, "(") && !strings.HasSuffix(m, ")"):
			begin = i
		case begin < 0:
			merged = append(merged, m)
		case strings.HasPrefix(m, "(") && !strings.HasSuffix(m, ")"):
			return nil, &ParenthesisError{modifiers[begin]}
		case strings.HasSuffix(m, ")"):
			merged = append(merged, strings.Join(modifiers[begin:i+1], " "))
			begin = -1
		}
	}
	if begin >= 0 {
		return nil, &ParenthesisError{modifiers[begin]}
	}
	return merged, nil
}

// splitWords splits a text into words as Redis splits the lines of its configuration
// file: "…" with escapes and '…' may stand anywhere in a word, but end it. It reports false
// if a quote does not end, or something follows it.
func splitWords(text string) (words []string, ok bool) {
	for {
		for text != "" && isSpace(text[0]) {
			text = text[1:]
		}
		if text == "" {
			return words, true
		}
		var word string
		if word, text, ok = cutWord(text); !ok {
			return nil, false
		}
		words = append(words, word)
	}
}

// cutWord returns the word that a text begins with, and the rest.
func cutWord(text string) (word, rest string, ok bool) {
	var b []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case isSpace(c) || c == 0:
			return string(b), text[i+1:], true
		case c == '"' || c == '\'':
			n := 0
			if b, n, ok = appendQuoted(b, text[i:]); !ok {
				return "", "", false
			}
			i += n
			if i < len(text) && !isSpace(text[i]) {
				return "", "", false
			}
			return string(b), text[i:], true
		default:
			b = append(b, c)
		}
	}
	return string(b), "", true
}

// appendQuoted appends what stands between the quotes that a text begins with. It returns
// the length with the quotes too.
func appendQuoted(b []byte, text string) (_ []byte, n int, ok bool) {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		c := text[i]
		switch {
		case c == quote:
			return b, i + 1, true
		case c == '\\' && quote == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
			b = append(b, '\'')
		case c == '\\' && quote == '"' && i+3 < len(text) && text[i+1] == 'x' && isHex(text[i+2]) && isHex(text[i+3]):
			b = append(b, unhex(text[i+2])<<4|unhex(text[i+3]))
			i += 3
		case c == '\\' && quote == '"' && i+1 < len(text):
			i++
			b = append(b, unescape(text[i]))
		default:
			b = append(b, c)
		}
	}
	return nil, 0, false
}

// quoteWord returns a word that splitWords reads as s and that does not end with a
// parenthesis, which would end a selector. It quotes only where it must, from after
// the first n bytes on.
func quoteWord(s string, n int) string {
	if !strings.ContainsAny(s, `"'`) && !strings.HasSuffix(s, ")") {
		return s
	}
	return s[:n] + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s[n:]) + `"`
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'b':
		return '\b'
	case 'a':
		return '\a'
	}
	return c
}

func isHex(c byte) bool { return c >= '0' && c <= '9' || lower(c) >= 'a' && lower(c) <= 'f' }

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}
