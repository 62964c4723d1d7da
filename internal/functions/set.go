package functions

import (
	"maps"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/scripting"
)

// Library is a library in a Set. It does not change.
type Library struct {
	Name   string
	Engine string // as the engine calls itself
	Source []byte
	loaded scripting.Library // nil if it cannot be run here
}

// Functions returns the library's functions in the order of their names, none if it cannot be
// run.
func (l *Library) Functions() []scripting.Function {
	if l.loaded == nil {
		return nil
	}
	return l.loaded.Functions()
}

// Function is a function that can be called.
type Function struct {
	scripting.Function
	Run func(*scripting.Run) // calls it
}

// Set is the libraries that a node has at one moment. It does not change.
type Set struct {
	version   uint64
	libraries map[string]*Library
	functions map[string]*Function // by their names in lower case
}

// newSet returns a set of libraries that are compatible with each other.
func newSet(version uint64, libraries map[string]*Library) *Set {
	s := &Set{version: version, libraries: libraries, functions: make(map[string]*Function)}
	for _, l := range s.Libraries() {
		for _, f := range l.Functions() {
			run := func(r *scripting.Run) { l.loaded.Run(f.Name, r) }
			s.functions[strings.ToLower(f.Name)] = &Function{f, run}
		}
	}
	return s
}

// Libraries returns the libraries in the order of their names.
func (s *Set) Libraries() []*Library {
	return slices.SortedFunc(maps.Values(s.libraries), func(a, b *Library) int { return strings.Compare(a.Name, b.Name) })
}

// Find returns the function that has a name in any case, nil if there is none.
func (s *Set) Find(name []byte) *Function {
	if f := s.functions[string(name)]; f != nil {
		return f
	}
	return s.functions[strings.ToLower(string(name))]
}

// Count returns how many libraries and functions there are.
func (s *Set) Count() (libraries, functions int) { return len(s.libraries), len(s.functions) }

// Bytes returns about how much memory the libraries take up.
func (s *Set) Bytes() (n int64) {
	for _, l := range s.libraries {
		n += int64(len(l.Source))
		if l.loaded != nil {
			n += int64(l.loaded.Bytes())
		}
	}
	return n
}

// errLibraryThere is the refusal of FUNCTION LOAD.
func errLibraryThere(name string) error {
	return ReplyError("ERR Library '" + name + "' already exists")
}

// with returns libraries with further ones, each of which takes the place of the one with
// its name. The error says which of their functions is there already in another library.
func with(libraries map[string]*Library, added ...*Library) (map[string]*Library, error) {
	next := make(map[string]*Library, len(libraries)+len(added))
	maps.Copy(next, libraries)
	for _, l := range added {
		next[l.Name] = l
	}
	taken := make(map[string]*Library)
	for _, l := range next {
		if !slices.Contains(added, l) {
			for _, f := range l.Functions() {
				taken[strings.ToLower(f.Name)] = l
			}
		}
	}
	for _, l := range added {
		for _, f := range l.Functions() {
			if other := taken[strings.ToLower(f.Name)]; other != nil && other != l {
				return nil, ReplyError("ERR Function " + f.Name + " already exists")
			}
			taken[strings.ToLower(f.Name)] = l
		}
	}
	return next, nil
}
