package conf

import (
	"slices"
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
	isMode         // octal permissions, min to max
	isList         // several words, each one of words if there are any
	isSave         // pairs of seconds and changes
	isLimits       // fours of class, hard limit, soft limit, seconds
	isRename       // pairs of a command's name and its new one
	isIgnored      // anything
)

// effect says what it means that a directive is not obeyed.
type effect uint8

const (
	tunes     effect = iota // nothing that a client could tell: one line of the log names all such
	differs                 // a difference that clients or administrators see: a warning of its own
	protects                // the node is less protected than the file says: it does not start
	preserves               // data are less durable than the file says: it does not start
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
	words    []string      // of isEnum and isList
	// live says that CONFIG SET may change it.
	live   bool
	secret bool // no error shows the value
	// fileOnly hides it from CONFIG, as Redis does.
	fileOnly bool

	// What follows is of directives that are not obeyed: the node is as the default says.
	reason string // any other value has no effect
	effect effect // of that
	remedy string // what to do instead, if the node does not start
	// same reports whether a value asks for no more than the default, and the password, do;
	// nil: only the default itself.
	same func(password string, args []string) bool
}

// fixed reports whether CONFIG GET shows the directive and nothing can change it.
func (d *directive) fixed() bool { return d.reason != "" && d.kind != isIgnored }

// ignored reports whether the directive is known from Redis or Valkey and of no use here.
func (d *directive) ignored() bool { return d.kind == isIgnored }

// asDefault reports whether args ask for what the node does anyway.
func (d *directive) asDefault(s *Settings, args []string) bool {
	if d.same != nil {
		return d.same(s.String("requirepass"), args)
	}
	text := strings.Join(args, " ")
	if strings.EqualFold(text, d.def) {
		return true
	}
	n, err := parseBytes(text)
	want, err2 := parseBytes(d.def)
	return err == nil && err2 == nil && n == want // 64mb
}

// directives has all rows; number finds one by its name or alias.
var directives, number = makeTable()

func makeTable() ([]directive, map[string]int) {
	all := slices.Concat(usedTable(), fixedTable(), protectingTable(), ignoredTable())
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
