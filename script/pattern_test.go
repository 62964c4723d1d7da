package script

import (
	"errors"
	"strings"
	"testing"
)

// found are strings, patterns, and what string.find of Redis 7.0.15 returns for them.
var found = []struct{ src, pattern, want string }{
	{"hello world", "o", "5,5"},
	{"hello world", "o w", "5,7"},
	{"hello", "l+", "3,4"},
	{"hello", "(l)(l)(o)", "3,5,l,l,o"},
	{"hello", "()ll()", "3,4,3,5"},
	{"hello", "^h.-o$", "1,5"},
	{"hello", "^e", "nil"},
	{"hello", "", "1,0"},
	{"", "^$", "1,0"},
	{"key = value", "^(%w+)%s*=%s*(%w+)$", "1,11,key,value"},
	{"  trim  ", "^%s*(.-)%s*$", "1,8,trim"},
	{"2026-11-29", "(%d+)-(%d+)-(%d+)", "1,10,2026,11,29"},
	{"f(a(b)c)d", "%b()", "2,8"},
	{"THE (quick) fox", "%f[%a]%a+%f[%A]", "1,3"},
	{"THE (quick) fox", "%f[%l]%l+", "6,10"},
	{"abcabc", "(abc)%1", "1,6,abc"},
	{"\"it's\"", "([\"'])(.-)%1", "1,6,\",it's"},
	{"a.b", "a%.b", "1,3"},
	{"axb", "a%.b", "nil"},
	{"a]b", "[]]", "2,2"},
	{"a^b", "[%^]", "2,2"},
	{"a-b", "[a%-]+", "1,2"},
	{"x-y", "[x-]+", "1,2"},
	{"abc", "[^a-b]", "3,3"},
	{"abc", "[%a-z]+", "1,3"},
	{"a\x00b", "%z", "2,2"},
	{"a\x00b", "a.b", "1,3"},
	{"tab\tend", "%c", "4,4"},
	{"!?", "%p+", "1,2"},
	{"0xFF", "%x+$", "3,4"},
	{"\xc3\xa4\xc3\xb6", "[\xc3][\xa4]", "1,2"},
	{"aaa", "a-", "1,0"},
	{"aaa", "a-$", "1,3"},
	{"aaa", "^a?a?a?a?$", "1,3"},
	{"a$", "a$$", "1,2"},
	{"a$b", "a$b", "1,3"},
	{"abc", "%a%a%a%a", "nil"},
	{"x", "(x)(y)?", "nil"},
	{"ab", "(a)(b*)(c*)", "1,2,a,b,"},
	{"a", "(", "error: unfinished capture"},
	{"a", ")", "nil"},
	{"a", "(a", "error: unfinished capture"},
	{"a", "a)", "nil"},
	{"a", "%", "error: malformed pattern (ends with '%')"},
	{"a", "[", "error: malformed pattern (missing ']')"},
	{"a", "[^", "error: malformed pattern (missing ']')"},
	{"a", "[]", "error: malformed pattern (missing ']')"},
	{"a", "[a", "error: malformed pattern (missing ']')"},
	{"a", "[%", "error: malformed pattern (missing ']')"},
	{"a", "[a%]", "error: malformed pattern (missing ']')"},
	{"a", "%b", "error: unbalanced pattern"},
	{"a", "%bx", "error: unbalanced pattern"},
	{"a", "%f", "error: missing '[' after '%f' in pattern"},
	{"a", "%fa", "error: missing '[' after '%f' in pattern"},
	{"a", "%1", "error: invalid capture index"},
	{"a", "(a)%2", "error: invalid capture index"},
	{"a", "(a%1)", "error: invalid capture index"},
	{"a", "%0", "error: invalid capture index"},
	{"a", "()%1", "nil"},
	{"aaa", "(((((((((((((((((((((((((((((((((a)))))))))))))))))))))))))))))))))", "error: too many captures"},
	{"abc", "((((a))))", "1,1,a,a,a,a"},
	{"a", "*a", "nil"},
	{"a", "a**", "nil"},
	{"+a", "+a", "1,2"},
	{"a", "^^a", "nil"},
	{"^a", "^^a", "1,2"},
	{"a\x00b", "a\x00x", "nil"},
}

