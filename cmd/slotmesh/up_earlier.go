package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// upSnapshot is the file of a node's keys in its folder.
const upSnapshot = "dump.smdb"

// upRunning is the file that is in the folder of up while it runs, and after it did not
// end by itself: kill -9, a power cut.
const upRunning = "up.running"

// earlier is what the folder of up holds from an earlier run.
type earlier struct {
	crashed        bool      // that run did not end by itself
	oldest, newest time.Time // snapshot, zero if there is none
	keys           int       // that the masters have loaded
}

// begin marks the folder as in use, and tells what is in it.
func (u *up) begin() (e earlier, err error) {
	if err := os.MkdirAll(u.dir, 0o755); err != nil {
		return e, err
	}
	file, err := os.OpenFile(filepath.Join(u.dir, upRunning), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	switch {
	case err == nil:
		err = file.Close()
	case errors.Is(err, fs.ErrExist):
		e.crashed, err = true, nil
	}
	for i := range u.all() {
		if info, err := os.Stat(filepath.Join(u.nodeDir(i), upSnapshot)); err == nil {
			at := info.ModTime()
			if e.oldest.IsZero() || at.Before(e.oldest) {
				e.oldest = at
			}
			if at.After(e.newest) {
				e.newest = at
			}
		}
	}
	return e, err
}

// end says that up has ended by itself, with everything saved.
func (u *up) end() error { return os.Remove(filepath.Join(u.dir, upRunning)) }

// report says what the cluster starts with.
func (e *earlier) report(w io.Writer) {
	const layout = "2006-01-02 15:04:05"
	switch {
	case e.oldest.IsZero() && e.crashed:
		fmt.Fprintln(w, "It starts without keys: the last run did not end by itself, and had saved none.")
		return
	case e.oldest.IsZero():
		return
	}
	saved := e.newest.Format(layout)
	if e.newest.Sub(e.oldest) >= time.Second {
		saved = "from " + e.oldest.Format(layout) + " to " + saved
	}
	fmt.Fprintf(w, "It starts with %s, saved %s.\n", plural(e.keys, "key"), saved)
	if e.crashed {
		fmt.Fprintln(w, "The last run did not end by itself: what was written after that is lost.")
	}
}
