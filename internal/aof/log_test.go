package aof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/slotmesh/slotmesh/internal/rdb"
)

// describe returns a line for each item.
func describe(next func() (*Item, error)) (lines []string, err error) {
	for {
		item, err := next()
		if err != nil {
			return lines, err
		}
		if k := item.Key; k != nil {
			lines = append(lines, fmt.Sprintf("%d %s %s", k.Kind, k.Name, k.Text))
			continue
		}
		var line []string
		for _, args := range item.Commands {
			line = append(line, fmt.Sprintf("%q", args))
		}
		lines = append(lines, fmt.Sprintf("db%d @%d %s", item.Database, item.Time, strings.Join(line, " ")))
	}
}

// cmd writes commands, each the words of a line.
func cmd(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		words := strings.Split(line, " ")
		fmt.Fprintf(&b, "*%d\r\n", len(words))
		for _, w := range words {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
		}
	}
	return b.String()
}

// rdbFile is an RDB file with one key.
func rdbFile(t testing.TB, key string) string {
	var b strings.Builder
	w := rdb.NewFileWriter(&b)
	w.Aux("aof-base", "1")
	w.Database(1, 0)
	w.String([]byte(key), []byte("v"), 0)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func folder(files ...string) fstest.MapFS {
	m := make(fstest.MapFS)
	for i := 0; i < len(files); i += 2 {
		m[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return m
}

func TestFolder(t *testing.T) {
	const manifest = "# written by hand\n" +
		"file a.2.incr.aof seq 2 type i\nfile \"a b.1.base.rdb\" seq 1 type b\n" +
		"file gone.aof seq 1 type h\nfile a.3.incr.aof seq 3 type i startoffset 7\n"
	fsys := folder("d/a.manifest", manifest, "d/a b.1.base.rdb", rdbFile(t, "base"),
		"d/a.2.incr.aof", cmd("SELECT 0", "SET a 1")+"#TS:1700000000\r\n"+cmd("multi", "INCR a", "SET b 2", "EXEC"),
		"d/a.3.incr.aof", "#TS:1700000001\r\n#a remark\r\n"+cmd("select 3", "DEL a"))
	l, err := Open(fsys, "d")
	if err != nil {
		t.Fatal(err)
	}
	got, err := describe(l.Next)
	want := []string{"0 aof-base 1", "2 base ", `db0 @0 ["SET" "a" "1"]`,
		`db0 @1700000000 ["INCR" "a"] ["SET" "b" "2"]`, `db3 @1700000001 ["DEL" "a"]`}
	if err != io.EOF || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v\n%s", err, strings.Join(got, "\n"))
	}
	if read, total := l.Progress(); read != total || total < 100 {
		t.Errorf("%d of %d bytes", read, total)
	}
	if l.Torn() != nil {
		t.Errorf("torn: %v", *l.Torn())
	}
}

func TestSingleFile(t *testing.T) {
	for _, content := range []string{
		rdbFile(t, "k") + cmd("SET a 1"), // aof-use-rdb-preamble yes
		rdbFile(t, "k"),
		cmd("SET a 1"),
		"",
	} {
		l, err := Open(folder("f", content), "f")
		if err != nil {
			t.Fatal(err)
		}
		got, err := describe(l.Next)
		if err != io.EOF || len(got) != strings.Count(content, "REDIS0010")*2+strings.Count(content, "SET") {
			t.Errorf("%q: %v, %v", content, got, err)
		}
	}
}

func TestManifestRefused(t *testing.T) {
	const first = "file a seq 1 type b\n"
	for _, manifest := range []string{
		"", "# nothing\n", "file a\n", "file a seq 1\n", "seq 1 type b\n", "file a seq x type b\n",
		"file a seq 1 type z\n", "file ../a seq 1 type b\n", "file .. seq 1 type b\n", "file a seq 0 type b\n", first + first,
		"file a seq 2 type i\nfile b seq 1 type i\n", "file \"a seq 1 type b\n", "file a seq 1 type b more\n",
		"file " + strings.Repeat("a", 2000) + " seq 1 type b\n"} {
		if _, err := Open(folder("d/x.manifest", manifest, "d/a", ""), "d"); err == nil {
			t.Errorf("%.100q is taken", manifest)
		}
	}
	if _, err := Open(folder("d/x.manifest", first), "d"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is missing: %v", err)
	}
	if _, err := Open(folder("d/x.manifest", first, "d/y.manifest", first), "d"); err == nil {
		t.Error("two manifests are taken")
	}
	if _, err := Open(folder("d/dump.rdb", ""), "d"); err == nil || !strings.Contains(err.Error(), "appendonlydir") {
		t.Errorf("a folder without a manifest: %v", err)
	}
}

// TestCutAnywhere cuts the last file and another one at each byte.
func TestCutAnywhere(t *testing.T) {
	first := cmd("SET a 1", "SET b 2")
	last := cmd("SET c 3") + "#TS:1700000000\r\n" + cmd("MULTI", "SET d 4", "SET e 5", "EXEC")
	const manifest = "file 1 seq 1 type i\nfile 2 seq 2 type i\n"
	whole := []int{0, len(cmd("SET c 3")), len(cmd("SET c 3")) + len("#TS:1700000000\r\n"), len(last)}
	for n := range last {
		l, err := Open(folder("d/x.manifest", manifest, "d/1", first, "d/2", last[:n]), "d")
		if err != nil {
			t.Fatal(err)
		}
		got, err := describe(l.Next)
		want := 2
		good := 0
		if n >= whole[1] {
			want, good = 3, whole[1]
		}
		torn := l.Torn()
		clean := n == whole[0] || n == whole[1] || n == whole[2]
		switch {
		case err != io.EOF || len(got) != want:
			t.Fatalf("%d bytes: %v, %v", n, got, err)
		case clean != (torn == nil):
			t.Fatalf("%d bytes: torn is %v", n, torn)
		case !clean && *torn != Torn{"d/2", int64(good), int64(n - good)}:
			t.Fatalf("%d bytes: torn is %v", n, *torn)
		}
		if read, total := l.Progress(); clean == false && read != total {
			t.Fatalf("%d bytes: %d read of %d", n, read, total)
		}
		l, _ = Open(folder("f", last[:n]), "f")
		l.RefuseTorn = true
		_, err = describe(l.Next)
		if clean != (err == io.EOF) || !clean && !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d bytes, to be refused: %v", n, err)
		}
	}
	for n := 1; n < len(first)-1; n++ {
		if n == len(cmd("SET a 1")) {
			continue
		}
		l, err := Open(folder("d/x.manifest", manifest, "d/1", first[:n], "d/2", last), "d")
		if err != nil {
			t.Fatal(err)
		}
		_, err = describe(l.Next)
		var at *Error
		if !errors.As(err, &at) || at.File != "d/1" || !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d bytes of another file: %v", n, err)
		}
	}
	base := rdbFile(t, "k")
	l, _ := Open(folder("f", base[:len(base)-1]), "f")
	if _, err := describe(l.Next); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an RDB file that is cut: %v", err)
	}
}

