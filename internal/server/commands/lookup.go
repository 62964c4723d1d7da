package commands

// nameSet finds commands by their last name, in any mixture of cases, without garbage.
// Every command a client sends passes here: a Go map, which needs the name folded into a
// copy first, takes two to four times as long.
type nameSet struct {
	table   []named // a power of two, at most a quarter full: linear probing
	longest int     // of the names
}

type named struct {
	name string // lower case; "" is free
	cmd  *Command
}

func newNameSet(list []*Command) *nameSet {
	names := make([]named, len(list))
	for i, c := range list {
		names[i] = named{c.lastName(), c}
	}
	return newNamedSet(names)
}

// newNamedSet returns a set that finds commands by other names than their own.
func newNamedSet(list []named) *nameSet {
	size := 4
	for size < 4*len(list) {
		size *= 2
	}
	set := &nameSet{table: make([]named, size)}
	for _, n := range list {
		set.longest = max(set.longest, len(n.name))
		i := set.home([]byte(n.name))
		for set.table[i].name != "" {
			i = (i + 1) & (size - 1)
		}
		set.table[i] = n
	}
	return set
}

// home is where the search for a name begins. Setting bit 5 makes letters lower case, and
// of other bytes something that is equal for equal ones.
func (set *nameSet) home(name []byte) int {
	h := uint32(len(name))
	for _, c := range name {
		h = h*31 + uint32(c|0x20)
	}
	return int(h^h>>15) & (len(set.table) - 1)
}

func (set *nameSet) find(name []byte) *Command {
	if len(name) == 0 || len(name) > set.longest {
		return nil
	}
	for i := set.home(name); set.table[i].name != ""; i = (i + 1) & (len(set.table) - 1) {
		if isFolded(name, set.table[i].name) {
			return set.table[i].cmd
		}
	}
	return nil
}

// isFolded reports whether name in lower case is lower.
func isFolded(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}
