package script

import (
	"strings"
	"testing"
)

// evaluate runs a script and returns its reply without what frames it.
func evaluate(t *testing.T, engine *Engine, code string, args ...string) string {
	t.Helper()
	program, err := engine.Compile([]byte(code))
	if err != nil {
		return "-ERR " + err.Error()
	}
	run := newRun(nil, args)
	program.Run(run)
	reply := strings.TrimSuffix(string(run.Reply), "\r\n")
	if strings.HasPrefix(reply, "$") {
		_, reply, _ = strings.Cut(reply, "\r\n")
	}
	return reply
}

// The texts are those of Redis 7.0.15.
func TestInterpreter(t *testing.T) {
	engine := New(Config{})
	for _, test := range []struct{ code, want string }{
		{"local function f(x) x = tostring(x) return x end return f(5)", "5"},
		{"local function f(x) local y x, y = tostring(x), 1 return x end return f(5)", "5"},
		{"local n = 0 local function inc() n = n + 1 end pcall(error, 'x') inc() return n", "1"},
		{"local get pcall(function() local x = 5 get = function() return x end error('e') end) return get()", "5"},
		{"local n = 0 pcall(function() pcall(error, 1) local function f() n = n + 1 end f() error('x') " +
			"end) n = n + 1 return n",
			"2"},
		{"local co = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) " +
			"return co(1) + co(5)",
			"12"},
		{"local co = coroutine.wrap(function() return coroutine.yield(7) end) local a = co() return a + co(1)", "8"},
		{"local co = coroutine.create(function() end) coroutine.resume(co) local ok, e = " +
			"coroutine.resume(co) return e",
			"cannot resume dead coroutine"},
		{"local co co = coroutine.create(function() return coroutine.resume(co) end) local ok, a, e = " +
			"coroutine.resume(co) return e",
			"cannot resume running coroutine"},
		{"local ok, e = pcall(coroutine.yield, 1) return e", "attempt to yield across metamethod/C-call boundary"},
		{"local co = coroutine.create(function() return pcall(coroutine.yield, 1) end) local ok, e, f = " +
			"coroutine.resume(co) return f",
			"attempt to yield across metamethod/C-call boundary"},
		{"local ok, e = pcall(nil) return e", "attempt to call a nil value"},
		{"local ok, e = pcall() return e", "attempt to call a boolean value"},
		{"local ok, e = xpcall(function() error('a', 0) end, function(e) return 'H:' .. e end) return e", "H:a"},
		{"local ok, e = xpcall(function() error('a', 0) end, function(e) error('b') end) return e",
			"error in error handling"},
		{"local function f(n) local ok, e, d = pcall(f, n + 1) if not ok then return e, n end return e, " +
			"d end local e, d = f(1) return e .. d",
			"C stack overflow199"},
		{"local d = 0 local function f() d = d + 1 f() end local ok, e = pcall(f) return e .. (d > 19000 " +
			"and d < 20010 and '' or d)",
			"user_script:1: stack overflow"},
		{"local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) local ok, e = " +
			"pcall(function() return t[1] end) return e",
			"user_script:1: C stack overflow"},
		{"local f f = function(n) local co = coroutine.create(f) local ok, e, d = coroutine.resume(co, n " +
			"+ 1) if not ok then return e, n end return e, d end local e, d = f(1) return e .. d",
			"C stack overflow200"},
		{"local ok, e = pcall(function() x = 1 end) return e", "user_script:1: Attempt to modify a readonly table"},
		{"local ok, e = pcall(function() coroutine.x = 1 end) return e",
			"user_script:1: Attempt to modify a readonly table"},
		{"local ok, e = pcall(function() local t = setmetatable({}, {__newindex = coroutine}) t.x = 1 " +
			"end) return e",
			"user_script:1: Attempt to modify a readonly table"},
		{"local ok, e = pcall(function() return x end) return e",
			"user_script:1: Script attempted to access nonexistent global variable 'x'"},
		{"return 1.5 .. '|' .. 10 / 4 .. 1e15", "1.5|2.51e+15"},
		{"local s = '' for i = '1', 3 do s = s .. i end return s", "123"},
	} {
		if got := evaluate(t, engine, test.code); strings.TrimPrefix(got, ":") != test.want {
			t.Errorf("%s:\n got %q\nwant %q", test.code, got, test.want)
		}
	}
}
