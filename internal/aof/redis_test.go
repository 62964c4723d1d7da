package aof

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestFolderOfRedis reads the folder that a real redis-server writes: a base, increments, with
// annotations.
func TestFolderOfRedis(t *testing.T) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed, and CI must not skip this test")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	server := exec.Command(path, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir, "--appendonly", "yes",
		"--appendfsync", "always", "--aof-timestamp-enabled", "yes",
		"--appendfilename", "with space.aof")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { server.Process.Kill(); server.Wait() }()
	log := make([]byte, 0, 1<<16)
	for b := make([]byte, 1024); !strings.Contains(string(log), "now ready to accept connections"); {
		n, err := out.Read(b)
		if err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		log = append(log, b[:n]...)
	}
	go io.Copy(io.Discard, out)
	run := func(commands ...string) string {
		cli := exec.Command("redis-cli", "-s", socket)
		cli.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
		reply, err := cli.CombinedOutput()
		if err != nil || strings.Contains(string(reply), "ERR") {
			t.Fatalf("%v\n%s", err, reply)
		}
		return string(reply)
	}
	run("SET before 1", "CONFIG SET appendonly no", "CONFIG SET appendonly yes")
	for { // until the new base is in the manifest
		manifest, err := os.ReadFile(filepath.Join(dir, "appendonlydir", "with space.aof.manifest"))
		if err == nil && strings.Contains(string(manifest), "2.base.rdb") &&
			strings.Contains(run("INFO persistence"), "aof_rewrite_in_progress:0") {
			break
		}
	}
	run("SET after 2", "MULTI", "SET a 1", "RPUSH l x y", "EXEC", "SELECT 3", "SET other 1")
	l, err := Open(os.DirFS(dir), "appendonlydir")
	if err != nil {
		t.Fatal(err)
	}
	var keys, commands []string
	for {
		item, err := l.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case item.Key == nil:
			commands = append(commands, fmt.Sprintf("%d %q", item.Database, item.Commands))
		case len(item.Key.Name) > 0 && item.Key.Text == nil:
			keys = append(keys, string(item.Key.Name))
		}
	}
	want := []string{`0 [["SET" "after" "2"]]`, `0 [["SET" "a" "1"] ["RPUSH" "l" "x" "y"]]`, `3 [["SET" "other" "1"]]`}
	if !reflect.DeepEqual(keys, []string{"before"}) || !reflect.DeepEqual(commands, want) {
		t.Errorf("%q, %q", keys, commands)
	}
	if l.Torn() != nil {
		t.Errorf("torn: %v", *l.Torn())
	}
}
