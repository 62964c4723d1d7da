package script

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// The texts are those of Redis 7.0.15 with a function in the place of fail that checks its
// arguments in the same way.
func TestArgumentErrors(t *testing.T) {
	for _, test := range []struct{ code, want string }{
		{"lib.fail()", "s:1: bad argument #1 to 'fail' (number expected, got no value)"},
		{"\nlocal f = lib.fail f(nil)", "s:2: bad argument #1 to 'f' (number expected, got nil)"},
		{"return lib.fail({})", "s:1: bad argument #1 to 'fail' (number expected, got table)"},
		{"local ok, e = pcall(lib.fail, 'x') error(e, 0)", "bad argument #1 to '?' (number expected, got string)"},
		{"lib[1]()", "s:1: bad argument #1 to '?' (number expected, got no value)"},
		{"lib:fail()", "s:1: calling 'fail' on bad self (number expected, got table)"},
		{"lib:fail2()", "s:1: bad argument #1 to 'fail2' (number expected, got no value)"},
		{"lib:fail2(lib:id(1) == 1 and {})", "s:1: bad argument #1 to 'fail2' (number expected, got table)"},
		{"lib:id(1) lib.fail2(1)", "s:1: bad argument #2 to 'fail2' (number expected, got no value)"},
		{"local f = lib.fail for a in f, nil, nil do end",
			"s:1: bad argument #1 to '(for generator)' (number expected, got nil)"},
		{"coroutine.wrap(lib.fail)()", "bad argument #1 to '?' (number expected, got no value)"},
		{"(function() lib:fail2() end)()", "s:1: bad argument #1 to 'fail2' (number expected, got no value)"},
	} {
		err := runWith(test.code)
		var api *lua.ApiError
		if !asAPIError(err, &api) || api.Object.String() != test.want {
			t.Errorf("%s: %v, want %s", test.code, err, test.want)
		}
	}
}

func asAPIError(err error, api **lua.ApiError) bool {
	var ok bool
	*api, ok = err.(*lua.ApiError)
	return ok
}

func runWith(code string) error {
	L := lua.NewState()
	defer L.Close()
	fail := func(n int) lua.LGFunction {
		return func(L *lua.LState) int { typeError(L, n, "number"); return 0 }
	}
	lib := L.NewTable()
	lib.RawSetString("fail", L.NewFunction(fail(1)))
	lib.RawSetString("fail2", L.NewFunction(fail(2)))
	lib.RawSetString("id", L.NewFunction(func(L *lua.LState) int { return 1 }))
	lib.RawSetInt(1, L.NewFunction(fail(1)))
	L.SetGlobal("lib", lib)
	chunk, err := parse.Parse(strings.NewReader(code), "s")
	if err != nil {
		return err
	}
	proto, err := lua.Compile(chunk, "s")
	if err != nil {
		return err
	}
	markMethods(proto)
	L.Push(L.NewFunctionFromProto(proto))
	return L.PCall(0, 0, nil)
}
