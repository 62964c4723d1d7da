package script

import (
	"errors"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// What library functions make counts before it is made.
func TestLibraryMemory(t *testing.T) {
	for _, code := range []string{
		"string.rep('x', 2^31 - 1)", "string.rep(string.rep('x', 1000), 10000)",
		"(function() local s = 'x' while true do s = s:rep(2) end end)()",
		"(function() local s = 'x' while true do s = s:gsub('x', 'xx') end end)()",
		"(function() local s = 'x' while true do s = table.concat({s, s}) end end)()",
		"(function() local s = 'x' while true do s = string.format('%s%s', s, s) end end)()",
		"(function() local s = ('x'):rep(300000) local t = {} while true do t[#t + 1] = s:sub(2) end end)()",
		"(function() local s = ('x'):rep(300000) local t = {} while true do t[#t + 1] = s:upper() end end)()",
		"(function() local s = ('x'):rep(300000) local t = {} while true do t[#t + 1] = s:match('.+', 2) end end)()",
		"(function() local t = {} while true do table.insert(t, 1) end end)()", "table.insert({}, 2^25, 1)",
		"rawset({}, 2^25, 1)", "(function() local i, t = 0, {} while true do i = i + 1 rawset(t, 'k' .. i, 1) end end)()",
		"(function() local t = {} while true do t[#t + 1] = ('x'):gmatch('x') end end)()",
		"('x'):rep(2000):gsub('x', ('y'):rep(2000))",
		"('x'):rep(2000):gsub('x', function() return ('y'):rep(2000) end)",
		"table.concat({('x'):rep(400000), ('x'):rep(400000)}, ('x'):rep(400000))",
	} {
		v := newVM()
		v.start(&scripting.Run{Host: quietHost{}, Memory: 1 << 20, MaxReply: 1 << 20})
		test := testVM{vm: v}
		test.load(t, "return function() return pcall(function() return "+code+" end) end")
		result, ok := v.call(mustFunction(t, test.loaded))
		if err := endText(v, result); ok || !strings.Contains(err, "not enough memory") {
			t.Errorf("%s: %q", code, err)
		}
	}
}

// stoppingHost ends scripts after it has been asked some times.
type stoppingHost struct {
	quietHost
	left int
}

func (h *stoppingHost) Stop() error {
	if h.left--; h.left < 0 {
		return errors.New("stopped")
	}
	return nil
}

// Functions that take long ask the host, and no script catches that it has to end.
func TestLibraryIsStopped(t *testing.T) {
	for _, code := range []string{
		"('a'):rep(200):find(('a*'):rep(30) .. 'b')", "('a'):rep(200):gsub(('.-'):rep(30) .. 'b', '')",
		"('a'):rep(200):match(('(.*)'):rep(20) .. '%1b')", "('a'):rep(1000000):find('.-b')",
		"table.sort({3, 1, 2}, function() while true do end end)",
		"table.insert({}, -2^31, 1)", "('a'):rep(100):gsub('a', function() while true do end end)",
		"(function() local t = {('x'):rep(9), 1} while true do table.concat(t) end end)()",
		"(function() while true do ('x'):rep(1000000):reverse() end end)()",
		"(function() while true do pcall(string.rep) end end)()",
	} {
		v := newVM()
		v.start(&scripting.Run{Host: &stoppingHost{left: 10}, Memory: 64 << 20, MaxReply: 1 << 20})
		test := testVM{vm: v}
		test.load(t, "return function() return pcall(function() return "+code+" end) end")
		result, ok := v.call(mustFunction(t, test.loaded))
		if err := endText(v, result); ok || !strings.Contains(err, "stopped") {
			t.Errorf("%s: %q", code, err)
		}
	}
}

func mustFunction(t *testing.T, value lua.LValue) *lua.LFunction {
	t.Helper()
	fn, ok := value.(*lua.LFunction)
	if !ok {
		t.Fatal(value)
	}
	return fn
}

// endText returns the text of what ended a script.
func endText(v *vm, value lua.LValue) string {
	if t, ok := value.(*lua.LTable); ok {
		value = v.errorField(t, "err")
	}
	return value.String()
}
