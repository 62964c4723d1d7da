package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSignaturesBite compiles a small house whose packages show a type of internal/, each
// in another way, and wants it noticed.
func TestSignaturesBite(t *testing.T) {
	cases := map[string]struct {
		text string // of a package that imports hidden, without its first lines
		want string // part of the only finding, "" for none
	}{
		"parameter":       {"func F(hidden.T) {}", "parameter.F shows " + module + "/internal/hidden.T"},
		"result":          {"func F() (int, *hidden.T) { return 0, nil }", "result.F shows"},
		"field":           {"type S struct { A struct { B []hidden.T } }", "field.S.A.B shows"},
		"method":          {"type S struct{}\nfunc (*S) M(map[string]hidden.T) {}", "method.S.M shows"},
		"promoted":        {"type S struct { s }\ntype s struct { F hidden.T }", "promoted.S.s.F shows"},
		"promotedmethod":  {"type S struct { s }\ntype s struct{}\nfunc (s) M(hidden.T) {}", "promotedmethod.S.s.M shows"},
		"embedded":        {"type S struct { hidden.T }", "embedded.S.T shows"},
		"functype":        {"type F func(chan hidden.T)", "functype.F shows"},
		"iface":           {"type I interface { M() hidden.T }", "iface.I.M shows"},
		"ifaceembedded":   {"type I interface { hidden.I }", "ifaceembedded.I shows"},
		"variable":        {"var V = hidden.New()", "variable.V shows"},
		"constant":        {"const C = hidden.C", "constant.C shows"},
		"alias":           {"type A = hidden.T", "alias.A shows"},
		"argument":        {"func F() iter.Seq[hidden.T] { return nil }", "argument.F shows"},
		"constraint":      {"func F[T hidden.I]() {}", "constraint.F shows"},
		"constrainedtype": {"type S[T hidden.I] struct{}", "constrainedtype.S shows"},
		"unnamed":         {"func F() *s { return nil }\ntype s struct{}\nfunc (s) M(hidden.T) {}", "unnamed.F.M shows"},
		"defined":         {"type D hidden.F", "defined/a.go:8: D is defined as hidden.F"},
		"admin":           {"type A = hidden.T\nfunc F(hidden.T) {}", ""}, // of those that may alias
		"cmd":             {"func F(hidden.T) {}", ""},                    // a command
		"internal/deep":   {"func F(hidden.T) {}", ""},
		"private": {"type S struct { f hidden.T }\nfunc f(hidden.T) {}\nfunc (S) m(hidden.T) {}\ntype D struct { A S }\n" +
			"var Err = hidden.Err", ""},
	}
	dir := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module "+module+"\n\ngo 1.25\n")
	write("internal/hidden/hidden.go", "package hidden\nimport \"errors\"\ntype T struct{ A int }\ntype F func()\n"+
		"type I interface{ M() }\nfunc New() T { return T{} }\ntype N int\nconst C N = 1\nvar Err = errors.New(\"\")\n")
	for name, c := range cases {
		pkg := filepath.Base(name)
		if name == "cmd" {
			pkg = "main"
			c.text += "\nfunc main() {}"
		}
		write(name+"/a.go", "package "+pkg+"\nimport (\n\"iter\"\n\""+module+"/internal/hidden\"\n)\n"+
			"var _ iter.Seq[hidden.T]\n\n"+c.text+"\n")
	}

	found := make(map[string][]string)
	for _, f := range append(checkSignatures(t, dir), checkDefinitions(load(t, os.DirFS(dir)))...) {
		name, _, _ := strings.Cut(f, "/a.go:")
		found[name] = append(found[name], f)
	}
	for name, c := range cases {
		switch got := found[name]; {
		case c.want == "" && len(got) == 0:
		case c.want != "" && len(got) == 1 && strings.Contains(got[0], c.want):
		default:
			t.Errorf("%s: found %q, want %q", name, got, c.want)
		}
	}
}
