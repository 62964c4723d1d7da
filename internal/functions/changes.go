package functions

import (
	"maps"

	"github.com/slotmesh/slotmesh/internal/rdb"
)

// ErrNoEngine refuses what needs an engine.
const ErrNoEngine = ReplyError("ERR this node runs no functions: the host program has set no Config.Scripts")

// Load adds a library and returns its name. replace allows that it takes the place of
// another one.
func (r *Registry) Load(source []byte, replace bool, commit Commit) (name string, err error) {
	if !r.Runs() {
		return "", ErrNoEngine
	}
	h, err := parseHeader(source)
	if err != nil {
		return "", err
	}
	var l *Library
	return h.name, r.change(commit, func(libraries map[string]*Library) (_ map[string]*Library, err error) {
		if libraries[h.name] != nil && !replace && r.is(h.engine) {
			return nil, errLibraryThere(h.name)
		}
		if l == nil {
			if l, err = r.load(source, loadLimit); err != nil {
				return nil, err
			}
		}
		return with(libraries, l)
	})
}

// Delete removes a library.
func (r *Registry) Delete(name string, commit Commit) error {
	return r.change(commit, func(libraries map[string]*Library) (map[string]*Library, error) {
		if libraries[name] == nil {
			return nil, ReplyError("ERR Library not found")
		}
		next := maps.Clone(libraries)
		delete(next, name)
		return next, nil
	})
}

// Flush removes all libraries.
func (r *Registry) Flush(commit Commit) error {
	return r.change(commit, func(map[string]*Library) (map[string]*Library, error) { return nil, nil })
}

// Dump appends the payload that Restore reads to dst.
func (s *Set) Dump(dst []byte) []byte {
	var sources [][]byte
	for _, l := range s.Libraries() {
		sources = append(sources, l.Source)
	}
	return rdb.AppendFunctions(dst, sources)
}

// Policy says what Restore does with the libraries that are there.
type Policy int

// The policies of FUNCTION RESTORE.
const (
	Append  Policy = iota // they stay, and one with the same name is an error
	Replace               // those with the same names are replaced
	Flush                 // all go
)

// Restore adds the libraries of a payload: all or, after an error, none.
func (r *Registry) Restore(payload []byte, policy Policy, commit Commit) error {
	sources, err := rdb.ParseFunctions(payload)
	if err != nil {
		return ReplyError(err.Error())
	}
	if len(sources) > 0 && !r.Runs() {
		return ErrNoEngine
	}
	restored, err := r.loadAll(sources)
	if err != nil {
		return err
	}
	return r.change(commit, func(libraries map[string]*Library) (map[string]*Library, error) {
		if policy == Flush {
			libraries = nil
		}
		for _, l := range restored {
			if libraries[l.Name] != nil && policy == Append {
				return nil, ReplyError("ERR Library " + l.Name + " already exists")
			}
		}
		return with(libraries, restored...)
	})
}

// loadAll loads the libraries of a payload.
func (r *Registry) loadAll(sources [][]byte) (list []*Library, err error) {
	all := make(map[string]*Library)
	for _, source := range sources {
		l, err := r.load(source, storedLimit)
		if err != nil {
			return nil, err
		}
		if all[l.Name] != nil {
			return nil, errLibraryThere(l.Name)
		}
		if all, err = with(all, l); err != nil {
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}
