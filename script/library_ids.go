package script

// libraryID names a library in the interpreters of an engine.
type libraryID uint64

// libraryIDs are the libraries of an engine that somebody can still call. When the garbage
// collector has found that nobody can call one any more, interpreters drop what they have
// of it: those that are idle at once, the others when their run ends.
type libraryIDs struct {
	live    map[libraryID]struct{}
	last    libraryID
	removed uint64 // how many
}

func (e *Engine) addLibrary() libraryID {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.live == nil {
		e.live = make(map[libraryID]struct{})
	}
	e.last++
	e.live[e.last] = struct{}{}
	return e.last
}

func (e *Engine) removeLibrary(id libraryID) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.live, id)
	e.removed++
	for _, v := range e.free {
		e.sweepLocked(v)
	}
}

// sweepLocked makes an interpreter drop the libraries that are gone.
func (e *Engine) sweepLocked(v *vm) {
	if v.library.swept == e.removed {
		return
	}
	v.library.swept = e.removed
	for id := range v.library.registered {
		if _, ok := e.live[id]; !ok {
			delete(v.library.registered, id)
		}
	}
}
