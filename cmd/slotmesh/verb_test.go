package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// call runs the command and returns its exit code and what it wrote.
func call(args ...string) (code int, stdout, stderr string) {
	var o, e bytes.Buffer
	code = run(context.Background(), args, output{&o, &e})
	return code, o.String(), e.String()
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args           string
		code           int
		stdout, stderr string // parts of what is written
	}{
		{"", exitUsage, "", "Verbs:"},
		{"help", exitOK, "up     ", ""},
		{"--help", exitOK, "serve  ", ""},
		{"help up", exitOK, "--nodes number", ""},
		{"up --help", exitOK, "slotmesh up --nodes 5", ""},
		{"serve -h", exitOK, "slotmesh serve --port 7001", ""},
		{"help nosuch", exitUsage, "", `no verb "nosuch"`},
		{"nosuch", exitUsage, "", `no verb "nosuch"`},
		{"version", exitOK, "slotmesh ", ""},
		{"--version", exitOK, runtime.Version(), ""},
		{"serve --version", exitOK, runtime.GOARCH, ""},
		{"serve -v", exitOK, "slotmesh ", ""},
		{"version x", exitUsage, "", `"x" is one argument too many`},
		{"secret x", exitUsage, "", `"x" is one argument too many`},
		{"up --nosuch", exitUsage, "", "there is no flag --nosuch"},
		{"up x", exitUsage, "", `"x" is not a flag`},
		{"up --nodes 0", exitUsage, "", "use 1 to 1000"},
		{"up --nodes 2", exitUsage, "", "it takes 3 masters"},
		{"up --port 60000", exitUsage, "", "use 0 to 55530"},
		{"up --memory-only --dir x", exitUsage, "", "exclude each other"},
		{"up --loglevel loud", exitUsage, "", "use debug, verbose, notice or warning"},
	} {
		code, stdout, stderr := call(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, c.stderr) {
			t.Errorf("slotmesh %s: exit code %d, want %d\nstdout: %s\nstderr: %s", c.args, code, c.code, stdout, stderr)
		}
	}
}

// TestHelpIsComplete checks that each verb has what its help needs.
func TestHelpIsComplete(t *testing.T) {
	for _, v := range verbs() {
		alone := v.name == "version" || v.name == "secret"
		if v.summary == "" || v.args == "" && !alone || len(v.examples) == 0 || v.run == nil {
			t.Errorf("%s lacks a summary, arguments or an example", v.name)
		}
		for _, e := range v.examples {
			if e != "" && !strings.Contains(e, "slotmesh "+v.name) && !strings.HasPrefix(e, "redis-cli") {
				t.Errorf("%s: the example %q shows another command", v.name, e)
			}
		}
	}
}

// TestMain lets the test binary stand in for the command, so that tests see real
// processes, signals and exit codes.
func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		limitFiles(os.Getenv(fileLimit))
		main()
	}
	os.Exit(m.Run())
}

// Environment variables of such a process.
const (
	asCommand = "SLOTMESH_TEST_AS_COMMAND"
	fileLimit = "SLOTMESH_TEST_FILE_LIMIT" // as ulimit -n sets it
)

// session is a run of the command in a process of its own.
type session struct {
	cmd            *exec.Cmd
	code           chan int
	stdout, stderr watched
}

// start runs the command in the background. The test ends it.
func start(t *testing.T, args ...string) *session {
	t.Helper()
	s := &session{cmd: command(args...), code: make(chan int, 1)}
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.cmd.Wait()
		s.code <- s.cmd.ProcessState.ExitCode()
		s.stdout.end()
	}()
	t.Cleanup(func() {
		s.cmd.Process.Kill()
		<-done
		if t.Failed() {
			t.Logf("standard error:\n%s", s.stderr.buf.String())
		}
	})
	return s
}

// command returns the command, not started, as a process of its own.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	// With the race detector a process lingers for a second at its end, unless told not to.
	cmd.Env = append(os.Environ(), asCommand+"=1", "GORACE=atexit_sleep_ms=0")
	return cmd
}

// signal asks the command to end.
func (s *session) signal(t *testing.T, sig os.Signal) {
	t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// waitLimit turns a test that would hang into one that fails.
const waitLimit = 30 * time.Second

// watched is a buffer that tells when a text has been written.
type watched struct {
	mu      sync.Mutex // guards all below
	changed sync.Cond
	buf     bytes.Buffer
	ended   bool
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wakeLocked()
	return w.buf.Write(b)
}

func (w *watched) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.wakeLocked()
}

func (w *watched) wakeLocked() {
	if w.changed.L == nil {
		w.changed.L = &w.mu
	}
	w.changed.Broadcast()
}

// waitFor returns all that was written once it contains text.
func (w *watched) waitFor(t *testing.T, text string) string {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	defer time.AfterFunc(waitLimit, w.end).Stop()
	if w.changed.L == nil {
		w.changed.L = &w.mu
	}
	for !strings.Contains(w.buf.String(), text) {
		if w.ended {
			t.Fatalf("ended, or %v passed, without %q:\n%s", waitLimit, text, w.buf.String())
		}
		w.changed.Wait()
	}
	return w.buf.String()
}
