package archtest

import (
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) { report(t, checkWords(load(t, house(t)))) }

// formerWords are the metaphors of earlier versions, and what the field calls them. They
// may be part of no identifier.
var formerWords = map[string]string{
	"flight": "in flight", "flights": "in flight", "aboard": "frozen", "shipment": "export", "cargo": "payload",
	"custody": "registry", "hands": "executor", "unload": "import", "courier": "migrateConn", "couriers": "migrateConns",
	"patient": "deadline", "patience": "limit or budget", "graveyard": "tombstones", "bury": "add a tombstone",
	"standback": "fence", "heir": "successor", "heirs": "successors", "kin": "shard lineage", "intake": "applier",
	"great": "large", "judge": "classify", "minding": "claimed", "procedure": "func", "procedures": "funcs",
	"distances": "latencies", "backing": "fenced",
}

// formerNames are common words that say too little as the whole name of a type, function,
// method, field, package variable or constant.
var formerNames = map[string]string{
	"board": "freeze", "land": "commit", "stall": "reject", "ship": "export", "ending": "abort", "feed": "sender",
	"pull": "follower", "notes": "metadata", "gate": "lock or veto", "reach": "transport",
	"place": "endpoint, position or offset",
	"rest":  "backoff", "near": "latencies", "reading": "read preference", "within": "max staleness",
	"offer": "RegisterFunc", "why": "explain", "take": "the verb that says what is done",
	"settle": "the verb that says what is done",
	"look":   "find or check", "announce": "publish",
}

// inFlight is the one use of a former word that is the field's own.
var inFlight = regexp.MustCompile(`(?i)in_?flights?`)

var camelWord = regexp.MustCompile(`[A-Z]+(?:[a-z0-9]+)?|[a-z0-9]+`)

// checkWords finds identifiers in the former private vocabulary. Deprecated names stay in
// deprecated.go.
func checkWords(files []*source) (findings []string) {
	for _, s := range files {
		if path.Base(s.name) == "deprecated.go" || s.pkg == "internal/archtest" {
			continue
		}
		for id, whole := range s.declared {
			for _, word := range camelWord.FindAllString(inFlight.ReplaceAllString(id.Name, "X"), -1) {
				if better, ok := formerWords[strings.ToLower(word)]; ok {
					findings = append(findings, fmt.Sprintf("%s: %s: say %q instead of %q", s.at(id), id.Name, better, word))
				}
			}
			if better, ok := formerNames[strings.ToLower(id.Name)]; ok && whole &&
				!slices.Contains(borrowed, s.pkg+" "+id.Name) {
				findings = append(findings, fmt.Sprintf("%s: %s: say what it is: %s", s.at(id), id.Name, better))
			}
		}
	}
	return findings
}

// borrowed are former names that stand for something else, which is the field's word there.
var borrowed = []string{
	". Announce", "gossip Announce", // cluster-announce-ip and so on
}

// declared yields the identifiers that the file declares; whole tells those of types,
// functions, methods, fields, package variables and constants from those of local
// variables.
func (s *source) declared(yield func(id *ast.Ident, whole bool) bool) {
	more := true
	emit := func(whole bool, ids ...*ast.Ident) {
		for _, id := range ids {
			more = more && id != nil && yield(id, whole)
		}
	}
	top := make(map[ast.Node]bool)
	for _, d := range s.ast.Decls {
		top[d] = true
	}
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			emit(true, n.Name)
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					emit(true, spec.Name)
				case *ast.ValueSpec:
					emit(top[n], spec.Names...)
				}
			}
		case *ast.StructType:
			for _, f := range n.Fields.List {
				emit(true, f.Names...)
			}
		case *ast.InterfaceType:
			for _, f := range n.Methods.List {
				emit(true, f.Names...)
			}
		case *ast.FuncType:
			for _, f := range n.Params.List {
				emit(false, f.Names...)
			}
		case *ast.AssignStmt:
			if n.Tok.String() == ":=" {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						emit(false, id)
					}
				}
			}
		}
		return more
	})
}
