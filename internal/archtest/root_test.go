package archtest

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestRoot(t *testing.T) { report(t, checkRoot(load(t, house(t)))) }

// The root package composes the others. More files or more fields of Node than these mean
// that something is decided there which has a package of its own, or should have one.
const (
	maxRootFiles  = 20
	maxNodeFields = 20
)

// outOfRoot are packages with what was a part of the root: each works without a Node.
var outOfRoot = []string{"client", "internal/bus", "internal/ownership", "internal/shard"}

// checkRoot finds growth of the root, and ways back into it.
func checkRoot(files []*source) (findings []string) {
	count := 0
	for _, s := range files {
		if slices.Contains(outOfRoot, s.pkg) && !s.test && s.importsPath(module) {
			findings = append(findings, fmt.Sprintf("%s: imports the root, which is made of this package: take what it needs "+
				"through an interface", s.name))
		}
		if s.pkg != "." || s.test {
			continue
		}
		count++
		if n := nodeFields(s); n > maxNodeFields {
			findings = append(findings, fmt.Sprintf("%s: Node has %d fields, more than %d: give those that belong together a "+
				"type of their own", s.name, n, maxNodeFields))
		}
	}
	if count > maxRootFiles {
		findings = append(findings, fmt.Sprintf("the root has %d files, more than %d: it composes packages; what it decides "+
			"beyond that belongs into one of them", count, maxRootFiles))
	}
	return findings
}

// nodeFields counts the fields of type Node if the file declares it. An embedded type is
// one.
func nodeFields(s *source) (count int) {
	for n := range ast.Preorder(s.ast) {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Node" {
			continue
		}
		if t, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range t.Fields.List {
				count += max(1, len(f.Names))
			}
		}
	}
	return count
}

// TestRootBites fills the root with files.
func TestRootBites(t *testing.T) {
	fsys := fstest.MapFS{"a_test.go": {Data: []byte("package a")}, "slots/a.go": {Data: []byte("package slots")}}
	for i := range maxRootFiles + 1 {
		found := checkRoot(load(t, fsys))
		if len(found) != 0 {
			t.Errorf("with %d files: %q", i, found)
		}
		fsys[fmt.Sprintf("f%d.go", i)] = &fstest.MapFile{Data: []byte("package a")}
	}
	if found := checkRoot(load(t, fsys)); len(found) != 1 || !strings.Contains(found[0], "the root has 21 files") {
		t.Errorf("with %d files: %q", maxRootFiles+1, found)
	}
}
