//go:build unix

package slotmesh_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// What a node writes is for its own user only, whatever the umask lets through. Only the
// configuration file keeps the permissions that somebody gave it.
func TestFilesAreForTheirOwner(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	file, dir := conf(t, "port 7001", "bind 127.0.0.1", "cluster-enabled yes", "save 3600 1")
	users := filepath.Join(dir, "users.acl")
	if err := os.WriteFile(users, []byte("user default on nopass ~* &* +@all\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := slotmesh.LoadConfig(file, "--dir", dir, "--logfile", filepath.Join(dir, "node.log"),
		"--aclfile", users)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.BusAddr = "127.0.0.1:0", "127.0.0.1:0"
	n, err := slotmesh.New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	dialogue(t, n.Addr().Client(), "CLUSTER ADDSLOTSRANGE 0 16383", "SET k v", "SAVE", "ACL SETUSER app on +get",
		"ACL SAVE", "CONFIG SET timeout 9", "CONFIG REWRITE")
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		want := fs.FileMode(0o600)
		if e.Name() == filepath.Base(file) {
			want = 0o640
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has permissions %v, want %v", e.Name(), info.Mode().Perm(), want)
		}
	}
	for _, name := range []string{"nodes.conf", "dump.smdb", "node.log", "slotmesh.lock", "users.acl"} {
		if !strings.Contains(strings.Join(names, " "), name) {
			t.Errorf("there is no %s among %v", name, names)
		}
	}
}
