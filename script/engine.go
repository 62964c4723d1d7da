package script

import (
	"errors"
	"runtime"
	"sync"

	"github.com/slotmesh/slotmesh/scripting"
)

// Config configures an Engine. The zero value is a good one.
type Config struct {
	// Idle is how many interpreters are kept for the next scripts while none runs, default
	// twice GOMAXPROCS. More than these run at the same time if scripts are called so.
	Idle int
}

// Engine compiles and runs scripts in Lua. It is safe for concurrent use, also by several
// nodes.
type Engine struct {
	idle int

	mu   sync.Mutex
	free []*vm // the one that was used last is the last
	libraryIDs
}

var _ scripting.Engine = (*Engine)(nil)

// New returns an engine.
func New(c Config) *Engine {
	if err := checkLayout(); err != nil {
		panic(err)
	}
	if c.Idle <= 0 {
		c.Idle = 2 * runtime.GOMAXPROCS(0)
	}
	return &Engine{idle: c.Idle}
}

// Name returns "LUA".
func (e *Engine) Name() string { return "LUA" }

// Compile compiles a script.
func (e *Engine) Compile(body []byte) (scripting.Program, error) {
	proto, err := compile(body, evalName)
	if err != nil {
		return nil, errors.New("Error compiling script (new function): " + err.Error())
	}
	return &program{engine: e, proto: proto, bytes: int(protoBytes(proto))}, nil
}

// acquire returns an interpreter that no other goroutine uses.
func (e *Engine) acquire() *vm {
	e.mu.Lock()
	if n := len(e.free) - 1; n >= 0 {
		v := e.free[n]
		e.free[n] = nil
		e.free = e.free[:n]
		e.mu.Unlock()
		return v
	}
	e.mu.Unlock()
	return newVM()
}

// release gives an interpreter back.
func (e *Engine) release(v *vm) {
	e.mu.Lock()
	e.sweepLocked(v)
	if len(e.free) < e.idle {
		e.free = append(e.free, v)
	}
	e.mu.Unlock()
}
