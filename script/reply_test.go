package script

import (
	"fmt"
	"strings"
	"testing"
)

// TestLongReplies are those that get longer than the node lets them: the script gets an
// error, and no memory is used for what would be dropped.
func TestLongReplies(t *testing.T) {
	const limit = 10_000
	long := fmt.Sprintf("-ERR the reply of the script is longer than %d bytes\r\n", limit)
	for _, code := range []string{
		"return string.rep('x', 10000)",
		"local t = {} for i = 1, 2000 do t[i] = 'text' end return t",
		"local t = {} for i = 1, 60 do t = {t, t} end return t",
		"local t = {} for i = 1, 60 do t = {map = {a = t, b = t}} end return t",
		"local t = {} for i = 1, 60 do t = {map = {[t] = t}} end return t",
		"local t = {} t.map = {t, t} return t",
		"local t = {} for i = 1, 3000 do t['k' .. i] = true end return {set = t}",
		"return {ok = string.rep('x', 10000)}",
		"return {err = string.rep('x', 10000)}",
		"return {big_number = string.rep('1', 10000)}",
		"return {verbatim_string = {format = 'txt', string = string.rep('x', 10000)}}",
		"local t = {} for i = 1, 3000 do t[i] = {double = 0.1} end return t",
		"local t = {} for i = 1, 4000 do t[i] = false end return t",
	} {
		for _, resp3 := range []bool{false, true} {
			program, err := New(Config{}).Compile([]byte(code))
			if err != nil {
				t.Fatal(err)
			}
			run := newRun(nil, nil)
			run.RESP3, run.MaxReply = resp3, limit
			run.Reply = append(run.Reply, "+before\r\n"...)
			if program.Run(run); string(run.Reply) != "+before\r\n"+long {
				t.Errorf("%s: %.100q (%d bytes)", code, run.Reply, len(run.Reply))
			}
			run.Reply = nil
			run.MaxReply = 100_000
			if strings.Contains(code, "60") || strings.Contains(code, "{t, t}") {
				continue
			}
			if program.Run(run); strings.Contains(string(run.Reply), "longer than") {
				t.Errorf("%s: %.100q", code, run.Reply)
			}
		}
	}
}
