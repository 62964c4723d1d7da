package server

import (
	"testing"
	"testing/synctest"
)

// SET … IFEQ of Valkey 8.1 and DELIFEQ of Valkey 9.0.
func TestIfEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // TTL rounds what is left
		c := connect(t, startServer(t, Config{}))
		const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"
		for _, step := range [][2]string{
			{"SET k new IFEQ old", "nil"},
			{"SET k new IFEQ old GET", "nil"},
			{"EXISTS k", ":0"},
			{"SET k 1", "+OK"},
			{"SET k 2 IFEQ 3", "nil"},
			{"SET k 2 IFEQ 3 GET", `"1"`},
			{"GET k", `"1"`},
			{"SET k 2 ifeq 1 EX 100", "+OK"},
			{"TTL k", ":100"},
			{"SET k 3 GET KEEPTTL IFEQ 2", `"2"`},
			{"TTL k", ":100"},
			{"SET k '' IFEQ 3", "+OK"},
			{"SET k x IFEQ ''", "+OK"},
			{"TTL k", ":-1"},
			{"SET k y IFEQ", "-ERR syntax error"},
			{"SET k y IFEQ x NX", "-ERR syntax error"},
			{"SET k y XX IFEQ x", "-ERR syntax error"},
			{"SET k y IFEQ x IFEQ x", "-ERR syntax error"},
			{"GETEX k IFEQ x", "-ERR syntax error"},
			{"DELIFEQ k y", ":0"},
			{"DELIFEQ k x", ":1"},
			{"DELIFEQ k x", ":0"},
			{"LPUSH l x", ":1"},
			{"SET l y IFEQ x", wrongType},
			{"SET l y IFEQ x GET", wrongType},
			{"DELIFEQ l x", wrongType},
		} {
			expect(t, c, step[0], step[1])
		}
	})
}
