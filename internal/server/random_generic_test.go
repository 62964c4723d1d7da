package server

import (
	"bytes"
	"slices"
)

// genericTemplates are the commands on keys of any type. They are in every group, seldom
// enough that keys live long.
var genericTemplates = []template{
	{3, "DEL key", exact, nil},
	{1, "UNLINK key+", exact, nil},
	{3, "EXISTS key+", exact, nil},
	{1, "TOUCH key+", exact, nil},
	{3, "TYPE key", exact, nil},
	{3, "RENAME key key", exact, nil},
	{2, "RENAMENX key key", exact, nil},
	{3, "COPY key key [REPLACE]", exact, nil},
	{1, "COPY key key DB 0 REPLACE", exact, nil},
	{2, "EXPIRE key seconds", exact, nil},
	{1, "PEXPIRE key millis", exact, nil},
	{1, "EXPIRE key past", exact, nil},
	{2, "EXPIREAT key unix [NX|XX|GT|LT]", exact, nil},
	{2, "PEXPIREAT key unixms [NX|XX|GT|LT]", exact, nil},
	{2, "PERSIST key", exact, nil},
	{1, "TTL key", similar, nil},
	{2, "PTTL key", similar, nil},
	{1, "EXPIRETIME key", similar, nil},
	{1, "PEXPIRETIME key", similar, nil},
	{1, "OBJECT REFCOUNT key", anything, nil}, // Redis shares small integers
	{1, "PEXPIRE key 1", exact, expireNow},
	{1, "SORT key [ASC|DESC] [LIMIT index count]", exact, sortNumbers},
	{1, "SORT key ALPHA [ASC|DESC] [LIMIT index count]", upToNUL, nil},
	{1, "SORT_RO key ALPHA [DESC]", upToNUL, nil},
	{1, "SORT key BY NONE [ASC|DESC] [LIMIT 0 100000]", unordered, nil},
	{1, "SORT key ALPHA [LIMIT index count] STORE key", exact, nil},
	{1, "SORT key BY NONE STORE key", exact, nil},
	{1, "SORT key <BY|GET> <*|K*>", unordered, nil}, // refused
	{2, "DUMP key", anything, exchangeDumps},
	{1, "SET key value", exact, nil}, // changes the type
	{1, "GET key", exact, nil},       // of a wrong type
	{1, "SETRANGE key index value", exact, nil},
	{1, "HSET key field value", exact, nil},
	{1, "SADD key field", exact, nil},
}

// upToNUL wants the same elements in the same order, of each what stands before a zero
// byte: Redis compares no more of them, so the order of those that differ only behind one
// is not defined.
func upToNUL(ours, theirs []byte) bool {
	ourHead, our := splitReply(ours)
	theirHead, their := splitReply(theirs)
	compared := func(bulk []byte) []byte {
		_, text, _ := bytes.Cut(bulk, []byte("\r\n"))
		text, _, _ = bytes.Cut(bytes.TrimSuffix(text, []byte("\r\n")), []byte{0})
		return text
	}
	return bytes.Equal(ourHead, theirHead) && slices.EqualFunc(our, their, func(a, b []byte) bool {
		return bytes.Equal(compared(a), compared(b))
	})
}

// sortNumbers compares a SORT by numbers. Redis may say that there is something else though
// all are numbers: it does not reset errno, which may tell of an earlier one.
func sortNumbers(r *randomRun, pair connPair, args [][]byte) {
	ours, theirs := r.both(pair, args...)
	line := sentLine{args: args, equal: exact}
	if string(theirs) != "-ERR One or more scores can't be converted into double\r\n" && !line.same(ours, theirs) {
		r.differ(args, ours, theirs)
	}
}

// exchangeDumps restores here what redis-server has dumped, and there what is then dumped
// here: so the order of a hash stays the same on both.
func exchangeDumps(r *randomRun, pair connPair, args [][]byte) {
	ours, theirs := r.both(pair, args...)
	if line := (sentLine{args: args, equal: anything}); !line.same(ours, theirs) {
		r.differ(args, ours, theirs)
	}
	if len(args) != 2 || ours[0] != '$' || string(ours) == "$-1\r\n" || string(theirs) == "$-1\r\n" {
		return
	}
	expiry := pair[1].doBytes([]byte("PEXPIRETIME"), args[1])
	at := bytes.TrimSuffix(expiry[1:], []byte("\r\n"))
	if at[0] == '-' { // never
		at = []byte("0")
	}
	dump := theirs
	for _, c := range pair {
		_, payload, _ := bytes.Cut(dump, []byte("\r\n"))
		payload = bytes.TrimSuffix(payload, []byte("\r\n"))
		reply := c.doBytes([]byte("RESTORE"), args[1], at, payload, []byte("REPLACE"), []byte("ABSTTL"))
		if string(reply) != "+OK\r\n" {
			r.t.Fatalf("seed %d, by command %d: RESTORE %q of %q: %s", r.seed, r.sent, args[1], dump, reply)
		}
		dump = pair[0].doBytes(args...)
	}
}

// expireNow lets a key expire in the moment it would be used: it waits until that has
// happened on both servers.
func expireNow(r *randomRun, pair connPair, args [][]byte) {
	r.mustMatch(pair, exact, args...)
	if len(args) < 2 {
		return
	}
	r.expiring = string(args[1])
	for _, c := range pair {
		waitFor(r.t, "a key to expire", func() bool {
			reply := string(c.doBytes([]byte("PTTL"), args[1]))
			return reply == ":-2\r\n" || reply == ":-1\r\n" || reply[0] == '-' || len(reply) > len(":1000\r\n")
		})
	}
}
