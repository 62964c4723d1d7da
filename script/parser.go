package script

import (
	"github.com/yuin/gopher-lua/ast"
)

// sourceParser reads a source as Lua 5.1 does (lparser.c) and makes the tree that the compiler of
// gopher-lua takes. That compiler copies the lines of nodes to instructions; the parser
// numbers origins instead of lines, since a origin tells more: see origin.
type sourceParser struct {
	lexer
	scope   *scope
	levels  int
	steps   int
	origins []origin
}

// origin is where an instruction comes from.
type origin struct {
	line     int
	operands []string // as errors name them, such as "local 'x'"; "" has no name
}

// parseSource returns the program of a source, and the origins that it has instead of lines.
func parseSource(source []byte, name string) (chunk []ast.Stmt, origins []origin, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *syntaxError:
			err = e
		default:
			panic(e)
		}
	}()
	p := &sourceParser{lexer: lexer{name: name, source: source, line: 1, last: 1}, origins: make([]origin, 1, 64)}
	p.open(0)
	p.scope.varargs = true
	p.advance()
	chunk = p.block()
	p.check(tokenEOF)
	p.close()
	if n := len(chunk); n > 0 { // the compiler takes the line after the last one for the end
		p.origins = append(p.origins, origin{line: p.last}, origin{line: p.last})
		chunk[n-1].SetLastLine(len(p.origins) - 2)
	}
	return chunk, p.origins, nil
}

// origin returns a origin in the line of the token that was read last.
func (p *sourceParser) origin(operands ...string) int { return p.originAt(p.last, operands...) }

// originAt returns a origin in a line.
func (p *sourceParser) originAt(line int, operands ...string) int {
	for _, name := range operands {
		if name != "" {
			p.origins = append(p.origins, origin{line, operands})
			return len(p.origins) - 1
		}
	}
	if n := len(p.origins) - 1; p.origins[n].line == line && p.origins[n].operands == nil {
		return n
	}
	p.origins = append(p.origins, origin{line: line})
	return len(p.origins) - 1
}

// relocate says that a value is read where the token was that was read last: Lua reads
// variables and fields only when it knows what follows.
func (p *sourceParser) relocate(e ast.Expr) {
	switch e.(type) {
	case *ast.IdentExpr, *ast.AttrGetExpr:
		if old := p.origins[e.Line()]; old.line != p.last {
			e.SetLine(p.origin(old.operands...))
		}
	}
}

// check fails if the current token is another one.
func (p *sourceParser) check(t token) {
	if p.token != t {
		p.fail("'%s' expected", t)
	}
}

// expect skips a token that must be there.
func (p *sourceParser) expect(t token) {
	p.check(t)
	p.advance()
}

// accept skips a token if it is there.
func (p *sourceParser) accept(t token) bool {
	if p.token != t {
		return false
	}
	p.advance()
	return true
}

// match skips the token that closes what another one began.
func (p *sourceParser) match(closing, opening token, line int) {
	if p.token != closing && line != p.line {
		p.fail("'%s' expected (to close '%s' at line %d)", closing, opening, line)
	}
	p.expect(closing)
}

// identifier reads a name.
func (p *sourceParser) identifier() string {
	p.check(tokenName)
	name := p.text
	p.advance()
	return name
}

// blockEnds reports whether the current token ends a block.
func (p *sourceParser) blockEnds() bool {
	switch p.token {
	case tokenElse, tokenElseif, tokenEnd, tokenEOF, tokenUntil:
		return true
	}
	return false
}

// block reads statements. Variables that they declare are visible in it.
func (p *sourceParser) block() []ast.Stmt {
	visible := len(p.scope.locals)
	statements := p.statements()
	p.scope.locals = p.scope.locals[:visible]
	return statements
}

// statements reads the statements of a block.
func (p *sourceParser) statements() []ast.Stmt {
	p.enter()
	defer p.leave()
	statements := []ast.Stmt{}
	for last := false; !last && !p.blockEnds(); {
		var read []ast.Stmt
		read, last = p.statement()
		statements = append(statements, read...)
		p.accept(';')
	}
	return statements
}

// statement reads a statement, for which the tree may need more than one. The last one of
// a block says so.
func (p *sourceParser) statement() (read []ast.Stmt, last bool) {
	line := p.line
	var s ast.Stmt
	switch p.token {
	case tokenIf:
		s = p.ifStatement(line)
	case tokenWhile:
		p.advance()
		condition := p.expression().Expr
		p.expect(tokenDo)
		body := p.loopBody(line, tokenWhile)
		s = &ast.WhileStmt{Condition: condition, Stmts: body}
	case tokenDo:
		p.advance()
		body := p.block()
		p.match(tokenEnd, tokenDo, line)
		s = &ast.DoBlockStmt{Stmts: body}
	case tokenFor:
		s = p.forStatement(line)
	case tokenRepeat:
		s = p.repeatStatement(line)
	case tokenFunction:
		return p.functionStatement(line), false
	case tokenLocal:
		p.advance()
		if p.accept(tokenFunction) {
			s = p.localFunction()
		} else {
			s = p.localStatement()
		}
	case tokenReturn:
		s, last = p.returnStatement(), true
	case tokenBreak:
		p.advance()
		if p.scope.loops == 0 {
			p.fail("no loop to break")
		}
		s, last = &ast.BreakStmt{}, true
	default:
		return p.expressionStatement(), false
	}
	p.locate(s, line)
	return []ast.Stmt{s}, last
}

// locate sets where a statement begins and ends.
func (p *sourceParser) locate(s ast.Stmt, line int) {
	if s.Line() == 0 {
		s.SetLine(p.originAt(line))
	}
	s.SetLastLine(p.origin())
}

