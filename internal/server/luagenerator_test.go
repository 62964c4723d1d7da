package server

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// luaGenerator writes random Lua scripts whose results do not depend on the order in which
// the interpreter keeps a table, nor on addresses.
type luaGenerator struct {
	rnd *rand.Rand
}

// luaPrelude has the function that writes values to the list of results: as texts that are
// the same whatever the order of a table's keys.
const luaPrelude = `local out = {}
local function show(v, deep)
  if type(v) == 'table' then
    if (deep or 0) > 5 then return '{...}' end
    local list = {}
    for k, x in pairs(v) do list[#list + 1] = show(k, 5) .. '=' .. show(x, (deep or 0) + 1) end
    table.sort(list)
    return '{' .. table.concat(list, ',') .. '}'
  elseif type(v) == 'string' then return '<' .. v .. '>'
  elseif type(v) == 'function' or type(v) == 'thread' then return type(v) end
  return v ~= v and 'nan' or tostring(v) -- the sign of NaN is the processor's
end
local function add(...)
  for i = 1, select('#', ...) do out[#out + 1] = show((select(i, ...))) end
end
`

func (g *luaGenerator) pick(list ...string) string { return list[g.rnd.IntN(len(list))] }

func (g *luaGenerator) oneIn(n int) bool { return g.rnd.IntN(n) == 0 }

// choose calls one of the functions.
func (g *luaGenerator) choose(d int, list ...func(d int) string) string {
	return list[g.rnd.IntN(len(list))](d - 1)
}

// script returns a script.
func (g *luaGenerator) script() string {
	var b strings.Builder
	b.WriteString(luaPrelude)
	fmt.Fprintf(&b, "local n, s, t, u = %s, %s, %s\n", g.number(0), g.text(0), g.list(1))
	b.WriteString("local o = setmetatable({v = 7}, {" + g.metamethods() + "})\n")
	for range 1 + g.rnd.IntN(5) {
		b.WriteString(g.statement() + "\n")
	}
	switch g.rnd.IntN(8) {
	case 0:
		b.WriteString("return " + g.reply(3))
	case 1:
		b.WriteString("return " + g.value(3))
	default:
		b.WriteString("return out")
	}
	text := b.String()
	if g.oneIn(12) {
		text = luaPrelude + g.spoil(strings.TrimPrefix(text, luaPrelude))
	}
	return text
}

// spoil makes a mistake in a script: a word is missing, doubled or another one. Only keys are
// never missing: what follows would be the key then, of a slot that a script may use in Redis.
func (g *luaGenerator) spoil(text string) string {
	words := strings.SplitAfter(text, " ")
	i := g.rnd.IntN(len(words))
	switch g.rnd.IntN(3) {
	case 0:
		if !strings.Contains(words[i], "KEYS[") {
			words[i] = ""
		}
	case 1:
		words[i] += words[i]
	case 2:
		words[i] = g.pick("end ", "( ", ") ", "= ", "then ", "'", "[[ ", "local ", "5 ", "x ", ", ", "} ", "~ ", "1e ",
			`"\q" `, "@ ")
	}
	return strings.Join(words, "")
}

// statement returns a statement that adds something to the results, mostly protected from
// errors.
func (g *luaGenerator) statement() string {
	switch g.rnd.IntN(16) {
	case 0:
		return fmt.Sprintf("n = tonumber(%s) or n", g.value(2))
	case 1:
		return fmt.Sprintf("pcall(function() s = s .. %s end)", g.text(2))
	case 2:
		return fmt.Sprintf("for i = %s, %s, %s do if #out > 30 then break end add(i, %s) end", g.small(), g.small(),
			g.pick("1", "2", "-1", "0.5"), g.protect("i + "+g.number(1)))
	case 3:
		return fmt.Sprintf("for k, v in ipairs(%s) do add(k, v) end", g.list(2))
	case 4:
		return fmt.Sprintf("for w in string.gmatch(%s, %s) do if #out > 40 then break end add(w) end", g.text(1), g.pattern())
	case 5:
		return fmt.Sprintf("add(pcall(coroutine.wrap(function(...) add(...) add(coroutine.yield(%s)) return %s end), %s))",
			g.value(1), g.value(1), g.value(1))
	case 6:
		return "add(xpcall(function() return " + g.value(3) + " end, function(e) return 'handled ' .. show(e) end))"
	case 7:
		return "add(pcall(error, " + g.value(1) + g.pick("", ", 0", ", 1", ", 2") + "))"
	case 8:
		return "add(select('#', " + g.value(2) + ", " + g.value(2) + "), (function(...) return select(" +
			g.pick("1", "2", "-1", "'#'", "3") + ", ...) end)(" + g.value(1) + ", " + g.value(1) + ", 9))"
	case 9:
		return "if " + g.condition(2) + " then add('yes') else add(" + g.protect(g.value(2)) + ") end"
	case 10:
		return "table.insert(t, " + g.pick("", "", "1, ") + "(" + g.value(1) + ") or 1) add(#t)"
	case 11, 12, 13:
		return "add(" + g.protect(g.command()) + ")"
	}
	return "add(" + g.protect(g.value(4)) + ")"
}

