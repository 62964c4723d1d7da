package commands

import (
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/internal/acl"
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
	for _, use := range c.uses {
		access := use.access
		if c.keyFlagsIn != nil {
			access = c.keyFlagsIn(line).access
		}
		list = append(list, acl.KeyRange{First: use.First, Count: use.count(len(line)), Step: use.Step, Access: access})
	}
	return list
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
	keyword string     // they follow this one instead
	access  acl.Access // of flags
}

// keySpecs splits the keys by their use, for c.uses: RENAME deletes the first and writes the second.
func (c *Command) keySpecs() []keyUse {
	if c.Keys.First == 0 {
		return nil
	}
	uses := strings.Split(c.KeyFlags, ",")
	switch {
	case len(uses) == 1:
		return []keyUse{{uses[0], c.Keys, "", accessOf(uses[0])}}
	case c.KeyRange != nil: // MIGRATE is the only one
		return []keyUse{{uses[0], c.Keys, "", accessOf(uses[0])}, {uses[1], KeySpec{0, -1, 1}, "KEYS", accessOf(uses[1])}}
	}
	list := make([]keyUse, len(uses))
	for i, use := range uses {
		at := c.Keys.First + i
		list[i] = keyUse{use, KeySpec{at, at, 1}, "", accessOf(use)}
	}
	return list
}

// usesIn is keySpecs for a command line, whose arguments tell which ones are keys.
func (c *Command) usesIn(line [][]byte) []keyUse {
	uses := slices.Clone(c.uses)
	if c.keyFlagsIn != nil {
		uses[0].flags = c.keyFlagsIn(line).text
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
