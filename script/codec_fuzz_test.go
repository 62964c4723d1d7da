package script

import (
	"math"
	"regexp"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// callLibrary calls a function of a library; ok is false if it raised an error.
func (v *vm) callLibrary(library, function string, args ...lua.LValue) (results []lua.LValue, ok bool) {
	run := newRun(nil, nil)
	run.Memory = 1 << 20 // an index fills an array up to it, which takes time
	v.start(run)
	v.L.SetTop(0)
	defer v.L.SetTop(0)
	v.L.Push(v.L.GetField(v.globals.RawGetString(library), function))
	for _, arg := range args {
		v.L.Push(arg)
	}
	if err := v.L.PCall(len(args), lua.MultRet, nil); err != nil {
		return nil, false
	}
	for i := range v.L.GetTop() {
		results = append(results, v.L.Get(i+1))
	}
	return results, true
}

func FuzzCjsonDecode(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5,-3e10,{"b":null}],"c":"\u00e9\ud83d\ude00\n\/","":true}`, `[[[[]]],{},"",false]`, "  nan ", "-inf",
		"0x1p4", "+1", `"\ud800\u0041"`, "[1,,2]", `{"a" 1}`, "\x00", "1\x00", `"a` + "\x00" + `b"`, "123456789012345678",
		strings.Repeat("[", 1001), strings.Repeat(`{"a":`, 1001), "tru", "// ", "\"\xff\xfe\"", "1 2", `{"a":1,"a":2}`,
	} {
		f.Add(seed)
	}
	v := newVM()
	f.Fuzz(func(t *testing.T, data string) {
		decoded, ok := v.callLibrary("cjson", "decode", lua.LString(data))
		if !ok {
			return
		}
		first, ok := v.callLibrary("cjson", "encode", decoded...)
		if !ok { // an infinite number
			return
		}
		again, ok := v.callLibrary("cjson", "decode", first...)
		if !ok {
			t.Fatalf("%q becomes %q, which does not decode", data, first)
		}
		if second, ok := v.callLibrary("cjson", "encode", again...); !ok || second[0] != first[0] {
			t.Fatalf("%q becomes %q and then %q", data, first, second)
		}
	})
}

func FuzzCmsgpackUnpack(f *testing.F) {
	for _, seed := range []string{
		"\x01\xff\xcc\xc8\xcd\x01\x02\xce\x01\x02\x03\x04\xcf\x00\x00\x00\x01\x00\x00\x00\x00",
		"\xd0\x80\xd1\x80\x00\xd2\x80\x00\x00\x00",
		"\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "\xca\x3f\x80\x00\x01\xcb\x3f\xf1\x99\x99\x99\x99\x99\x9a",
		"\xa3abc\xd9\x01a\xda\x00\x01b\xdb\x00\x00\x00\x01c",
		"\x93\x01\xc0\x03", "\x82\xa1a\x01\x01\x92\xc2\xc3",
		"\xdc\x00\x01\x01\xdd\x00\x00\x00\x01\x01\xde\x00\x01\x01\x02\xdf\x00\x00\x00\x01\x01\x02",
		"\xdd\xff\xff\xff\xff", "\xdf\xff\xff\xff\xff\x01\x02", "\xdb\xff\xff\xff\xffabc", "\x81\xc0\x01",
		"\x81\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\x01",
		"\x81\xce\x03\xff\xff\xff\x01", strings.Repeat("\x91", 4000), strings.Repeat("\x81\x01", 4000),
		strings.Repeat("\x01", 8000), strings.Repeat("\x01", 5000), "\xc1", "\x81\x90\x01",
	} {
		f.Add(seed)
	}
	v := newVM()
	f.Fuzz(func(t *testing.T, data string) {
		values, ok := v.callLibrary("cmsgpack", "unpack", lua.LString(data))
		if !ok || len(values) == 0 || 2*len(values) > maxStack { // pack takes fewer
			return
		}
		// A table that is too deep becomes nil, so that only what was packed and unpacked stays
		// the same; as a key it makes the map invalid.
		var packed []lua.LValue
		for i := range 3 {
			before := packed
			if packed, ok = v.callLibrary("cmsgpack", "pack", values...); !ok {
				t.Fatalf("%q does not pack", data)
			}
			if i == 2 && before[0] != packed[0] {
				t.Fatalf("%q becomes %q and then %q", data, before, packed)
			}
			if values, ok = v.callLibrary("cmsgpack", "unpack", packed...); !ok {
				return
			}
		}
	})
}

// takesSize matches formats with an option that takes the value before it as a size.
var takesSize = regexp.MustCompile(`c0+([^0-9]|$)`)

func FuzzStructUnpack(f *testing.F) {
	for _, seed := range []struct{ format, data string }{
		{"bBhHlLTiIfd", strings.Repeat("\x81", 60)}, {">!8bi3h!4d", strings.Repeat("\x01", 40)}, {"<s c3x", "abc\x00defg"},
		{"bc0", "\x02abc"}, {"i32I16", strings.Repeat("\xff", 50)}, {"i33", "a"}, {"!3", "a"}, {"c99999999999", "a"},
		{"dc0", "\x00\x00\x00\x00\x00\x00\xf0\x7fabc"},
		{"c2147483647", "a"}, {"!2147483648", ""}, {"z", ""}, {"b\x00b", "ab"},
		{strings.Repeat("b", 8000), strings.Repeat("a", 8000)},
	} {
		f.Add(seed.format, seed.data, 1)
	}
	v := newVM()
	f.Fuzz(func(t *testing.T, format, data string, pos int) {
		v.callLibrary("struct", "size", lua.LString(format))
		values, ok := v.callLibrary("struct", "unpack", lua.LString(format), lua.LString(data), lua.LNumber(pos))
		if !ok || takesSize.MatchString(format) {
			return
		}
		values = values[:len(values)-1] // without the position
		for _, value := range values {
			if n, ok := value.(lua.LNumber); ok && math.Abs(float64(n)) > 1<<53 {
				return // the integer was another one
			}
		}
		arguments := append([]lua.LValue{lua.LString(format)}, values...)
		packed, ok := v.callLibrary("struct", "pack", arguments...)
		if !ok {
			t.Fatalf("%q: %v does not pack", format, values)
		}
		again, ok := v.callLibrary("struct", "unpack", lua.LString(format), packed[0])
		if !ok || len(again) != len(values)+1 {
			t.Fatalf("%q: %q does not unpack", format, packed)
		}
		for i, value := range values {
			if showValue(again[i]) != showValue(value) {
				t.Fatalf("%q: value %d: %v becomes %v", format, i, value, again[i])
			}
		}
	})
}
