package follow

import (
	"bytes"
	"strings"
	"testing"
)

func args(line string) (list [][]byte) {
	for word := range strings.FieldsSeq(line) {
		list = append(list, []byte(word))
	}
	return list
}

func TestAnalyze(t *testing.T) {
	for line, want := range map[string]struct {
		scope         Scope
		keys, written string
		other, each   bool
	}{
		"SET a 1":                         {keys: "a", written: "a"},
		"DEL a b":                         {keys: "a b", written: "a b", each: true},
		"mset a 1 b 2":                    {keys: "a b", written: "a b", each: true},
		"MSET a 1 b":                      {scope: ScopeUnknown},
		"BITOP AND d a b":                 {keys: "d a b", written: "d"},
		"SUNIONSTORE d a b":               {keys: "d a b", written: "d"},
		"ZUNIONSTORE d 2 a b WEIGHTS 1 2": {keys: "d a b", written: "d"},
		"ZUNIONSTORE d 9 a b":             {scope: ScopeUnknown},
		"LMOVE a b LEFT LEFT":             {keys: "a b", written: "a b"},
		"COPY a b REPLACE":                {keys: "a b", written: "b"},
		"COPY a b DB 2":                   {keys: "a b", written: "b", other: true},
		"MOVE a 2":                        {keys: "a", written: "a", other: true},
		"XGROUP CREATE s g $":             {keys: "s", written: "s"},
		"SORT a BY w_* STORE d":           {keys: "a d", written: "d", other: true},
		"GEORADIUS a 1 1 1 m STOREDIST d": {keys: "a d", written: "d"},
		"GEORADIUS a 1 1 1 m":             {scope: ScopeNone},
		"EVAL x 2 a b c":                  {keys: "a b", written: "a b", other: true},
		"FLUSHDB":                         {scope: ScopeAll},
		"FLUSHALL ASYNC":                  {scope: ScopeServer},
		"FUNCTION LOAD x":                 {scope: ScopeFunctions},
		"SWAPDB 0 1":                      {scope: ScopeSwap},
		"PUBLISH a b":                     {scope: ScopeMessage},
		"SOMETHING a":                     {scope: ScopeUnknown},
		"GET":                             {scope: ScopeUnknown},
		"SET":                             {scope: ScopeUnknown},
	} {
		a := Analyze(args(line))
		keys, written := string(bytes.Join(a.Keys, []byte(" "))), string(bytes.Join(a.Written, []byte(" ")))
		if a.Scope != want.scope || keys != want.keys || written != want.written || a.Other != want.other ||
			a.Each != want.each {
			t.Errorf("%s: %+v, keys %q, written %q", line, a, keys, written)
		}
	}
}

func TestExpiry(t *testing.T) {
	const now = 1_000_000
	for line, want := range map[string]struct {
		does  Lifetime
		at    int64
		blind bool
	}{
		"SET a 1":                           {EndsExpiry, 0, true},
		"SET a 1 KEEPTTL":                   {KeepsExpiry, 0, false},
		"SET a 1 PXAT 5000":                 {SetsExpiry, 5000, true},
		"SET a 1 NX EX 5":                   {SetsExpiry, now + 5000, false},
		"SETEX a 5 1":                       {SetsExpiry, now + 5000, true},
		"PEXPIREAT a 77":                    {SetsExpiry, 77, false},
		"EXPIRE a 7":                        {SetsExpiry, now + 7000, false},
		"EXPIREAT a x":                      {KeepsExpiry, 0, false},
		"PERSIST a":                         {EndsExpiry, 0, false},
		"GETEX a PXAT 9":                    {SetsExpiry, 9, false},
		"GETEX a PERSIST":                   {EndsExpiry, 0, false},
		"RESTORE a 0 x":                     {EndsExpiry, 0, true},
		"RESTORE a 9 x REPLACE ABSTTL":      {SetsExpiry, 9, true},
		"RESTORE a 9 x REPLACE":             {SetsExpiry, now + 9, true},
		"RENAME a b":                        {MovesExpiry, 0, false},
		"COPY a b":                          {CopiesExpiry, 0, false},
		"DEL a b":                           {EndsExpiry, 0, true},
		"SUNIONSTORE a b":                   {EndsExpiry, 0, false},
		"APPEND a b":                        {KeepsExpiry, 0, false},
		"EXPIRE a 99999999999999999999 NOW": {KeepsExpiry, 0, false},
	} {
		does, at, blind := Expiry(args(line), now)
		if does != want.does || at != want.at || blind != want.blind {
			t.Errorf("%s: %d %d %v, want %+v", line, does, at, blind, want)
		}
	}
}

// FuzzAnalyze: what it says of keys is among the arguments, whatever they are.
func FuzzAnalyze(f *testing.F) {
	for _, line := range []string{"ZUNIONSTORE d 2 a b", "SORT a STORE d STORE", "MSET a 1 b", "EVAL x -1",
		"XGROUP CREATE", "COPY a", "GETEX", "SET a 1 EX", "RESTORE a"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		list := args(line)
		if len(list) == 0 {
			return
		}
		a := Analyze(list)
		divided := a.Scope == ScopeKeys && a.Each
		if len(a.Written) > len(a.Keys) || len(a.Keys) >= len(list) || divided && len(a.Keys)*a.Step != len(list)-1 {
			t.Errorf("%q: %+v", list, a)
		}
		Expiry(list, 0)
	})
}
