package script

import (
	"strconv"
	"sync"
	"testing"
)

// Several goroutines run the same program, with interpreters that others had before: what
// one leaves behind, no other one sees.
func TestParallel(t *testing.T) {
	engine := New(Config{Idle: 2})
	program, err := engine.Compile([]byte(`
		local mine = ARGV[1]
		KEYS[1], ARGV[1] = mine, 'other'
		local add = setmetatable({}, {__add = function(a, b) return b end})
		local co = coroutine.wrap(function(x) local y = coroutine.yield(x) return x .. y end)
		co(mine)
		local ok, e = pcall(function() return add + mine + nil end)
		return {mine, co('!'), KEYS[1], tostring(ok)}`))
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for g := range 8 {
		done.Go(func() {
			for i := range 50 {
				arg := strconv.Itoa(1000 + 100*g + i)
				run := newRun([]string{"key"}, []string{arg})
				program.Run(run)
				want := "*4\r\n$4\r\n" + arg + "\r\n$5\r\n" + arg + "!\r\n$4\r\n" + arg + "\r\n$5\r\nfalse\r\n"
				if string(run.Reply) != want {
					t.Errorf("%q, want %q", run.Reply, want)
				}
			}
		})
	}
	done.Wait()
	if n := len(engine.free); n > 2 {
		t.Errorf("%d interpreters are kept", n)
	}
}
