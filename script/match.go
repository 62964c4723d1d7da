package script

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// search is one call of a function that matches a pattern. It is used again, because a
// matcher is large.
type search struct {
	matcher
	v   *vm
	L   *lua.LState
	out []byte // what gsub has made so far
}

func (s *search) step(n int) { s.v.step(n) }

func (s *search) fail(text string) { raise(s.L, "%s", text) }

// baseState is what the library functions of an interpreter keep between calls.
type baseState struct {
	idle []*search
	text []byte // where string.format works
	last traversal

	random uint64 // the state of math.random if the script has set the seed
	seeded bool
}

// newSearch returns a search, which endSearch takes back.
func (v *vm) newSearch(L *lua.LState, src, pattern string) *search {
	var s *search
	if n := len(v.base.idle); n > 0 {
		s, v.base.idle = v.base.idle[n-1], v.base.idle[:n-1]
	} else {
		s = &search{v: v}
	}
	s.L = L
	s.matcher.init(s, src, pattern)
	return s
}

// maxKept is how large a buffer may be that is kept for the next call.
const maxKept = 4096

func (v *vm) endSearch(s *search) {
	s.L, s.src, s.pattern, s.out = nil, "", "", s.out[:0]
	if cap(s.out) > maxKept {
		s.out = nil
	}
	v.base.idle = append(v.base.idle, s)
}

func (v *vm) stringFind(L *lua.LState) int { return v.findOrMatch(L, true) }

func (v *vm) stringMatch(L *lua.LState) int { return v.findOrMatch(L, false) }

func (v *vm) findOrMatch(L *lua.LState, find bool) int {
	src, pattern := checkString(L, 1), checkString(L, 2)
	start := int(min(max(fromEnd(optInteger(L, 3, 1), len(src))-1, 0), int64(len(src))))
	if find && (L.ToBool(4) || !hasSpecials(pattern)) {
		return v.findPlain(L, src, pattern, start)
	}
	s := v.newSearch(L, src, pattern)
	from, end := s.find(start, s.anchored())
	n := 1
	switch {
	case end < 0:
		L.Push(lua.LNil)
	case find:
		L.Push(number(int64(from + 1)))
		L.Push(number(int64(end)))
		n = 2 + s.pushCaptures(s.level, from, end)
	default:
		n = s.pushCaptures(s.results(), from, end)
	}
	v.endSearch(s)
	return n
}

// hasSpecials reports whether a pattern is more than a plain text.
func hasSpecials(pattern string) bool {
	for i := range len(pattern) {
		switch pattern[i] {
		case '^', '$', '*', '+', '?', '.', '(', '[', '%', '-':
			return true
		case 0:
			return false
		}
	}
	return false
}

func (v *vm) findPlain(L *lua.LState, src, text string, start int) int {
	i := strings.Index(src[start:], text)
	if i < 0 {
		v.step((len(src) - start) >> 6)
		L.Push(lua.LNil)
		return 1
	}
	v.step(i >> 6)
	L.Push(number(int64(start + i + 1)))
	L.Push(number(int64(start + i + len(text))))
	return 2
}

// pushCaptures pushes n values of the match from start to end.
func (s *search) pushCaptures(n, start, end int) int {
	for i := range n {
		s.L.Push(s.value(i, start, end))
	}
	return n
}

// value returns a value of the match from start to end.
func (s *search) value(i, start, end int) lua.LValue {
	from, to, isPosition := s.result(i, start, end)
	if isPosition {
		return number(int64(from + 1))
	}
	return s.v.substring(s.src, from, to)
}

func (v *vm) stringGmatch(L *lua.LState) int {
	src, pattern := checkString(L, 1), checkString(L, 2)
	v.grow(200)
	next := 0
	// The strings are upvalues, too, for those that measure what a function holds.
	L.Push(L.NewClosure(func(L *lua.LState) int {
		s := v.newSearch(L, src, pattern)
		from, end := s.find(next, false)
		n := 0
		if end >= 0 {
			if next = end; end == from {
				next++
			}
			n = s.pushCaptures(s.results(), from, end)
		}
		v.endSearch(s)
		return n
	}, lua.LString(src), lua.LString(pattern)))
	return 1
}

func (v *vm) stringGsub(L *lua.LState) int {
	src, pattern := checkString(L, 1), checkString(L, 2)
	replacement := L.Get(3)
	limit := optInt(L, 4, len(src)+1)
	switch replacement.(type) {
	case lua.LNumber:
		replacement = lua.LString(checkString(L, 3))
	case lua.LString, *lua.LTable, *lua.LFunction:
	default:
		argError(L, 3, "string/function/table expected")
	}
	s := v.newSearch(L, src, pattern)
	count := s.substitute(replacement, limit)
	if count == 0 {
		L.Push(stringValue(src))
	} else {
		v.reserve(len(s.out))
		L.Push(stringValue(string(s.out)))
	}
	L.Push(number(int64(count)))
	v.endSearch(s)
	return 2
}

// substitute writes the string with up to limit matches replaced, and returns their number.
func (s *search) substitute(replacement lua.LValue, limit int) (count int) {
	anchored := s.anchored()
	copied := 0 // up to where the string is written
	for at := 0; count < limit; {
		from, end := s.find(at, anchored)
		if end < 0 {
			break
		}
		count++
		s.append(s.src[copied:from])
		s.replace(replacement, from, end)
		copied = end
		if at = end; end == from {
			at++
		}
		if anchored || at > len(s.src) {
			break
		}
	}
	if count > 0 {
		s.append(s.src[copied:])
	}
	return count
}

// append writes a text.
func (s *search) append(text string) {
	s.out = append(s.v.room(s.out, len(text)), text...)
}

// replace writes what stands for the match from start to end.
func (s *search) replace(replacement lua.LValue, start, end int) {
	if text, ok := replacement.(lua.LString); ok {
		s.expand(string(text), start, end)
		return
	}
	held := cap(s.out)
	s.v.hold(held)
	var value lua.LValue
	switch replacement := replacement.(type) {
	case *lua.LTable:
		value = s.L.GetTable(replacement, s.value(0, start, end))
	default:
		s.L.Push(replacement)
		s.L.Call(s.pushCaptures(s.results(), start, end), 1)
		value = s.L.Get(-1)
		s.L.Pop(1)
	}
	s.v.hold(-held)
	if !lua.LVAsBool(value) {
		s.append(s.src[start:end])
		return
	}
	text, ok := textOf(value)
	if !ok {
		raise(s.L, "invalid replacement value (a %s)", value.Type())
	}
	s.append(text)
}

// expand writes a text in which "%1" stands for the first capture and "%0" for the match.
func (s *search) expand(text string, start, end int) {
	s.tick(len(text) >> 4)
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 {
			s.append(text)
			return
		}
		s.append(text[:i])
		text = text[i+1:]
		switch {
		case text == "":
			s.append("\x00") // the byte after the end of a string in C
			return
		case text[0] == '0':
			s.append(s.src[start:end])
		case isDigit(text[0]):
			from, to, isPosition := s.result(int(text[0]-'1'), start, end)
			if isPosition {
				s.append(numberText(lua.LNumber(from + 1)))
			} else {
				s.append(s.src[from:to])
			}
		default:
			s.append(text[:1])
		}
		text = text[1:]
	}
}
