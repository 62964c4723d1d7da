package script

import (
	"strings"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// registerFunction is redis.register_function, with a name and a callback, or with a table
// of named arguments.
func (v *vm) registerFunction(L *lua.LState) int {
	loading := v.library.loading
	if loading == nil {
		v.raiseReply(L, "redis.register_function can only be called on FUNCTION LOAD command")
	}
	var f scripting.Function
	var callback *lua.LFunction
	var wrong string
	switch L.GetTop() {
	case 1:
		f, callback, wrong = namedArguments(L)
	case 2:
		f, callback, wrong = positionalArguments(L)
	default:
		wrong = "wrong number of arguments to redis.register_function"
	}
	switch {
	case wrong != "":
	case !validName(f.Name):
		wrong = "Library names can only contain letters, numbers, or underscores(_) and must be at least one " +
			"character long" // as Redis words it
	case loading.callbacks[f.Name] != nil:
		wrong = "Function already exists in the library"
	}
	if wrong != "" {
		v.raiseReply(L, wrong)
	}
	v.grow(len(f.Name) + len(f.Description) + fieldBytes)
	loading.callbacks[f.Name] = callback
	loading.functions = append(loading.functions, f)
	return 0
}

func validName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_')
	}) < 0
}

func positionalArguments(L *lua.LState) (f scripting.Function, callback *lua.LFunction, wrong string) {
	name, ok := textOf(L.Get(1))
	if !ok {
		return f, nil, "first argument to redis.register_function must be a string"
	}
	if callback, ok = L.Get(2).(*lua.LFunction); !ok {
		return f, nil, "second argument to redis.register_function must be a function"
	}
	return scripting.Function{Name: name}, callback, ""
}

func namedArguments(L *lua.LState) (f scripting.Function, callback *lua.LFunction, wrong string) {
	t, ok := L.Get(1).(*lua.LTable)
	if !ok {
		return f, nil, "calling redis.register_function with a single argument is only applicable to Lua table " +
			"(representing named arguments)."
	}
	named := false
	t.ForEach(func(key, value lua.LValue) {
		if wrong != "" {
			return
		}
		name, ok := textOf(key)
		if !ok {
			wrong = "named argument key given to redis.register_function is not a string"
			return
		}
		switch strings.ToLower(name) {
		case "function_name":
			if f.Name, named = textOf(value); !named {
				wrong = "function_name argument given to redis.register_function must be a string"
			}
		case "description":
			if f.Description, ok = textOf(value); !ok {
				wrong = "description argument given to redis.register_function must be a string"
			}
		case "callback":
			if callback, ok = value.(*lua.LFunction); !ok {
				wrong = "callback argument given to redis.register_function must be a function"
			}
		case "flags":
			f.Flags, wrong = flagsArgument(L, value)
		default:
			wrong = "unknown argument given to redis.register_function"
		}
	})
	switch {
	case wrong != "":
	case !named:
		wrong = "redis.register_function must get a function name argument"
	case callback == nil:
		wrong = "redis.register_function must get a callback argument"
	}
	return f, callback, wrong
}

// flagsArgument reads a list of flags.
func flagsArgument(L *lua.LState, value lua.LValue) (flags scripting.Flags, wrong string) {
	t, ok := value.(*lua.LTable)
	if !ok {
		return 0, "flags argument to redis.register_function must be a table representing function flags"
	}
	for i := 1; ; i++ {
		element := t.RawGetInt(i)
		if element == lua.LNil {
			return flags, ""
		}
		name, _ := textOf(element)
		flag, ok := scripting.ParseFlag(strings.ToLower(name))
		if !ok {
			return 0, "unknown flag given"
		}
		flags |= flag
	}
}
