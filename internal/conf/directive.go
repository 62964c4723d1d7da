package conf

import (
	"strings"
	"time"
)

// kind is the form of a directive's value.
type kind uint8

const (
	isString  kind = iota
	isDir          // a folder; its value is the absolute path
	isBool         // yes, no
	isInt          // decimal, min to max
	isBytes        // memory: 100mb, min to max
	isTime         // a whole number of units, min to max
	isEnum         // one of a list of words
	isList         // several words
	isSave         // pairs of seconds and changes
	isLimits       // fours of class, hard limit, soft limit, seconds
	isIgnored      // anything
)

// directive is a row of the table.
type directive struct {
	name  string
	alias string // Redis' older name, if it has one
	kind  kind
	def   string // the default, as CONFIG GET prints it
	// Bounds of isInt, isBytes and isTime.
	min, max int64
	unit     time.Duration // of isTime
	words    []string      // of isEnum
	// live says that CONFIG SET may change it.
	live bool
	// only is not empty if the node knows no value but the default; it says why.
	only string
}

func (d *directive) fixed() bool   { return d.only != "" }
func (d *directive) ignored() bool { return d.kind == isIgnored }

// directives has all rows; number finds one by its name or alias.
var directives, number = makeTable()

func makeTable() ([]directive, map[string]int) {
	all := append(usedTable(), fixedTable()...)
	for _, name := range strings.Fields(ignoredNames) {
		all = append(all, directive{name: name, kind: isIgnored})
	}
	index := make(map[string]int, 2*len(all))
	for i := range all {
		for _, name := range []string{all[i].name, all[i].alias} {
			if name == "" {
				continue
			}
			if _, twice := index[name]; twice {
				panic("conf: directive " + name + " is listed twice")
			}
			index[name] = i
		}
	}
	return all, index
}

// find returns the number of a directive, whatever the case of its name.
func find(name string) (int, bool) {
	i, ok := number[strings.ToLower(name)]
	return i, ok
}
