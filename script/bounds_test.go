package script

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

// runBounded runs a script that may hold so many bytes and is stopped at the poll with that
// number, 0 for never. It returns the reply and how often the host was asked.
func runBounded(t *testing.T, engine *Engine, code string, memory int64, stopAt int) (reply string, polls int) {
	t.Helper()
	program, err := engine.Compile([]byte(code))
	if err != nil {
		t.Fatalf("%s: %v", code, err)
	}
	run := newRun(nil, nil)
	run.Memory = memory
	run.Host = &fakeHost{stop: func() error {
		if polls++; stopAt > 0 && polls >= stopAt {
			return errors.New("Script killed by user with SCRIPT KILL.")
		}
		return nil
	}}
	program.Run(run)
	return string(run.Reply), polls
}

// Nothing of a script that is stopped runs any more: the host is asked twice at most, when
// the script is told and perhaps where that error passes a protected call.
func TestStop(t *testing.T) {
	engine := New(Config{})
	for _, code := range []string{
		"while true do end",
		"while true do pcall(function() while true do end end) end",
		"while true do xpcall(function() while true do end end, function() while true do end end) end",
		"local function f() return f() end f()",
		"local function f() pcall(f) f() end f()",
		"while true do coroutine.wrap(function() while true do end end)() end",
		"while true do coroutine.resume(coroutine.create(function() pcall(function() while true do end " +
			"end) end)) end",
		"local t = setmetatable({}, {__index = function(t, k) while true do end end}) while true do " +
			"pcall(function() return t.x end) end",
		"while true do pcall(table.sort, {3, 2, 1}, function(a, b) while true do end end) end",
		"while true do pcall(string.gsub, 'aaa', 'a', function() while true do end end) end",
		"while true do pcall(load, function() while true do end end) end",
		"for i = 1, math.huge do end",
		"local function f(...) return f(1, ...) end f()",
		"repeat local x = ('x'):rep(1000):find(('.-'):rep(20) .. 'y') until false",
		"while true do string.rep('x', 1000000) end",
		"local s = ('x'):rep(1000000) while true do local a = s < s .. 'y' end",
		"local t = {} for i = 1, 100000 do t[i] = i end for i = 100000, 1, -1 do t[i] = nil end while " +
			"true do local n = #t end",
		"while true do pcall(redis.call, 'GET', 'x') end",
		"local t = {} t[1] = t while true do pcall(cjson and cjson.encode or error, t) end",
	} {
		reply, polls := runBounded(t, engine, code, 64<<20, 20)
		if !strings.HasPrefix(reply, "-ERR Script killed by user with SCRIPT KILL.") || polls > 20 {
			t.Errorf("%s: %q, %d polls", code, reply, polls)
		}
	}
	if reply := evaluate(t, engine, "return 1"); reply != ":1" {
		t.Errorf("afterwards: %q", reply)
	}
}

// Scripts that fill memory get an error before they hold much more than they may.
func TestMemory(t *testing.T) {
	const limit = 2 << 20
	engine := New(Config{})
	for _, code := range []string{
		"return string.rep('x', 100000000)",
		"local s = 'x' while true do s = s .. s end",
		"local t, s = {}, ('x'):rep(1000) while true do t[#t + 1] = s .. #t end",
		"local t = {} while true do t[#t + 1] = {} end",
		"local t = {} while true do t[#t + 1] = {{}} end",
		"local t = {} while true do t[#t + 1] = #t end",
		"local t = {} while true do t[#t + 1] = #t * 1.5 local a, b, c = #t * 2.5, #t * 3.5, #t * 4.5 end",
		"local t = {} while true do t[#t + 1] = tostring(#t) end",
		"local t, i = {}, 0 while true do i = i + 1 t['k' .. i] = i end",
		"local t, i = {}, 0 while true do i = i + 1 t['k' .. i] = i t['k' .. i] = nil end",
		"local t = {} while true do t[{}] = true end",
		"local t = {} while true do local u = {} u.x = 1 t[#t + 1] = u end",
		"local t = {} while true do local u = {} u[1000000] = 1 t[#t + 1] = u end",
		"local t = {} t[60000000] = 1",
		"local t = {} rawset(t, 60000000, 1)",
		"local t = {} while true do t[#t + 1] = function() return t end end",
		"local t = {} while true do local x = ('x'):rep(10000) t[#t + 1] = function() return x end end",
		"local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
		"local t = {} while true do t[#t + 1] = coroutine.wrap(function() local s = ('x'):rep(10000) " +
			"coroutine.yield() return s end) t[#t]() end",
		"local f f = function(n) local s = ('x'):rep(1000) .. n return f(n + 1) .. s end f(1)",
		"local f f = function(s) local ok, e = pcall(f, s .. s) error(e, 0) end f('xxxxxxxxxx')",
		"local t = {} for i = 1, 100 do t[i] = ('x'):rep(1000000) end return table.concat(t)",
		"local s = ('x'):rep(1000000) return (s:gsub('x', ('y'):rep(1000)))",
		"local s = ('x'):rep(1000000) return (s:gsub('x', function() return ('y'):rep(1000) end))",
		"local function f(n) return (('x'):rep(1000000):gsub('x', function() return f(n + 1) end)) end return f(1)",
		"return string.format(('%s'):rep(100), unpack((function() local t = {} for i = 1, 100 do t[i] = " +
			"('x'):rep(1000000) end return t end)()))",
		"local t = {} while true do t[#t + 1] = loadstring('return {1, 2, 3, \"' .. ('x'):rep(1000) .. " +
			"#t .. '\"}') end",
		"local t = {} while true do local ok, e = pcall(error, ('x'):rep(1000) .. #t) t[#t + 1] = e end",
		"local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1000) .. #t end) end",
		"local t = {} while true do t[#t + 1] = setmetatable({}, {('x'):rep(1000) .. #t}) end",
		"local t = {} for i = 1, 1e9 do t = {t} end",
	} {
		program, err := engine.Compile([]byte(code))
		if err != nil {
			t.Fatalf("%s: %v", code, err)
		}
		run := newRun(nil, nil)
		run.Memory = limit
		var most uint64
		run.Host = &fakeHost{stop: func() func() error {
			polls := 0
			return func() error {
				if polls++; polls%200 == 0 {
					var stats runtime.MemStats
					runtime.ReadMemStats(&stats)
					most = max(most, stats.HeapAlloc)
				}
				return nil
			}
		}()}
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		program.Run(run)
		reply := string(run.Reply)
		if !strings.Contains(reply, "not enough memory") && !strings.Contains(reply, "stack overflow") {
			t.Errorf("%s: %.200q", code, reply)
		}
		if grown := int64(most) - int64(before.HeapAlloc); grown > 8*limit {
			t.Errorf("%s: the heap grew by %d MiB", code, grown>>20)
		}
	}
}

