package script

// classEnd returns where the item that begins at p ends.
func (m *matcher) classEnd(p int) int {
	c := m.at(p)
	p++
	switch c {
	case '%':
		if p >= len(m.pattern) {
			m.host.fail("malformed pattern (ends with '%')")
		}
		return p + 1
	case '[':
		start := p
		if m.at(p) == '^' {
			p++
		}
		for first := true; first || m.at(p) != ']'; first = false {
			if p >= len(m.pattern) {
				m.host.fail("malformed pattern (missing ']')")
			}
			escape := m.pattern[p] == '%'
			if p++; escape && p < len(m.pattern) {
				p++
			}
		}
		m.tick((p - start) >> 4)
		return p + 1
	}
	return p
}

// single reports whether the item at p, which ends at end, stands for the character at s.
func (m *matcher) single(s, p, end int) bool {
	if s >= len(m.src) {
		return false
	}
	c := m.src[s]
	switch m.pattern[p] {
	case '.':
		return true
	case '%':
		return inClass(c, m.pattern[p+1])
	case '[':
		return m.inSet(c, p, end-1)
	}
	return m.pattern[p] == c
}

// inSet reports whether the set at p, whose ']' is at end, has a character.
func (m *matcher) inSet(c byte, p, end int) bool {
	m.tick((end - p) >> 4)
	p++
	in := true
	if m.pattern[p] == '^' {
		in = false
		p++
	}
	for ; p < end; p++ {
		switch lo := m.pattern[p]; {
		case lo == '%':
			p++
			if inClass(c, m.at(p)) {
				return in
			}
		case m.at(p+1) == '-' && p+2 < end:
			p += 2
			if lo <= c && c <= m.pattern[p] {
				return in
			}
		case lo == c:
			return in
		}
	}
	return !in
}

// inClass reports whether a class such as 'a' of "%a" has a character; in upper case it is
// the complement. Other characters stand for themselves.
func inClass(c, class byte) bool {
	in := false
	switch toLower(class) {
	case 'a':
		in = isAlpha(c)
	case 'c':
		in = isControl(c)
	case 'd':
		in = isDigit(c)
	case 'l':
		in = isLower(c)
	case 'p':
		in = isPunct(c)
	case 's':
		in = isSpace(c)
	case 'u':
		in = isUpper(c)
	case 'w':
		in = isAlnum(c)
	case 'x':
		in = isHexDigit(c)
	case 'z':
		in = c == 0
	default:
		return class == c
	}
	return in != isUpper(class)
}
