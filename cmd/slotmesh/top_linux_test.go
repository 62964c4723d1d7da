package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// pseudoTerminal returns both ends of a terminal of a size.
func pseudoTerminal(t *testing.T, lines, columns uint16) (near, far *os.File) {
	t.Helper()
	near, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { near.Close() })
	var number, unlock uint32
	control(t, near, syscall.TIOCSPTLCK, unsafe.Pointer(&unlock))
	control(t, near, syscall.TIOCGPTN, unsafe.Pointer(&number))
	far, err = os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { far.Close() })
	resize(t, near, lines, columns)
	return near, far
}

func control(t *testing.T, f *os.File, request uintptr, arg unsafe.Pointer) {
	t.Helper()
	conn, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		if _, _, failed := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); failed != 0 {
			t.Fatal(failed)
		}
	})
}

func resize(t *testing.T, near *os.File, lines, columns uint16) {
	size := struct{ lines, columns, x, y uint16 }{lines: lines, columns: columns}
	control(t, near, syscall.TIOCSWINSZ, unsafe.Pointer(&size))
}

// watch collects what a terminal shows.
func watch(near *os.File) *watched {
	w := new(watched)
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := near.Read(buf)
			w.Write(buf[:n])
			if err != nil {
				w.end()
				return
			}
		}
	}()
	return w
}

// On a terminal a table takes the place of the one before, follows its size, and q or Ctrl-C
// give it back with its cursor.
func TestTopOnTerminal(t *testing.T) {
	up := start(t, "up", "--port", "0", "--nodes", "3", "--replicas", "1")
	entry := regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+`).FindString(up.stdout.waitFor(t, "Ctrl-C ends it."))
	for _, c := range []struct{ name, keys string }{{"Ctrl-C", "\x03"}, {"q", "q\n"}} {
		t.Run(c.name, func(t *testing.T) {
			near, far := pseudoTerminal(t, 24, 80)
			cmd := command("top", entry, "--interval", "100ms")
			cmd.Env = append(cmd.Env, "TERM=xterm", "NO_COLOR=")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, far
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true} // Ctrl-C is its terminal's
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer cmd.Process.Kill()
			shown := watch(near)
			text := shown.waitFor(t, clearBelow+goHome) // a second table
			if !strings.HasPrefix(text, hideCursor+wrapOff) || !strings.Contains(text, "6 nodes") ||
				!strings.Contains(text, bold+"M/R NODE") {
				t.Errorf("shown: %q", text)
			}
			for line := range strings.Lines(sequences.ReplaceAllString(text, "")) {
				if line = strings.TrimRight(line, "\r\n"); len(line) > 80 {
					t.Errorf("%d columns: %q", len(line), line)
				}
			}
			resize(t, near, 6, 60)
			if text = shown.waitFor(t, "more"); strings.Contains(text[:strings.Index(text, "more")], "… 1 ") {
				t.Errorf("cut for one node: %q", text)
			}
			if _, err := near.WriteString(c.keys); err != nil {
				t.Fatal(err)
			}
			shown.waitFor(t, wrapOn+showCursor)
			if err := cmd.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}
