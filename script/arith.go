package script

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/ast"
)

// arithmetic are the metamethods of strings that stand for numbers. gopher-lua, which asks
// for metamethods first, would read the strings otherwise as Go does: "010" as 8.
var arithmetic = map[string]func(a, b float64) float64{
	"__add": func(a, b float64) float64 { return a + b },
	"__sub": func(a, b float64) float64 { return a - b },
	"__mul": func(a, b float64) float64 { return a * b },
	"__div": func(a, b float64) float64 { return a / b },
	"__mod": modulo,
	"__pow": exactPow,
	"__unm": func(a, _ float64) float64 { return -a },
}

// modulo is the operator %, with the rounding of Lua 5.1.
func modulo(a, b float64) float64 { return a - math.Floor(a/b)*b }

// calculate is called before the instruction of an operator that the interpreter calculates
// otherwise than C does. The result takes its place after the instruction.
func (h *hook) calculate(op int, left, right lua.LValue, register int) {
	a, ok := left.(lua.LNumber)
	b, alsoOk := right.(lua.LNumber)
	switch {
	case !ok || !alsoOk:
		return
	case op == lua.OP_POW:
		h.result = lua.LNumber(exactPow(float64(a), float64(b)))
	case isSmallInteger(a) && isSmallInteger(b) && b != 0:
		return
	default:
		h.result = lua.LNumber(modulo(float64(a), float64(b)))
	}
	h.resultAt = register
}

// isSmallInteger reports whether a number is so small an integer that remainders are exact.
func isSmallInteger(n lua.LNumber) bool { return 0 <= n && n < 1<<50 && n == lua.LNumber(int64(n)) }

// folded returns an operation as the constant that it is, if the compiler would calculate
// it otherwise than C does.
func folded(e *ast.ArithmeticOpExpr) ast.Expr {
	if e.Operator != "%" && e.Operator != "^" {
		return e
	}
	right, ok := constant(e.Rhs)
	if !ok {
		return e
	}
	left, ok := constant(e.Lhs)
	if !ok {
		return e
	}
	result := arithmetic[operatorEvents[e.Operator]](left, right)
	if result != result {
		zero := &ast.NumberExpr{Value: "0"}
		return &ast.ArithmeticOpExpr{Operator: "/", Lhs: zero, Rhs: zero}
	}
	return &ast.NumberExpr{Value: strconv.FormatFloat(result, 'g', -1, 64)}
}

// constant returns the number that an expression is in any run.
func constant(e ast.Expr) (f float64, ok bool) {
	switch e := e.(type) {
	case *ast.NumberExpr:
		f, err := strconv.ParseFloat(e.Value, 64)
		return f, err == nil
	case *ast.UnaryMinusOpExpr:
		f, ok = constant(e.Expr)
		return -f, ok
	case *ast.ArithmeticOpExpr:
		right, ok := constant(e.Rhs)
		if !ok {
			return 0, false
		}
		left, ok := constant(e.Lhs)
		return arithmetic[operatorEvents[e.Operator]](left, right), ok
	}
	return 0, false
}

var operatorEvents = map[string]string{
	"+": "__add", "-": "__sub", "*": "__mul", "/": "__div", "%": "__mod", "^": "__pow",
}

// setStringMetatable gives strings their metatable.
func (v *vm) setStringMetatable(library *lua.LTable) {
	meta := v.L.CreateTable(0, len(arithmetic)+1)
	meta.RawSetString("__index", library)
	for event, operator := range arithmetic {
		meta.RawSetString(event, v.L.NewFunction(stringArithmetic(event, operator)))
	}
	v.L.SetMetatable(lua.LString(""), meta)
}

// stringArithmetic returns the metamethod of an operator.
func stringArithmetic(event string, operator func(a, b float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		left, right := L.Get(1), L.Get(2)
		if event == "__unm" {
			right = left
		}
		a, ok := numberOf(left)
		b, alsoOk := numberOf(right)
		if ok && alsoOk {
			return pushNumber(L, operator(a, b))
		}
		for _, operand := range []lua.LValue{left, right} {
			if _, isString := operand.(lua.LString); isString {
				continue // this function is its metamethod
			}
			if fn, ok := L.GetMetaField(operand, event).(*lua.LFunction); ok {
				L.Push(fn)
				L.Push(left)
				L.Push(right)
				L.Call(2, 1)
				return 1
			}
		}
		if ok {
			failArithmetic(L, right, 1)
		}
		failArithmetic(L, left, 0)
		return 0
	}
}

// failArithmetic raises the error that a value is no number, at the place of the operator,
// of which the value is the first operand or the one after it.
func failArithmetic(L *lua.LState, value lua.LValue, operand int) {
	var f failure
	if caller := stateOf(L).currentFrame.Parent; caller != nil && !caller.Fn.IsG && caller.Pc > 0 {
		f.names = operandNames(caller.Fn.Proto, caller.Pc-1)
	}
	raise(L, "attempt to perform arithmetic on %s", f.called(operand, value.Type().String()))
}
