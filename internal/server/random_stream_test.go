package server

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// streamTemplates are the commands on entries of streams. No entry gets its ID from the
// clock, which is not the same on both servers, unless the last one is far in the future.
var streamTemplates = []template{
	{30, "XADD key newid (field value)+", exact, nil},
	{6, "XADD key [NOMKSTREAM] [MAXLEN|MINID] [=|~] <trimlen|entryid> [LIMIT trimlimit] newid (field value)+", exact, nil},
	{8, "XADD key <MAXLEN|MAXLEN =|MAXLEN ~> trimlen newid (field value)+", exact, nil},
	{4, "XADD key <MINID|MINID =|MINID ~> entryid newid (field value)+", exact, nil},
	{3, "XADD key NOMKSTREAM newid (field value)+", exact, nil},
	{2, "XADD key <MAXLEN ~ trimlen|MINID ~ entryid> LIMIT trimlimit newid (field value)+", exact, nil},
	{1, "XADD key MAXLEN trimlen [MAXLEN|MINID] trimlen [LIMIT trimlimit] newid field value", exact, nil},
	{1, "XADD key LIMIT trimlimit [NOMKSTREAM] newid field value", exact, nil},
	{2, "XADD key entryid field value", exact, nil},
	{1, "XADD key newid field value field", exact, nil},
	{1, "XADD key * (field value)+", nil, afterFutureEntry},
	{3, "XADD key newid (field value)+", nil, manyEntries},
	{4, "XLEN key", exact, nil},
	{6, "XRANGE key intervalid intervalid [COUNT count]", exact, nil},
	{4, "XRANGE key - + [COUNT count]", exact, nil},
	{6, "XREVRANGE key intervalid intervalid [COUNT count]", exact, nil},
	{4, "XREVRANGE key + - [COUNT count]", exact, nil},
	{1, "XRANGE key intervalid intervalid COUNT count COUNT count", exact, nil},
	{10, "XDEL key entryid+", exact, nil},
	{2, "XDEL key entryid entryid entryid entryid entryid entryid entryid entryid", exact, nil},
	{4, "XTRIM key <MAXLEN|MAXLEN =|MAXLEN ~> trimlen", exact, nil},
	{4, "XTRIM key <MINID|MINID =|MINID ~> entryid", exact, nil},
	{3, "XTRIM key <MAXLEN ~ trimlen|MINID ~ entryid> LIMIT trimlimit", exact, nil},
	{1, "XTRIM key [MAXLEN|MINID] [=|~] trimlen [LIMIT trimlimit] [MAXLEN trimlen]", exact, nil},
	{3, "XSETID key entryid [ENTRIESADDED trimlen] [MAXDELETEDID entryid]", exact, nil},
	{1, "XSETID key newid", exact, nil},
	{3, "XINFO STREAM key", sameStream, nil},
	{2, "XINFO STREAM key FULL [COUNT count]", sameStream, nil},
	{1, "XINFO STREAM key [FULL|COUNT] [COUNT] [count] [count]", sameStream, nil},
	{1, "XINFO GROUPS key", sameStream, nil},
	{1, "XINFO CONSUMERS key field", sameStream, nil},
	{1, "XSETID key entryid [MAXDELETEDID entryid] [ENTRIESADDED trimlen] [NX]", exact, nil},
}

// oddStreamIDs are seldom those of entries, or none at all.
var oddStreamIDs = []string{"0", "0-0", "0-1", "0-*", "-", "+", "-", "+", "18446744073709551615-18446744073709551615",
	"18446744073709551615", "18446744073709551615-*", "18446744073709551616", "1-18446744073709551615",
	"1-18446744073709551616", "18446744073709551615-18446744073709551614", "33000000000000-5", "abc", "", "1-", "-1",
	"1-1-1", "1-**", "$", ">", " 5", "5 ", "+5", "+5-+1", "5- 1", "5--1", "5--01", "5- -1", "5--0", "007-01", "5-\t7",
	"1\x002", "2-3\x00-4", "-\x00", "+\x00x", "0x10", "1_0", "1.5", "--*", "-*", "+-*", "*-*", "1-*-*", "1-*\x00",
	strings.Repeat("0", 126) + "1", strings.Repeat("0", 127) + "1"}

