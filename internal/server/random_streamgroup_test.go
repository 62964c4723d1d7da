package server

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// streamGroupTemplates are the commands on groups of consumers. No entry gets its ID from
// the clock, and no time that a line names is near enough to be passed while the test runs.
var streamGroupTemplates = []template{
	{40, "XADD key newid (field value)+", exact, nil},
	{30, "XADD key newid 1 value 2 value", exact, nil},
	{2, "XADD key MAXLEN [=|~] limit newid field value", exact, nil},
	{4, "XDEL key recentid+", exact, nil},
	{1, "XTRIM key MAXLEN [~] limit", exact, nil},
	{1, "XTRIM key MINID recentid", exact, nil},
	{1, "XSETID key recentid", exact, nil},
	{1, "XSETID key newid ENTRIESADDED limit MAXDELETEDID recentid", exact, nil},
	{20, "XGROUP CREATE key group <0|$|recentid> [MKSTREAM] [ENTRIESREAD limit]", exact, nil},
	{1, "XGROUP CREATE key group intervalid [MKSTREAM|ENTRIESREAD <limit|-2|1X>] [MKSTREAM|ENTRIESREAD limit]",
		exact, nil},
	{3, "XGROUP SETID key group <0|$|recentid> [ENTRIESREAD limit]", exact, nil},
	{1, "XGROUP SETID key group intervalid [ENTRIESREAD <limit|-2|1X>] [ENTRIESREAD <limit|-2|1X>|MKSTREAM]", exact, nil},
	{1, "XGROUP DESTROY key group", exact, nil},
	{2, "XGROUP CREATECONSUMER key group consumer", exact, nil},
	{1, "XGROUP DELCONSUMER key group consumer", exact, nil},
	{50, "XREADGROUP GROUP group consumer COUNT limit STREAMS key newentries", exact, nil},
	{12, "XREADGROUP GROUP group consumer [COUNT limit] [NOACK] STREAMS key newentries", exact, nil},
	{12, "XREADGROUP GROUP group consumer [COUNT limit] STREAMS key recentid", exact, nil},
	{3, "XREADGROUP GROUP group consumer [NOACK] STREAMS key 0", exact, nil},
	{5, "XREADGROUP GROUP group consumer [COUNT limit] STREAMS key key <0|newentries> <0|newentries>", exact, nil},
	{1, "!XREADGROUP [GROUP group consumer|NOACK|COUNT int] [COUNT int|GROUP group consumer] STREAMS key key+ intervalid",
		exact, nil},
	{40, "XACK key group recentid+", exact, nil},
	{1, "XACK key group entryid+", exact, nil},
	{6, "XPENDING key group", exact, nil},
	{6, "XPENDING key group [IDLE minidle] - + limit [consumer]", samePending, nil},
	{4, "XPENDING key group [IDLE minidle] recentid recentid limit [consumer]", samePending, nil},
	{1, "XPENDING key group [IDLE minidle] intervalid intervalid int [consumer]", samePending, nil},
	{20, "XCLAIM key group consumer minidle recentid+ [IDLE 100000000|TIME 1000] [RETRYCOUNT limit] [FORCE] [JUSTID]",
		exact, nil},
	{2, "XCLAIM key group consumer minidle recentid+ [LASTID recentid] [FORCE] [JUSTID]", exact, nil},
	{1, "XCLAIM key group consumer minidle entryid+ [IDLE int|TIME int|RETRYCOUNT int] [LASTID intervalid|FORCE|JUSTID]",
		exact, nil},
	{15, "XAUTOCLAIM key group consumer minidle <0|-|recentid> [COUNT limit] [JUSTID]", exact, nil},
	{1, "XAUTOCLAIM key group consumer minidle intervalid [COUNT int|JUSTID] [COUNT limit|JUSTID]", exact, nil},
	{4, "XINFO STREAM key FULL COUNT 0", sameStream, nil},
	{3, "XINFO GROUPS key", exact, nil},
	{1, "!COMMAND GETKEYS XREADGROUP GROUP group consumer [COUNT limit] STREAMS key key+ 0 0", exact, nil},
	{1, "!COMMAND GETKEYSANDFLAGS XREADGROUP GROUP group consumer [NOACK] STREAMS key 0", exact, nil},
}

// recentID returns an ID that an entry may have got lately, as newid makes them.
func (r *randomRun) recentID() string {
	ms := strconv.Itoa(max(0, r.sent/batchSize+1-r.rnd.IntN(4)))
	if r.oneIn(20) {
		return ms
	}
	return ms + "-" + strconv.Itoa(r.rnd.IntN(6))
}

// The largest difference in milliseconds between the clocks of two servers that carry out
// the same command.
const clocksDiffer = 60_000

// samePending wants the same pending entries; how long they have been idle may differ a
// little.
func samePending(ours, theirs []byte) bool {
	ourHead, our := splitReply(ours)
	theirHead, their := splitReply(theirs)
	return bytes.Equal(ourHead, theirHead) && slices.EqualFunc(our, their, func(a, b []byte) bool {
		_, ours := splitReply(a)
		_, theirs := splitReply(b)
		return len(ours) == 4 && len(theirs) == 4 && bytes.Equal(ours[0], theirs[0]) && bytes.Equal(ours[1], theirs[1]) &&
			nearNumbers(ours[2], theirs[2]) && bytes.Equal(ours[3], theirs[3])
	})
}

func nearNumbers(ours, theirs []byte) bool {
	our, ok := resp.ParseInt(bytes.TrimSuffix(ours[1:], []byte("\r\n")))
	their, ok2 := resp.ParseInt(bytes.TrimSuffix(theirs[1:], []byte("\r\n")))
	return ok && ok2 && max(our, their)-min(our, their) < clocksDiffer
}
