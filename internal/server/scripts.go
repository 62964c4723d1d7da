package server

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/slotmesh/slotmesh/scripting"
)

// scriptCache holds the compiled scripts of EVAL and SCRIPT LOAD, by the SHA-1 of their text.
// Those that only EVAL has brought are dropped when they are many, the least recently used
// first: a client that builds a text for each call would fill the memory with them. Those
// of SCRIPT LOAD follow only if all together are too large.
type scriptCache struct {
	engine scripting.Engine // nil: there are no scripts

	mu    sync.RWMutex // guards what follows
	known map[scriptID]*script
	evals int   // of them that only EVAL has brought
	bytes int64 // that all take up
	uses  atomic.Uint64
}

// Bounds of the cache. Redis 7.4 keeps as many scripts of EVAL.
const (
	maxEvals       = 500
	maxScriptBytes = 64 << 20
)

type scriptID [sha1.Size]byte

// script is a compiled script.
type script struct {
	id      scriptID
	sha     string // id in hexadecimal
	program scripting.Program
	flags   scripting.Flags
	legacy  bool // it has no line of flags: what it may do shows when it does it
	loaded  bool // by SCRIPT LOAD; guarded by scriptCache.mu
	bytes   int64
	used    atomic.Uint64 // scriptCache.uses when it was used last
}

func newScriptCache(engine scripting.Engine) *scriptCache {
	return &scriptCache{engine: engine, known: make(map[scriptID]*script)}
}

const (
	errNoScript  = replyError("NOSCRIPT No matching script. Please use EVAL.")
	errNoScripts = replyError("ERR this node runs no scripts: the host program has set no Config.Scripts")
)

// find returns the script with a SHA-1 in hexadecimal, in any case.
func (c *scriptCache) find(sha []byte) (*script, error) {
	var id scriptID
	if len(sha) != hex.EncodedLen(len(id)) {
		return nil, errNoScript
	}
	if _, err := hex.Decode(id[:], sha); err != nil {
		return nil, errNoScript
	}
	if s := c.lookUp(id); s != nil {
		return s, nil
	}
	return nil, errNoScript
}

func (c *scriptCache) lookUp(id scriptID) *script {
	c.mu.RLock()
	s := c.known[id]
	c.mu.RUnlock()
	if s != nil {
		s.used.Store(c.uses.Add(1))
	}
	return s
}

// get returns the script of a text, compiled if it is new. load says that it is to stay.
func (c *scriptCache) get(text []byte, load bool) (*script, error) {
	if c.engine == nil {
		return nil, errNoScripts
	}
	id := scriptID(sha1.Sum(text))
	s := c.lookUp(id)
	if s != nil && !load {
		return s, nil
	}
	if s == nil {
		var err error
		if s, err = c.compile(id, text); err != nil {
			return nil, err
		}
	}
	return c.keep(s, load), nil
}

func (c *scriptCache) compile(id scriptID, text []byte) (*script, error) {
	head, body, err := splitShebang(text)
	if err != nil {
		return nil, err
	}
	s := &script{id: id, sha: hex.EncodeToString(id[:]), legacy: head == nil}
	if head != nil {
		if s.flags, err = parseShebang(head, c.engine.Name()); err != nil {
			return nil, err
		}
	}
	if s.program, err = c.engine.Compile(body); err != nil {
		return nil, err
	}
	s.bytes = int64(s.program.Bytes() + len(text))
	s.used.Store(c.uses.Add(1))
	return s, nil
}

// keep adds a script, unless another goroutine has done so meanwhile: then it returns that.
func (c *scriptCache) keep(s *script, load bool) *script {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[s.id]; known != nil {
		s = known
	} else {
		c.known[s.id] = s
		c.bytes += s.bytes
		c.evals++
	}
	if load && !s.loaded {
		s.loaded = true
		c.evals--
	}
	for c.evals > maxEvals || c.bytes > maxScriptBytes && len(c.known) > 1 {
		c.evictLocked(s)
	}
	return s
}

// evictLocked drops the script that was used least recently, but not keep: of those that
// EVAL brought, as long as there are some.
func (c *scriptCache) evictLocked(keep *script) {
	evals := c.evals
	if !keep.loaded {
		evals--
	}
	var oldest *script
	for _, s := range c.known {
		if s == keep || s.loaded && evals > 0 {
			continue
		}
		if oldest == nil || s.used.Load() < oldest.used.Load() {
			oldest = s
		}
	}
	delete(c.known, oldest.id)
	c.bytes -= oldest.bytes
	if !oldest.loaded {
		c.evals--
	}
}

// Flush forgets all scripts. Those under way end as usual.
func (c *scriptCache) Flush() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = make(map[scriptID]*script)
	c.evals, c.bytes = 0, 0
}

// size returns how many scripts there are and the memory that they take up.
func (c *scriptCache) size() (n int, bytes int64) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.known), c.bytes
}

// splitShebang splits a script's first line off if it begins with "#!". The body begins
// with the line break, so that lines keep their numbers.
func splitShebang(text []byte) (head, body []byte, err error) {
	if !strings.HasPrefix(string(text[:min(2, len(text))]), "#!") {
		return nil, text, nil
	}
	for i, b := range text {
		if b == '\n' {
			return text[:i], text[i:], nil
		}
	}
	return nil, nil, replyError("ERR Invalid script shebang")
}

// parseShebang reads "#!lua flags=no-writes,allow-stale".
func parseShebang(head []byte, engine string) (flags scripting.Flags, err error) {
	words := strings.Fields(string(head))
	if words[0] != "#!"+strings.ToLower(engine) {
		return 0, replyError("ERR Unexpected engine in script shebang: " + words[0])
	}
	for _, word := range words[1:] {
		list, ok := strings.CutPrefix(word, "flags=")
		if !ok {
			return 0, replyError("ERR Unknown " + strings.ToLower(engine) + " shebang option: " + word)
		}
		if list == "" {
			continue
		}
		for _, name := range strings.Split(list, ",") {
			flag, ok := scripting.ParseFlag(name)
			if !ok {
				return 0, replyError("ERR Unexpected flag in script shebang: " + name)
			}
			flags |= flag
		}
	}
	return flags, nil
}

// Load compiles a script and keeps it.
func (c *scriptCache) Load(text []byte) (sha string, err error) {
	s, err := c.get(text, true)
	if err != nil {
		return "", err
	}
	return s.sha, nil
}

// Exists reports whether a script is known.
func (c *scriptCache) Exists(sha []byte) bool {
	_, err := c.find(sha)
	return err == nil
}
