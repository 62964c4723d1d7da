package conf

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Settings has a value for each directive. It is safe for concurrent use.
type Settings struct {
	table *Table
	// values has an element for each row of the table. The slice is replaced as a whole, so
	// that readers need no lock.
	values atomic.Pointer[[]value]

	file    string   // absolute path, "" if there is none
	renames []Rename // in the order of the file
	lines   []line   // of directives of kind Lines, in the same order

	mu sync.Mutex // serialises Set and Rewrite
}

// Defaults returns settings where every directive has its default.
func (t *Table) Defaults() *Settings {
	values := make([]value, len(t.rows))
	for i := range t.rows {
		d := &t.rows[i]
		if d.ignored() || d.Kind == Renames || d.Kind == Lines {
			continue
		}
		v, err := d.parse([]string{d.Default}, value{})
		if err != nil {
			panic(fmt.Sprintf("conf: the default of %s: %v", d.Name, err))
		}
		values[i] = v
	}
	s := &Settings{table: t}
	s.values.Store(&values)
	return s
}

// replace publishes a new value. The caller is the only writer.
func (s *Settings) replace(i int, v value) {
	values := slices.Clone(*s.values.Load())
	values[i] = v
	s.values.Store(&values)
}

// Override gives directives other values. It is called before s is shared. The error is
// an [*Error].
func (s *Settings) Override(pairs []Pair) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	values := slices.Clone(*s.values.Load())
	for _, p := range pairs {
		i := s.table.number[p.Name]
		d := &s.table.rows[i]
		v, err := d.parse([]string{p.Value}, value{})
		if err != nil {
			e := &Error{At: program, Name: d.Name, Value: p.Value, Err: err, Accepted: d.accepted()}
			if d.Secret {
				e.Value = ""
			}
			return e
		}
		if v.text != values[i].text {
			v.at = program
			values[i] = v
		}
	}
	s.values.Store(&values)
	return nil
}

// Pair is a directive and its value in the form in which CONFIG GET prints it.
type Pair struct{ Name, Value string }

// mask is what CONFIG GET shows of a Hidden value.
const mask = "(hidden)"

// Get returns the directives whose names match one of the patterns (*, ?, [a-z]), each
// once, for CONFIG GET. Directives that are ignored are not shown.
func (s *Settings) Get(patterns ...string) []Pair {
	values := *s.values.Load()
	var list []Pair
	for i := range s.table.rows {
		if s.table.rows[i].ignored() || s.table.rows[i].FileOnly {
			continue
		}
		for _, name := range []string{s.table.rows[i].Name, s.table.rows[i].Alias} {
			if name != "" && slices.ContainsFunc(patterns, func(p string) bool {
				ok, _ := path.Match(strings.ToLower(p), name)
				return ok
			}) {
				text := values[i].text
				if s.table.rows[i].Hidden && text != "" {
					text = mask
				}
				list = append(list, Pair{name, text})
			}
		}
	}
	return list
}

// Rename is a line "rename-command": a command gets another name or, if that is "", none.
type Rename struct {
	At            string // "file:line" or "command line"
	Name, NewName string
}

// Renames returns the lines "rename-command" in their order: each sees what those before
// it did.
func (s *Settings) Renames() []Rename { return s.renames }

// Line is a line of a directive that may stand on several.
type Line struct {
	At    string // "file:line" or "command line"
	Words []string
}

// String returns the words as a line of the file has them.
func (l *Line) String() string { return quoteAll(l.Words) }

type line struct {
	name string
	Line
}

// Lines returns the lines of a directive in their order.
func (s *Settings) Lines(name string) (list []Line) {
	for _, l := range s.lines {
		if l.name == name {
			list = append(list, l.Line)
		}
	}
	return list
}

// File returns the absolute path of the configuration file, "" if there is none.
func (s *Settings) File() string { return s.file }

// Where returns where a directive was set: "file:line", "command line", "program",
// "CONFIG SET", or "" if it has its default.
func (s *Settings) Where(name string) string { return s.any(name).at }

// Bool returns a directive that is yes or no. Like all of its kind it panics if the
// directive does not exist or has another type: that is a mistake in the program, not in
// the configuration.
func (s *Settings) Bool(name string) bool { return s.get(name, Bool).num == 1 }

// Int returns a directive that is a number.
func (s *Settings) Int(name string) int { return int(s.get(name, Int).num) }

// String returns a directive's value in the form in which CONFIG GET prints it, whatever
// its type.
func (s *Settings) String(name string) string { return s.any(name).text }

// List returns the words of a directive that is a list. It must not be changed.
func (s *Settings) List(name string) []string {
	v := s.any(name)
	if s.table.rows[s.table.number[name]].Kind < List {
		panic("conf: " + name + " is not a list")
	}
	return v.list
}

func (s *Settings) get(name string, k Kind) value {
	v := s.any(name)
	if s.table.rows[s.table.number[name]].Kind != k {
		panic("conf: " + name + " has another type")
	}
	return v
}

func (s *Settings) any(name string) value {
	i, ok := s.table.number[name]
	if !ok || s.table.rows[i].ignored() {
		panic("conf: there is no directive " + name)
	}
	return (*s.values.Load())[i]
}
