package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServe(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	text := "# a node\nport 6379\ncluster-enabled yes\nio-threads-do-reads yes\nbind 127.0.0.1\nmaxmemory 10mb\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	quickest := waitLimit
	for _, end := range []string{"signal", "SHUTDOWN"} {
		s := start(t, "serve", file, "--port", "0", "--cluster-port", "0", "--dir", dir)
		log := s.stdout.waitFor(t, "ready to accept connections")
		if want := file + ":4: io-threads-do-reads has no meaning here, ignored"; !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
		addr := regexp.MustCompile(`addr=127\.0\.0\.1:\d+\b[^@]`).FindString(log)
		addr = strings.TrimSpace(strings.TrimPrefix(addr, "addr="))
		if got := ask(t, addr, "CONFIG", "GET", "maxmemory"); !strings.Contains(got, "10485760") {
			t.Errorf("CONFIG GET maxmemory: %q", got)
		}
		if got := ask(t, addr, "INFO", "server"); !strings.Contains(got, "\r\nconfig_file:"+file+"\r\n") {
			t.Errorf("INFO server: %q", got)
		}
		if got := ask(t, addr, "CLUSTER", "INFO"); !strings.Contains(got, "cluster_known_nodes:1\r\n") {
			t.Errorf("CLUSTER INFO: %q", got)
		}
		began := time.Now()
		if end == "signal" {
			s.signal(t, syscall.SIGTERM)
		} else if got := ask(t, addr, "SHUTDOWN"); got != "" {
			t.Errorf("SHUTDOWN answers %q", got)
		}
		if code := <-s.code; code != exitOK {
			t.Errorf("after %s: exit code %d", end, code)
		}
		quickest = min(quickest, time.Since(began))
	}
	if quickest > time.Second { // one of the two may have met a busy machine
		t.Errorf("it ends within %v at best, want a second", quickest)
	}
	if _, err := os.Stat(filepath.Join(dir, "nodes.conf")); err != nil {
		t.Errorf("the cluster's state: %v", err)
	}
}

func TestServeStandalone(t *testing.T) {
	s := start(t, "serve", "--port", "0", "--bind", "127.0.0.1", "--dir", t.TempDir(), "--cluster-enabled", "no")
	log := s.stdout.waitFor(t, "ready to accept connections")
	addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(log[strings.Index(log, "ready to accept"):])
	if got := ask(t, addr, "CLUSTER", "INFO"); got != "-ERR This instance has cluster support disabled\r\n" {
		t.Errorf("CLUSTER INFO: %q", got)
	}
}

func TestServeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(file, []byte("\nnosuch 1\nmaxmemory lots\nappendonly perhaps\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{file}, file + `:3: maxmemory "lots": argument must be a memory value (accepted: bytes, or a number with`},
		{[]string{file}, file + `:4: appendonly "perhaps": argument must be 'yes' or 'no' (accepted: yes, no)`},
		{[]string{file}, file + `:2: unknown directive "nosuch", ignored`},
		{[]string{"--port", "x"}, `command line: port "x": `},
		{[]string{"--dir", "/nonexistent"}, `command line: dir "/nonexistent": `},
		{[]string{"/nonexistent.conf"}, "cannot read the configuration"},
		{[]string{"--bind", "192.0.2.1", "--port", "0", "--dir", t.TempDir()}, "assign requested address"},
	} {
		s := start(t, append([]string{"serve"}, c.args...)...)
		if code := <-s.code; code != exitError || !strings.Contains(s.stderr.buf.String(), c.want) {
			t.Errorf("serve %q: exit code %d, want %q in\n%s", c.args, code, c.want, s.stderr.buf.String())
		}
	}
}
