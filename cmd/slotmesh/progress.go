package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// plainEvery is how often progress is told where there is no terminal.
const plainEvery = 5 * time.Second

// progress prints what an operation does: on a terminal the numbers on one line that
// is written over, elsewhere as plain lines.
type progress struct {
	w        io.Writer
	terminal bool
	quiet    bool

	mu    sync.Mutex // guards the rest
	open  bool       // the line on the terminal is not ended yet
	last  time.Time
	state admin.Progress // the latest
}

func newProgress(w io.Writer, quiet bool) *progress {
	return &progress{w: w, terminal: isTerminal(w), quiet: quiet, last: time.Now()}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const (
	eraseLine = "\r\x1b[K"
)

func (p *progress) event(e admin.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if done, ok := e.(admin.Progress); ok {
		p.state = done
	}
	if p.quiet {
		return
	}
	switch e := e.(type) {
	case admin.Step:
		p.endLocked()
		fmt.Fprintf(p.w, ">>> %s\n", at(e.Node, e.Text))
	case admin.Notice:
		p.endLocked()
		fmt.Fprintf(p.w, "[WARNING] %s\n", at(e.Node, e.Text))
	case admin.Progress, admin.FollowProgress:
		if p.terminal {
			p.open = true
			fmt.Fprint(p.w, eraseLine, e)
		} else if now := time.Now(); now.Sub(p.last) >= plainEvery {
			p.last = now
			fmt.Fprintln(p.w, e)
		}
	}
}

// done returns how far the operation came.
func (p *progress) done() admin.Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func at(node, text string) string {
	if node == "" {
		return text
	}
	return node + ": " + text
}

// end finishes the line on the terminal, so that something else can be written.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endLocked()
}

func (p *progress) endLocked() {
	if p.open {
		p.open = false
		fmt.Fprintln(p.w)
	}
}
