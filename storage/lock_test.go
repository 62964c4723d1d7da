//go:build darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows

package storage

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// lockVariable makes the test binary a process that holds the lock of a folder.
const lockVariable = "SLOTMESH_TEST_LOCK"

func TestMain(m *testing.M) {
	if dir := os.Getenv(lockVariable); dir != "" {
		_, err := Dir(dir).Lock()
		fmt.Println("locked:", err)
		select {}
	}
	os.Exit(m.Run())
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	mem := &Memory{}
	for _, c := range []struct {
		name          string
		first, second Locker
		file1, file2  string
		want          string // "" if both may have it
	}{
		{"same folder", Dir(dir), Dir(dir), "a", "a", "folder " + dir + " is in use by another node of this process"},
		{"other files", Dir(dir), Dir(dir + "/."), "a", "b", "folder " + dir +
			"/. is in use by another node of this process"},
		{"symbolic link", Dir(dir), Dir(link), "a", "a", "folder " + link + " is in use by another node of this process"},
		{"memory", mem, mem, "a", "b", "the disk in memory is in use by another node"},
		{"other folders", Dir(dir), Dir(t.TempDir()), "a", "a", ""},
		{"other folders, same file", Dir(t.TempDir()), Dir(t.TempDir()), dir + "/a", link + "/a",
			"file " + link + "/a is in use by another node of this process"},
		{"other folders, files side by side", Dir(t.TempDir()), Dir(t.TempDir()), dir + "/a", dir + "/b", ""},
	} {
		unlock, err := c.first.Lock(c.file1)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		again, err := c.second.Lock(c.file2)
		switch {
		case c.want == "" && err == nil:
			again()
		case c.want == "" || err == nil || err.Error() != c.want || !errors.Is(err, ErrInUse):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		unlock()
		again, err = c.second.Lock(c.file2)
		if err != nil {
			t.Fatalf("%s, after the first has gone: %v", c.name, err)
		}
		again()
	}
}

// What a refused Lock took on its way is free again.
func TestLockAllOrNothing(t *testing.T) {
	shared := filepath.Join(t.TempDir(), "nodes.conf")
	unlock, err := Dir(t.TempDir()).Lock(shared)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	dir := Dir(t.TempDir())
	if _, err := dir.Lock(shared); !errors.Is(err, ErrInUse) {
		t.Fatalf("a file that another has: %v", err)
	}
	free, err := dir.Lock()
	if err != nil {
		t.Fatalf("the folder: %v", err)
	}
	free()
}

func TestLockOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), lockVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked: <nil>\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	_, err = Dir(dir).Lock()
	if want := fmt.Sprintf("(process %d)", cmd.Process.Pid); !errors.Is(err, ErrInUse) ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("while it runs: %v, want %q in it", err, want)
	}
	if data, err := ReadFile(Dir(dir), LockFile); err != nil || len(data) == 0 {
		t.Errorf("looking at a locked folder: %q, %v", data, err)
	}
	cmd.Process.Kill()
	cmd.Wait()
	unlock, err := Dir(dir).Lock()
	if err != nil {
		t.Fatalf("after kill -9: %v", err)
	}
	unlock()
}
