package acl

import (
	"fmt"
	"slices"
	"strings"
)

// Command is what rules need to know about a command, or a subcommand.
type Command struct {
	Name       string   // lower case; that of a subcommand is "config|get"
	Categories Category // of a subcommand too: it inherits none
	NoAuth     bool     // allowed to everybody: AUTH, HELLO, QUIT, RESET
}

// Catalog is all commands that rules may name. The ID of a command is its index in the
// list that the catalog was made of. It is immutable.
type Catalog struct {
	commands []Command
	parent   []int   // ID of the container of a subcommand, -1 for others
	subs     [][]int // IDs of the subcommands
	byName   map[string]int
	order    []int // IDs by name, each container before its subcommands

	all      bitset
	noAuth   bitset
	members  []bitset // of each category
	affected []bitset // what a rule about each category changes: members and their subcommands
}

// NewCatalog makes the catalog of a list of commands, each container before its
// subcommands. Commands that a rename took away belong to the list too, by their
// original names: a rule must stay valid.
func NewCatalog(commands []Command) (*Catalog, error) {
	n := len(commands)
	c := &Catalog{
		commands: slices.Clone(commands), parent: make([]int, n), subs: make([][]int, n),
		byName: make(map[string]int, n), all: newBitset(n), noAuth: newBitset(n),
	}
	for id, cmd := range c.commands {
		if err := c.add(id, cmd); err != nil {
			return nil, err
		}
	}
	c.sort()
	for i := range categoryNames {
		c.addCategory(Category(1) << i)
	}
	return c, nil
}

func (c *Catalog) add(id int, cmd Command) error {
	if cmd.Name == "" || cmd.Name != strings.ToLower(cmd.Name) || hasSpaces(cmd.Name) {
		return fmt.Errorf("acl: command name %q must be lower case, without spaces", cmd.Name)
	}
	if _, ok := c.byName[cmd.Name]; ok {
		return fmt.Errorf("acl: two commands have the name %q", cmd.Name)
	}
	c.parent[id] = -1
	if top, sub, ok := strings.Cut(cmd.Name, "|"); ok {
		parent, known := c.byName[top]
		if !known || sub == "" || strings.Contains(sub, "|") {
			return fmt.Errorf("acl: subcommand %q has no container before it in the list", cmd.Name)
		}
		c.parent[id] = parent
		c.subs[parent] = append(c.subs[parent], id)
	}
	c.byName[cmd.Name] = id
	c.all.set(id, true)
	c.noAuth.set(id, cmd.NoAuth)
	return nil
}

// sort gives the commands the order in which rules are written. Redis writes them in the
// order of a hash table with a random seed.
func (c *Catalog) sort() {
	byName := func(a, b int) int { return strings.Compare(c.commands[a].Name, c.commands[b].Name) }
	var top []int
	for id, parent := range c.parent {
		if parent < 0 {
			top = append(top, id)
		}
	}
	slices.SortFunc(top, byName)
	for _, id := range top {
		c.order = append(append(c.order, id), slices.SortedFunc(slices.Values(c.subs[id]), byName)...)
	}
}

func (c *Catalog) addCategory(category Category) {
	members, affected := newBitset(len(c.commands)), newBitset(len(c.commands))
	for id, cmd := range c.commands {
		if cmd.Categories&category == 0 {
			continue
		}
		members.set(id, true)
		c.setCommand(affected, id, true)
	}
	c.members, c.affected = append(c.members, members), append(c.affected, affected)
}

// setCommand adds a command and its subcommands to a set, or removes them.
func (c *Catalog) setCommand(set bitset, id int, value bool) {
	set.set(id, value)
	for _, sub := range c.subs[id] {
		set.set(sub, value)
	}
}

// find returns the ID of the command that has a name, in any mixture of cases.
func (c *Catalog) find(name string) (int, bool) {
	id, ok := c.byName[strings.ToLower(name)]
	return id, ok
}

// Members returns the names of a category's commands, sorted, for ACL CAT.
func (c *Catalog) Members(category Category) []string {
	var names []string
	for _, id := range c.order {
		if c.commands[id].Categories&category != 0 {
			names = append(names, c.commands[id].Name)
		}
	}
	return names
}
