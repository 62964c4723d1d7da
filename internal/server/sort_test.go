package server

import "testing"

// Expected replies are those of redis-server 7.0.15.
func TestSortFollowsPatternsInNoCluster(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	for _, step := range [][2]string{
		{"RPUSH list 3 1 2 10", ":4"},
		{"MSET w_1 30 w_2 20 w_3 10 name_1 one name_2 two", "+OK"},
		{"HSET h_1 f first", ":1"},
		{"HSET h_2 g other", ":1"},
		{"SORT list", `["1", "2", "3", "10"]`},
		{"SORT list DESC LIMIT 1 2", `["3", "2"]`},
		{"SORT list ALPHA", `["1", "10", "2", "3"]`},
		{"SORT list BY w_*", `["10", "3", "2", "1"]`},
		{"SORT list BY w_* GET # GET name_*", `["10", nil, "3", nil, "2", "two", "1", "one"]`},
		{"SORT list GET h_*->f", `["first", nil, nil, nil]`},
		{"SORT list GET h_*->", `[nil, nil, nil, nil]`},
		{"SORT list GET name", `[nil, nil, nil, nil]`},
		{"SORT list BY name_* ALPHA", `["3", "10", "1", "2"]`},
		{"SORT list BY name_*", "-ERR One or more scores can't be converted into double"},
		{"SORT list BY none", `["3", "1", "2", "10"]`},
		{"SORT list BY none DESC LIMIT 0 2", `["10", "2"]`},
		{"SORT list BY none GET name_* STORE to", ":4"},
		{"LRANGE to 0 -1", `["", "one", "two", ""]`},
		{"EXPIRE to 100", ":1"},
		{"SORT list LIMIT 0 1 STORE to", ":1"},
		{"TTL to", ":-1"},
		{"SORT missing STORE to", ":0"},
		{"EXISTS to", ":0"},
		{"SORT missing", "[]"},
		{"SORT list LIMIT 1", "-ERR syntax error"},
		{"SORT list LIMIT a b", "-ERR value is not an integer or out of range"},
		{"SORT_RO list STORE to", "-ERR syntax error"},
		{"SORT name_1", "-WRONGTYPE Operation against a key holding the wrong kind of value"},
		{"ACL SETUSER default resetkeys ~list", "+OK"},
		{"SORT list BY w_*", "-ERR BY option of SORT denied due to insufficient ACL permissions."},
		{"SORT list GET w_*", "-ERR GET option of SORT denied due to insufficient ACL permissions."},
		{"SORT list", `["1", "2", "3", "10"]`},
		{"SORT list STORE to", "-NOPERM this user has no permissions to access one of the keys used as arguments"},
		{"ACL SETUSER default ~w_* %R~*", "+OK"},
		{"SORT list BY w_*", `["10", "3", "2", "1"]`},
	} {
		expect(t, c, step[0], step[1])
	}
}

func TestSortFollowsNoPatternInCluster(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster()}))
	for _, step := range [][2]string{
		{"RPUSH {k}l 2 1", ":2"},
		{"SORT {k}l BY {k}*", "-ERR BY option of SORT denied in Cluster mode."},
		{"SORT {k}l GET #", "-ERR GET option of SORT denied in Cluster mode."},
		{"SORT {k}l BY none", `["2", "1"]`},
		{"SORT {k}l STORE other", "-CROSSSLOT Keys in request don't hash to the same slot"},
		{"COMMAND GETKEYS SORT a BY STORE LIMIT 1 2 STORE b STORE c", `["a", "c"]`},
		{"COMMAND GETKEYS SORT_RO a", `["a"]`},
	} {
		expect(t, c, step[0], step[1])
	}
}

// Elements are numbers as C reads them.
func TestSortReadsNumbersAsC(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	for _, number := range []string{"", " 5", "5\x00a", "0x10", "0x1p3", "+5", "-0", ".5", "5.", "\t5", "inf",
		"-INFINITY"} {
		if _, err := c.Do("RPUSH", "l", number); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Do("SORT", "l"); err != nil {
			t.Errorf("%q: %v", number, err)
		}
	}
	for _, other := range []string{" ", "5 ", "1_0", "nan", "1e", "x", "1e400", "1e-320"} {
		c.Do("DEL", "l")
		c.Do("RPUSH", "l", other)
		if reply, err := c.Do("SORT", "l"); err == nil {
			t.Errorf("%q is sorted: %v", other, reply)
		}
	}
}
