//go:build !(linux || darwin || freebsd)

package main

import (
	"io"
	"os"
)

// terminalSize knows no terminal here: frames follow each other.
func terminalSize(io.Writer) (width, height int, ok bool) { return 0, 0, false }

func notifyResize(chan<- os.Signal) (stop func()) { return func() {} }
