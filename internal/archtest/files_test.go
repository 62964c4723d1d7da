package archtest

import (
	"fmt"
	"go/ast"
	"maps"
	"slices"
	"testing"
)

func TestPackageComments(t *testing.T) { report(t, checkPackageComments(load(t, house(t)))) }
func TestFileLength(t *testing.T)      { report(t, checkFileLength(load(t, house(t)))) }
func TestPassiveCores(t *testing.T)    { report(t, checkCores(load(t, house(t)))) }
func TestNoRealSleep(t *testing.T)     { report(t, checkSleep(load(t, house(t)))) }

// checkPackageComments finds packages that do not say what they are for.
func checkPackageComments(files []*source) (findings []string) {
	documented := make(map[string]bool)
	for _, s := range files {
		if !s.test {
			documented[s.pkg] = documented[s.pkg] || s.ast.Doc != nil
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(documented)) {
		if !documented[pkg] {
			findings = append(findings, fmt.Sprintf("%s: no package comment: add a doc.go with purpose, vocabulary and a "+
				"short example", show(pkg)))
		}
	}
	return findings
}

func checkFileLength(files []*source) (findings []string) {
	for _, s := range files {
		if !s.test && s.lines > maxLines {
			findings = append(findings, fmt.Sprintf("%s: %d lines, more than %d: find the second idea in it and give it a "+
				"file", s.name, s.lines, maxLines))
		}
	}
	return findings
}

// checkSleep finds tests that sleep in real time.
func checkSleep(files []*source) (findings []string) {
	for _, s := range files {
		if !s.test || s.importsPath("testing/synctest") {
			continue
		}
		for name, at := range s.uses("time") {
			if name == "Sleep" {
				findings = append(findings, fmt.Sprintf("%s: time.Sleep in a test: use testing/synctest, or wait for the "+
					"event itself", s.at(at)))
			}
		}
	}
	return findings
}

// What a passive core may not use. Types and pure functions of the same packages are
// fine: time.Duration, a *rand.Rand that was handed in.
var (
	clock     = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}
	seeded    = []string{"New", "NewPCG", "NewChaCha8", "NewSource", "NewZipf", "Rand", "Source", "PCG", "ChaCha8", "Zipf"}
	sideways  = []string{"crypto/rand", "os", "sync", "sync/atomic"}
	netValues = []string{"JoinHostPort", "SplitHostPort", "ParseIP", "IP"}
)

// checkCores finds clocks, randomness, locks, goroutines and sockets in passive cores.
func checkCores(files []*source) (findings []string) {
	for _, s := range files {
		if s.test || !slices.Contains(coresIn, s.pkg) {
			continue
		}
		find := func(at ast.Node, what, instead string) {
			findings = append(findings, fmt.Sprintf("%s: a passive core uses %s: %s, or move it to the driver's package",
				s.at(at), what, instead))
		}
		for name, at := range s.uses("time") {
			if slices.Contains(clock, name) {
				find(at, "time."+name, "take the time as an argument")
			}
		}
		for _, p := range []string{"math/rand", "math/rand/v2"} {
			for name, at := range s.uses(p) {
				if !slices.Contains(seeded, name) {
					find(at, "the global rand."+name, "use the *rand.Rand from the configuration")
				}
			}
		}
		for name, at := range s.uses("net") {
			if !slices.Contains(netValues, name) {
				find(at, "net."+name, "return an effect for the driver")
			}
		}
		for p, spec := range s.imports {
			if slices.Contains(sideways, p) {
				find(spec, p, "return an effect for the driver")
			}
		}
		for n := range ast.Preorder(s.ast) {
			switch n.(type) {
			case *ast.GoStmt:
				find(n, "a goroutine", "return an effect for the driver")
			case *ast.SendStmt, *ast.SelectStmt:
				find(n, "a channel", "return an effect for the driver")
			}
		}
	}
	return findings
}