func (g *luaGenerator) protect(expression string) string {
	if g.oneIn(40) {
		return expression
	}
	return "pcall(function() return " + expression + " end)"
}

// metamethods returns fields of a metatable.
func (g *luaGenerator) metamethods() string {
	var list []string
	for _, name := range []string{
		"add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "eq", "lt", "le", "call", "len", "tostring", "index",
		"newindex",
	} {
		if g.oneIn(3) && name != "unm" { // of which gopher-lua passes one argument, and Lua two
			list = append(list, "__"+name+" = function(...) return "+
				g.pick("'"+name+"'", "select('#', ...)", "5", "nil", "{}")+" end")
		}
	}
	return strings.Join(list, ", ")
}

// value returns an expression of any type.
func (g *luaGenerator) value(d int) string {
	if d <= 0 {
		return g.pick("nil", "true", "false", "n", "s", "t", "u", "o", "KEYS", "ARGV", "1", "'x'", "{}", "cjson.null",
			"1.5", "'10'",
			"ARGV[1]", "KEYS[7]", "t[1]", "t.x", "u.x", "o.v", "nosuch", "o.nosuch")
	}
	return g.choose(d, g.number, g.text, g.list, g.condition, g.codec, g.number, g.text, g.library, g.metaUse, g.value)
}

// sometimes returns another value than the one of the right type.
func (g *luaGenerator) sometimes(otherwise string) string {
	if g.oneIn(30) {
		return g.value(0)
	}
	return otherwise
}

func (g *luaGenerator) small() string { return strconv.Itoa(g.rnd.IntN(7) - 2) }

func (g *luaGenerator) number(d int) string {
	if d <= 0 {
		switch g.rnd.IntN(6) {
		case 0:
			return g.sometimes("n")
		case 1:
			return g.pick("0.1", "1.5", "-2.5", "1e15", "1e300", "2^53", "1/3", "0x1f", "1e-7", "123456789012", "'7'",
				"' 0x10 '", "1e100")
		case 2:
			return g.pick("1/0", "-1/0", "#s", "#t", "math.huge", "math.pi", "#ARGV", "#KEYS")
		}
		return g.small()
	}
	a, b := g.number(d-1-g.rnd.IntN(2)), g.number(d-1-g.rnd.IntN(2))
	switch g.rnd.IntN(9) {
	case 0:
		return "(-" + a + " + 0)"
	case 1:
		return "#" + g.text(d-1)
	case 2:
		return "math." + g.pick("floor", "ceil", "abs", "sqrt", "max", "min", "pow", "modf", "frexp", "exp") + "(" +
			a + g.pick("", ", "+b) + ")"
	case 3:
		return "tonumber(" + g.text(d-1) + g.pick("", "", ", 16", ", 2", ", 36") + ")"
	case 4:
		return "bit." + g.pick("band", "bor", "bxor", "lshift", "rshift", "arshift", "rol", "ror") + "(" + a + ", " + b + ")"
	case 5:
		return "string.byte(" + g.text(d-1) + g.pick("", ", -1", ", 2") + ")"
	}
	return "(" + a + " " + g.pick("+", "-", "*", "/", "%", "^", "+", "-") + " " + b + " + 0)" // never -0
}

func (g *luaGenerator) condition(d int) string {
	if d <= 0 {
		return g.pick("true", "false", "nil", "n", "u")
	}
	switch g.rnd.IntN(5) {
	case 0:
		return "(not " + g.value(d-1) + ")"
	case 1:
		return "(" + g.value(d-1) + " " + g.pick("and", "or") + " " + g.value(d-1) + ")"
	case 2:
		return "(" + g.text(d-1) + " " + g.pick("<", "<=", ">", ">=", "==", "~=") + " " + g.sometimes(g.text(d-1)) + ")"
	case 3:
		return "(" + g.value(d-1) + " " + g.pick("==", "~=", "<") + " " + g.value(d-1) + ")"
	}
	return "(" + g.number(d-1) + " " + g.pick("<", "<=", ">", ">=", "==", "~=") + " " + g.sometimes(g.number(d-1)) + ")"
}

// metaUse uses the object that has metamethods.
func (g *luaGenerator) metaUse(d int) string {
	v := g.value(d - 1)
	return g.pick("o + "+v, v+" - o", "o * "+v, "o / 2", "o % 2", "2 ^ o", "-o", "o .. "+v, v+" .. o", "o == "+v,
		"o < o", "o <= o",
		"o("+v+")", "#o", "tostring(o) ~= nil", "o.zz", "(function() o.w = "+v+" return rawget(o, 'w') end)()",
		"rawequal(o, "+v+")", "type(getmetatable(o))", "o:method("+v+")", "o.v.w", "s:len()", "n:abs()", "u()")
}
