package functions

import (
	"bytes"
	"context"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/scripting"
)

// Store keeps the sources of libraries by their names. It is safe for concurrent use.
type Store interface {
	// Version returns a number that grows with each change, also of others. It is asked for
	// with each call of a function.
	Version() uint64
	// Sources returns the sources, which must not be written, and the version.
	Sources() (sources map[string][]byte, version uint64)
	// Update changes sources, all at once; no source removes a library. It does nothing, and
	// returns false, if the version is another one.
	Update(version uint64, changes map[string][]byte) (done bool, err error)
}

// Config configures a Registry.
type Config struct {
	Engine scripting.Engine // nil: libraries are kept, and cannot be run
	Store  Store            // nil: memory
	Life   context.Context  // its end ends what is being loaded
	Logger hclog.Logger
}

// Registry is the libraries of a node. It is safe for concurrent use.
type Registry struct {
	cfg     Config
	current atomic.Pointer[Set]

	mu       sync.Mutex          // held while a Set is made
	prepared map[string]*Library // loaded for a change that is being written; guarded by mu
}

// New returns the registry of a node.
func New(c Config) *Registry {
	if c.Store == nil {
		c.Store = new(memory)
	}
	r := &Registry{cfg: c, prepared: make(map[string]*Library)}
	r.current.Store(newSet(0, nil))
	return r
}

// Engine returns the name of the engine, "" if there is none.
func (r *Registry) Engine() string {
	if !r.Runs() {
		return ""
	}
	return r.cfg.Engine.Name()
}

// Runs reports whether there is an engine: without one nothing can be loaded.
func (r *Registry) Runs() bool { return r.cfg.Engine != nil }

// Set returns the libraries that the store has now. It loads those that have come since.
func (r *Registry) Set() *Set {
	if s := r.current.Load(); s.version == r.cfg.Store.Version() {
		return s
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	sources, version := r.cfg.Store.Sources()
	former := r.current.Load()
	if former.version == version {
		return former
	}
	libraries := make(map[string]*Library, len(sources))
	for name, source := range sources {
		libraries[name] = r.libraryLocked(name, source, former)
	}
	s := newSet(version, libraries)
	r.current.Store(s)
	return s
}

// libraryLocked returns the library of a source in the store.
func (r *Registry) libraryLocked(name string, source []byte, former *Set) *Library {
	for _, known := range []*Library{former.libraries[name], r.prepared[name]} {
		if known != nil && bytes.Equal(known.Source, source) {
			return known
		}
	}
	if r.cfg.Engine != nil {
		l, err := r.load(source, storedLimit)
		if err == nil {
			return l
		}
		r.cfg.Logger.Warn("a library of functions cannot be loaded: its functions are missing here", "library", name,
			"error", err)
	}
	l := &Library{Name: name, Source: source}
	if h, err := parseHeader(source); err == nil {
		l.Engine = strings.ToUpper(h.engine)
	}
	return l
}

// is reports whether a library's first line names the engine.
func (r *Registry) is(engine string) bool { return strings.EqualFold(engine, r.cfg.Engine.Name()) }

// How long loading a library may take.
const (
	loadLimit   = 500 * time.Millisecond // LOAD_TIMEOUT_MS of Redis 7.0
	storedLimit = 10 * loadLimit
)

// load loads a library from its source.
func (r *Registry) load(source []byte, limit time.Duration) (*Library, error) {
	h, err := parseHeader(source)
	switch {
	case err != nil:
		return nil, err
	case !r.is(h.engine):
		return nil, ReplyError("ERR Engine '" + h.engine + "' not found")
	}
	host := &loader{log: r.cfg.Logger}
	defer time.AfterFunc(limit, func() { host.stopped.Store(true) }).Stop()
	defer context.AfterFunc(r.cfg.Life, func() { host.stopped.Store(true) })()
	loaded, err := r.cfg.Engine.Load(h.body, host)
	switch {
	case err != nil:
		return nil, ReplyError("ERR " + err.Error())
	case len(loaded.Functions()) == 0:
		return nil, ReplyError("ERR No functions registered")
	}
	return &Library{h.name, r.cfg.Engine.Name(), bytes.Clone(source), loaded}, nil
}

// Commit carries out a change, as a write of the node, or returns why it may not.
type Commit func(change func() error) error

// plan works out a change: the libraries that there are to be, of those that there are.
type plan func(libraries map[string]*Library) (next map[string]*Library, err error)

// change carries out a plan.
func (r *Registry) change(commit Commit, p plan) error {
	for {
		before := r.Set()
		next, err := p(before.libraries)
		if err != nil {
			return err
		}
		changes := differences(before.libraries, next)
		r.prepare(next, changes)
		done := len(changes) == 0
		err = commit(func() (err error) {
			if !done {
				done, err = r.cfg.Store.Update(before.version, changes)
			}
			return err
		})
		if err == nil && done {
			r.Set()
		}
		r.forget(changes)
		if err != nil || done {
			return err
		}
	}
}

// differences returns the sources that differ, none for a library that is not in next.
func differences(before, next map[string]*Library) map[string][]byte {
	changes := make(map[string][]byte)
	for name := range before {
		if next[name] == nil {
			changes[name] = nil
		}
	}
	for name, l := range next {
		if old := before[name]; old == nil || !bytes.Equal(old.Source, l.Source) {
			changes[name] = l.Source
		}
	}
	return changes
}

// prepare keeps the libraries that a change brings: the next Set need not load them again.
func (r *Registry) prepare(next map[string]*Library, changes map[string][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range changes {
		if l := next[name]; l != nil {
			r.prepared[name] = l
		}
	}
}

func (r *Registry) forget(changes map[string][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name := range changes {
		delete(r.prepared, name)
	}
}

// loader is the host of a library that is being loaded.
type loader struct {
	log     hclog.Logger
	stopped atomic.Bool
}

// errLoadTimeout is Redis' text.
const errLoadTimeout = ReplyError("FUNCTION LOAD timeout")

// Stop ends loading that takes too long.
func (h *loader) Stop() error {
	if h.stopped.Load() {
		return errLoadTimeout
	}
	return nil
}

// Log writes to the node's log.
func (h *loader) Log(level scripting.Level, message string) {
	switch level {
	case scripting.Debug, scripting.Verbose:
		h.log.Debug("script", "message", message)
	case scripting.Notice:
		h.log.Info("script", "message", message)
	default:
		h.log.Warn("script", "message", message)
	}
}

// Call is never called: a library has no commands while it is being loaded.
func (h *loader) Call([][]byte, bool) []byte { return []byte("-ERR no command can be called now\r\n") }

// MayRun is never called either.
func (h *loader) MayRun([][]byte) (bool, error) { return false, nil }

// memory is a Store for servers that are no part of a node.
type memory struct {
	mu      sync.Mutex
	sources map[string][]byte
	version atomic.Uint64
}

func (m *memory) Version() uint64 { return m.version.Load() }

func (m *memory) Sources() (map[string][]byte, uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.sources), m.version.Load()
}

func (m *memory) Update(version uint64, changes map[string][]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if version != m.version.Load() {
		return false, nil
	}
	if m.sources == nil {
		m.sources = make(map[string][]byte)
	}
	for name, source := range changes {
		if source == nil {
			delete(m.sources, name)
		} else {
			m.sources[name] = source
		}
	}
	m.version.Add(1)
	return true, nil
}