func TestNoCommands(t *testing.T) {
	for _, content := range []string{
		"PING\r\n", "*0\r\n", "*-1\r\n", "*1\r\n:4\r\n", "*1\r\n$-1\r\n", "*1\r\n$4\r\nPINGxx",
		"*1\n$4\r\nPING\r\n", "*2000000\r\n", "*1\r\n$600000000\r\n", "*01\r\n$4\r\nPING\r\n", "#TS:x\r\n", "#TS:1\n",
		cmd("EXEC"), cmd("MULTI", "MULTI"), cmd("SELECT x"), cmd("SELECT"), cmd("SELECT -1"),
		cmd("MULTI", "SET a 1", "SELECT 1"),
		"*" + strings.Repeat("1", 100), "#" + strings.Repeat("x", 100_000)} {
		l, err := Open(folder("f", cmd("SET a 1")+content), "f")
		if err != nil {
			t.Fatal(err)
		}
		got, err := describe(l.Next)
		var at *Error
		if len(got) != 1 || !errors.As(err, &at) || !errors.Is(err, ErrFormat) || at.Offset != int64(len(cmd("SET a 1"))) {
			t.Errorf("%.50q: %v, %v", content, got, err)
		}
	}
}

func TestTransactionsOfSelects(t *testing.T) {
	l, _ := Open(folder("f", cmd("MULTI", "SELECT 2", "SET a 1", "SELECT 2", "EXEC", "MULTI", "EXEC", "SET b 1")), "f")
	got, err := describe(l.Next)
	if err != io.EOF || !reflect.DeepEqual(got, []string{`db2 @0 ["SET" "a" "1"]`, `db2 @0 ["SET" "b" "1"]`}) {
		t.Fatalf("%v, %v", got, err)
	}
}

// FuzzLog reads any file, in one piece and byte by byte.
func FuzzLog(f *testing.F) {
	f.Add([]byte(cmd("SELECT 1", "SET a 1") + "#TS:1700000000\r\n" + cmd("MULTI", "INCR a", "EXEC")))
	f.Add([]byte(rdbFile(f, "k") + cmd("SET a 1")))
	f.Add([]byte("*1\r\n$536870912\r\nx"))
	f.Fuzz(func(t *testing.T, content []byte) {
		read := func(one bool) ([]string, error) {
			in := io.Reader(strings.NewReader(string(content)))
			if one {
				in = iotest.OneByteReader(in)
			}
			r := newReader(in, "f")
			lines, err := describe(func() (*Item, error) { return r.next(&Log{SkipDatabases: true}) })
			if r.good > int64(len(content)) {
				t.Fatalf("%d bytes are good of %d", r.good, len(content))
			}
			return lines, err
		}
		whole, err := read(false)
		pieces, again := read(true)
		if !reflect.DeepEqual(whole, pieces) || err.Error() != again.Error() {
			t.Fatalf("%q, %v in one piece, %q, %v in many", whole, err, pieces, again)
		}
	})
}

// FuzzManifest reads any manifest.
func FuzzManifest(f *testing.F) {
	f.Add("file a.1.base.rdb seq 1 type b\nfile \"a b\" seq 1 type i\n")
	f.Fuzz(func(t *testing.T, text string) {
		files, err := readManifest(strings.NewReader(text))
		if (err == nil) != (len(files) > 0) {
			t.Fatalf("%v, %v", files, err)
		}
		for _, file := range files {
			if strings.ContainsAny(file.name, "/\\") || file.name == ".." {
				t.Fatalf("%q is outside of the folder", file.name)
			}
		}
	})
}
