package acl

import (
	"strings"
	"testing"
)

// requestOf makes the request of a command line; keys are those of key commands.
func requestOf(c *Catalog, line string) *Request {
	q := &Request{}
	for _, w := range strings.Fields(line) {
		q.Args = append(q.Args, []byte(w))
	}
	name := string(q.Args[0])
	all := KeyRange{1, len(q.Args) - 1, 1, Read}
	switch name {
	case "get", "mget":
		q.Keys = []KeyRange{all}
	case "exists":
		all.Access = 0
		q.Keys = []KeyRange{all}
	case "set":
		q.Keys = []KeyRange{{1, 1, 1, Write}}
	case "del":
		all.Access = Write
		q.Keys = []KeyRange{all}
	case "rename":
		q.Keys = []KeyRange{{1, 1, 1, ReadWrite}, {2, 1, 1, Write}}
	case "publish":
		q.Channels = ChannelRange{1, 1, false}
	case "psubscribe":
		q.Channels = ChannelRange{1, len(q.Args) - 1, true}
	case "config", "client":
		name += "|" + string(q.Args[1])
	}
	q.Command = c.byName[name]
	return q
}

func TestCheck(t *testing.T) {
	command := Denial{Reason: DeniedCommand}
	key := func(arg int) Denial { return Denial{DeniedKey, arg} }
	channel := func(arg int) Denial { return Denial{DeniedChannel, arg} }
	for _, c := range []struct {
		rules string
		line  string
		want  Denial
	}{
		{"+@all ~*", "get a", Denial{}},
		{"+@all", "ping", Denial{}},
		{"+@all", "get a", key(1)},
		{"~*", "get a", command},
		{"~*", "auth x", Denial{}},
		{"+get ~a*", "get ab", Denial{}},
		{"+get ~a*", "get b", key(1)},
		{"+get %W~a*", "get ab", key(1)},
		{"+get %W~a* %R~ab", "get ab", Denial{}},
		{"+set %R~a*", "set ab x", key(1)},
		{"+exists %R~a %W~b", "exists a b", Denial{}},
		{"+exists %R~a %W~b", "exists a b c", key(3)},
		{"+mget ~a ~c", "mget a b c d", key(2)},
		{"+rename ~a %R~b", "rename a b", key(2)},
		{"+rename ~a %W~b", "rename a b", Denial{}},
		{"+rename %W~a ~b", "rename a b", key(1)},
		{"+config|get", "config get x", Denial{}},
		{"+config|get", "config set x y", command},
		{"+config -config|set", "config get x", Denial{}},
		{"+config -config|set", "config set x", command},
		{"+@all -config", "config get x", command},
		{"+select|0", "select 0", Denial{}},
		{"+select|0", "select 1", command},
		{"+select|0", "select", command},
		{"+ping|Aa", "ping aA", Denial{}},
		{"+publish &a*", "publish ab x", Denial{}},
		{"+publish &a*", "publish b x", channel(1)},
		{"+psubscribe &a* &b", "psubscribe a* b", Denial{}},
		{"+psubscribe &a* &b", "psubscribe a* ab", channel(2)},
		{"+publish allchannels", "publish b x", Denial{}},

		// The denial told is that of the selector that came furthest.
		{"+get ~a (+get ~b)", "get b", Denial{}},
		{"(+mget ~a) (+mget ~a ~b)", "mget a b c", key(3)},
		{"(+mget ~a ~b) (+mget ~a)", "mget a b c", key(3)},
		{"(~a) (+get ~b)", "get a", key(1)},
		{"(+get ~b) (~a)", "get a", key(1)},
		{"+publish (+@all ~*)", "publish a b", channel(1)},
		{"+set ~a (+get ~b)", "get a", key(1)},
		{"+set ~a (+get ~b)", "set b x", key(1)},
		{"+set ~a (+get ~b)", "del b", command},
		{"(+@all ~* &*)", "shutdown", Denial{}},
	} {
		us := testUsers(t)
		u := mustSet(t, us, "u", strings.Fields(c.rules)...)
		if got := u.Check(requestOf(us.catalog, c.line)); got != c.want {
			t.Errorf("%s: %s: got %+v, want %+v", c.rules, c.line, got, c.want)
		}
	}
}

func TestUnrestricted(t *testing.T) {
	for rules, want := range map[string]bool{
		"+@all ~* &*":                true,
		"+@all ~* &* -get":           false,
		"+@all ~* &* -get +get":      true,
		"+@all ~*":                   false,
		"+@all &*":                   false,
		"~* &*":                      false,
		"(+@all ~*) +@all &*":        false,
		"(+@all ~* &*)":              true,
		"+@all ~* &* resetkeys ~**":  false,
		"+@all allkeys allchannels":  true,
		"+@all ~* &* -@all +@slow":   false,
		"+@all ~* &* -config|get":    false,
		"+@all ~* &* resetchannels":  false,
		"+@all ~* &* clearselectors": true,
	} {
		if got := mustSet(t, testUsers(t), "u", strings.Fields(rules)...).Unrestricted(); got != want {
			t.Errorf("%s: got %t", rules, got)
		}
	}
}

// A rule that allows all commands one by one does not allow those to come.
func TestAllCommandsByCategoryIsRestricted(t *testing.T) {
	u := mustSet(t, testUsers(t), "u", "~*", "&*", "+@slow", "+@fast")
	if u.Unrestricted() || !u.Rules().selectors[0].allowed.contains(u.Rules().catalog.all) {
		t.Error("all commands of today must be allowed, and no others")
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	us := testUsers(t)
	u := mustSet(t, us, "u", "+mget", "~a*", "(+get ~b*)", "(+select|0)")
	for _, line := range []string{"mget a1 a2 b", "get b", "select 0", "select 1"} {
		q := requestOf(us.catalog, line)
		if n := testing.AllocsPerRun(100, func() { u.Check(q) }); n != 0 {
			t.Errorf("%s: %v allocations", line, n)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, bench := range []struct{ name, rules, line string }{
		{"default", "+@all ~* &*", "get user:1000"},
		{"all keys", "+@read ~*", "get user:1000"},
		{"one pattern", "+@read ~user:*", "get user:1000"},
		{"ten patterns", "+@read ~a:* ~b:* ~c:* ~d:* ~e:* ~f:* ~g:* ~h:* ~i:* ~user:*", "get user:1000"},
		{"selector", "+@write ~w:* (+@read ~user:*)", "get user:1000"},
		{"ten keys", "+@read ~user:*", "mget user:1 user:2 user:3 user:4 user:5 user:6 user:7 user:8 user:9 user:10"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			us := testUsers(b)
			u := mustSet(b, us, "u", strings.Fields(bench.rules)...)
			q := requestOf(us.catalog, bench.line)
			b.ReportAllocs()
			for b.Loop() {
				if !u.Unrestricted() && u.Check(q).Denied() {
					b.Fatal("denied")
				}
			}
		})
	}
}
