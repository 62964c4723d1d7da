package server

import (
	"bytes"
	"fmt"
	"slices"
)

// setTemplates are the commands on sets.
var setTemplates = []template{
	{40, "SADD key field+", exact, nil},
	{20, "SREM key field+", exact, nil},
	{5, "SCARD key", exact, nil},
	{10, "SISMEMBER key field", exact, nil},
	{5, "SMISMEMBER key field+", exact, nil},
	{4, "SMEMBERS key", unordered, nil},
	{4, "SPOP key", exact, popMembers},
	{4, "SPOP key count", exact, popMembers},
	{1, "!SPOP key 100000", unordered, nil}, // all of them
	{2, "SRANDMEMBER key", shape, nil},
	{4, "SRANDMEMBER key count", shape, nil},
	{2, "!SRANDMEMBER key 100000", unordered, nil},
	{10, "SMOVE key key field", exact, nil},
	{3, "SINTER key+", unordered, nil},
	{4, "SINTERCARD numkeys key+ [LIMIT limit]", exact, nil},
	{1, "SINTERCARD int key+ [LIMIT int]", exact, nil},
	{3, "SINTERSTORE key key+", exact, nil},
	{3, "SUNION key+", unordered, nil},
	{3, "SUNIONSTORE key key+", exact, nil},
	{3, "SDIFF key+", unordered, nil},
	{3, "SDIFFSTORE key key+", exact, nil},
	{3, "SSCAN key 0 [MATCH pattern] [COUNT limit]", nil, scanAll(1)},
}

// popMembers pops from both servers, looks whether what came was there, and then makes both
// sets lack the same members.
func popMembers(r *randomRun, pair connPair, args [][]byte) {
	r.t.Helper()
	if len(args) < 2 || len(args) > 3 {
		r.mustMatch(pair, exact, args...)
		return
	}
	key := args[1]
	_, theirs := r.both(pair, []byte("SMEMBERS"), key)
	_, members := splitReply(theirs)
	slices.SortFunc(members, bytes.Compare)
	ours, theirs := r.both(pair, args...)
	if line := (&sentLine{args: args, equal: shape}); !line.same(ours, theirs) {
		r.differ(args, ours, theirs)
	}
	_, gone := splitReply(ours)
	if ours[0] == '$' && ours[1] != '-' {
		gone = [][]byte{ours}
	}
	slices.SortFunc(gone, bytes.Compare)
	for i, member := range gone {
		if _, ok := slices.BinarySearchFunc(members, member, bytes.Compare); !ok || i > 0 && bytes.Equal(gone[i-1], member) {
			r.differ(args, ours, theirs)
		}
	}
	if len(gone) == 0 || len(gone) == len(members) {
		return
	}
	add, remove := [][]byte{[]byte("SADD"), key}, [][]byte{[]byte("SREM"), key}
	for i, member := range members {
		add = append(add, bulkText(member))
		if i < len(gone) {
			remove = append(remove, bulkText(member))
		}
	}
	r.mustMatch(pair, exact, add...)
	r.mustMatch(pair, exact, remove...)
}

// bulkText returns the bytes of a string that came as a reply.
func bulkText(reply []byte) []byte {
	_, text, _ := bytes.Cut(reply, []byte("\n"))
	return text[:len(text)-2]
}

// scanAll walks through a whole collection on both servers, whose elements are n replies
// each, and compares what was seen.
func scanAll(n int) func(r *randomRun, pair connPair, args [][]byte) {
	return func(r *randomRun, pair connPair, args [][]byte) {
		r.t.Helper()
		ours, theirs := r.both(pair, args...)
		if ours[0] != '*' || theirs[0] != '*' || len(args) < 3 || string(args[2]) != "0" {
			if !(&sentLine{args: args, equal: anything}).same(ours, theirs) {
				r.differ(args, ours, theirs)
			}
			return
		}
		var seen [2][]byte
		for i, reply := range [][]byte{ours, theirs} {
			groups := make(map[string]bool)
			for {
				_, halves := splitReply(reply)
				_, elems := splitReply(halves[1])
				for group := range slices.Chunk(elems, n) {
					groups[string(bytes.Join(group, nil))] = true
				}
				args[2] = bulkText(halves[0])
				if string(args[2]) == "0" {
					break
				}
				reply = pair[i].doBytes(args...)
			}
			list := fmt.Appendf(nil, "*%d\r\n", len(groups))
			for group := range groups {
				list = append(list, group...)
			}
			seen[i] = list
		}
		if !sameGroups(seen[0], seen[1], n) {
			r.differ(args, seen[0], seen[1])
		}
	}
}
