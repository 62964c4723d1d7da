package conf

import (
	"slices"
	"strings"
)

// Table is the directives that a node knows: those it obeys, and those of Redis and
// Valkey that it does not. It is immutable.
type Table struct {
	rows   []Directive
	number map[string]int // finds one by its name or alias
}

// NewTable joins the directives that a program obeys with those that it does not, which
// stand in this package. Among the first must be aclfile, bind, dir, port, protected-mode,
// requirepass, tls-cluster, tls-port and user, which give others a meaning. It panics if a
// name is listed twice.
func NewTable(obeyed []Directive) *Table {
	t := &Table{
		rows:   slices.Concat(obeyed, fixedTable(), protectingTable(), ignoredTable()),
		number: make(map[string]int),
	}
	for i := range t.rows {
		for _, name := range []string{t.rows[i].Name, t.rows[i].Alias} {
			if name == "" {
				continue
			}
			if _, twice := t.number[name]; twice {
				panic("conf: directive " + name + " is listed twice")
			}
			t.number[name] = i
		}
	}
	return t
}

// find returns the number of a directive, whatever the case of its name.
func (t *Table) find(name string) (int, bool) {
	i, ok := t.number[strings.ToLower(name)]
	return i, ok
}
