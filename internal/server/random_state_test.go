package server

import (
	"slices"
	"strings"
)

// readers are the commands that read a key of a type as a whole, and how what they reply is
// compared, by what TYPE replies.
var readers = map[string]struct {
	line  string
	equal equality
}{
	"+string\r\n": {"GET key", exact},
	"+hash\r\n":   {"HGETALL key", pairs},
	"+set\r\n":    {"SMEMBERS key", unordered},
	"+list\r\n":   {"LRANGE key 0 -1", exact},
	"+zset\r\n":   {"ZRANGE key 0 -1 WITHSCORES", exact},
	"+stream\r\n": {"XINFO STREAM key FULL COUNT 0", sameStream},
}

// orderedEncodings are those of collections in which the order of parts is defined.
var orderedEncodings = []string{"$8\r\nlistpack\r\n", "$6\r\nintset\r\n"}

// comparedEncodings are the types whose encodings are compared. Strings are not: how Redis
// keeps one depends on the command that made it.
var comparedEncodings = []string{"+hash\r\n", "+set\r\n", "+list\r\n", "+zset\r\n", "+stream\r\n"}

// compareState reads every key of both servers, by the commands that users read with, and
// compares what they reply.
func (r *randomRun) compareState() {
	r.t.Helper()
	pair := r.conns[0]
	r.mustMatch(pair, exact, byteWords("DBSIZE")...)
	for _, key := range keyNames() {
		r.mustMatch(pair, exact, byteWords("TYPE", key)...)
		r.mustMatch(pair, similar, byteWords("PTTL", key)...)
		_, kindOf := r.both(pair, byteWords("TYPE", key)...)
		kind := string(kindOf)
		reader, ok := readers[kind]
		if !ok {
			continue
		}
		equal := reader.equal
		if slices.Contains(comparedEncodings, kind) {
			r.mustMatch(pair, exact, byteWords("OBJECT", "ENCODING", key)...)
			if slices.Contains(orderedEncodings, string(pair[1].do("OBJECT", "ENCODING", key))) {
				equal = exact
			}
		}
		words := strings.Fields(reader.line)
		words[slices.Index(words, "key")] = key
		r.mustMatch(pair, equal, byteWords(words...)...)
	}
}
