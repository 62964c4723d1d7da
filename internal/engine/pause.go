package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/slotmesh/slotmesh/slots"
)

// pauses holds back all writes while there is at least one Pause. Without one, a write
// costs one atomic load more.
type pauses struct {
	mu    sync.Mutex // guards n
	n     int
	ended atomic.Pointer[chan struct{}] // closed when the last Pause ends; nil without a Pause
}

// Pause is a request that nothing be written for a while, as a manual failover needs it
// (docs/spec.md §6.7). Several can be in force at the same time.
type Pause struct {
	engine *Engine
	timer  *time.Timer
	end    sync.Once
}

// PauseWrites makes every Update wait, outside its slot's lock, until Resume is called or
// d has passed. When it returns, no transaction that may write is under way: what has
// been written is final. Views go on. An Update for a slot of another node is redirected
// without waiting. One that has waited is routed again when it goes on, so that after a
// failover it is sent to the new master.
func (e *Engine) PauseWrites(d time.Duration) *Pause {
	p := &Pause{engine: e}
	e.pauses.mu.Lock()
	if e.pauses.n++; e.pauses.n == 1 {
		ch := make(chan struct{})
		e.pauses.ended.Store(&ch)
	}
	p.timer = time.AfterFunc(d, p.Resume)
	e.pauses.mu.Unlock()
	all := slots.Full()
	e.store.Barrier(&all)
	e.awaitChange()
	return p
}

// Resume ends the pause. Further calls do nothing.
func (p *Pause) Resume() {
	p.end.Do(func() {
		all := &p.engine.pauses
		all.mu.Lock()
		defer all.mu.Unlock()
		p.timer.Stop()
		if all.n--; all.n == 0 {
			close(*all.ended.Swap(nil))
		}
	})
}

// Paused returns a channel that is closed when writes go on, nil if they are not paused.
func (e *Engine) Paused() <-chan struct{} { return e.pauses.wait() }

// wait returns what a write has to wait for, nil if it need not. The caller holds its
// slot's lock, so that the Barrier in PauseWrites waits for each write that saw no pause.
func (p *pauses) wait() <-chan struct{} {
	if ch := p.ended.Load(); ch != nil {
		return *ch
	}
	return nil
}
