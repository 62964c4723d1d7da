package script

import (
	"errors"
	"strings"
	"testing"
)

// FuzzScript runs any text: within its bounds, with one reply, and without harm to the
// interpreter, which runs another script afterwards.
func FuzzScript(f *testing.F) {
	for _, test := range strings.Split(language, "\n----\n") {
		f.Add(test[:strings.LastIndex(test, "\n=> ")])
	}
	f.Add("local t = {} for i, v in ipairs(KEYS) do t[i] = redis.call('GET', v) or false end return cjson.encode(t)")
	f.Add("while true do pcall(function() while true do end end) end")
	f.Add("local s = 'x' while true do s = s .. s end")
	f.Add("return (('a'):rep(30):gsub('a*a*a*b', '%0'))")
	engine := New(Config{Idle: 1})
	after, err := engine.Compile([]byte("return 'alive' .. #KEYS"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, code string) {
		if len(code) > 1<<14 {
			return
		}
		program, err := engine.Compile([]byte(code))
		if err != nil {
			return
		}
		run := newRun([]string{"k"}, []string{"v"})
		polls := 0
		run.Host = &fakeHost{stop: func() error {
			if polls++; polls > 200 {
				return errors.New("stopped")
			}
			return nil
		}}
		run.Memory, run.MaxReply = 1<<20, 1<<20
		program.Run(run)
		if n := len(run.Reply); n == 0 || n > run.MaxReply+1000 || !strings.HasSuffix(string(run.Reply), "\r\n") {
			t.Fatalf("%q: a reply of %d bytes", code, n)
		}
		if strings.Contains(string(run.Reply), "internal error of the interpreter") {
			t.Fatalf("%q: %q", code, run.Reply)
		}
		run = newRun(nil, nil)
		if after.Run(run); string(run.Reply) != "$6\r\nalive0\r\n" {
			t.Fatalf("%q: afterwards %q", code, run.Reply)
		}
	})
}