// streamWord returns a word of one of the kinds that only streams have.
func (r *randomRun) streamWord(kind string) string {
	epoch := r.sent/batchSize + 1
	switch kind {
	case "newid": // greater than the others, as a rule
		switch r.rnd.IntN(30) {
		case 0:
			return r.streamWord("entryid")
		case 1, 2, 3:
			return strconv.Itoa(epoch) + "-" + strconv.Itoa(r.rnd.IntN(200))
		case 4:
			return strconv.Itoa(epoch)
		}
		return strconv.Itoa(epoch) + "-*"
	case "intervalid":
		if r.oneIn(3) {
			return "(" + r.streamWord("entryid")
		}
		return r.streamWord("entryid")
	}
	if r.oneIn(6) {
		return pick(r.rnd, oddStreamIDs)
	}
	id := strconv.Itoa(max(0, epoch-min(r.rnd.IntN(12), r.rnd.IntN(12))))
	switch {
	case r.oneIn(5):
		return id
	case r.oneIn(5):
		return id + "-" + strconv.Itoa(r.rnd.IntN(300))
	}
	return id + "-" + strconv.Itoa(r.rnd.IntN(8))
}

// afterFutureEntry sends an XADD whose ID comes from the clock, or, because there is an entry
// from the future, from that. Such a stream takes few other entries, so it is deleted later.
func afterFutureEntry(r *randomRun, pair connPair, args [][]byte) {
	if len(args) < 2 {
		r.mustMatch(pair, exact, args...)
		return
	}
	key := string(args[1])
	for _, line := range [][][]byte{byteWords("XADD", key, "33000000000000-*", "f", "v"), args, args} {
		r.remember(line)
		r.mustMatch(pair, exact, line...)
	}
	if !r.oneIn(4) {
		line := byteWords("DEL", key)
		r.remember(line)
		r.mustMatch(pair, exact, line...)
	}
}

// manyEntries adds entries enough for several nodes.
func manyEntries(r *randomRun, pair connPair, args [][]byte) {
	r.batch = r.batch[:0]
	r.add(args, exact)
	if len(args) > 4 && bytes.HasPrefix(args[1], []byte(keyPrefix)) {
		key, size := string(args[1]), 1+r.rnd.IntN(100)
		for range 1 + r.rnd.IntN(400) {
			line := byteWords("XADD", key, strconv.Itoa(r.sent/batchSize+1)+"-*")
			if r.oneIn(3) { // other fields than the first entry of the node, perhaps
				line = append(line, []byte(r.part()), []byte(strings.Repeat("x", r.rnd.IntN(size))))
			} else {
				line = append(line, args[len(args)-2], []byte(r.word("value")))
			}
			r.add(line, exact)
		}
	}
	r.exchange(pair)
}

// sameStream compares what XINFO replies, but the number of nodes of Redis' tree, and times
// only roughly.
func sameStream(ours, theirs []byte) bool {
	ourHead, our := splitReply(ours)
	theirHead, their := splitReply(theirs)
	if len(our) == 0 && len(their) == 0 {
		return bytes.Equal(ours, theirs) || areTimes(ourHead, theirHead)
	}
	if !bytes.Equal(ourHead, theirHead) || len(our) != len(their) {
		return false
	}
	for i := 0; i < len(our); i++ {
		if !sameStream(our[i], their[i]) {
			return false
		}
		switch string(our[i]) {
		case "$16\r\nradix-tree-nodes\r\n", "$4\r\nidle\r\n":
			i++
		}
	}
	return true
}

// areTimes reports whether two integers are times of about the same moment, in Unix
// milliseconds.
func areTimes(ours, theirs []byte) bool {
	our, ok := resp.ParseInt(bytes.TrimSuffix(ours[1:], []byte("\r")))
	their, ok2 := resp.ParseInt(bytes.TrimSuffix(theirs[1:], []byte("\r")))
	const earliest = 1_500_000_000_000
	return ok && ok2 && ours[0] == ':' && our > earliest && their > earliest && max(our, their)-min(our, their) < 30_000
}
