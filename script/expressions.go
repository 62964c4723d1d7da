package script

import (
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// operand is an expression, with what errors call its value.
type operand struct {
	ast.Expr
	name        string
	parentheses bool
}

// operators are the binary ones with how strongly they bind to the left and to the right.
var operators = map[token]struct{ left, right int }{
	'+': {6, 6}, '-': {6, 6}, '*': {7, 7}, '/': {7, 7}, '%': {7, 7}, '^': {10, 9}, tokenConcat: {5, 4},
	tokenNe: {3, 3}, tokenEq: {3, 3}, '<': {3, 3}, tokenLe: {3, 3}, '>': {3, 3}, tokenGe: {3, 3},
	tokenAnd: {2, 2}, tokenOr: {1, 1},
}

// unary is how strongly unary operators bind.
const unary = 8

// expressions reads a list of expressions.
func (p *sourceParser) expressions() []ast.Expr {
	list := []ast.Expr{p.expression().Expr}
	for p.accept(',') {
		p.relocate(list[len(list)-1])
		list = append(list, p.expression().Expr)
	}
	return list
}

// expression reads an expression.
func (p *sourceParser) expression() operand { return p.binary(0) }

// binary reads an expression with operators that bind more strongly than limit.
func (p *sourceParser) binary(limit int) operand {
	p.enter()
	defer p.leave()
	left := p.prefixed()
	for chain := 0; ; chain++ {
		op, ok := operators[p.token]
		if !ok || op.left <= limit {
			return left
		}
		if chain == maxChain {
			p.failNear("function or expression too complex", p.token)
		}
		p.work(chain) // the compiler looks for constants to fold in all that is to the left
		t := p.token
		p.advance()
		p.relocate(left.Expr)
		left = p.join(t, left, p.binary(op.right))
	}
}

// prefixed reads a value with the unary operators in front.
func (p *sourceParser) prefixed() operand {
	t := p.token
	if t != tokenNot && t != '-' && t != '#' {
		return p.simple()
	}
	p.advance()
	value := p.binary(unary)
	var e ast.Expr
	switch t {
	case tokenNot:
		e = &ast.UnaryNotOpExpr{Expr: value.Expr}
	case '-':
		e = &ast.UnaryMinusOpExpr{Expr: value.Expr}
	default:
		e = &ast.UnaryLenOpExpr{Expr: value.Expr}
	}
	e.SetLine(p.origin(value.name))
	return operand{Expr: e}
}

// join makes the expression of a binary operator.
func (p *sourceParser) join(t token, left, right operand) operand {
	var e ast.Expr
	names := []string{left.name, right.name}
	switch t {
	case tokenAnd, tokenOr:
		e = &ast.LogicalOpExpr{Operator: t.String(), Lhs: left.Expr, Rhs: right.Expr}
	case '<', '>', tokenLe, tokenGe, tokenEq, tokenNe:
		e = &ast.RelationalOpExpr{Operator: t.String(), Lhs: left.Expr, Rhs: right.Expr}
	case tokenConcat:
		e = &ast.StringConcatOpExpr{Lhs: left.Expr, Rhs: right.Expr}
		if _, ok := right.Expr.(*ast.StringConcatOpExpr); ok { // one instruction joins all
			names = append(names[:1], p.origins[right.Line()].operands...)
			for len(names) < 2 {
				names = append(names, "")
			}
		}
	default:
		e = folded(&ast.ArithmeticOpExpr{Operator: t.String(), Lhs: left.Expr, Rhs: right.Expr})
	}
	e.SetLine(p.origin(names...))
	return operand{Expr: e}
}

// simple reads a value without operators.
func (p *sourceParser) simple() operand {
	var e ast.Expr
	switch p.token {
	case tokenNumber:
		p.constant(p.number)
		e = &ast.NumberExpr{Value: strconv.FormatFloat(p.number, 'g', -1, 64)}
	case tokenString:
		p.constant(p.text)
		e = &ast.StringExpr{Value: p.text}
	case tokenNil:
		e = &ast.NilExpr{}
	case tokenTrue:
		e = &ast.TrueExpr{}
	case tokenFalse:
		e = &ast.FalseExpr{}
	case tokenDots:
		if !p.scope.varargs {
			p.fail("cannot use '...' outside a vararg function")
		}
		e = &ast.Comma3Expr{}
	case '{':
		return operand{Expr: p.table()}
	case tokenFunction:
		p.advance()
		return operand{Expr: p.function(p.line, false)}
	default:
		return p.primary()
	}
	p.advance()
	e.SetLine(p.origin())
	return operand{Expr: e}
}

// variable reads a name that means a variable.
func (p *sourceParser) variable() operand {
	name := p.identifier()
	e := &ast.IdentExpr{Value: name}
	e.SetLine(p.origin())
	return operand{Expr: e, name: p.kind(name) + " '" + name + "'"}
}

// primary reads a variable or a value in parentheses, with fields and calls behind.
func (p *sourceParser) primary() operand {
	var value operand
	switch p.token {
	case '(':
		line := p.line
		p.advance()
		value = p.expression()
		p.match(')', '(', line)
		p.relocate(value.Expr)
		value = p.parenthesized(value)
	case tokenName:
		value = p.variable()
	default:
		p.fail("unexpected symbol")
	}
	for chain := 0; ; chain++ {
		if chain == maxChain {
			p.failNear("function or expression too complex", p.token)
		}
		switch p.token {
		case '.', '[':
			value = p.field(value)
		case ':':
			value = p.methodCall(value)
		case '(', tokenString, '{':
			value = p.call(value)
		default:
			return value
		}
	}
}

// parenthesized returns a value in parentheses: of several values the first one.
func (p *sourceParser) parenthesized(value operand) operand {
	switch e := value.Expr.(type) {
	case *ast.FuncCallExpr:
		e.AdjustRet = true
	case *ast.Comma3Expr:
		e.AdjustRet = true
	}
	value.parentheses = true
	return value
}

// field reads the access to a field behind a value.
func (p *sourceParser) field(value operand) operand {
	e := &ast.AttrGetExpr{Object: value.Expr}
	name := "field '?'"
	if p.accept('[') {
		e.Key = p.expression().Expr
		p.expect(']')
		p.relocate(e.Key)
	} else {
		p.advance()
		key := &ast.StringExpr{Value: p.identifier()}
		p.constant(key.Value)
		key.SetLine(p.origin())
		e.Key = key
	}
	if key, ok := e.Key.(*ast.StringExpr); ok {
		name = "field '" + key.Value + "'"
	}
	e.SetLine(p.origin(value.name))
	return operand{Expr: e, name: name}
}

// methodCall reads the call of a method behind a value.
func (p *sourceParser) methodCall(value operand) operand {
	p.advance()
	name := p.identifier()
	p.constant(name)
	line := p.line
	e := &ast.FuncCallExpr{Receiver: value.Expr, Method: name, Args: p.arguments()}
	e.SetLine(p.originAt(line, value.name, "method '"+name+"'"))
	return operand{Expr: e}
}

// call reads the call of a value.
func (p *sourceParser) call(value operand) operand {
	line := p.line
	e := &ast.FuncCallExpr{Func: value.Expr, Args: p.arguments()}
	e.SetLine(p.originAt(line, value.name))
	return operand{Expr: e}
}

// arguments reads the arguments of a call.
func (p *sourceParser) arguments() []ast.Expr {
	switch p.token {
	case tokenString, '{':
		return []ast.Expr{p.simple().Expr}
	case '(':
		line := p.line
		if line != p.last {
			p.fail("ambiguous syntax (function call x new statement)")
		}
		p.advance()
		if p.accept(')') {
			return []ast.Expr{}
		}
		list := p.expressions()
		p.match(')', '(', line)
		p.relocate(list[len(list)-1])
		return list
	}
	p.fail("function arguments expected")
	return nil
}

// table reads the constructor of a table.
func (p *sourceParser) table() ast.Expr {
	line := p.line
	e := &ast.TableExpr{Fields: []*ast.Field{}}
	p.expect('{')
	for p.token != '}' {
		e.Fields = append(e.Fields, p.tableField())
		if !p.accept(',') && !p.accept(';') {
			break
		}
	}
	p.match('}', '{', line)
	p.checkTable(e)
	e.SetLine(p.origin())
	return e
}

// checkTable refuses the one constructor that numberLists cannot mend: the number of the
// instruction would need a word that is not there.
func (p *sourceParser) checkTable(e *ast.TableExpr) {
	elements := 0
	for _, field := range e.Fields {
		if field.Key == nil {
			elements++
		}
	}
	if elements != 511*lua.FieldsPerFlush+1 {
		return
	}
	last := e.Fields[len(e.Fields)-1]
	call, isCall := last.Value.(*ast.FuncCallExpr)
	dots, isDots := last.Value.(*ast.Comma3Expr)
	if last.Key == nil && (isCall && !call.AdjustRet || isDots && !dots.AdjustRet) {
		p.fail("function or expression too complex")
	}
}

func (p *sourceParser) tableField() *ast.Field {
	switch {
	case p.token == tokenName && p.peek() == '=':
		key := &ast.StringExpr{Value: p.identifier()}
		p.constant(key.Value)
		key.SetLine(p.origin())
		p.advance()
		return &ast.Field{Key: key, Value: p.expression().Expr}
	case p.token == '[':
		p.advance()
		key := p.expression().Expr
		p.expect(']')
		p.expect('=')
		return &ast.Field{Key: key, Value: p.expression().Expr}
	}
	return &ast.Field{Value: p.expression().Expr}
}

// function reads the parameters and the body of a function.
func (p *sourceParser) function(line int, method bool) *ast.FunctionExpr {
	p.open(line)
	e := &ast.FunctionExpr{ParList: &ast.ParList{Names: []string{}}}
	p.expect('(')
	if method {
		e.ParList.Names = append(e.ParList.Names, "self")
		p.declare("self")
	}
	for p.token != ')' {
		if p.accept(tokenDots) {
			e.ParList.HasVargs = true
			break
		}
		if p.token != tokenName {
			p.fail("<name> or '...' expected")
		}
		name := p.identifier()
		e.ParList.Names = append(e.ParList.Names, name)
		p.declare(name)
		if !p.accept(',') {
			break
		} else if p.token == ')' {
			p.fail("<name> or '...' expected")
		}
	}
	if e.ParList.HasVargs {
		p.declare("arg")
		p.scope.varargs = true
	}
	p.expect(')')
	e.SetLine(p.originAt(line))
	e.Stmts = p.block()
	end := p.line
	p.match(tokenEnd, tokenFunction, line)
	e.SetLastLine(p.originAt(end))
	p.close()
	return e
}
