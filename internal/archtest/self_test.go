package archtest

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

// TestRulesBite builds small houses that break one rule each, and wants it noticed.
func TestRulesBite(t *testing.T) {
	imports := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkImports(files) }
	cores := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkCores(files) }
	lengths := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkFileLength(files) }
	columns := func(t testing.TB, files []*source, fsys fs.FS) []string { return checkLineLength(t, fsys, files) }
	docs := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkPackageComments(files) }
	words := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkWords(files) }
	sleeps := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkSleep(files) }
	root := func(_ testing.TB, files []*source, _ fs.FS) []string { return checkRoot(files) }
	modules := func(t testing.TB, _ []*source, fsys fs.FS) []string { return checkDependencies(t, fsys) }

	for _, c := range []struct {
		name  string
		check func(testing.TB, []*source, fs.FS) []string
		file  string
		text  string
		want  string // part of the only finding, "" for none
	}{
		{"siblings", imports, "gossip/a.go", imp("gossip", "replication"), "gossip/a.go:2: imports replication"},
		{"siblings in a test", imports, "gossip/a_test.go", imp("gossip", "migrate"), "imports migrate"},
		{"upwards", imports, "slots/a.go", imp("slots", "keyspace"), "slots may import none of ours"},
		{"the root from admin", imports, "admin/a.go", imp("admin", ""), "admin/a.go:2: imports the root"},
		{"admin from the root", imports, "a.go", imp("slotmesh", "admin"), "a.go:2: imports admin"},
		{"not listed", imports, "internal/new/a.go", imp("new", "slots"), "not listed in mayImport"},
		{"leaf", imports, "gossip/a.go", imp("gossip", "internal/frame"), ""},
		{"leaf in slots", imports, "slots/a.go", imp("slots", "internal/frame"), "slots may import none"},
		{"network in a test", imports, "gossip/a_test.go", imp("gossip", "internal/memnet"), ""},
		{"network in code", imports, "gossip/a.go", imp("gossip", "internal/memnet"), "imports internal/memnet"},
		{"root's test", imports, "a_test.go", imp("slotmesh_test", "clustertest"), ""},
		{"own package in a test", imports, "slots/a_test.go", imp("slots_test", "slots"), ""},
		{"interpreter", imports, "cache/a.go", "package cache\nimport _ \"github.com/yuin/gopher-lua/parse\"",
			"cache/a.go:2: imports github.com/yuin/gopher-lua/parse, which only script may"},
		{"interpreter at home", imports, "script/a.go", "package script\nimport _ \"github.com/yuin/gopher-lua\"", ""},
		{"nested module", imports, "nested/a.go", imp("nested", "admin"), ""},

		{"clock", cores, "gossip/a.go", "package gossip\nimport \"time\"\nvar t = time.Now()",
			"gossip/a.go:3: a passive core uses time.Now"},
		{"clock by another name", cores, "gossip/a.go", "package gossip\nimport x \"time\"\nvar t = x.Since(y)",
			"uses time.Since"},
		{"duration", cores, "gossip/a.go", "package gossip\nimport \"time\"\nvar t = time.Second", ""},
		{"clock in the driver", cores, "gossip/member/a.go", "package member\nimport \"time\"\nvar t = time.Now()", ""},
		{"clock in a core's driver file", cores, "gossip/driver_x.go", "package gossip\nimport \"time\"\nvar t = " +
			"time.Now()", "uses time.Now"},
		{"shadowed", cores, "gossip/a.go", "package gossip\nimport \"time\"\nvar _ time.Time\nfunc f(time struct{ Now " +
			"int }) int { return time.Now }", ""},
		{"global rand", cores, "migrate/a.go", "package migrate\nimport \"math/rand/v2\"\nvar n = rand.IntN(3)",
			"the global rand.IntN"},
		{"own rand", cores, "migrate/a.go", "package migrate\nimport \"math/rand/v2\"\nvar r *rand.Rand = rand.New(nil)", ""},
		{"lock", cores, "replication/a.go", "package replication\nimport \"sync\"\nvar mu sync.Mutex", "uses sync"},
		{"goroutine", cores, "replication/a.go", "package replication\nfunc f() { go f() }", "uses a goroutine"},
		{"channel", cores, "replication/a.go", "package replication\nfunc f(c chan int) { c <- 1 }", "uses a channel"},
		{"socket", cores, "gossip/a.go", "package gossip\nimport \"net\"\nvar c, _ = net.Dial(\"\", \"\")", "uses net.Dial"},

		{"long", lengths, "a.go", "package a\n" + strings.Repeat("\n", maxLines), "401 lines"},
		{"long line", columns, "a.go", "package a\n//" + strings.Repeat(" x", 60), "a.go:2: 122 characters"},
		{"long raw string", columns, "a.go", "package a\nvar s = `\n" + strings.Repeat("x", 130) + "`", ""},
		{"long test", lengths, "a_test.go", "package a\n" + strings.Repeat("\n", maxLines), ""},
		{"undocumented", docs, "slots/a.go", "package slots", "slots: no package comment"},
		{"documented", docs, "slots/a.go", "// Package slots is.\npackage slots", ""},

		{"former word", words, "a.go", "package a\nfunc f() { myCargo := 1 }",
			"a.go:2: myCargo: say \"payload\" instead of \"Cargo\""},
		{"in flight", words, "a.go", "package a\ntype keysInFlight int\nvar inFlights int", ""},
		{"greatest", words, "a.go", "package a\nvar greatest, reachable int", ""},
		{"former name", words, "a.go", "package a\ntype t struct{ rest int }", "a.go:2: rest: say what it is"},
		{"rest of a slice", words, "a.go", "package a\nfunc f() { rest := 1 }", ""},
		{"deprecated name", words, "a/deprecated.go", "package a\nfunc Offer() {}", ""},

		{"real sleep", sleeps, "a_test.go", "package a\nimport \"time\"\nfunc f() { time.Sleep(1) }",
			"a_test.go:3: time.Sleep"},
		{"fake sleep", sleeps, "a_test.go", "package a\nimport (\n\"testing/synctest\"\n\"time\"\n)\nfunc f() { " +
			"time.Sleep(1); synctest.Wait() }", ""},

		{"wide Node", root, "a.go", "package a\ntype Node struct{ a, b int; c\n" + strings.Repeat("d int\n", 18) + "}",
			"a.go: Node has 21 fields"},
		{"narrow Node", root, "a.go", "package a\ntype Node struct{ a, b int; c\n" + strings.Repeat("d int\n", 17) + "}", ""},
		{"Node of another package", root, "slots/a.go", "package slots\ntype Node struct{\n" +
			strings.Repeat("d int\n", 21) + "}", ""},
		{"back into the root", root, "internal/bus/a.go", imp("bus", ""), "internal/bus/a.go: imports the root"},
		{"an example with nodes", root, "client/a_test.go", imp("client_test", ""), ""},

		{"dependency", modules, "go.mod", "module m\nrequire (\n\tgithub.com/cespare/xxhash/v2 v2.3.0\n\texample.com/x " +
			"v1.0.0\n)\n", "go.mod:4: the root module requires example.com/x"},
		{"dependency on a line", modules, "go.mod", "module m\nrequire example.com/x v1.0.0\n", "requires example.com/x"},
		{"indirect", modules, "go.mod", "module m\nrequire example.com/x v1.0.0 // indirect\n", ""},
		{"replace", modules, "go.mod", "module m\nreplace a => ../a\n", "replace has no effect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{c.file: {Data: []byte(c.text)}, "nested/go.mod": {Data: []byte("module nested\n")}}
			found := c.check(t, load(t, fsys), fsys)
			switch {
			case c.want == "" && len(found) == 0:
			case c.want != "" && len(found) == 1 && strings.Contains(found[0], c.want):
			default:
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}

// imp is a file of a package that imports one of ours.
func imp(pkg, path string) string {
	if path != "" {
		path = "/" + path
	}
	return "package " + pkg + "\nimport _ \"" + module + path + "\"\n"
}
