package script

import (
	"strconv"

	"github.com/yuin/gopher-lua/ast"
)

// assignment makes the statement of an assignment. The compiler writes to a local variable
// before it has read all values, so those of several assignments, and calls whose results
// are cut to one, go through variables that no source can name:
//
//	a[i], b = b, f()     do local (1), (2) = a, i  local (3), (4) = b, f()  b = (4)  (1)[(2)] = (3) end
func (p *sourceParser) assignment(targets []operand, values []ast.Expr) []ast.Stmt {
	line := p.origin()
	for _, target := range targets {
		if e, ok := target.Expr.(*ast.AttrGetExpr); ok {
			e.SetLine(p.origin(p.origins[e.Line()].operands...)) // it is stored at the end
		}
	}
	if len(targets) == 1 && len(values) == 1 && !isOneResult(values[0]) {
		return []ast.Stmt{assign(line, targets[0].Expr, values[0])}
	}
	t := temporaries{line: line}
	for i := range targets {
		if e, ok := targets[i].Expr.(*ast.AttrGetExpr); ok {
			copied := &ast.AttrGetExpr{Object: t.keep(e.Object), Key: t.keep(e.Key)}
			copied.SetLine(e.Line())
			targets[i].Expr = copied
		}
	}
	names := make([]string, len(targets))
	for i := range names {
		names[i] = t.name()
	}
	t.declare(names, values)
	p.limit(p.scope, len(p.scope.locals)+t.n, maxLocals, "local variables")
	for i := len(targets) - 1; i >= 0; i-- {
		t.statements = append(t.statements, assign(line, targets[i].Expr, t.variable(names[i])))
	}
	block := &ast.DoBlockStmt{Stmts: t.statements}
	block.SetLine(line)
	block.SetLastLine(line)
	return []ast.Stmt{block}
}

// isOneResult reports whether a value is a call in parentheses.
func isOneResult(value ast.Expr) bool {
	call, ok := value.(*ast.FuncCallExpr)
	return ok && call.AdjustRet
}

// assign makes an assignment of one value.
func assign(line int, target, value ast.Expr) ast.Stmt {
	s := &ast.AssignStmt{Lhs: []ast.Expr{target}, Rhs: []ast.Expr{value}}
	s.SetLine(line)
	s.SetLastLine(line)
	return s
}

// temporaries are the variables of an assignment.
type temporaries struct {
	line       int
	n          int
	statements []ast.Stmt
}

// name returns the name of a new variable.
func (t *temporaries) name() string {
	t.n++
	return "(" + strconv.Itoa(t.n) + ")"
}

// variable returns the expression of a variable.
func (t *temporaries) variable(name string) ast.Expr {
	e := &ast.IdentExpr{Value: name}
	e.SetLine(t.line)
	return e
}

// declare declares variables.
func (t *temporaries) declare(names []string, values []ast.Expr) {
	s := &ast.LocalAssignStmt{Names: names, Exprs: values}
	notLocalFunction(s, t.line)
	s.SetLine(t.line)
	s.SetLastLine(t.line)
	t.statements = append(t.statements, s)
}

// keep returns an expression for the value that another one has now.
func (t *temporaries) keep(e ast.Expr) ast.Expr {
	switch e.(type) {
	case *ast.StringExpr, *ast.NumberExpr:
		return e
	}
	name := t.name()
	t.declare([]string{name}, []ast.Expr{e})
	return t.variable(name)
}
