package script

import "fmt"

// Limits of Lua 5.1, and one of this package.
const (
	maxLevels    = 200     // nested blocks and expressions, LUAI_MAXCCALLS
	maxLocals    = 200     // variables of a function that are visible at a place, LUAI_MAXVARS
	maxUpvalues  = 60      // LUAI_MAXUPVALUES
	maxConstants = 1 << 18 // of a function
	maxChain     = 1000    // operators of one rank, or suffixes of a value, in a row
	maxBranches  = 10000   // of an if
	maxWork      = 1 << 26 // steps of the compiler whose number may grow faster than the source
)

// scope is what the parser knows about a function that it reads.
type scope struct {
	parent    *scope
	line      int      // where the function begins, 0 for the main one
	locals    []string // that are visible
	upvalues  map[string]bool
	constants map[any]struct{}
	varargs   bool
	loops     int
}

// open begins a function.
func (p *sourceParser) open(line int) {
	p.scope = &scope{parent: p.scope, line: line, upvalues: map[string]bool{}, constants: map[any]struct{}{}}
}

// close ends a function. The compiler compares each constant with all before it.
func (p *sourceParser) close() {
	p.work(len(p.scope.constants) * len(p.scope.constants) / 2)
	p.scope = p.scope.parent
}

// work counts steps of the compiler, and ends the compilation if they are too many.
func (p *sourceParser) work(steps int) {
	if p.steps += steps; p.steps > maxWork {
		p.failNear("constant table overflow", 0)
	}
}

// constant counts a constant.
func (p *sourceParser) constant(value any) {
	p.scope.constants[value] = struct{}{}
	if len(p.scope.constants) > maxConstants {
		p.failNear("constant table overflow", 0)
	}
}

// limit ends the compilation if a function has too many of something.
func (p *sourceParser) limit(s *scope, n, most int, what string) {
	if n <= most {
		return
	}
	in := "main function"
	if s.line > 0 {
		in = fmt.Sprintf("function at line %d", s.line)
	}
	p.failNear(fmt.Sprintf("%s has more than %d %s", in, most, what), 0)
}

// declare makes local variables visible.
func (p *sourceParser) declare(names ...string) {
	s := p.scope
	p.limit(s, len(s.locals)+len(names), maxLocals, "local variables")
	s.locals = append(s.locals, names...)
}

// kind says which variable a name means: local, upvalue or global.
func (p *sourceParser) kind(name string) string {
	for s := p.scope; s != nil; s = s.parent {
		p.work(len(s.locals))
		for i := len(s.locals) - 1; i >= 0; i-- {
			if s.locals[i] != name {
				continue
			}
			if s == p.scope {
				return "local"
			}
			for inner := p.scope; inner != s; inner = inner.parent {
				inner.upvalues[name] = true
				p.limit(inner, len(inner.upvalues), maxUpvalues, "upvalues")
			}
			return "upvalue"
		}
	}
	p.constant(name)
	return "global"
}

// enter and leave count how deep blocks and expressions nest.
func (p *sourceParser) enter() {
	if p.levels++; p.levels > maxLevels {
		p.failNear("chunk has too many syntax levels", 0)
	}
}

func (p *sourceParser) leave() { p.levels-- }
