package script

import (
	"math"
	"slices"

	lua "github.com/yuin/gopher-lua"
)

// openCJSON returns the library cjson: values to and from JSON with the forms, settings and
// errors of lua-cjson 2.1.0 (https://kyne.au/~mark/software/lua-cjson-manual.html), which
// Redis has. Its settings last until the end of the run; Redis keeps them until the next
// SCRIPT FLUSH, for all scripts.
func (v *vm) openCJSON() *lua.LTable {
	config := &jsonConfig{}
	v.onStart = append(v.onStart, config.reset)
	return v.newCJSON(config)
}

// newCJSON returns the library with settings of its own, which it resets.
func (v *vm) newCJSON(config *jsonConfig) *lua.LTable {
	config.reset()
	set := func(set func(L *lua.LState, config *jsonConfig) int, arguments int) lua.LGFunction {
		return func(L *lua.LState) int {
			if L.GetTop() > arguments {
				argError(L, arguments+1, "found too many arguments")
			}
			return set(L, config)
		}
	}
	table := v.newLibrary(map[string]lua.LGFunction{
		"encode":                  func(L *lua.LState) int { return v.jsonEncode(L, config) },
		"decode":                  func(L *lua.LState) int { return v.jsonDecode(L, config) },
		"encode_sparse_array":     set(setSparseArray, 3),
		"encode_max_depth":        set(func(L *lua.LState, c *jsonConfig) int { return setDepth(L, &c.encodeMaxDepth) }, 1),
		"decode_max_depth":        set(func(L *lua.LState, c *jsonConfig) int { return setDepth(L, &c.decodeMaxDepth) }, 1),
		"encode_number_precision": set(setPrecision, 1),
		"encode_keep_buffer":      set(setKeepBuffer, 1),
		"encode_invalid_numbers":  set(setEncodeInvalid, 1),
		"decode_invalid_numbers":  set(setDecodeInvalid, 1),
		"new": func(L *lua.LState) int {
			v.grow(tableBytes + 13*(fieldBytes+closureBytes))
			L.Push(v.newCJSON(&jsonConfig{}))
			return 1
		},
	})
	table.RawSetString("null", jsonNull)
	table.RawSetString("_NAME", lua.LString("cjson"))
	table.RawSetString("_VERSION", lua.LString("2.1.0"))
	return table
}

// jsonNull is cjson.null, the null of JSON. In C it is a light userdata, a value without
// identity; here all interpreters share one, which has no state.
var jsonNull = &lua.LUserData{Metatable: lua.LNil}

// jsonConfig are the settings of the library.
type jsonConfig struct {
	sparseConvert int // 1: arrays that are too sparse become objects instead of an error
	sparseRatio   int // an array is too sparse if its last index is more than so many times its length; 0: never
	sparseSafe    int // and more than this

	encodeMaxDepth, decodeMaxDepth int

	precision     int // digits of numbers
	keepBuffer    int // without effect here: whether the encoder keeps its buffer
	encodeInvalid int // infinite numbers and NaN: 0 an error, 1 written, 2 null
	decodeInvalid int // 1: numbers are accepted that JSON does not have
}

func (c *jsonConfig) reset() {
	*c = jsonConfig{
		sparseRatio: 2, sparseSafe: 10, encodeMaxDepth: 1000, decodeMaxDepth: 1000, precision: 14,
		keepBuffer: 1, decodeInvalid: 1,
	}
}

// setInteger sets a setting to an argument unless that is nil, and returns the setting.
func setInteger(L *lua.LState, n int, setting *int, least, most int) int {
	if L.Get(n) != lua.LNil {
		value := int(int32(checkInteger(L, n)))
		if value < least || most < value {
			argError(L, 1, "expected integer between %d and %d", least, most)
		}
		*setting = value
	}
	L.Push(lua.LNumber(*setting))
	return 1
}

// setOption sets a setting to the index of an argument in options, or to 0 and 1 for a
// boolean, unless the argument is nil, and returns the setting: a boolean if it is 0 or 1.
func setOption(L *lua.LState, n int, setting *int, options ...string) int {
	switch value := L.Get(n); value {
	case lua.LNil:
	case lua.LFalse:
		*setting = 0
	case lua.LTrue:
		*setting = 1
	default:
		text := checkString(L, n)
		i := slices.Index(options, text)
		if i < 0 {
			argError(L, n, "invalid option '%s'", text)
		}
		*setting = i
	}
	if *setting > 1 {
		L.Push(lua.LString(options[*setting]))
	} else {
		L.Push(lua.LBool(*setting == 1))
	}
	return 1
}

func setSparseArray(L *lua.LState, c *jsonConfig) int {
	L.SetTop(3)
	return setOption(L, 1, &c.sparseConvert, "off", "on") +
		setInteger(L, 2, &c.sparseRatio, 0, math.MaxInt32) + setInteger(L, 3, &c.sparseSafe, 0, math.MaxInt32)
}

func setDepth(L *lua.LState, depth *int) int { return setInteger(L, 1, depth, 1, math.MaxInt32) }

func setPrecision(L *lua.LState, c *jsonConfig) int { return setInteger(L, 1, &c.precision, 1, 14) }

func setKeepBuffer(L *lua.LState, c *jsonConfig) int {
	return setOption(L, 1, &c.keepBuffer, "off", "on")
}

func setEncodeInvalid(L *lua.LState, c *jsonConfig) int {
	return setOption(L, 1, &c.encodeInvalid, "off", "on", "null")
}

func setDecodeInvalid(L *lua.LState, c *jsonConfig) int {
	return setOption(L, 1, &c.decodeInvalid, "off", "on")
}
