//go:build unix

package main

import (
	"bufio"
	"crypto/rand"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serveForTest starts a node and returns where its clients connect.
func serveForTest(t *testing.T, dir string, args ...string) (s *session, addr string) {
	t.Helper()
	s = start(t, append([]string{"serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", dir}, args...)...)
	return s, servedAddr(s.stdout.waitFor(t, "ready to accept connections"))
}

func servedAddr(log string) string {
	return regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(log[strings.Index(log, "ready to accept"):])
}

func TestHangup(t *testing.T) {
	s, addr := serveForTest(t, t.TempDir())
	s.signal(t, syscall.SIGHUP)
	s.stdout.waitFor(t, "SIGHUP")
	if got := ask(t, addr, "PING"); got != "+PONG\r\n" {
		t.Errorf("PING after SIGHUP: %q", got)
	}
	s.signal(t, syscall.SIGTERM)
	if code := <-s.code; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// TestUpAndHangup closes the terminal of a cluster that keeps its keys.
func TestUpAndHangup(t *testing.T) {
	// A process inherits that SIGHUP is ignored, as under nohup, and up respects that; not
	// that it is caught.
	caught := make(chan os.Signal, 1)
	signal.Notify(caught, syscall.SIGHUP)
	defer signal.Stop(caught)
	dir := t.TempDir()
	s := start(t, "up", "--port", "0", "--nodes", "1", "--replicas", "0", "--dir", dir)
	addr := regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+`).FindString(s.stdout.waitFor(t, "Ctrl-C ends it."))
	if got := ask(t, addr, "SET", "k", "v"); got != "+OK\r\n" {
		t.Fatalf("SET: %q", got)
	}
	s.signal(t, syscall.SIGHUP)
	if code := <-s.code; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if _, err := os.Stat(filepath.Join(dir, "node-1", "dump.smdb")); err != nil {
		t.Errorf("the keys: %v", err)
	}
}

// TestRotatedLog renames the log file, as logrotate does, with no signal after it.
func TestRotatedLog(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "node.log")
	told := listenAsSystemd(t, filepath.Join(dir, "notify"))
	s := start(t, "serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", dir, "--logfile", "node.log")
	told("READY=1")
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	s.signal(t, syscall.SIGTERM)
	if code := <-s.code; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	old, _ := os.ReadFile(log + ".1")
	text, err := os.ReadFile(log)
	if !strings.Contains(string(text), "asked to end by a signal") || strings.Contains(string(old), "asked to end") {
		t.Errorf("the new log, %v:\n%s\nthe old one:\n%s", err, text, old)
	}
}

// TestBrokenLogPipe ends the reader of the log, which says nothing about the node.
func TestBrokenLogPipe(t *testing.T) {
	dir := t.TempDir()
	s := command("serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", dir)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.Stdout, s.Stderr = writer, writer
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Process.Kill()
	writer.Close()
	log := bufio.NewScanner(reader)
	for !strings.Contains(log.Text(), "ready to accept") && log.Scan() {
	}
	addr := servedAddr(log.Text())
	reader.Close()
	if got := ask(t, addr, "SET", "k", "v"); got != "+OK\r\n" {
		t.Fatalf("SET: %q", got)
	}
	s.Process.Signal(syscall.SIGHUP) // both make it write to its log
	s.Process.Signal(syscall.SIGTERM)
	if err := s.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "dump.smdb")); err != nil {
		t.Errorf("the keys: %v", err)
	}
}

func TestTellSystemd(t *testing.T) {
	names := []string{filepath.Join(t.TempDir(), "notify")}
	if runtime.GOOS == "linux" {
		names = append(names, "@slotmesh-test-"+rand.Text())
	}
	for _, name := range names {
		told := listenAsSystemd(t, name)
		s, _ := serveForTest(t, t.TempDir())
		told("READY=1")
		s.signal(t, syscall.SIGTERM)
		told("STOPPING=1")
		if code := <-s.code; code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
}

// listenAsSystemd makes the commands that the test starts find a service manager. told
// waits for a message to it.
func listenAsSystemd(t *testing.T, name string) (told func(want string)) {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", name)
	return func(want string) {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(waitLimit))
		message := make([]byte, 100)
		if n, err := conn.Read(message); err != nil || string(message[:n]) != want {
			t.Fatalf("the service manager hears %q, %v; want %q", message[:n], err, want)
		}
	}
}
