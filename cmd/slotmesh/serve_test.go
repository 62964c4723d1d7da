package main

import (
	"fmt"
	"net"
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
		s := start(t, "serve", file, "--port", freePort(t), "--cluster-port", freePort(t), "--dir", dir)
		log := s.stdout.waitFor(t, "ready to accept connections")
		if want := file + ":4: io-threads-do-reads is ignored: "; !strings.Contains(log, want) {
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
	s := start(t, "serve", "--port", freePort(t), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--cluster-enabled", "no")
	log := s.stdout.waitFor(t, "ready to accept connections")
	addr := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(log[strings.Index(log, "ready to accept"):])
	if got := ask(t, addr, "CLUSTER", "INFO"); got != "-ERR This instance has cluster support disabled\r\n" {
		t.Errorf("CLUSTER INFO: %q", got)
	}
}

func TestServeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.conf")
	if err := os.WriteFile(file, []byte("\nmaxmemroy 1\nmaxmemory lots\nappendonly perhaps\nuser app on \">secret ~* "+
		"+@all\nrename-command KEYS\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{file}, file + `:3: maxmemory "lots": argument must be a memory value (accepted: bytes, or a number with`},
		{[]string{file}, file + `:4: appendonly "perhaps": argument must be 'yes' or 'no' (accepted: yes, no)`},
		{[]string{file}, file + `:2: directive: maxmemroy is not one of those of Redis, Valkey or slotmesh: did you mean maxmemory?`},
		{[]string{file}, file + `:5: line "user …": unbalanced quotes: close them, and put a space after the closing one`},
		{[]string{file}, file + `:6: rename-command "KEYS": wrong number of arguments`},
		{[]string{"--cluster-enabld", "yes"}, `did you mean cluster-enabled?`},
		{[]string{"--unixsocketgroup", "redis"},
			`command line: unixsocketgroup: the node would be less protected than this line says: `},
		{[]string{"--rename-command", "nosuch", "x"}, `command line: rename-command "nosuch x": No such command in rename-command`},
		{[]string{"--user", "app", "on", "allkey"}, `command line: user "app": Error in user declaration 'allkey' of user 'app': Syntax error`},
		{[]string{"--port", freePort(t), "--dir", t.TempDir(), "--user", "app", "+nosuch"},
			`command line: user "app": Error in user declaration '+nosuch' of user 'app': Unknown command or category name in ACL`},
		{[]string{"--user", "app", "--user", "app"}, `command line: user "app": Error in user declaration 'app' of user 'app': Duplicate user`},
		{[]string{"--user", "app", "--aclfile", "users.acl"}, "please define either an ACL file or declare users directly"},
		{[]string{"--port", freePort(t), "--dir", t.TempDir(), "--aclfile", "/nonexistent.acl"},
			"Error loading ACLs, opening file '/nonexistent.acl': No such file or directory"},
		{[]string{"--port", "0"}, `command line: port "0": the node would not listen anywhere (accepted: a port, or 0 together with tls-port or unixsocket)`},
		{[]string{"--port", "x"}, `command line: port "x": `},
		{[]string{"--dir", "/nonexistent"}, `command line: dir "/nonexistent": `},
		{[]string{"/nonexistent.conf"}, "cannot read the configuration"},
		{[]string{"--bind", "192.0.2.1", "--port", freePort(t), "--dir", t.TempDir()}, "assign requested address"},
	} {
		s := start(t, append([]string{"serve"}, c.args...)...)
		if code := <-s.code; code != exitError || !strings.Contains(s.stderr.buf.String(), c.want) {
			t.Errorf("serve %q: exit code %d, want %q in\n%s", c.args, code, c.want, s.stderr.buf.String())
		}
	}
}

// TestServeKeepsALog ends a node whose file asks for a log and for no snapshots, once
// cleanly and once not.
func TestServeKeepsALog(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte("appendonly yes\nappendfsync always\nsave \"\"\nbind 127.0.0.1\ndir "+dir+"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"$-1\r\n", "$6\r\nvalue0\r\n", "$6\r\nvalue1\r\n"} {
		port := freePort(t)
		s := start(t, "serve", file, "--port", port)
		s.stdout.waitFor(t, "ready to accept connections")
		if got := ask(t, "127.0.0.1:"+port, "GET", "key"); got != want {
			t.Errorf("GET: %q, want %q", got, want)
		}
		if got := ask(t, "127.0.0.1:"+port, "SET", "key", fmt.Sprint("value", i)); got != "+OK\r\n" {
			t.Errorf("SET: %q", got)
		}
		end := syscall.SIGTERM
		if i == 1 {
			end = syscall.SIGKILL
		}
		s.signal(t, end)
		if code := <-s.code; end == syscall.SIGTERM && code != exitOK {
			t.Errorf("exit code %d", code)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "dump.smdb")); err == nil {
		t.Error("there is a snapshot, too")
	}
}

// freePort returns a port that was free a moment ago. Port 0 is none, as in Redis.
func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}
