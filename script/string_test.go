package script

import (
	"errors"
	"testing"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// testVM is an interpreter without a node.
type testVM struct {
	*vm
	loaded lua.LValue
}

func newTestVM() testVM {
	v := newVM()
	v.start(&scripting.Run{Host: quietHost{}, Memory: 64 << 20, MaxReply: 1 << 20})
	return testVM{vm: v}
}

// quietHost has no commands and stops no script.
type quietHost struct{}

func (quietHost) Call([][]byte, bool) []byte    { return []byte("-ERR no commands\r\n") }
func (quietHost) MayRun([][]byte) (bool, error) { return true, nil }
func (quietHost) Log(scripting.Level, string)   {}
func (quietHost) Stop() error                   { return nil }

// callText calls a function of the library string, or the one that was loaded.
func (v testVM) callText(function string, args ...any) (string, error) {
	values := make([]lua.LValue, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			values[i] = lua.LString(arg)
		case float64:
			values[i] = lua.LNumber(arg)
		}
	}
	fn := v.loaded
	if function != "" {
		fn = v.globals.RawGetString("string").(*lua.LTable).RawGetString(function)
	}
	return textResult(v.call(fn.(*lua.LFunction), values...))
}

// load runs code that returns a function, which callText can call then.
func (v *testVM) load(t *testing.T, code string) {
	t.Helper()
	proto, err := compile([]byte(code), "s")
	if err != nil {
		t.Fatal(err)
	}
	value, ok := v.call(v.L.NewFunctionFromProto(proto))
	if v.loaded = value; !ok || value.Type() != lua.LTFunction {
		t.Fatal(value)
	}
}

func textResult(value lua.LValue, ok bool) (string, error) {
	text, isText := textOf(value)
	if !isText {
		text = value.String()
	}
	if !ok {
		return "", errors.New(text)
	}
	return text, nil
}

// What Redis 7.0.15 replies.
func TestStringFunctions(t *testing.T) {
	v := newTestVM()
	for _, test := range []struct{ code, want string }{
		{"('hello'):sub(2, -2)", "ell"}, {"('hello'):sub(-100, 2)", "he"}, {"('hello'):sub(4, 2)", ""},
		{"('hello'):sub(2^53)", ""}, {"('ab'):rep(3)", "ababab"}, {"('ab'):rep(-1)", ""}, {"('x'):rep(2^32 + 2)", "xx"},
		{"('abc'):reverse()", "cba"}, {"('aÄz'):upper()", "AÄZ"}, {"#('a\\0b')", "3"}, {"('abc'):byte(-1)", "99"},
		{"select('#', ('abc'):byte(1, -1))", "3"}, {"select('#', ('abc'):byte(10))", "0"},
		{"string.char(72, 105)", "Hi"}, {"string.char()", ""},
		{"'10' + 5", "15"}, {"'010' + 1", "11"}, {"'0x10' * '2'", "32"}, {"-'2'", "-2"}, {"10 % '3'", "1"},
		{"'2' ^ 10", "1024"},
		{"-5 % 3", "1"}, {"5 % -3", "-1"}, {"'7' / 2", "3.5"},
	} {
		v.load(t, "return function() return "+test.code+" end")
		got, err := v.callText("")
		if err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", test.code, got, err, test.want)
		}
	}
}
