package acl

import (
	"slices"
	"strings"
)

// Access is what a command does with a key, or what a pattern allows.
type Access uint8

// What can be done with keys. A command that only asks whether a key is there has neither.
const (
	Read Access = 1 << iota
	Write

	ReadWrite = Read | Write
)

// selector is a set of permissions; a command is allowed if one selector of its user allows
// all of it. The first selector of a user is the root: rules outside of parentheses.
type selector struct {
	allowed   bitset // commands
	future    bool   // and those to come: +@all is at the beginning
	firstArgs []firstArg

	allKeys     bool
	keys        []keyPattern
	allChannels bool
	channels    []pattern
}

// firstArg allows a command, that is not allowed otherwise, with one first argument.
type firstArg struct {
	command int
	arg     string
}

type keyPattern struct {
	pattern
	access Access
}

func newSelector(c *Catalog, allChannels bool) *selector {
	return &selector{allowed: newBitset(len(c.commands)), allChannels: allChannels}
}

// clone returns a copy of which all can be changed. Patterns never change.
func (s *selector) clone() *selector {
	c := *s
	c.allowed, c.firstArgs = slices.Clone(s.allowed), slices.Clone(s.firstArgs)
	c.keys, c.channels = slices.Clone(s.keys), slices.Clone(s.channels)
	return &c
}

// seal removes what was added twice. To compare each pattern with all others as it is added
// would take long for a long list.
func (s *selector) seal() {
	s.keys = unique(s.keys, func(k keyPattern) string { return k.text },
		func(first *keyPattern, again keyPattern) { first.access |= again.access })
	s.channels = unique(s.channels, func(p pattern) string { return p.text }, nil)
	s.firstArgs = unique(s.firstArgs, func(f firstArg) firstArg { f.arg = strings.ToLower(f.arg); return f }, nil)
}

// unique removes elements whose key another one before has; merge, unless it is nil, adds
// them to that one.
func unique[T any, K comparable](list []T, key func(T) K, merge func(first *T, again T)) []T {
	if len(list) < 2 {
		return list
	}
	at := make(map[K]int, len(list))
	kept := list[:0]
	for _, v := range list {
		k := key(v)
		if i, ok := at[k]; !ok {
			at[k] = len(kept)
			kept = append(kept, v)
		} else if merge != nil {
			merge(&kept[i], v)
		}
	}
	clear(list[len(kept):])
	return kept
}

// unrestricted reports whether a selector allows everything.
func (s *selector) unrestricted(c *Catalog) bool {
	return s.allKeys && s.allChannels && s.future && s.allowed.contains(c.all)
}

// apply changes a selector as a modifier says.
func (s *selector) apply(c *Catalog, modifier string) error {
	switch {
	case equalFold(modifier, "allkeys") || modifier == "~*":
		s.allKeys, s.keys = true, nil
	case equalFold(modifier, "resetkeys"):
		s.allKeys, s.keys = false, nil
	case equalFold(modifier, "allchannels") || modifier == "&*":
		s.allChannels, s.channels = true, nil
	case equalFold(modifier, "resetchannels"):
		s.allChannels, s.channels = false, nil
	case equalFold(modifier, "allcommands") || equalFold(modifier, "+@all"):
		s.allowed.setAll(c.all, true)
		s.future, s.firstArgs = true, nil
	case equalFold(modifier, "nocommands") || equalFold(modifier, "-@all"):
		clear(s.allowed)
		s.future, s.firstArgs = false, nil
	default:
		return s.applyPrefixed(c, modifier)
	}
	return nil
}

// applyPrefixed applies a modifier whose first byte says what it is about.
func (s *selector) applyPrefixed(c *Catalog, modifier string) error {
	if modifier == "" {
		return errSyntax
	}
	rest := modifier[1:]
	switch modifier[0] {
	case '~':
		return s.addKeys(rest, ReadWrite)
	case '%':
		access, pattern, err := cutAccess(rest)
		if err != nil {
			return s.refuseAllKeys(err)
		}
		return s.addKeys(pattern, access)
	case '&':
		return s.addChannels(rest)
	case '+', '-':
		allow := modifier[0] == '+'
		if strings.HasPrefix(rest, "@") {
			return s.setCategory(c, rest[1:], allow)
		}
		if allow && strings.Contains(rest, "|") {
			return s.allowSub(c, rest)
		}
		return s.setCommand(c, rest, allow)
	}
	return errSyntax
}

// refuseAllKeys returns the error of a pattern after all keys were allowed, if they were:
// Redis tests that first.
func (s *selector) refuseAllKeys(err error) error {
	if s.allKeys {
		return errAllKeys
	}
	return err
}

// cutAccess reads what stands between % and the pattern.
func cutAccess(rest string) (access Access, pattern string, err error) {
	for i := range len(rest) {
		var bit Access
		switch rest[i] {
		case 'r', 'R':
			bit = Read
		case 'w', 'W':
			bit = Write
		case '~':
			if access == 0 {
				return 0, "", errSyntax
			}
			return access, rest[i+1:], nil
		}
		if bit == 0 || access&bit != 0 {
			return 0, "", errSyntax
		}
		access |= bit
	}
	if access == 0 {
		return 0, "", errSyntax
	}
	return access, "", nil
}

func (s *selector) addKeys(text string, access Access) error {
	if s.allKeys {
		return errAllKeys
	}
	if hasSpaces(text) {
		return errSyntax
	}
	s.keys = append(s.keys, keyPattern{newPattern(text), access})
	return nil
}

func (s *selector) addChannels(text string) error {
	if s.allChannels {
		return errAllChannels
	}
	if hasSpaces(text) {
		return errSyntax
	}
	s.channels = append(s.channels, newPattern(text))
	return nil
}

func (s *selector) setCategory(c *Catalog, name string, allow bool) error {
	category := slices.IndexFunc(categoryNames, func(n string) bool { return equalFold(n, name) })
	if category < 0 {
		return ErrUnknownCommand
	}
	affected := c.affected[category]
	s.allowed.setAll(affected, allow)
	s.firstArgs = slices.DeleteFunc(s.firstArgs, func(f firstArg) bool { return affected.has(f.command) })
	return nil
}

func (s *selector) setCommand(c *Catalog, name string, allow bool) error {
	id, ok := c.find(name)
	if !ok {
		return ErrUnknownCommand
	}
	c.setCommand(s.allowed, id, allow)
	s.firstArgs = slices.DeleteFunc(s.firstArgs, func(f firstArg) bool { return f.command == id })
	return nil
}

// allowSub allows a subcommand, or the first argument of a command without subcommands.
func (s *selector) allowSub(c *Catalog, name string) error {
	bar := strings.LastIndexByte(name, '|')
	arg := name[bar+1:]
	id, ok := c.find(name[:bar])
	switch {
	case !ok:
		return ErrUnknownCommand
	case c.parent[id] >= 0:
		return errFirstArg
	case arg == "":
		return errSyntax
	case c.subs[id] != nil:
		return s.setCommand(c, name, true)
	case hasSpaces(arg):
		return errSyntax
	}
	if !s.allowed.has(id) {
		s.firstArgs = append(s.firstArgs, firstArg{id, arg})
	}
	return nil
}
