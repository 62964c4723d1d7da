package storage

import (
	"errors"
	"io/fs"
	"os"
	"testing"
)

func TestDisks(t *testing.T) {
	for name, d := range map[string]Disk{"dir": Dir(t.TempDir()), "mem": &Memory{}} {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadFile(d, "a"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("reading a missing file: %v", err)
			}
			for _, content := range []string{"one", "two, longer"} {
				if err := WriteFile(d, "a", []byte(content)); err != nil {
					t.Fatal(err)
				}
				if got, err := ReadFile(d, "a"); err != nil || string(got) != content {
					t.Fatalf("read %q, %v; want %q", got, err, content)
				}
			}
			f, err := d.Create("a")
			if err != nil {
				t.Fatal(err)
			}
			f.Write([]byte("half"))
			if got, _ := ReadFile(d, "a"); string(got) != "two, longer" {
				t.Fatalf("an uncommitted version is visible: %q", got)
			}
			f.Abort()
			for range 2 {
				if err := d.Remove("a"); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := ReadFile(d, "a"); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("after Remove: %v", err)
			}
		})
	}
}

func TestDirLeavesNoTemporaryFiles(t *testing.T) {
	path := t.TempDir()
	if err := WriteFile(Dir(path), "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	f, err := Dir(path).Create("b")
	if err != nil {
		t.Fatal(err)
	}
	f.Abort()
	entries, err := os.ReadDir(path)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v; want only the committed file", len(entries), err)
	}
}

func TestSweep(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range []Dir{Dir(t.TempDir()), "sub"} {
		for _, name := range []string{"a", "ab", "a.tmp"} {
			if err := WriteFile(d, name, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // a process died here, twice
			f, err := d.Create("a")
			if err != nil {
				t.Fatal(err)
			}
			f.Write([]byte("half"))
			f.(*dirFile).Close()
		}
		if err := d.Sweep("a"); err != nil {
			t.Fatal(err)
		}
		entries, err := os.ReadDir(string(d))
		if err != nil || len(entries) != 3 {
			t.Errorf("%q: what is left is %v, %v", d, entries, err)
		}
	}
}

func TestMemFault(t *testing.T) {
	var m Memory
	full := errors.New("no space left")
	m.SetFault(full)
	if err := WriteFile(&m, "a", []byte("x")); !errors.Is(err, full) {
		t.Fatalf("err = %v", err)
	}
	m.SetFault(nil)
	if err := WriteFile(&m, "a", []byte("x")); err != nil {
		t.Fatal(err)
	}
}
