package script

import (
	"strings"
	"testing"
)

// TestErrorsWithoutText are those that redis-server crashes of, or that run code while they
// are handled.
func TestErrorsWithoutText(t *testing.T) {
	engine := New(Config{})
	for _, test := range []struct{ code, want string }{
		{"error({})", "-ERR unknown error script: sha, on @user_script:1.\r\n"},
		{"error({code = 5})", "-ERR unknown error script: sha, on @user_script:1.\r\n"},
		{"error({err = {}})", "-ERR unknown error script: sha, on @user_script:1.\r\n"},
		{"error(redis)", "-ERR Attempt to modify a readonly table script: sha, on @user_script:1.\r\n"},
		{"error(setmetatable({}, {__newindex = function() error('inner') end}))",
			"-ERR user_script:1: inner script: sha, on @user_script:1.\r\n"},
		{"error(setmetatable({err = 'ERR a'}, {__newindex = function() error({err = 'ERR inner'}) end}))",
			"-ERR inner script: sha, on @user_script:1.\r\n"},
		{"error(setmetatable({}, {__index = function() error('inner') end}))",
			"-ERR unknown error script: sha, on @user_script:1.\r\n"},
		{"error(setmetatable({}, {__index = function() while true do end end}))",
			"-ERR unknown error script: sha, on @user_script:1.\r\n"},
		{"return {redis.source == nil, redis.line == nil}", "*2\r\n:1\r\n:1\r\n"}, // the engine's table is as it was
		{"local f f = function() error(setmetatable({}, {__newindex = f})) end f()",
			"-ERR unknown error script: sha, on @user_script:1.\r\n"},
	} {
		program, err := engine.Compile([]byte(test.code))
		if err != nil {
			t.Fatal(err)
		}
		run, asked := newRun(nil, nil), 0
		run.Host = &fakeHost{stop: func() error {
			if asked++; asked > 1000 {
				return errStopped
			}
			return nil
		}}
		program.Run(run)
		if got := string(run.Reply); got != test.want {
			t.Errorf("%s\n got %q\nwant %q", test.code, got, test.want)
		}
	}
}

type stopped struct{}

func (stopped) Error() string { return "stopped" }

var errStopped = stopped{}

func TestErrorText(t *testing.T) {
	for _, test := range []struct{ reply, want string }{
		{"ERR a", "ERR a"}, {"a", "ERR a"}, {"", "ERR "}, {"ERR \r\na\r\n", "ERR a"}, {"ERR a\x00b", "ERR a"},
		{" a", " a"}, {"WRONGTYPE Operation", "WRONGTYPE Operation"},
	} {
		if got := errorText(test.reply); got != test.want {
			t.Errorf("%q: %q", test.reply, got)
		}
	}
	if !strings.HasPrefix(errorText("x y"), "x") {
		t.Error("the code is lost")
	}
}