func TestFindPattern(t *testing.T) {
	v := newTestVM()
	v.load(t, `local function show(ok, ...)
		if not ok then return 'error: ' .. (...) end
		local t = {}
		for i = 1, select('#', ...) do t[i] = tostring((select(i, ...))) end
		return table.concat(t, ',')
	end
	return function(s, p) return show(pcall(string.find, s, p)) end`)
	for _, test := range found {
		if got, err := v.callText("", test.src, test.pattern); err != nil || got != test.want {
			t.Errorf("%q, %q: %q, %v, want %q", test.src, test.pattern, got, err, test.want)
		}
	}
}

// boundedHost ends a match after some steps.
type boundedHost struct{ left int }

var errSteps = errors.New("too many steps")

func (h *boundedHost) step(n int) {
	if h.left -= n; h.left < 0 {
		panic(errSteps)
	}
}

func (h *boundedHost) fail(text string) { panic(errors.New(text)) }

// findBounded finds a pattern in at most about steps steps.
func findBounded(src, pattern string, steps int) (m *matcher, from, end int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	m = new(matcher)
	m.init(&boundedHost{left: steps}, src, pattern)
	from, end = m.find(0, m.anchored())
	return m, from, end, nil
}

// A pattern whose matching would take longer than anyone waits asks the host while it is
// matched.
func TestPatternIsStopped(t *testing.T) {
	src := strings.Repeat("a", 200)
	for _, pattern := range []string{
		strings.Repeat("a*", 30) + "b", strings.Repeat("a-", 30) + "b", strings.Repeat("(.*)", 20) + "%1%2b",
		strings.Repeat(".-", 20) + "%b()",
	} {
		_, _, _, err := findBounded(src, pattern, 200_000)
		if !errors.Is(err, errSteps) {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

func TestPatternDepth(t *testing.T) {
	n := maxDepth + 1
	_, _, _, err := findBounded(strings.Repeat("a", n), strings.Repeat("a?", n), 1<<40)
	if err == nil || err.Error() != "pattern too complex" {
		t.Errorf("%d items: %v", n, err)
	}
	if _, _, end, err := findBounded(strings.Repeat("a", 5000), strings.Repeat("a?", 5000), 1<<40); end != 5000 {
		t.Errorf("5000 items: %d, %v", end, err)
	}
}

// FuzzPattern matches any pattern: it ends within its bounds, a plain text is found where
// package strings finds it, and position captures around a pattern tell where it matches.
func FuzzPattern(f *testing.F) {
	for _, test := range found {
		f.Add(test.src, test.pattern)
	}
	f.Fuzz(func(t *testing.T, src, pattern string) {
		if len(src) > 500 || len(pattern) > 200 {
			return
		}
		const steps = 100_000
		m, from, end, err := findBounded(src, pattern, steps)
		switch {
		case err != nil:
			return
		case end >= 0 && (from > end || end > len(src)):
			t.Fatalf("%q in %q: %d to %d", pattern, src, from, end)
		case !hasSpecials(pattern) && !strings.ContainsAny(pattern, "\x00)"):
			if i := strings.Index(src, pattern); i != from && end >= 0 || i < 0 != (end < 0) {
				t.Fatalf("%q in %q: %d, not %d", pattern, src, from, i)
			}
		}
		for i := range m.results() {
			if end >= 0 && m.level > 0 && m.captures[i].length == unfinished {
				return // an error for scripts
			}
		}
		if strings.ContainsAny(pattern, "\x00^%") || strings.HasSuffix(pattern, "$") || m.level > maxCaptures-2 {
			return
		}
		around, from2, end2, err := findBounded(src, "()"+pattern+"()", 10*steps)
		if err != nil {
			return
		}
		if from2 != from || end2 != end || end >= 0 && around.captures[around.level-1].start != end {
			t.Fatalf("%q in %q: %d to %d, with captures %d to %d", pattern, src, from, end, from2, end2)
		}
	})
}
