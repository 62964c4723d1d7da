package resp

// inline reads a command that is a line of words. done is false while the end of the line
// has not arrived; an empty line gives no arguments. Quoted words are decoded, so
// arguments may live outside the read buffer.
func (p *Parser) inline() (done bool, err error) {
	line := p.buf[p.r:p.w]
	end := p.endOfLine(line, '\n')
	if end < 0 {
		if len(line) > maxLine {
			return false, errInlineTooBig
		}
		return false, nil
	}
	p.searched = 0
	p.r += end + 1
	p.cmd = p.r
	line = line[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	if cap(p.args) > keepArgs {
		p.args = nil
	}
	args, ok := SplitWords(p.args[:0], line)
	if !ok {
		return false, errQuotes
	}
	p.args = args
	return true, nil
}

// SplitWords appends the words of line to dst, by the rules of redis-cli and redis.conf:
// "double quotes" know \n \r \t \b \a \xHH and \ before any other byte, 'single quotes'
// know \' only, and a closing quote ends the word. ok is false if quotes are not
// balanced. Words without quotes alias line.
func SplitWords(dst [][]byte, line []byte) (words [][]byte, ok bool) {
	for {
		for len(line) > 0 && isSpace(line[0]) {
			line = line[1:]
		}
		if len(line) == 0 {
			return dst, true
		}
		n := 0
		for n < len(line) && !isSpace(line[n]) && line[n] != '"' && line[n] != '\'' {
			n++
		}
		if n == len(line) || isSpace(line[n]) {
			dst = append(dst, line[:n:n])
			line = line[n:]
			continue
		}
		word, rest, ok := quotedWord(line)
		if !ok {
			return dst, false
		}
		dst = append(dst, word)
		line = rest
	}
}

// quotedWord reads one word with at least one quote in it.
func quotedWord(line []byte) (word, rest []byte, ok bool) {
	word = make([]byte, 0, len(line))
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case isSpace(c):
			return word, line[i:], true
		case c != '"' && c != '\'':
			word = append(word, c)
			continue
		}
		var n int
		if c == '"' {
			word, n = doubleQuoted(word, line[i+1:])
		} else {
			word, n = singleQuoted(word, line[i+1:])
		}
		end := i + 1 + n
		if n < 0 || end < len(line) && !isSpace(line[end]) {
			return nil, nil, false
		}
		return word, line[end:], true
	}
	return word, nil, true
}

// doubleQuoted appends what stands before the closing quote and returns the bytes read,
// the quote included; -1 if there is none.
func doubleQuoted(word, s []byte) ([]byte, int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return word, i + 1
		case c == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2]) && isHex(s[i+3]):
			word = append(word, unhex(s[i+2])<<4|unhex(s[i+3]))
			i += 3
		case c == '\\' && i+1 < len(s):
			i++
			word = append(word, unescape(s[i]))
		default:
			word = append(word, c)
		}
	}
	return word, -1
}

func singleQuoted(word, s []byte) ([]byte, int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			return word, i + 1
		case c == '\\' && i+1 < len(s) && s[i+1] == '\'':
			i++
			word = append(word, '\'')
		default:
			word = append(word, c)
		}
	}
	return word, -1
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

// isSpace is the C library's notion; a zero byte ends a word there as well.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0 }

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c >= 'a':
		return c - 'a' + 10
	}
	return c - 'A' + 10
}
