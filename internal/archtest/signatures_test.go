package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestExportedSignatures: a program that imports one of our packages can name everything
// that the package's exported declarations ask for or return.
func TestExportedSignatures(t *testing.T) {
	report(t, checkSignatures(t, houseDir(t)))
	report(t, checkDefinitions(load(t, house(t))))
}

// compiled is the packages of a module as the compiler sees them.
type compiled struct {
	paths []string // of the module's own packages, commands left out
	fset  *token.FileSet
	types types.Importer
}

// compile has the go command compile the module in dir, mostly from its cache, and reads
// what the compiler notes of each package for those that import it.
func compile(t testing.TB, dir string) *compiled {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Name}} {{.Export}}", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, &stderr)
	}
	c := &compiled{fset: token.NewFileSet()}
	files := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue // unsafe has no file
		}
		files[f[0]] = f[2]
		if _, ours := relative(f[0]); ours && f[1] != "main" {
			c.paths = append(c.paths, f[0])
		}
	}
	slices.Sort(c.paths)
	c.types = importer.ForCompiler(c.fset, "gc", func(path string) (io.ReadCloser, error) { return os.Open(files[path]) })
	return c
}

// checkSignatures finds exported declarations of public packages that show a type of a
// package below internal/.
func checkSignatures(t testing.TB, dir string) (findings []string) {
	t.Helper()
	c := compile(t, dir)
	for _, p := range c.paths {
		folder, _ := relative(p)
		if isInternal(p) {
			continue
		}
		pkg, err := c.types.Import(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pkg.Scope().Names() {
			obj := pkg.Scope().Lookup(name)
			if !obj.Exported() {
				continue
			}
			w := signatureWalk{pkg: pkg, seen: make(map[types.Type]bool)}
			if slices.Contains(mayAlias, folder) {
				w.aliased = aliased(pkg)
			}
			w.object(obj)
			at := c.fset.Position(obj.Pos())
			for _, f := range w.found {
				findings = append(findings, fmt.Sprintf("%s:%d: %s shows %s, which nobody outside of the module can import: "+
					"give it a type of a public package", path.Join(folder, filepath.Base(at.Filename)), at.Line, f.where, f.what))
			}
		}
	}
	return findings
}

// aliased returns the types that a package gives a second name of its own.
func aliased(pkg *types.Package) map[*types.TypeName]bool {
	all := make(map[*types.TypeName]bool)
	for _, name := range pkg.Scope().Names() {
		obj := pkg.Scope().Lookup(name)
		if alias, ok := obj.Type().(*types.Alias); ok && obj.Exported() {
			if of, ok := types.Unalias(alias).(*types.Named); ok {
				all[of.Obj()] = true
			}
		}
	}
	return all
}

// checkDefinitions finds exported types that are defined by the name of an internal type.
// The compiler keeps only what that is made of.
func checkDefinitions(files []*source) (findings []string) {
	for _, s := range files {
		if s.test || s.ast.Name.Name == "main" || isInternal(module+"/"+s.pkg) {
			continue
		}
		for n := range ast.Preorder(s.ast) {
			spec, ok := n.(*ast.TypeSpec)
			if !ok || spec.Assign.IsValid() || !spec.Name.IsExported() {
				continue
			}
			sel, ok := spec.Type.(*ast.SelectorExpr)
			if !ok {
				continue
			}
			for p := range s.imports {
				if x, ok := sel.X.(*ast.Ident); ok && isInternal(p) && s.nameOf(p) == x.Name {
					findings = append(findings, fmt.Sprintf("%s: %s is defined as %s.%s, a type that nobody outside of the module "+
						"can look up: define it by what it is made of", s.at(spec), spec.Name.Name, x.Name, sel.Sel.Name))
				}
			}
		}
	}
	return findings
}

// isInternal reports whether a package cannot be imported from outside of its module.
func isInternal(p string) bool {
	_, ours := relative(p)
	return ours && slices.Contains(strings.Split(p, "/"), "internal")
}

// signatureWalk visits what a user of a package sees of one of its declarations.
type signatureWalk struct {
	pkg     *types.Package
	aliased map[*types.TypeName]bool // internal types that may be shown
	seen    map[types.Type]bool
	found   []shown
}

// shown is a type that a declaration shows.
type shown struct{ where, what string }

func (w *signatureWalk) object(obj types.Object) {
	where := path.Base(w.pkg.Path()) + "." + obj.Name()
	name, isType := obj.(*types.TypeName)
	if !isType {
		w.visit(obj.Type(), where)
		return
	}
	if alias, ok := obj.Type().(*types.Alias); ok {
		w.visit(alias.Rhs(), where)
		return
	}
	w.members(name.Type().(*types.Named), where)
}

// members visits what can be reached by a selector from a value of a defined type: its
// exported fields and methods, those of embedded types too.
func (w *signatureWalk) members(named *types.Named, where string) {
	for i := range named.TypeParams().Len() {
		w.visit(named.TypeParams().At(i).Constraint(), where)
	}
	w.visit(named.Underlying(), where)
	methods := types.NewMethodSet(types.NewPointer(named))
	for i := range methods.Len() {
		if m := methods.At(i); m.Obj().Exported() {
			w.visit(m.Type(), where+"."+m.Obj().Name())
		}
	}
}

func (w *signatureWalk) visit(t types.Type, where string) {
	if w.seen[t] {
		return
	}
	w.seen[t] = true
	switch t := t.(type) {
	case *types.Alias:
		if !w.named(t.Obj(), t.TypeArgs(), where) {
			w.visit(t.Rhs(), where)
		}
	case *types.Named:
		if !w.named(t.Obj(), t.TypeArgs(), where) && t.Obj().Pkg() == w.pkg && !t.Obj().Exported() {
			w.members(t, where) // it has no declaration of its own in the documentation
		}
	case *types.Pointer:
		w.visit(t.Elem(), where)
	case *types.Slice:
		w.visit(t.Elem(), where)
	case *types.Array:
		w.visit(t.Elem(), where)
	case *types.Chan:
		w.visit(t.Elem(), where)
	case *types.Map:
		w.visit(t.Key(), where)
		w.visit(t.Elem(), where)
	case *types.Signature:
		for i := range t.TypeParams().Len() {
			w.visit(t.TypeParams().At(i).Constraint(), where)
		}
		w.visit(t.Params(), where)
		w.visit(t.Results(), where)
	case *types.Tuple:
		for v := range t.Variables() {
			w.visit(v.Type(), where)
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				w.visit(f.Type(), where+"."+f.Name())
			}
		}
	case *types.Interface:
		for i := range t.NumEmbeddeds() {
			w.visit(t.EmbeddedType(i), where)
		}
		for i := range t.NumExplicitMethods() {
			if m := t.ExplicitMethod(i); m.Exported() {
				w.visit(m.Type(), where+"."+m.Name())
			}
		}
	case *types.Union:
		for i := range t.Len() {
			w.visit(t.Term(i).Type(), where)
		}
	}
}

// named visits the arguments of a type that has a name, and reports whether the name is
// one that nobody outside can use.
func (w *signatureWalk) named(name *types.TypeName, args *types.TypeList, where string) bool {
	for i := range args.Len() {
		w.visit(args.At(i), where)
	}
	if name.Pkg() == nil || !isInternal(name.Pkg().Path()) || w.aliased[name] {
		return false
	}
	w.found = append(w.found, shown{where, name.Pkg().Path() + "." + name.Name()})
	return true
}
