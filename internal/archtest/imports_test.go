package archtest

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestImports(t *testing.T) { report(t, checkImports(load(t, house(t)))) }

func TestDependencies(t *testing.T) { report(t, checkDependencies(t, house(t))) }

func report(t *testing.T, findings []string) {
	t.Helper()
	for _, f := range findings {
		t.Error(f)
	}
}

// checkImports finds imports of ours that the table does not allow.
func checkImports(files []*source) (findings []string) {
	for _, s := range files {
		if s.test && slices.Contains(testsOf, s.pkg) {
			continue
		}
		allowed, known := allowedFor(s.pkg)
		if s.test {
			allowed = slices.Concat(allowed, forTests, []string{s.pkg}, leaves)
		}
		for p, spec := range s.imports {
			if home, ok := homeOf(p); ok && home != s.pkg {
				findings = append(findings, fmt.Sprintf("%s: imports %s, which only %s may: programs without that package "+
					"must not link it", s.at(spec), p, home))
			}
			ours, ok := relative(p)
			if !ok || matchAny(allowed, ours) {
				continue
			}
			why := fmt.Sprintf("%s may import only %s", show(s.pkg), strings.Join(allowed, ", "))
			if len(allowed) == 0 {
				why = fmt.Sprintf("%s may import none of ours", show(s.pkg))
			}
			if !known {
				why += ", as it is not listed in mayImport"
			}
			findings = append(findings, fmt.Sprintf("%s: imports %s, but %s: "+
				"let the package above join the two, or change the table in internal/archtest/rules_test.go together with "+
				"the design",
				s.at(spec), show(ours), why))
		}
	}
	return findings
}

// homeOf returns the only package that may import a package of another module.
func homeOf(path string) (home string, ok bool) {
	for dependency, home := range onlyIn {
		if path == dependency || strings.HasPrefix(path, dependency+"/") {
			return home, true
		}
	}
	return "", false
}

// allowedFor returns what a package may import of ours.
func allowedFor(pkg string) (allowed []string, known bool) {
	for pattern, list := range mayImport {
		if match(pattern, pkg) {
			allowed, known = slices.Clone(list), true
		}
	}
	if known && !slices.Contains(neverLeaf, pkg) && !slices.Contains(leaves, pkg) {
		allowed = append(allowed, leaves...)
	}
	slices.Sort(allowed)
	return slices.Compact(allowed), known
}

// relative returns the folder of one of our packages from its import path.
func relative(p string) (string, bool) {
	if p == module {
		return ".", true
	}
	return strings.CutPrefix(p, module+"/")
}

func show(pkg string) string {
	if pkg == "." {
		return "the root"
	}
	return pkg
}

func match(pattern, pkg string) bool {
	ok, _ := path.Match(pattern, pkg)
	return ok
}

func matchAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return match(p, pkg) })
}

// checkDependencies finds modules that the root requires but should not.
func checkDependencies(t testing.TB, fsys fs.FS) (findings []string) {
	t.Helper()
	text, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	inBlock := false
	for i, line := range strings.Split(string(text), "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) == 0 || strings.Contains(line, "// indirect"):
			continue
		case f[0] == "replace" || f[0] == "exclude":
			findings = append(findings, fmt.Sprintf("go.mod:%d: %s has no effect for those who import the module: remove it",
				i+1, f[0]))
			continue
		case f[0] == "require" && len(f) > 1 && f[1] == "(":
			inBlock = true
			continue
		case f[0] == ")":
			inBlock = false
			continue
		case f[0] == "require":
			f = f[1:]
		case !inBlock:
			continue
		}
		if !slices.Contains(dependencies, f[0]) {
			findings = append(findings, fmt.Sprintf("go.mod:%d: the root module requires %s; it may require only %s. "+
				"Tools and benchmarks with other needs live in nested modules", i+1, f[0], strings.Join(dependencies, ", ")))
		}
	}
	return findings
}
