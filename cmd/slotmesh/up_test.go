package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

func TestUp(t *testing.T) {
	dir := t.TempDir()
	var ids string
	quickest := waitLimit
	for _, when := range []string{"new", "again"} { // the second start finds the cluster again
		s := start(t, "up", "--port", "0", "--nodes", "3", "--dir", dir)
		text := s.stdout.waitFor(t, "Ctrl-C ends it.")
		for _, want := range []string{"A cluster of 3 masters with 1 replica each is ready", "replica of 127.0.0.1:",
			"0-5460 (5461)", "5461-10922 (5462)", "10923-16383 (5461)", "redis-cli -c -p ", "redis.NewClusterClient("} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", when, want, text)
			}
		}
		found := strings.Join(regexp.MustCompile(`\b[0-9a-f]{40}\b`).FindAllString(text, -1), " ")
		if ids != "" && found != ids {
			t.Errorf("%s: ids %s, want %s", when, found, ids)
		}
		ids = found
		addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(text)
		if got := ask(t, addr, "CLUSTER", "KEYSLOT", "key:test:1"); got != ":5191\r\n" {
			t.Errorf("%s: %s answers %q", when, addr, got)
		}

		began := time.Now()
		s.signal(t, os.Interrupt)
		if code := <-s.code; code != exitOK {
			t.Errorf("%s: exit code %d", when, code)
		}
		if text := s.stderr.buf.String(); strings.Contains(text, "successor") {
			t.Errorf("%s: Ctrl-C warns: %s", when, text)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > time.Second { // one of the two may have met a busy machine
		t.Errorf("it ends within %v at best, want a second", quickest)
	}
	if code, _, stderr := call("up", "--port", "0", "--nodes", "4", "--dir", dir); code != exitError ||
		!strings.Contains(stderr, "give the same --nodes and --replicas as before") {
		t.Errorf("with more nodes: exit code %d, %s", code, stderr)
	}
}

// TestUpTellsWhatItStartsWith: after an end by itself, and after one that left no time to
// save.
func TestUpTellsWhatItStartsWith(t *testing.T) {
	dir := t.TempDir()
	lost := "did not end by itself"
	run := func(want, not string) {
		t.Helper()
		s := start(t, "up", "--port", "0", "--dir", dir)
		text := s.stdout.waitFor(t, "Ctrl-C ends it.")
		if !strings.Contains(text, want) || strings.Contains(text, not) {
			t.Errorf("want %q, and not %q, in\n%s", want, not, text)
		}
		for _, addr := range regexp.MustCompile(`(?m)^127\.0\.0\.1:\d+`).FindAllString(text, -1) {
			ask(t, addr, "SET", "key", "v") // one of them takes it
		}
		s.signal(t, os.Interrupt)
		if code := <-s.code; code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
	run("in "+dir+".\n\n", "It starts with")
	run("It starts with 1 key, saved 2", lost)
	if err := os.WriteFile(filepath.Join(dir, upRunning), nil, 0o644); err != nil { // kill -9 leaves it
		t.Fatal(err)
	}
	run("It starts with 1 key, saved 2", "without keys")
	if err := os.WriteFile(filepath.Join(dir, upRunning), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run("The last run "+lost+": what was written after that is lost.", "without keys")
}

func TestUpEndsWhenAllNodesAreShutDown(t *testing.T) {
	s := start(t, "up", "--port", "0", "--nodes", "2", "--without-failover")
	text := s.stdout.waitFor(t, "Ctrl-C ends it.")
	for _, line := range strings.Split(text, "\n") {
		if addr := regexp.MustCompile(`^127\.0\.0\.1:\d+`).FindString(line); addr != "" {
			ask(t, addr, "SHUTDOWN", "NOSAVE")
		}
	}
	if code := <-s.code; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, err := slotmesh.New(slotmesh.Config{Addr: "127.0.0.1:" + port, BusAddr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	err = explainStart(n.Start(context.Background()))
	if err == nil || !strings.Contains(err.Error(), "port "+port+
		" is in use by another program: choose another with --port") {
		t.Errorf("error %v", err)
	}
}

// ask sends a command and returns the beginning of the reply, "" if there is none.
func ask(t *testing.T, addr string, args ...string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(c, "$%d\r\n%s\r\n", len(a), a)
	}
	reply := make([]byte, 4096)
	n, _ := c.Read(reply)
	return string(reply[:n])
}
