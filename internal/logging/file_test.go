package logging

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// TestFileIsRotated renames and removes the file under a logger, as logrotate does.
func TestFileIsRotated(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open file cannot be renamed there")
	}
	dir := t.TempDir()
	if _, err := OpenFile(filepath.Join(dir, "sub", "node.log")); err == nil {
		t.Fatal("a log file in a folder that does not exist")
	}
	path, old := filepath.Join(dir, "node.log"), filepath.Join(dir, "node.log.1")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	log := hclog.New(&hclog.LoggerOptions{Output: f})
	sub := log.Named("bus") // made before the file changes
	check := func(path string, lines int) {
		t.Helper()
		text, err := os.ReadFile(path)
		if got := countLines(text); err != nil || got != lines {
			t.Errorf("%s has %d lines, want %d (%v):\n%s", filepath.Base(path), got, lines, err, text)
		}
	}
	log.Info("one")
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	sub.Info("two")
	log.Info("three")
	check(old, 1)
	check(path, 2)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	log.Info("four")
	check(path, 1)
	if err := os.Truncate(path, 0); err != nil { // logrotate's copytruncate
		t.Fatal(err)
	}
	log.Info("five")
	check(path, 1)

	// A name that cannot be opened: the old file is better than none.
	if err := os.Rename(path, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	log.Info("six")
	check(old, 2)
}

func countLines(text []byte) (n int) {
	for _, c := range text {
		if c == '\n' {
			n++
		}
	}
	return n
}