// loopBody reads the block of a loop and its end.
func (p *sourceParser) loopBody(line int, opening token) []ast.Stmt {
	p.scope.loops++
	body := p.block()
	p.scope.loops--
	p.match(tokenEnd, opening, line)
	return body
}

func (p *sourceParser) ifStatement(line int) ast.Stmt {
	first := &ast.IfStmt{}
	s := first
	for branches := 0; ; branches++ {
		p.advance()
		s.Condition = p.expression().Expr
		p.expect(tokenThen)
		s.Then = p.block()
		if p.token != tokenElseif {
			if p.accept(tokenElse) {
				s.Else = p.block()
			}
			p.match(tokenEnd, tokenIf, line)
			return first
		}
		if branches == maxBranches {
			p.fail("control structure too long")
		}
		next := &ast.IfStmt{}
		next.SetLine(p.originAt(p.line))
		next.SetLastLine(p.originAt(p.line))
		s.Else = []ast.Stmt{next}
		s = next
	}
}

func (p *sourceParser) repeatStatement(line int) ast.Stmt {
	p.advance()
	visible := len(p.scope.locals)
	p.scope.loops++
	body := p.statements()
	p.scope.loops--
	p.match(tokenUntil, tokenRepeat, line)
	condition := p.expression().Expr // sees the variables of the block
	p.scope.locals = p.scope.locals[:visible]
	return &ast.RepeatStmt{Condition: condition, Stmts: body}
}

func (p *sourceParser) forStatement(line int) ast.Stmt {
	p.advance()
	first := p.identifier()
	switch p.token {
	case '=':
		return p.numericFor(line, first)
	case ',', tokenIn:
		return p.genericFor(line, first)
	}
	p.fail("'=' or 'in' expected")
	return nil
}

func (p *sourceParser) numericFor(line int, name string) ast.Stmt {
	p.advance()
	s := &ast.NumberForStmt{Name: name}
	s.Init = p.expression().Expr
	p.expect(',')
	s.Limit = p.expression().Expr
	if p.accept(',') {
		s.Step = p.expression().Expr
	}
	s.SetLine(p.originAt(p.line))
	p.constant(1.0)
	p.expect(tokenDo)
	visible := len(p.scope.locals)
	p.declare("(for index)", "(for limit)", "(for step)", name)
	s.Stmts = p.loopBody(line, tokenFor)
	p.scope.locals = p.scope.locals[:visible]
	return s
}

func (p *sourceParser) genericFor(line int, first string) ast.Stmt {
	s := &ast.GenericForStmt{Names: []string{first}}
	for p.accept(',') {
		s.Names = append(s.Names, p.identifier())
	}
	p.expect(tokenIn)
	s.Exprs = p.expressions()
	p.expect(tokenDo)
	visible := len(p.scope.locals)
	p.declare("(for generator)", "(for state)", "(for control)")
	p.declare(s.Names...)
	s.Stmts = p.loopBody(line, tokenFor)
	p.scope.locals = p.scope.locals[:visible]
	return s
}

func (p *sourceParser) localFunction() ast.Stmt {
	name := p.identifier()
	p.declare(name)
	return &ast.LocalAssignStmt{Names: []string{name}, Exprs: []ast.Expr{p.function(p.line, false)}}
}

func (p *sourceParser) localStatement() ast.Stmt {
	s := &ast.LocalAssignStmt{Names: []string{p.identifier()}, Exprs: []ast.Expr{}}
	for p.accept(',') {
		s.Names = append(s.Names, p.identifier())
	}
	if p.accept('=') {
		s.Exprs = p.expressions()
	}
	notLocalFunction(s, p.origin())
	p.declare(s.Names...)
	return s
}

// notLocalFunction keeps the compiler from taking local f = function() end for a local
// function, which sees its own name.
func notLocalFunction(s *ast.LocalAssignStmt, line int) {
	if len(s.Names) != 1 || len(s.Exprs) != 1 {
		return
	}
	if _, ok := s.Exprs[0].(*ast.FunctionExpr); ok {
		none := &ast.NilExpr{}
		none.SetLine(line)
		s.Exprs = append(s.Exprs, none)
	}
}

func (p *sourceParser) returnStatement() ast.Stmt {
	p.advance()
	s := &ast.ReturnStmt{}
	if !p.blockEnds() && p.token != ';' {
		s.Exprs = p.expressions()
	}
	return s
}

// functionStatement reads function a.b:c() end, which is an assignment.
func (p *sourceParser) functionStatement(line int) []ast.Stmt {
	p.advance()
	target := p.variable()
	method := false
	for !method && (p.token == '.' || p.token == ':') {
		method = p.token == ':'
		target = p.field(target)
	}
	fn := p.function(line, method)
	return p.assignment([]operand{target}, []ast.Expr{fn})
}

// expressionStatement reads a call or an assignment.
func (p *sourceParser) expressionStatement() []ast.Stmt {
	first := p.primary()
	if call, ok := first.Expr.(*ast.FuncCallExpr); ok && !first.parentheses {
		s := &ast.FuncCallStmt{Expr: call}
		s.SetLine(call.Line())
		s.SetLastLine(p.origin())
		return []ast.Stmt{s}
	}
	targets := []operand{first}
	for {
		switch last := targets[len(targets)-1]; last.Expr.(type) {
		case *ast.IdentExpr, *ast.AttrGetExpr:
			if last.parentheses {
				p.fail("syntax error")
			}
		default:
			p.fail("syntax error")
		}
		if !p.accept(',') {
			break
		}
		targets = append(targets, p.primary())
		p.limit(p.scope, len(targets)-1, maxLevels-p.levels, "variables in assignment")
	}
	p.expect('=')
	return p.assignment(targets, p.expressions())
}
