//go:build unix

package listen

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestUnix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	for _, mode := range []fs.FileMode{0o600, 0o770} {
		ln, err := Unix(path, mode)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|mode {
			t.Errorf("the socket: %v, %v; want permissions %v", info, err, mode)
		}
		if _, err := Unix(path, mode); err == nil || !strings.Contains(err.Error(), "is in use") {
			t.Errorf("a second listener: %v", err)
		}
		ln.Close()
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("after Close: %v", err)
		}
	}
}

// A socket that a killed process left is replaced; nothing else is.
func TestUnixStale(t *testing.T) {
	path := filepath.Join(t.TempDir(), "node.sock")
	left, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	left.(*net.UnixListener).SetUnlinkOnClose(false)
	left.Close()
	ln, err := Unix(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()

	if err := os.WriteFile(path, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Unix(path, 0); err == nil || !strings.Contains(err.Error(), "exists and is no socket") {
		t.Errorf("at the path of a file: %v", err)
	}
	if text, err := os.ReadFile(path); string(text) != "data" {
		t.Errorf("the file has %q, %v", text, err)
	}
	if _, err := Unix("/"+strings.Repeat("x", longestPath), 0); err == nil ||
		!strings.Contains(err.Error(), "has 104 bytes; that of a Unix socket can have 103 at most") {
		t.Errorf("a path that is too long: %v", err)
	}
}
