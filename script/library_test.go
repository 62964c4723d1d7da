package script

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/scripting"
)

func load(t *testing.T, e *Engine, code string) scripting.Library {
	t.Helper()
	l, err := e.Load([]byte("\n"+code), &fakeHost{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// fcall calls a function and returns its reply.
func fcall(l scripting.Library, function string, keys ...string) string {
	run := newRun(keys, nil)
	run.ID = function
	l.Run(function, run)
	return string(run.Reply)
}

// The errors are those of redis-server 7.0.15.
func TestLoadErrors(t *testing.T) {
	const registering = "Error registering functions: ERR "
	const nonexistent = registering + "user_function:2: Script attempted to access nonexistent global variable "
	const badName = registering + "Library names can only contain letters, numbers, or underscores(_) and must be at " +
		"least one character long"
	f := "function() end"
	e := New(Config{})
	for _, tt := range []struct{ code, want string }{
		{"return +", "Error compiling function: user_function:2: unexpected symbol near '+'"},
		{"error('boo')", nonexistent + "'error'"},
		{"redis.call('get', 'x')", nonexistent + "'call'"},
		{"foo()", nonexistent + "'foo'"},
		{"print(KEYS[1])", nonexistent + "'print'"},
		{"local x = cjson.encode({1})", nonexistent + "'cjson'"},
		{"for k in pairs(redis) do end", nonexistent + "'pairs'"},
		{"redis.sha1hex('')", nonexistent + "'sha1hex'"},
		{"x = 1", registering + "user_function:2: Attempt to modify a readonly table"},
		{"redis.foo = 1", registering + "user_function:2: Attempt to modify a readonly table"},
		{"redis.register_function()", registering + "wrong number of arguments to redis.register_function"},
		{"redis.register_function(1, 2, 3)", registering + "wrong number of arguments to redis.register_function"},
		{"redis.register_function('a', 'b')",
			registering + "second argument to redis.register_function must be a function"},
		{"redis.register_function({}, 'b')",
			registering + "first argument to redis.register_function must be a string"},
		{"redis.register_function(1)", registering + "calling redis.register_function with a single argument is only " +
			"applicable to Lua table (representing named arguments)."},
		{"redis.register_function{}", registering + "redis.register_function must get a function name argument"},
		{"redis.register_function{function_name='x'}",
			registering + "redis.register_function must get a callback argument"},
		{"redis.register_function{function_name={}}",
			registering + "function_name argument given to redis.register_function must be a string"},
		{"redis.register_function('a b', " + f + ")", badName},
		{"redis.register_function('', " + f + ")", badName},
		{"redis.register_function('a', " + f + ") redis.register_function('a', " + f + ")",
			registering + "Function already exists in the library"},
		{"redis.register_function{function_name='a', callback=" + f + ", flags={'no-such'}}",
			registering + "unknown flag given"},
		{"redis.register_function{function_name='a', callback=" + f + ", flags={1}}", registering + "unknown flag given"},
		{"redis.register_function{function_name='a', callback=" + f + ", flags={{}}}", registering + "unknown flag given"},
		{"redis.register_function{function_name='a', callback=" + f + ", flags='no-writes'}",
			registering + "flags argument to redis.register_function must be a table representing function flags"},
		{"redis.register_function{function_name='a', callback=" + f + ", description={}}",
			registering + "description argument given to redis.register_function must be a string"},
		{"redis.register_function{function_name='a', callback=1}",
			registering + "callback argument given to redis.register_function must be a function"},
		{"redis.register_function{function_name='a', foo=1}",
			registering + "unknown argument given to redis.register_function"},
		{"redis.register_function{[{}]='a'}",
			registering + "named argument key given to redis.register_function is not a string"},
	} {
		if _, err := e.Load([]byte("\n"+tt.code), &fakeHost{}); err == nil || err.Error() != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.code, err, tt.want)
		}
	}
	if l := load(t, e, "return 1"); len(l.Functions()) != 0 {
		t.Errorf("%+v", l.Functions())
	}
}

func TestLoadIsStopped(t *testing.T) {
	e := New(Config{})
	n := 0
	host := &fakeHost{stop: func() error {
		if n++; n > 3 {
			return errors.New("FUNCTION LOAD timeout")
		}
		return nil
	}}
	_, err := e.Load([]byte("\nwhile true do end"), host)
	if err == nil || err.Error() != "Error registering functions: ERR FUNCTION LOAD timeout" {
		t.Errorf("%v", err)
	}
	_, err = e.Load([]byte("\nlocal s = ('x'):rep(1e9)"), &fakeHost{})
	if err == nil || !strings.Contains(err.Error(), "not enough memory") {
		t.Errorf("%v", err)
	}
}

func TestLibrary(t *testing.T) {
	e := New(Config{})
	host := &fakeHost{}
	l, err := e.Load([]byte(`
		redis.log(redis.LOG_WARNING, 'loading at', redis.REDIS_VERSION)
		local api = redis
		local function add(n) return n + 1 end
		redis.register_function('zero', function() return add(-1) end)
		redis.register_function{callback=function(keys, args) return {keys[1], args[1], #keys} end, function_name='echo',
			flags={'NO-WRITES', 'allow-oom'}, description='d'}
		redis.register_function('boo', function() error('boo') end)
		redis.register_function('globals', function() return KEYS end)
		redis.register_function('set', function() x = 1 end)
		redis.register_function('again', function() return redis.register_function('b', 1) end)
		redis.register_function('later', function() return api.register_function('b', add) end)
		redis.register_function('captured', function() return api.call('ping') end)
		redis.register_function('call', function() return redis.call('ping') end)
		redis.register_function('debugger', function() return redis.breakpoint() end)
		redis.register_function('number', function() return tostring(_G == nil) .. type(string.rep) end)
		redis.register_function('log', redis.log)
	`), host)
	if err != nil {
		t.Fatal(err)
	}
	if len(host.logs) != 1 || host.logs[0] != "loading at 7.0.15" {
		t.Errorf("%q", host.logs)
	}
	list := l.Functions()
	if len(list) != 12 || list[0].Name != "again" || list[5].Name != "echo" || list[11].Name != "zero" {
		t.Errorf("%+v", list)
	}
	if f := list[5]; f.Description != "d" || f.Flags != scripting.NoWrites|scripting.AllowOOM {
		t.Errorf("%+v", f)
	}
	where := func(line int, function string) string {
		return fmt.Sprintf(" script: %s, on @user_function:%d.\r\n", function, line)
	}
	for function, want := range map[string]string{
		"zero": ":0\r\n",
		"echo": "*1\r\n$1\r\nk\r\n", // what follows nil is left out
		"boo":  "-ERR user_function:8: boo" + where(8, "boo"),
		"globals": "-ERR user_function:9: Script attempted to access nonexistent global variable 'KEYS'" +
			where(9, "globals"),
		"set": "-ERR user_function:10: Attempt to modify a readonly table" + where(10, "set"),
		"again": "-ERR user_function:11: attempt to call field 'register_function' (a nil value)" +
			where(11, "again"),
		"later": "-ERR redis.register_function can only be called on FUNCTION LOAD command" + where(12, "later"),
		"captured": "-ERR user_function:13: Script attempted to access nonexistent global variable 'call'" +
			where(13, "captured"),
		"call":     "+OK\r\n",
		"debugger": "-ERR user_function:15: attempt to call field 'breakpoint' (a nil value)" + where(15, "debugger"),
		"number":   "$13\r\nfalsefunction\r\n",
		"nosuch":   "-ERR Function not found\r\n",
	} {
		if got := fcall(l, function, "k"); got != want {
			t.Errorf("%s\n got %q\nwant %q", function, got, want)
		}
	}
}

// Scripts of EVAL and functions of several libraries share interpreters, and nothing else.
func TestLibrariesAreApart(t *testing.T) {
	e := New(Config{Idle: 1})
	counter := "local n = 0 redis.register_function('count', function() n = n + 1 return n end)"
	a, b := load(t, e, counter), load(t, e, counter)
	program, err := e.Compile([]byte("return type(redis.register_function)"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		if got, want := fcall(a, "count"), fmt.Sprintf(":%d\r\n", i); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		run := newRun(nil, nil)
		if program.Run(run); string(run.Reply) != "$3\r\nnil\r\n" {
			t.Errorf("%q", run.Reply)
		}
	}
	if got := fcall(b, "count"); got != ":1\r\n" {
		t.Errorf("%q", got)
	}
}

// An interpreter that has not loaded a library does so before the first call, and what is
// wrong then is the reply.
func TestLibraryInAnotherInterpreter(t *testing.T) {
	e := New(Config{Idle: 1})
	l := load(t, e, "redis.register_function('f', function() return 1 end)")
	e.free = nil
	if got := fcall(l, "f"); got != ":1\r\n" {
		t.Errorf("%q", got)
	}
	e.free = nil
	run := newRun(nil, nil)
	run.Host = &fakeHost{stop: func() error { return errors.New("stopped") }}
	slow := load(t, e, "for i = 1, 1000 do end redis.register_function('f', function() return 1 end)")
	e.free = nil
	if slow.Run("f", run); string(run.Reply) != "-ERR stopped\r\n" {
		t.Errorf("%q", run.Reply)
	}
	if got := fcall(slow, "f"); got != ":1\r\n" {
		t.Errorf("afterwards: %q", got)
	}
}

// What a library holds from call to call is bounded: it starts afresh when it is too much.
func TestStateOfLibraryIsBounded(t *testing.T) {
	e := New(Config{Idle: 1})
	l := load(t, e, `local all, n = {}, 0
		redis.register_function('grow', function() n = n + 1 all[n] = string.rep('x', 1000000) .. n return n end)
		redis.register_function('churn', function() n = n + 1 local s = string.rep('y', 1000000) return n end)`)
	most, restarts := 0, 0
	for range 60 {
		n := 0
		if _, err := fmt.Sscanf(fcall(l, "grow"), ":%d\r\n", &n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			restarts++
		}
		most = max(most, n)
	}
	if restarts < 2 || most > (measureAfter+maxStay)/1_000_000+2 {
		t.Errorf("it started %d times, and held %d MB", restarts, most)
	}
	fresh := load(t, e, "local n = 0 redis.register_function('churn', function() n = n + 1 "+
		"local s = string.rep('y', 1000000) return n end)")
	for i := 1; i <= 60; i++ {
		if got, want := fcall(fresh, "churn"), fmt.Sprintf(":%d\r\n", i); got != want {
			t.Fatalf("%q, want %q: garbage does not count", got, want)
		}
	}
}

// When nobody can call a library any more, no interpreter holds any of it.
func TestLibrariesAreForgotten(t *testing.T) {
	e := New(Config{Idle: 2})
	kept := load(t, e, "redis.register_function('f', function() return 1 end)")
	for range 20 {
		l := load(t, e, "redis.register_function('f', function() return 2 end)")
		if got := fcall(l, "f"); got != ":2\r\n" {
			t.Fatalf("%q", got)
		}
	}
	held := func() (n int) {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, v := range e.free {
			n += len(v.library.registered)
		}
		return n
	}
	for deadline := time.Now().Add(20 * time.Second); held() > 1; runtime.Gosched() {
		if runtime.GC(); time.Now().After(deadline) {
			t.Fatalf("%d libraries are still held", held())
		}
	}
	if got := fcall(kept, "f"); got != ":1\r\n" {
		t.Errorf("%q", got)
	}
	runtime.KeepAlive(kept)
}

func TestLibrariesAtTheSameTime(t *testing.T) {
	e := New(Config{})
	l := load(t, e, "local n = 0 redis.register_function('f', function(keys) n = n + 1 return keys[1] end)")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			key := fmt.Sprint("k", i)
			for range 100 {
				if got := fcall(l, "f", key); got != "$2\r\n"+key+"\r\n" {
					t.Errorf("%q", got)
				}
			}
			other, err := e.Load([]byte("\nredis.register_function('f', function(keys) return keys[1] end)"), &fakeHost{})
			if err != nil || fcall(other, "f", key) != "$2\r\n"+key+"\r\n" {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
}
