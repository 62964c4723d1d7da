package commands

import (
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// accessOf reads the key flags of COMMAND. A command that only tells whether a key is
// there, how long its value is, or of which type, has neither access.
func accessOf(flags string) (a acl.Access) {
	if strings.Contains(flags, "access") {
		a = acl.Read
	}
	for _, f := range [...]string{"insert", "update", "delete"} {
		if strings.Contains(flags, f) {
			a |= acl.Write
		}
	}
	return a
}

// keyFlags are the key flags of COMMAND, read once: SET has them looked up with each line.
type keyFlags struct {
	text   string
	access acl.Access
}

func newKeyFlags(text string) *keyFlags { return &keyFlags{text, accessOf(text)} }

// KeyRanges appends which arguments of a command line that Resolve has accepted are keys,
// and what the command does to them, for the check of a user's rights.
func (c *Command) KeyRanges(list []acl.KeyRange, line [][]byte) []acl.KeyRange {
	if c.KeyRange != nil {
		first, n := c.KeyRange(line)
		return append(list, acl.KeyRange{First: first, Count: n, Step: 1, Access: c.uses[0].access})
	}
	for i := range c.uses {
		use := &c.uses[i]
		if use.unknown || use.flags == notKey {
			continue
		}
		keys, ok := use.in(line)
		if !ok {
			return nil
		}
		access := use.access
		if c.keyFlagsIn != nil {
			access = c.keyFlagsIn(line).access
		}
		list = append(list, acl.KeyRange{First: keys.First, Count: keys.count(len(line)), Step: keys.Step, Access: access})
	}
	if c.StoreKey != nil {
		if at := c.StoreKey(line); at != 0 {
			list = append(list, acl.KeyRange{First: at, Count: 1, Step: 1, Access: acl.Write})
		}
	}
	return list
}

// ChannelRange returns which arguments of a command line that Resolve has accepted are
// channels, for the check of a user's rights.
func (c *Command) ChannelRange(line [][]byte) acl.ChannelRange {
	if c.Channels.First == 0 {
		return acl.ChannelRange{}
	}
	return acl.ChannelRange{First: c.Channels.First, Count: c.Channels.count(len(line)), Patterns: c.ChannelPatterns}
}

// KeyPositions returns which arguments of a line that Resolve has accepted are keys.
func (c *Command) KeyPositions(line [][]byte) (list []int) {
	keys := c.Keys
	if keys.First != 0 {
		for i, n := 0, keys.count(len(line)); i < n; i++ {
			list = append(list, keys.First+i*keys.Step)
		}
	}
	if c.Counted != 0 {
		if keys, ok := countedKeys(line, c.Counted); ok {
			for i := keys.First; i <= keys.Last; i++ {
				list = append(list, i)
			}
		}
	}
	if c.KeysAfter.From != 0 {
		if keys, ok := c.KeysAfter.keys(line); ok {
			for i := keys.First; i <= keys.Last; i++ {
				list = append(list, i)
			}
		}
	}
	if c.StoreKey != nil {
		if at := c.StoreKey(line); at != 0 {
			list = append(list, at)
		}
	}
	return list
}

// HasKeys reports whether any argument may be a key.
func (c *Command) HasKeys() bool {
	return c.Keys.First != 0 && !c.Has(Sharded) || c.Counted != 0 || c.KeysAfter.From != 0
}

// notKey is the flag of what COMMAND shows among the keys though it is none: the channel of
// a shard.
const notKey = "not_key"

// countedKeys returns which arguments are keys after one that says how many they are. ok is
// false if it is no number, or there are fewer.
func countedKeys(line [][]byte, at int) (keys KeySpec, ok bool) {
	n, ok := resp.ParseInt(line[at])
	if !ok || n < 1 || n > int64(len(line)-at-1) {
		return KeySpec{}, false
	}
	return KeySpec{at + 1, at + int(n), 1}, true
}

// keys returns which arguments are keys after the word: half of those that follow it. ok is
// false if there are none.
func (k Keyword) keys(line [][]byte) (keys KeySpec, ok bool) {
	for i := k.From; i < len(line)-1; i++ {
		if IsWord(line[i], k.Word) {
			n := (len(line) - i - 1) / 2
			return KeySpec{i + 1, i + n, 1}, n > 0
		}
	}
	return KeySpec{}, false
}

// count returns how many of n arguments are keys.
func (k KeySpec) count(n int) int {
	last := k.Last
	if last < 0 {
		last += n
	}
	return max(0, min(last, n-1)-k.First+k.Step) / k.Step
}

// keyUse is one group of keys of a command and what happens to them.
type keyUse struct {
	flags string
	KeySpec
	keyword string     // they follow this one instead …
	from    int        // … if it is this argument or a later one; negative: counted from the end
	counted bool       // they follow their number, which is argument First
	halved  bool       // they are the first half of what follows the keyword
	unknown bool       // where they are depends on options, or on what keys hold
	access  acl.Access // of flags
}

// in returns which arguments of a line are the keys.
func (k *keyUse) in(line [][]byte) (keys KeySpec, ok bool) {
	switch {
	case k.counted:
		return countedKeys(line, k.First)
	case k.halved:
		return Keyword{k.keyword, k.from}.keys(line)
	}
	return k.KeySpec, true
}

// keySpecs splits the keys by their use, for c.uses: RENAME deletes the first and writes the second.
func (c *Command) keySpecs() []keyUse {
	if !c.HasKeys() && !c.Has(Sharded) {
		return nil
	}
	uses := strings.Split(c.KeyFlags, ",")
	list := make([]keyUse, len(uses))
	for i, use := range uses {
		list[i] = keyUse{flags: use, KeySpec: c.Keys, access: accessOf(use)}
		switch at := c.Keys.First + i; {
		case strings.HasPrefix(use, "?"):
			list[i] = optionUse(use[1:])
		case c.Counted != 0 && i == len(uses)-1: // after those of Keys, if there are any
			list[i].KeySpec, list[i].counted = KeySpec{First: c.Counted}, true
		case c.KeysAfter.From != 0:
			list[i].KeySpec, list[i].halved = KeySpec{0, -1, 1}, true
			list[i].keyword, list[i].from = c.KeysAfter.Word, c.KeysAfter.From
		case c.KeyRange != nil: // MIGRATE is the only one
			if i == 1 {
				list[i].KeySpec, list[i].keyword, list[i].from = KeySpec{0, -1, 1}, "KEYS", -2
			}
		case i < len(uses)-1:
			list[i].KeySpec = KeySpec{at, at, 1}
		case i > 0: // the last ones
			list[i].KeySpec = KeySpec{at, c.Keys.Last, 1}
		}
	}
	return list
}

// optionUse reads what KeyFlags has of a key that an option names: its flags, and where
// COMMAND can tell it the option and from which argument on, as "STORE:6:OW update".
func optionUse(text string) keyUse {
	parts := strings.Split(text, ":")
	if len(parts) < 3 {
		return keyUse{flags: text, unknown: true}
	}
	from, err := strconv.Atoi(parts[1])
	if err != nil {
		panic("commands: key flags " + text + ": " + err.Error())
	}
	return keyUse{flags: parts[2], unknown: true, KeySpec: KeySpec{0, 0, 1}, keyword: parts[0], from: from}
}

// usesIn is keySpecs for a command line, whose arguments tell which ones are keys.
func (c *Command) usesIn(line [][]byte) []keyUse {
	uses := slices.Clone(c.uses)
	if c.keyFlagsIn != nil {
		uses[0].flags = c.keyFlagsIn(line).text
	}
	if c.Counted != 0 || c.KeysAfter.From != 0 {
		for i := range uses {
			keys, ok := uses[i].in(line)
			if !ok {
				return nil
			}
			uses[i].KeySpec = keys
		}
	}
	uses = slices.DeleteFunc(uses, func(k keyUse) bool { return k.unknown })
	if c.StoreKey != nil {
		if at := c.StoreKey(line); at != 0 {
			uses = append(uses, keyUse{flags: "OW update", KeySpec: KeySpec{at, at, 1}})
		}
	}
	if c.KeyRange == nil {
		return uses
	}
	first, n := c.KeyRange(line)
	return []keyUse{{flags: uses[0].flags, KeySpec: KeySpec{first, first + n - 1, 1}}}
}

func (k KeySpec) of(line [][]byte) (keys [][]byte) {
	for n, i := k.count(len(line)), k.First; n > 0; i, n = i+k.Step, n-1 {
		keys = append(keys, line[i])
	}
	return keys
}

func (c *Command) keysIn(line [][]byte) (keys [][]byte) {
	for _, use := range c.usesIn(line) {
		keys = append(keys, use.of(line)...)
	}
	return keys
}
