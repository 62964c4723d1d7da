package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
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

func TestLogDisks(t *testing.T) {
	for name, d := range map[string]LogDisk{"dir": Dir(t.TempDir()), "mem": &Memory{}} {
		t.Run(name, func(t *testing.T) {
			want := ""
			for range 2 { // the second time the file is there
				f, err := d.Append("log.1")
				if err != nil {
					t.Fatal(err)
				}
				for _, part := range []string{"one", "two"} {
					if n, err := f.Write([]byte(part)); n != len(part) || err != nil {
						t.Fatalf("wrote %d bytes, %v", n, err)
					}
					if want += part; want != readLog(t, d, "log.1") {
						t.Fatalf("the file holds %q, want %q", readLog(t, d, "log.1"), want)
					}
				}
				if size, err := f.Size(); size != int64(len(want)) || err != nil {
					t.Fatalf("the size is %d, %v; want %d", size, err, len(want))
				}
				for _, err := range []error{f.Sync(), f.Close(), d.SyncNames()} {
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, name := range []string{"log.2", "lo", "other"} {
				if err := WriteFile(d, name, nil); err != nil {
					t.Fatal(err)
				}
			}
			if names, err := d.List("log."); !slices.Equal(names, []string{"log.1", "log.2"}) || err != nil {
				t.Errorf("the list is %q, %v", names, err)
			}
		})
	}
}

func readLog(t *testing.T, d Disk, name string) string {
	t.Helper()
	data, err := ReadFile(d, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A reader keeps what there was when it opened the file; a file that was removed can be
// written on without coming back.
func TestMemoryLogBesideReaders(t *testing.T) {
	var m Memory
	f, err := m.Append("a")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("one"))
	r, err := m.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("two"))
	if got, err := io.ReadAll(r); string(got) != "one" || err != nil {
		t.Errorf("the reader gets %q, %v", got, err)
	}
	m.Remove("a")
	f.Write([]byte("three"))
	if _, err := ReadFile(&m, "a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove and a write: %v", err)
	}
}

func TestMemFaultOfLog(t *testing.T) {
	var m Memory
	f, err := m.Append("a")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left")
	m.SetFault(full)
	_, write := f.Write([]byte("x"))
	_, open := m.Append("b")
	for i, err := range []error{write, open, f.Sync(), m.SyncNames()} {
		if !errors.Is(err, full) {
			t.Errorf("%d: err = %v", i, err)
		}
	}
	if size, _ := f.Size(); size != 0 {
		t.Errorf("%d bytes are in the file", size)
	}
}
