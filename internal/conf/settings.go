package conf

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Settings has a value for each directive. It is safe for concurrent use.
type Settings struct {
	// values has an element for each of directives. The slice is replaced as
	// a whole, so that readers need no lock.
	values atomic.Pointer[[]value]

	file    string   // absolute path, "" if there is none
	renames []Rename // in the order of the file
	given   []string // directives that the file asks for and --allow-unprotected lets be ignored

	mu sync.Mutex // serialises Set and Rewrite
}

// defaults returns settings where every directive has its default.
func defaults() *Settings {
	values := make([]value, len(directives))
	for i := range directives {
		d := &directives[i]
		if d.ignored() || d.kind == isRename {
			continue
		}
		v, err := d.parse([]string{d.def}, value{})
		if err != nil {
			panic(fmt.Sprintf("conf: the default of %s: %v", d.name, err))
		}
		values[i] = v
	}
	s := &Settings{}
	s.values.Store(&values)
	return s
}

// replace publishes a new value. The caller is the only writer.
func (s *Settings) replace(i int, v value) {
	values := slices.Clone(*s.values.Load())
	values[i] = v
	s.values.Store(&values)
}

// Override gives directives other values, which args name in the way of Load, before
// anybody uses s.
func (s *Settings) Override(args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	other, _, err := Load("", args)
	if err != nil {
		return err
	}
	values := slices.Clone(*s.values.Load())
	for i, v := range *other.values.Load() {
		if v.at == cmdLine && v.text != values[i].text {
			v.at = "program"
			values[i] = v
		}
	}
	s.values.Store(&values)
	return nil
}

// Pair is a directive and its value in the form in which CONFIG GET prints it.
type Pair struct{ Name, Value string }

// Get returns the directives whose names match one of the patterns (*, ?, [a-z]), each
// once, for CONFIG GET. Directives without meaning here are not shown.
func (s *Settings) Get(patterns ...string) []Pair {
	values := *s.values.Load()
	var list []Pair
	for i := range directives {
		if directives[i].ignored() || directives[i].fileOnly {
			continue
		}
		for _, name := range []string{directives[i].name, directives[i].alias} {
			if name != "" && slices.ContainsFunc(patterns, func(p string) bool {
				ok, _ := path.Match(strings.ToLower(p), name)
				return ok
			}) {
				list = append(list, Pair{name, values[i].text})
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

// Unheeded reports whether a directive asks for protection that the node does not give,
// and --allow-unprotected let it start all the same.
func (s *Settings) Unheeded(name string) bool { return slices.Contains(s.given, name) }

// File returns the absolute path of the configuration file, "" if there is none.
func (s *Settings) File() string { return s.file }

// Where returns where a directive was set: "file:line", "command line", "program", "CONFIG
// SET", or "" if it has its default.
func (s *Settings) Where(name string) string { return s.any(name).at }

// Bool returns a directive that is yes or no. Like all of its kind it panics
// if the directive does not exist or has another type: that is a mistake in
// the program, not in the configuration.
func (s *Settings) Bool(name string) bool { return s.get(name, isBool).num == 1 }

// Int returns a directive that is a number.
func (s *Settings) Int(name string) int { return int(s.get(name, isInt).num) }

// Mode returns a directive that is permissions of a file, 0 if they are left to the
// process.
func (s *Settings) Mode(name string) fs.FileMode { return fs.FileMode(s.get(name, isMode).num) }

// Bytes returns a directive that is an amount of memory, in bytes.
func (s *Settings) Bytes(name string) int64 { return s.get(name, isBytes).num }

// Duration returns a directive that is a time.
func (s *Settings) Duration(name string) time.Duration {
	return time.Duration(s.get(name, isTime).num) * directives[number[name]].unit
}

// String returns a directive's value in the form in which CONFIG GET prints it,
// whatever its type.
func (s *Settings) String(name string) string { return s.any(name).text }

// List returns the words of a directive that is a list. It must not be changed.
func (s *Settings) List(name string) []string {
	v := s.any(name)
	if directives[number[name]].kind < isList {
		panic("conf: " + name + " is not a list")
	}
	return v.list
}

func (s *Settings) get(name string, k kind) value {
	v := s.any(name)
	if directives[number[name]].kind != k {
		panic("conf: " + name + " has another type")
	}
	return v
}

func (s *Settings) any(name string) value {
	i, ok := number[name]
	if !ok || directives[i].ignored() {
		panic("conf: there is no directive " + name)
	}
	return (*s.values.Load())[i]
}
