package script

import "strings"

// Patterns of Lua 5.1 (reference manual, section 5.4.1), matched by backtracking. A pattern
// ends at a zero byte, as in C.

const (
	maxCaptures = 32     // LUA_MAXCAPTURES
	maxDepth    = 10_000 // of the recursion, one level for each item of a pattern
	stepsAtOnce = 1_000  // how many steps are made between two calls of patternHost.step
)

// Lengths of captures that have none.
const (
	unfinished = -1
	position   = -2
)

// patternHost is asked while a pattern is matched.
type patternHost interface {
	// step says that n units of work were done. It panics if the script must end.
	step(n int)
	// fail panics with an error of the script.
	fail(text string)
}

// matcher matches a pattern at positions of a string.
type matcher struct {
	host    patternHost
	src     string
	pattern string

	level    int // how many captures have begun
	captures [maxCaptures]capture
	depth    int
	steps    int
}

type capture struct{ start, length int }

// init prepares a matcher.
func (m *matcher) init(host patternHost, src, pattern string) {
	if i := strings.IndexByte(pattern, 0); i >= 0 {
		pattern = pattern[:i]
	}
	m.host, m.src, m.pattern, m.level, m.depth, m.steps = host, src, pattern, 0, 0, 0
}

// anchored removes the anchor from the start of the pattern and reports whether there was
// one.
func (m *matcher) anchored() bool {
	if m.at(0) != '^' {
		return false
	}
	m.pattern = m.pattern[1:]
	return true
}

// find returns the first match at start or after it, only there if anchored; end is
// negative if there is none.
func (m *matcher) find(start int, anchored bool) (from, end int) {
	for s := start; s <= len(m.src); s++ {
		if end := m.matchAt(s); end >= 0 {
			m.host.step(m.steps)
			m.steps = 0
			return s, end
		}
		if anchored {
			break
		}
	}
	m.host.step(m.steps)
	m.steps = 0
	return 0, -1
}

// matchAt returns the end of the match that begins at s, or -1.
func (m *matcher) matchAt(s int) int {
	m.level, m.depth = 0, 0
	return m.match(s, 0)
}

// at returns the byte of the pattern at p, zero at its end.
func (m *matcher) at(p int) byte {
	if p < len(m.pattern) {
		return m.pattern[p]
	}
	return 0
}

// tick counts n steps.
func (m *matcher) tick(n int) {
	if m.steps += n; m.steps >= stepsAtOnce {
		steps := m.steps
		m.steps = 0
		m.host.step(steps)
	}
}

// match matches the pattern from p on against the string from s on.
func (m *matcher) match(s, p int) int {
	if m.depth++; m.depth > maxDepth {
		m.host.fail("pattern too complex")
	}
	for {
		m.tick(1)
		var done bool
		if s, p, done = m.matchItem(s, p); done {
			m.depth--
			return s
		}
	}
}

// matchItem matches the item at p. It returns the result of the whole match if done, and
// otherwise from where to go on.
func (m *matcher) matchItem(s, p int) (nextS, nextP int, done bool) {
	switch m.at(p) {
	case '(':
		if m.at(p+1) == ')' {
			return m.startCapture(s, p+2, position), 0, true
		}
		return m.startCapture(s, p+1, unfinished), 0, true
	case ')':
		return m.endCapture(s, p+1), 0, true
	case 0:
		return s, 0, true
	case '$':
		if p+1 == len(m.pattern) {
			if s != len(m.src) {
				s = -1
			}
			return s, 0, true
		}
	case '%':
		switch c := m.at(p + 1); {
		case c == 'b':
			s = m.matchBalance(s, p+2)
			return s, p + 4, s < 0
		case c == 'f':
			return m.matchFrontier(s, p+2)
		case isDigit(c):
			s = m.matchBack(s, c)
			return s, p + 2, s < 0
		}
	}
	return m.matchSingle(s, p)
}

