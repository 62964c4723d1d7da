package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// screen shows frames: on a terminal each in the place of the one before, elsewhere one after
// the other.
type screen struct {
	w        io.Writer
	terminal bool
	colors   bool
	size     func() (width, height int) // 0: no limit
	drawn    bool
}

func newScreen(w io.Writer, plain bool) *screen {
	s := &screen{w: w, size: func() (int, int) {
		width, _ := strconv.Atoi(os.Getenv("COLUMNS"))
		return max(width, 0), 0
	}}
	if _, _, ok := terminalSize(w); ok && !plain && os.Getenv("TERM") != "dumb" {
		s.terminal, s.colors = true, os.Getenv("NO_COLOR") == ""
		s.size = func() (int, int) {
			width, height, _ := terminalSize(w)
			return cmp.Or(width, usualWidth), cmp.Or(height, usualHeight) - 1 // the cursor has the last line
		}
	}
	return s
}

// What a terminal has that does not tell its size.
const usualWidth, usualHeight = 80, 24

// Sequences for a terminal.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	wrapOff    = "\x1b[?7l" // a terminal that becomes narrower cuts lines until the next frame
	wrapOn     = "\x1b[?7h"
	goHome     = "\x1b[H"
	clearAll   = "\x1b[2J"
	clearLine  = "\x1b[2K"
	clearBelow = "\x1b[J"
	bold       = "\x1b[1m"
	red        = "\x1b[31m"
	yellow     = "\x1b[33m"
	plainText  = "\x1b[0m"
)

// draw shows a frame. It is written at once, so that a terminal does not flicker.
func (s *screen) draw(lines []string) error {
	var b strings.Builder
	switch {
	case !s.terminal:
		if s.drawn {
			b.WriteString("\n")
		}
		b.WriteString(strings.Join(lines, "\n") + "\n")
	default:
		if !s.drawn {
			b.WriteString(hideCursor + wrapOff + goHome + clearAll)
		}
		b.WriteString(goHome)
		for i, line := range lines {
			if i > 0 {
				b.WriteString("\n")
			}
			// Cleared before it is written: behind the last column there is nothing to clear.
			b.WriteString(clearLine + line)
		}
		if len(lines) > 0 {
			b.WriteString("\n" + clearBelow)
		}
	}
	s.drawn = true
	_, err := io.WriteString(s.w, b.String())
	return err
}

// close gives the terminal back as it was, with the last frame on it.
func (s *screen) close() {
	if s.terminal && s.drawn {
		fmt.Fprint(s.w, plainText+wrapOn+showCursor)
	}
}
