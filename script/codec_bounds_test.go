package script

import (
	"errors"
	"strings"
	"testing"
)

// Each script would hold far more than 1 MiB if the library let it. The error ends it, with
// pcall too.
func TestCodecsBoundMemory(t *testing.T) {
	engine := New(Config{})
	const shared = `local t = {1, 2, 3} for i = 1, 14 do t = {t, t, t, t} end `
	for _, code := range []string{
		`cmsgpack.unpack("\129\206\3\255\255\254\1")`, // an index that fills an array
		`cmsgpack.unpack("\220\255\255" .. string.rep("\144", 65535))`,
		`cmsgpack.unpack("\220\64\0" .. string.rep("\129\1\1", 16384))`,
		`cmsgpack.unpack("\220\255\255" .. string.rep("\203\1\1\1\1\1\1\1\1", 65535))`,
		`cjson.decode("[" .. string.rep("[],", 50000) .. "1]")`,
		`cjson.decode("[" .. string.rep('{"a":1},', 10000) .. "1]")`,
		`cjson.decode("[" .. string.rep('"abcdefgh",', 40000) .. "1]")`,
		shared + `cjson.encode(t)`, shared + `cmsgpack.pack(t)`,
		`cjson.encode_sparse_array(true, 0) cjson.encode({[2^31 - 1] = 1})`,
		`local s = string.rep("\1", 300000) cjson.encode({s, s})`,
		`local s = string.rep("a", 100000) struct.pack("sssssssssss", s, s, s, s, s, s, s, s, s, s, s)`,
	} {
		for _, text := range []string{code, "return {pcall(function() " + code + " end)}"} {
			program, err := engine.Compile([]byte(text))
			if err != nil {
				t.Fatal(code, err)
			}
			run := newRun(nil, nil)
			run.Memory = 1 << 20
			if program.Run(run); !strings.HasPrefix(string(run.Reply), "-ERR") ||
				!strings.Contains(string(run.Reply), "not enough memory") {
				t.Errorf("%s: %.100q", text, run.Reply)
			}
		}
	}
}

// A host that wants a script to end does not wait for a library.
func TestCodecsStop(t *testing.T) {
	engine := New(Config{})
	const shared = `local t = {} for i = 1, 15 do t = {t, t, t, t} end `
	for _, code := range []string{
		shared + `cjson.encode(t)`, shared + `cmsgpack.pack(t)`,
		`local s = "[" .. string.rep("1,", 3000000) .. "1]" cjson.decode(s)`,
		`local s = string.rep(" ", 3000000) .. "1" cjson.decode(s)`,
		`local s = '"' .. string.rep("\\n", 1000000) .. '"' cjson.decode(s)`,
		`local s = string.rep("\1", 7000) cmsgpack.unpack(s)`,
		`local f, s = string.rep("b", 7000), string.rep("\1", 7000) struct.unpack(f, s)`,
		`local f = string.rep("b ", 1000000) struct.size(f)`,
	} {
		program, err := engine.Compile([]byte(code))
		if err != nil {
			t.Fatal(code, err)
		}
		run := newRun(nil, nil)
		run.Memory = 1 << 30
		polls := 0
		run.Host = &fakeHost{stop: func() error {
			if polls++; polls > 20 {
				return errors.New("enough")
			}
			return nil
		}}
		if program.Run(run); !strings.HasPrefix(string(run.Reply), "-ERR enough") {
			t.Errorf("%s: %.100q after %d polls", code, run.Reply, polls)
		}
	}
}
