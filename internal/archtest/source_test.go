package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// source is one Go file of the root module.
type source struct {
	name  string // relative to the module's root
	pkg   string // its folder; "." for the root
	test  bool
	lines int
	fset  *token.FileSet
	ast   *ast.File
}

// at returns "file:line" of a node.
func (s *source) at(n ast.Node) string {
	return s.name + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports yields the path and the place of each import.
func (s *source) imports(yield func(path string, spec *ast.ImportSpec) bool) {
	for _, spec := range s.ast.Imports {
		if p, err := strconv.Unquote(spec.Path.Value); err == nil && !yield(p, spec) {
			return
		}
	}
}

// importsPath reports whether the file imports p.
func (s *source) importsPath(p string) bool {
	for have := range s.imports {
		if have == p {
			return true
		}
	}
	return false
}

// name of an imported package in the file, "" if it is not imported.
func (s *source) nameOf(p string) string {
	for have, spec := range s.imports {
		if have != p {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		base := path.Base(p)
		if base == "v2" {
			base = path.Base(path.Dir(p))
		}
		return base
	}
	return ""
}

// uses yields each use of a name of the package with import path p, such as
// "Now" of "time".
func (s *source) uses(p string) func(yield func(name string, at ast.Node) bool) {
	pkg := s.nameOf(p)
	return func(yield func(string, ast.Node) bool) {
		if pkg == "" {
			return
		}
		for n := range ast.Preorder(s.ast) {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			// An identifier that is resolved to something in the file is a variable.
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg && x.Obj == nil && !yield(sel.Sel.Name, sel) {
				return
			}
		}
	}
}

// load parses all files of the root module below fsys. Nested modules, testdata and
// hidden folders are left out.
func load(t testing.TB, fsys fs.FS) []*source {
	t.Helper()
	var list []*source
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name == "." {
				return nil
			}
			_, nested := fs.Stat(fsys, path.Join(name, "go.mod"))
			if nested == nil || strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"testdata", "vendor"}, d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasPrefix(d.Name(), ".") {
			return nil
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		list = append(list, &source{
			name: name, pkg: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Count(string(text), "\n"), fset: fset, ast: file,
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// house returns the file tree of the root module.
func house(t testing.TB) fs.FS {
	t.Helper()
	return os.DirFS(houseDir(t))
}

// houseDir returns the folder of the root module.
func houseDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.Contains(string(text), "module "+module+"\n") {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatalf("no go.mod of %s above the test's folder", module)
		}
		dir = up
	}
}
