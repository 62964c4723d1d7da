package script

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// BenchmarkFunctions runs loops of 1,000 calls of functions that scripts use most, with this
// package's library and its bounds, and with gopher-lua's own without any.
func BenchmarkFunctions(b *testing.B) {
	for _, test := range []struct{ name, body string }{
		{"loop", ""}, {"format", "f('%s:%d', 'key', i)"}, {"tonumber", "tonumber('12345')"}, {"tostring", "tostring(i)"},
		{"find plain", "find('the quick brown fox', 'fox', 1, true)"}, {"match", "match('user:1000', '(%w+):(%d+)')"},
		{"gsub", "gsub('hello world', 'o', '0')"}, {"sub", "sub('hello world', 2, 5)"}, {"concat", "local s = 'a' .. i"},
		{"append", "t[#t + 1] = i"}, {"insert", "insert(t, i)"}, {"floor", "floor(i / 3)"}, {"modulo", "local r = i % 7"},
		{"pairs", "for k, v in pairs(fields) do end"}, {"unpack", "unpack(list)"},
	} {
		code := `local f, find, match, gsub, sub = string.format, string.find, string.match, string.gsub, string.sub
			local insert, floor, tonumber, tostring, pairs, unpack = table.insert, math.floor, tonumber, tostring, pairs, unpack
			local fields, list = {a = 1, b = 2, c = 3}, {1, 2, 3}
			return function() local t = {} for i = 1, 1000 do ` + test.body + ` end end`
		b.Run(test.name+"/script", func(b *testing.B) {
			v := newTestVM()
			proto, err := compile([]byte(code), "s")
			if err != nil {
				b.Fatal(err)
			}
			value, _ := v.call(v.L.NewFunctionFromProto(proto))
			b.ReportAllocs()
			for b.Loop() {
				v.start(v.run)
				if _, ok := v.call(value.(*lua.LFunction)); !ok {
					b.Fatal("the script failed")
				}
			}
		})
		b.Run(test.name+"/gopher-lua", func(b *testing.B) {
			L := lua.NewState()
			defer L.Close()
			if err := L.DoString(code); err != nil {
				b.Fatal(err)
			}
			fn := L.Get(-1)
			b.ReportAllocs()
			for b.Loop() {
				if err := L.CallByParam(lua.P{Fn: fn, Protect: true}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
