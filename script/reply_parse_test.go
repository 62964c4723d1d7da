package script

import (
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// runOnReply runs a script whose commands all get one reply.
func runOnReply(t testing.TB, reply, code string, resp3 bool) string {
	t.Helper()
	program, err := New(Config{}).Compile([]byte(code))
	if err != nil {
		t.Fatal(err)
	}
	run := newRun(nil, nil)
	run.RESP3 = resp3
	run.Host = &fakeHost{call: func([][]byte, bool) []byte { return []byte(reply) }}
	program.Run(run)
	return string(run.Reply)
}

// TestRepliesInScripts has the kinds of replies that no command of Redis gives a script, but
// one of a host may.
func TestRepliesInScripts(t *testing.T) {
	for _, test := range []struct{ reply, code, want string }{
		{"(123456789012345678901\r\n", "return redis.call('x').big_number", "$21\r\n123456789012345678901\r\n"},
		{"(12\r\n", "return redis.call('x')", "(12\r\n"},
		{"=8\r\ntxt:some\r\n", "return redis.call('x')", "=8\r\ntxt:some\r\n"},
		{"=8\r\nmkd:some\r\n", "local v = redis.call('x').verbatim_string return {v.format, v.string}",
			"*2\r\n$3\r\nmkd\r\n$4\r\nsome\r\n"},
		{"#t\r\n", "return type(redis.call('x'))", "$7\r\nboolean\r\n"},
		{"#f\r\n", "return redis.call('x') == false", ":1\r\n"},
		{"_\r\n", "return type(redis.call('x'))", "$3\r\nnil\r\n"},
		{"*-1\r\n", "return type(redis.call('x'))", "$7\r\nboolean\r\n"},
		{",nan\r\n", "local d = redis.call('x').double return d ~= d", ":1\r\n"},
		{",-inf\r\n", "return redis.call('x').double == -1/0", ":1\r\n"},
		{",1e400\r\n", "return redis.call('x').double == 1/0", ":1\r\n"},
		{"|1\r\n+ttl\r\n:5\r\n$1\r\nv\r\n", "return redis.call('x')", "$1\r\nv\r\n"},
		{"*2\r\n|1\r\n+a\r\n:5\r\n:1\r\n:2\r\n", "return redis.call('x')", "*2\r\n:1\r\n:2\r\n"},
		{">2\r\n+a\r\n:1\r\n", "return #redis.call('x')", ":2\r\n"},
		{"%1\r\n%1\r\n:1\r\n:2\r\n*1\r\n~1\r\n:3\r\n",
			"for k, v in pairs(redis.call('x').map) do return {k.map[1], v[1].set[3]} end", "*2\r\n:2\r\n:1\r\n"},
		{"*2\r\n-ERR a\r\n-B c\r\n", "local r = redis.call('x') return {r[1].err, r[2].err}",
			"*2\r\n$5\r\nERR a\r\n$3\r\nB c\r\n"},
		{"-short\r\n", "return redis.pcall('x').err", "$9\r\nERR short\r\n"},
		{"%1\r\n_\r\n:1\r\n", "return redis.call('x')",
			"-ERR user_script:1: table index is nil script: sha, on @user_script:1.\r\n"},
		{strings.Repeat("*1\r\n", 100) + ":1\r\n", "return redis.call('x')", strings.Repeat("*1\r\n", 100) + ":1\r\n"},
	} {
		if got := runOnReply(t, test.reply, test.code, true); got != test.want {
			t.Errorf("%q, %s\n got %q\nwant %q", test.reply, test.code, got, test.want)
		}
	}
}

// TestReplyOfLargeKeys has a map with a key for which the interpreter would make a large array.
func TestReplyOfLargeKeys(t *testing.T) {
	got := runOnReply(t, "%1\r\n:60000000\r\n:1\r\n", "return redis.call('x')", false)
	if !strings.Contains(got, "not enough memory") {
		t.Errorf("%q", got)
	}
}

// TestBrokenReplies are what is no reply: the script gets an error, not less and not more.
func TestBrokenReplies(t *testing.T) {
	for _, reply := range []string{
		"", "\r\n", "+", "+OK", "+OK\n", ":x\r\n", ":\r\n", "$5\r\nab\r\n", "$-2\r\n", "$x\r\n", "*2\r\n:1\r\n",
		"*1000000000\r\n:1\r\n",
		"*-2\r\n", "%1\r\n:1\r\n", "~9999999999999999999\r\n", "=3\r\ntxt\r\n", ",x\r\n", "?1\r\n", "|1\r\n:1\r\n:2\r\n",
		"%4611686018427387905\r\n", strings.Repeat("*1\r\n", 200) + ":1\r\n",
	} {
		const want = "-ERR the node's reply to a command breaks the protocol script: sha, on @user_script:1.\r\n"
		if got := runOnReply(t, reply, "return {redis.call('x')}", false); got != want {
			t.Errorf("%.50q: %q", reply, got)
		}
	}
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"+OK\r\n", "-ERR a b\r\n", ":12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "*2\r\n:1\r\n*1\r\n_\r\n", "%1\r\n+a\r\n,1.5\r\n",
		"~2\r\n#t\r\n#f\r\n", "=7\r\ntxt:abc\r\n", "(123\r\n", "|1\r\n+a\r\n:1\r\n:2\r\n", ">1\r\n:1\r\n",
		"*100000\r\n", "%1\r\n_\r\n_\r\n", "%1\r\n:8666610\r\n:1\r\n",
	} {
		f.Add([]byte(seed))
	}
	v := newVM()
	v.L.SetTop(0)
	convert := v.L.NewFunction(func(L *lua.LState) int {
		L.Push(v.parseReply(L, []byte(L.CheckString(1))))
		return 1
	})
	f.Fuzz(func(t *testing.T, reply []byte) {
		run := newRun(nil, nil)
		run.MaxReply, run.Memory = 1<<20, 1<<20
		v.start(run)
		if result, ok := v.call(convert, lua.LString(reply)); ok {
			v.appendReply(result)
		} else {
			v.appendError(result)
		}
		v.end()
		v.start(newRun(nil, nil)) // not stopped
		if !completeReply(v, run.Reply) {
			t.Errorf("%q: %q is not a reply", reply, run.Reply)
		}
		v.end()
	})
}

// completeReply reports whether b is one reply and nothing after it.
func completeReply(v *vm, b []byte) bool {
	p := parser{v: v, L: v.L, in: b}
	p.value(0)
	return !p.broken && len(p.in) == 0
}
