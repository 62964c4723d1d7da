//go:build linux || darwin

package main

import (
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// limitFiles does what ulimit -n does, unless n is empty.
func limitFiles(n string) {
	if n == "" {
		return
	}
	limit, err := strconv.Atoi(n)
	if err == nil {
		err = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(limit), Max: uint64(limit)})
	}
	if err != nil {
		panic(err)
	}
}

// TestFewDescriptors starts a node that may open 64 files and gives it too many clients.
// What it logs and answers is what redis-server 7.0.15 does under ulimit -n 64.
func TestFewDescriptors(t *testing.T) {
	t.Setenv(fileLimit, "64")
	dir := t.TempDir()
	s := start(t, "serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", dir)
	log := s.stdout.waitFor(t, "ready to accept connections")
	for _, want := range []string{
		"You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
		"Current maximum open files is 64. maxclients has been reduced to 32 to compensate for low ulimit.",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(log[strings.Index(log, "ready to accept"):])
	if got := ask(t, addr, "CONFIG", "GET", "maxclients"); !strings.Contains(got, "\r\n32\r\n") {
		t.Errorf("CONFIG GET maxclients: %q", got)
	}
	const refused = "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - " +
		"The operating system is not able to handle the specified number of clients, try with 32\r\n"
	if got := ask(t, addr, "CONFIG", "SET", "maxclients", "100"); got != refused {
		t.Errorf("CONFIG SET maxclients 100: %q, want %q", got, refused)
	}

	served, told := []net.Conn{}, 0
	for range 40 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(waitLimit))
		io.WriteString(conn, "PING\r\n")
		head := make([]byte, 5)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		switch string(head) {
		case "+PONG":
			served = append(served, conn)
		default:
			rest, _ := io.ReadAll(conn)
			if got := string(head) + string(rest); got != "-ERR max number of clients reached\r\n" {
				t.Errorf("a client too many hears %q", got)
			}
			told++
		}
	}
	if len(served) < 10 || len(served) > 32 || told == 0 {
		t.Errorf("%d clients are served and %d are told that they are too many", len(served), told)
	}
	// What it needs itself is there.
	io.WriteString(served[0], "SET k v\r\nSAVE\r\n")
	reply := make([]byte, len("\r\n+OK\r\n+OK\r\n"))
	if _, err := io.ReadFull(served[0], reply); err != nil || string(reply) != "\r\n+OK\r\n+OK\r\n" {
		t.Errorf("SET and SAVE: %q, %v", reply, err)
	}
	if _, err := os.Stat(dir + "/dump.smdb"); err != nil {
		t.Error(err)
	}
}

func TestTooFewDescriptors(t *testing.T) {
	t.Setenv(fileLimit, "32")
	s := start(t, "serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", t.TempDir())
	if code := <-s.code; code != exitError {
		t.Errorf("exit code %d", code)
	}
	if got := s.stderr.buf.String(); !strings.Contains(got, "this process may open 32 files") ||
		!strings.Contains(got, "at least 10032") {
		t.Errorf("standard error: %s", got)
	}
}