// matchSingle matches an item that stands for one character, and the repetition after it.
func (m *matcher) matchSingle(s, p int) (nextS, nextP int, done bool) {
	end := m.classEnd(p)
	switch m.at(end) {
	case '?':
		if m.single(s, p, end) {
			if res := m.match(s+1, end+1); res >= 0 {
				return res, 0, true
			}
		}
		return s, end + 1, false
	case '*':
		return m.expandMost(s, p, end), 0, true
	case '+':
		if !m.single(s, p, end) {
			return -1, 0, true
		}
		return m.expandMost(s+1, p, end), 0, true
	case '-':
		return m.expandLeast(s, p, end), 0, true
	}
	if !m.single(s, p, end) {
		return -1, 0, true
	}
	return s + 1, end, false
}

// expandMost matches as many characters as possible, then fewer.
func (m *matcher) expandMost(s, p, end int) int {
	n := 0
	for m.single(s+n, p, end) {
		n++
	}
	m.tick(n)
	for ; n >= 0; n-- {
		if res := m.match(s+n, end+1); res >= 0 {
			return res
		}
	}
	return -1
}

// expandLeast matches as few characters as possible, then more.
func (m *matcher) expandLeast(s, p, end int) int {
	for {
		if res := m.match(s, end+1); res >= 0 {
			return res
		}
		if !m.single(s, p, end) {
			return -1
		}
		s++
	}
}

// matchBalance matches "%bxy", whose two characters are at p.
func (m *matcher) matchBalance(s, p int) int {
	if p+1 >= len(m.pattern) {
		m.host.fail("unbalanced pattern")
	}
	begin, end := m.pattern[p], m.pattern[p+1]
	if s >= len(m.src) || m.src[s] != begin {
		return -1
	}
	open := 1
	for i := s + 1; i < len(m.src); i++ {
		switch m.src[i] {
		case end:
			if open--; open == 0 {
				m.tick(i - s)
				return i + 1
			}
		case begin:
			open++
		}
	}
	m.tick(len(m.src) - s)
	return -1
}

// matchFrontier matches "%f[set]", whose set is at p: the place between a character that is
// not in the set and one that is. Beyond the ends of the string there are zero bytes.
func (m *matcher) matchFrontier(s, p int) (nextS, nextP int, done bool) {
	if m.at(p) != '[' {
		m.host.fail("missing '[' after '%f' in pattern")
	}
	end := m.classEnd(p)
	var before, after byte
	if s > 0 {
		before = m.src[s-1]
	}
	if s < len(m.src) {
		after = m.src[s]
	}
	if m.inSet(before, p, end-1) || !m.inSet(after, p, end-1) {
		return -1, 0, true
	}
	return s, end, false
}

// matchBack matches what the capture of a digit has matched.
func (m *matcher) matchBack(s int, digit byte) int {
	i := int(digit) - '1'
	if i < 0 || i >= m.level || m.captures[i].length == unfinished {
		m.host.fail("invalid capture index")
	}
	c := m.captures[i]
	if c.length < 0 { // a position: in C its length is a huge one
		return -1
	}
	m.tick(c.length >> 4)
	if !strings.HasPrefix(m.src[s:], m.src[c.start:c.start+c.length]) {
		return -1
	}
	return s + c.length
}

func (m *matcher) startCapture(s, p, length int) int {
	if m.level == maxCaptures {
		m.host.fail("too many captures")
	}
	m.captures[m.level] = capture{s, length}
	m.level++
	res := m.match(s, p)
	if res < 0 {
		m.level--
	}
	return res
}

func (m *matcher) endCapture(s, p int) int {
	i := m.level - 1
	for i >= 0 && m.captures[i].length != unfinished {
		i--
	}
	if i < 0 {
		m.host.fail("invalid pattern capture")
	}
	m.captures[i].length = s - m.captures[i].start
	res := m.match(s, p)
	if res < 0 {
		m.captures[i].length = unfinished
	}
	return res
}

// results returns how many values a match has: its captures, or the whole of it if there
// are none.
func (m *matcher) results() int { return max(m.level, 1) }

// result returns where a value of the match from start to end begins and ends in the
// string; of a position capture only the begin counts.
func (m *matcher) result(i, start, end int) (from, to int, isPosition bool) {
	if i >= m.level {
		if i > 0 {
			m.host.fail("invalid capture index")
		}
		return start, end, false
	}
	c := m.captures[i]
	if c.length == unfinished {
		m.host.fail("unfinished capture")
	}
	return c.start, c.start + c.length, c.length == position
}