// Scripts that make much garbage but hold little are no problem.
func TestGarbage(t *testing.T) {
	engine := New(Config{})
	for _, code := range []string{
		"for i = 1, 100 do string.rep('x', 1000000) end",
		"for i = 1, 200000 do local t = {} end",
		"for i = 1, 20000 do local t = {} t.x = i end",
		"local t = {} for i = 1, 200000 do t[1] = i * 1.5 end",
		"local s for i = 1, 100000 do s = 'x' .. i end",
		"for i = 1, 2000 do coroutine.wrap(function() coroutine.yield() end)() end",
		"local t = {} for i = 1, 50000 do t[i] = i end",
		"local t = {} for i = 1, 50 do t[i] = ('x'):rep(1000000):sub(1, 10) end",
		"local t = {} for i = 1, 50 do t[i] = ('x'):rep(1000000):match('x') end",
		"local t = {} for i = 1, 50 do for w in ('x '):rep(500000):gmatch('x') do t[i] = w break end end",
	} {
		if reply, _ := runBounded(t, engine, code, 8<<20, 0); reply != "$-1\r\n" {
			t.Errorf("%s: %.200q", code, reply)
		}
	}
}

func TestNesting(t *testing.T) {
	engine := New(Config{})
	const many = 30000
	for _, code := range []string{
		"return " + strings.Repeat("(", many) + "1" + strings.Repeat(")", many),
		"return " + strings.Repeat("{", many) + strings.Repeat("}", many),
		"return " + strings.Repeat("-", 1) + strings.Repeat(" -", many) + "1",
		"return " + strings.Repeat("not ", many) + "1",
		"return 1" + strings.Repeat(" .. 1", many),
		"return 1" + strings.Repeat(" + 1", many),
		"return 1" + strings.Repeat(" ^ 1", many),
		"local x return x" + strings.Repeat(".x", many),
		"local x return x" + strings.Repeat("()", many),
		strings.Repeat("do ", many) + strings.Repeat("end ", many),
		"if x then " + strings.Repeat("elseif x then ", many) + "end",
		"return " + strings.Repeat("function() return ", many) + "1" + strings.Repeat(" end", many),
		"local " + strings.TrimSuffix(strings.Repeat("x,", many), ","),
		strings.TrimSuffix(strings.Repeat("x,", many), ",") + " = 1",
		"return f" + strings.Repeat("(f", many) + strings.Repeat(")", many),
	} {
		if _, err := engine.Compile([]byte(code)); err == nil {
			t.Errorf("%.40s: compiled", code)
		}
	}
	for _, code := range []string{
		strings.Repeat("local x ", 150) + strings.Repeat("x = 1 ", many),
		strings.Repeat("-- comment\n", many),
		"return '" + strings.Repeat("x", 10*many) + "'",
		"local t = {" + strings.Repeat("1,", many) + "} return #t",
	} {
		if _, err := engine.Compile([]byte(code)); err != nil {
			t.Errorf("%.40s: %v", code, err)
		}
	}
	if reply := evaluate(t, engine, "local t = {} for i = 1, 10000 do t = {t} end return type(t)"); reply != "table" {
		t.Errorf("%q", reply)
	}
}
