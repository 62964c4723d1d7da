package server

import (
	"fmt"
	"strings"
)

// text returns an expression whose value is mostly a string.
func (g *luaGenerator) text(d int) string {
	if d <= 0 {
		return g.pick("s", "'abc'", "''", "'10'", `'a\0b'`, "'Hello World'", `'\255\1'`, "'x=1, y=2'", "' 12 '", "[[%d]]",
			"'é'", "'0x1p4'",
			g.sometimes("'aXbXc'"), "ARGV[1] or ''", "KEYS[1]")
	}
	a := g.text(d - 1)
	switch g.rnd.IntN(14) {
	case 0, 1:
		return "(" + a + " .. " + g.sometimes(g.text(d-1)) + ")"
	case 2:
		return "(" + a + " .. " + g.number(d-1) + ")"
	case 3:
		return "string.rep(" + a + ", " + g.sometimes(g.small()) + ")"
	case 4:
		return "string.sub(" + a + ", " + g.sometimes(g.small()) + g.pick("", ", "+g.small(), ", -1") + ")"
	case 5:
		return "string." + g.pick("upper", "lower", "reverse", "len") + "(" + g.sometimes(a) + ")"
	case 6:
		return "tostring(" + g.number(d-1) + ")"
	case 7:
		return "string.format(" + g.format() + ", " + g.sometimes(g.number(d-1)) + ", " + a + ", " + g.number(0) + ")"
	case 8:
		return "string.gsub(" + a + ", " + g.pattern() + ", " +
			g.pick("'-'", "'%0%0'", "'<%1>'", "string.upper", "{a = 'b', b = 1, X = false}",
				"function(c) return c and #c end", "'%'", "'%2'", g.value(0)) + g.pick("", ", 1", ", 0") + ")"
	case 9:
		return "string." + g.pick("find", "match") + "(" + a + ", " + g.pattern() + g.pick("", ", 2", ", -2", ", 1, true") +
			")"
	case 10:
		return "string.char(" + g.pick("65", "0, 255", "256", "-1", "97, 98, 99", "'66'", "1.5") + ")"
	case 11:
		return "table.concat(" + g.list(d-1) + g.pick("", ", ','", ", '', 2", ", '-', 1, 2", ", 1, 1, 9") + ")"
	case 12:
		return "(" + a + "):" + g.pick("upper()", "sub(2)", "rep(2, 3)", "rep({})", "len()", "format(1)", "byte(1, -1)",
			"nosuch()", "find('b', 1, true)",
			"gsub('.', '%0%0')")
	}
	return a
}

func (g *luaGenerator) pattern() string {
	return g.pick("'a'", "'.'", "'%w+'", "'(%a)(%d*)'", "'[^a-c]+'", "'X*'", "'%s'", "'^%a+'", "'b$'", "'()'", "'%b()'",
		"'(.)%1'", "'%f[%w]%w+'",
		"'.-'", "'[%d,]'", "'%'", "'['", "'(a'", "'a)'", "'%z'", "''", "'[]]'", "'[a-]'", "'%1'", "'(()'", "'%f'", "'%b'",
		"'-'", "'%-?%d+'", "'=(%d)'")
}

func (g *luaGenerator) format() string {
	var b strings.Builder
	for range 1 + g.rnd.IntN(3) {
		b.WriteString(g.pick("%d", "%5d", "%-5d|", "%05.1f", "%s", "%10s", "%.2s", "%q", "%x", "%X", "%o", "%u", "%c", "%e",
			"%g", "%.3g", "%i", "%%", "%+d",
			"%#x", "% d", "%5.3s|", "%5", "x", "%.20f", "%.99f", "%"))
	}
	return "'" + b.String() + "'"
}

// list returns an expression whose value is mostly a table with no holes.
func (g *luaGenerator) list(d int) string {
	if d <= 0 {
		return g.pick("t", "{}", "{1, 2, 3}", "{'a', 'b'}", "{x = 1}", "ARGV", "{1, 'a', true}", "{3, 1, 2}",
			g.sometimes("{5}"))
	}
	var items []string
	for range g.rnd.IntN(4) {
		items = append(items, g.choose(d, g.number, g.text, g.list, g.number,
			func(int) string { return g.pick("true", "false", "'z'", "7") }))
	}
	for i, item := range items {
		items[i] = "(" + item + ")" // one value each
		if i == len(items)-1 && g.oneIn(2) {
			items[i] = "[" + g.pick("'k'", "1.5", "-1", "0", "true", "'1'") + "] = (" + item + ")"
		}
	}
	return "{" + strings.Join(items, ", ") + "}"
}

// library returns a call of a function on tables and values.
func (g *luaGenerator) library(d int) string {
	l, v := g.list(d-1), g.value(d-1)
	switch g.rnd.IntN(22) {
	case 0:
		return "(function(l) table.sort(l" + g.pick("", ", function(a, b) return a > b end",
			", function(a, b) return a.x < b.x end") + ") return l end)(" + l + ")"
	case 1:
		return "(function(l) return table.remove(l" + g.pick("", ", 1", ", 9", ", 'x'") + "), l end)(" + l + ")"
	case 2: // without a hole: the length of a table that has one is any of several
		return "(function(l) table.insert(l, " + g.pick("", "1, ", "math.min(2, #l + 1), ", "'x', ") + "(" + v +
			") or 1) return l end)(" + l + ")"
	case 3:
		return "unpack(" + l + g.pick("", ", 2", ", 1, 3", ", 3, 1", ", -1, 1") + ")"
	case 4:
		return "table." + g.pick("getn", "maxn") + "(" + g.sometimes(l) + ")"
	case 5:
		return "type(" + v + ")"
	case 6:
		return "assert(" + v + g.pick("", ", 'message'", ", {}", ", nil") + ")"
	case 7:
		// Redis 7.0 crashes if an error that nothing catches is a table without a text in err.
		return "error(" + g.pick("'text'", "{err = 'ERR in a table'}", "'a', 0", "'b', 2", "5", g.text(d-1)) + ")"
	case 8:
		return "rawget(" + l + ", " + g.pick("1", "'k'", "nil") + ")"
	case 9:
		return "rawset(" + l + ", " + g.pick("'k'", "nil", "0/0") + ", " + v + ")"
	case 10:
		return "select(" + g.pick("1", "2", "-1", "-5", "0", "'#'", "'x'", "3") + ", " + v + ", 2)"
	case 11:
		return "pcall(" + g.pick("error", "type", "string.rep", "redis.call", "nil", "5", "cjson.decode", "string.format",
			"unpack", "setmetatable") + ", " + v + ")"
	case 12:
		return "setmetatable(" + g.sometimes("{}") + ", " + g.pick("{}", "nil", "1", "{__index = {q = 1}}") + ").q"
	case 13:
		return "redis.sha1hex(" + g.sometimes(g.text(d-1)) + ")"
	case 14:
		return g.pick("redis.error_reply", "redis.status_reply") + "(" +
			g.pick("'ERR x'", "'-MY y'", "''", "5", "'a b c'", "'OK'", v) + ")"
	case 15:
		return g.pick("math", "string", "table", "redis", "cjson", "_G") + "." + g.pick("nosuch", "x", "floor", "call") +
			" == nil"
	case 16:
		return "(function() " + g.pick("string.x = 1", "x = 1", "redis.call = 1", "_G.y = 1", "KEYS[1] = 'a'", "ARGV = 1",
			"math.pi = 3",
			"setmetatable(_G, {})", "rawset(string, 'x', 1)", "t[nil] = 1", "t[0/0] = 1", "u.x = 1", "n.x = 1", "s.x = 1") +
			" return 1 end)()"
	case 17:
		return "(next(" + g.pick("{}", "{5}", "{k = 1}", "u", "5", "{}, 'x'") + "))"
	case 18:
		return "math." + g.pick("random(7, 7)", "random(0)", "random(2, 1)", "random(1, 2, 3)", "floor()", "max()",
			"abs('x')", "floor({})")
	case 19:
		return "loadstring(" + g.pick("'return 1 + 1'", "'return ...'", "'x x'", "''", "5", "'return n'") + ")(" + v + ")"
	case 20:
		return "(function(a, ...) local b, c = ... return c, b, a, ... end)(" + v + ", " + g.value(0) + ", 3)"
	}
	return fmt.Sprintf("(%s)[%s]", l, g.pick("1", "2", "'k'", "1.5", "-1", "nil", "true"))
}

// codec returns a use of cjson, cmsgpack, struct or bit.
func (g *luaGenerator) codec(d int) string {
	l, v := g.list(d-1), g.value(d-1)
	switch g.rnd.IntN(14) {
	case 0:
		return "cjson.encode(" + l + ")"
	case 1:
		return "cjson.decode(cjson.encode(" + v + "))"
	case 2:
		return "cjson.decode(" + g.pick(`'[1,2,{"a":null}]'`, `'{"k":[true,false],"x":1.5e3}'`, `'[1,'`, `'nul'`,
			`'"\\u00e9\\ud83d\\ude00"'`, "s", `'{"a":1 2}'`, "'[]'",
			`'"a\\/b\\n"'`, v) + ")"
	case 3:
		return "cmsgpack.pack(" + l + g.pick("", ", 1", ", 'a', nil") + ")"
	case 4:
		return "cmsgpack.unpack(cmsgpack.pack(" + v + ", " + g.value(d-1) + "))"
	case 5:
		return "cmsgpack.unpack(" + g.pick(`'\147\1\2\3'`, `'\129\161a\1'`, `'\193'`, `'\146\1'`, "s",
			`'\203\63\240\0\0\0\0\0\0'`, v) + ")"
	case 6:
		return "struct.pack(" + g.pick("'b'", "'>I2'", "'<i4h'", "'s'", "'c2'", "'d'", "'f'", "'!4bi'", "'c0'", "'i3'",
			"'z'") + ", " + g.number(d-1) + ", " +
			g.value(d-1) + ")"
	case 7:
		return "struct.unpack(" + g.pick("'b'", "'>I2'", "'<i2'", "'s'", "'c2'", "'c0'", "'bc0'", "'!4bi'", "'z'") + ", " +
			g.text(d-1) + g.pick("", ", 2") + ")"
	case 8:
		return "cmsgpack.unpack_limit(cmsgpack.pack(1, 'a', {2}), " + g.pick("1", "2", "0", "-1", "9", v) +
			g.pick("", ", 1", ", 99") + ")"
	case 9:
		return "bit." + g.pick("tobit", "bnot", "tohex", "bswap") + "(" + g.sometimes(g.number(d-1)) + ")"
	case 10:
		return "(function(j) j." + g.pick("encode_sparse_array(true)", "encode_max_depth(2)", "encode_number_precision(5)",
			"encode_invalid_numbers('null')",
			"decode_max_depth(1)", "encode_max_depth(0)") + " return j.encode(" + l + ") end)(cjson.new())"
	}
	return "cjson.encode(" + v + ")"
}

// command returns a call of a command of Redis.
func (g *luaGenerator) command() string {
	call := g.pick("redis.call", "redis.call", "redis.pcall")
	key := "KEYS[" + g.pick("1", "2", "3", "4", "5", "6") + "]"
	line := g.pick(
		"'GET', "+key, "'SET', "+key+", "+g.sometimes(g.text(1)), "'INCR', "+key, "'INCRBYFLOAT', "+key+", "+
			g.pick("1.5", "'x'", "0.1"), "'APPEND', "+key+", "+g.text(1),
		"'DEL', "+key, "'EXISTS', "+key+", KEYS[1]", "'TYPE', "+key, "'STRLEN', "+key, "'LPUSH', "+key+", "+g.text(0),
		"'RPUSH', "+key+", "+g.number(1), "'LRANGE', "+key+", 0, -1",
		"'LPOP', "+key, "'LLEN', "+key, "'LINDEX', "+key+", 9", "'HSET', "+key+", 'f', "+g.number(1), "'HGET', "+key+", "+
			g.pick("'f'", "'none'"),
		"'HMGET', "+key+", 'f', 'none', 'n'", "'HGETALL', "+key, "'HINCRBY', "+key+", 'n', "+g.small(), "'SADD', "+key+", "+
			g.text(0), "'SCARD', "+key, "'SISMEMBER', "+key+", 'm'",
		"'SMISMEMBER', "+key+", 'm', 'x'", "'ZADD', "+key+", "+g.pick("1", "2.5", "'inf'", "'x'")+", "+g.text(0),
		"'ZSCORE', "+key+", 'a'", "'ZRANGE', "+key+", 0, -1, 'WITHSCORES'",
		"'ZINCRBY', "+key+", 0.1, 'a'", "'ZRANGEBYSCORE', "+key+", '-inf', 2", "'MGET', KEYS[1], KEYS[6]", "'SETNX', "+key+
			", 'x'", "'GETRANGE', "+key+", 0, 2", "'NOSUCH'", "'GET'",
		"'SET', "+key+", 'v', 'EX'", "'PING'", "'ECHO', "+g.text(1), "'EVAL', 'return 1', 0", "'MULTI'", "", "nil", "{}",
		"'GET', {}", "'GET', nil", "5", "'get', "+key,
		"'RENAME', "+key+", KEYS[6]", "'SETEX', "+key+", 0, 'v'", "'BLPOP', KEYS[6], 0", "'LPOS', "+key+", 'a'",
		"'ZPOPMIN', "+key, "'HDEL', "+key+", 'f'", "'SORT', "+key,
		"'OBJECT', 'ENCODING', KEYS[2]", "'CONFIG', 'GET', 'nosuch'", "'SET', "+key+", true", "'PERSIST', "+key,
		"unpack({'GET', "+key+"})", "'ZADD', "+key+", 'NX', 'GT', 1, 'a'",
		"'ZMSCORE', "+key+", 'a', 'none'", "'SINTERCARD', 1, "+key, "'INCRBY', "+key+", "+g.value(1), "'GETDEL', "+key,
		"'ZADD', "+key+", 'INCR', 1, 'a'")
	switch g.rnd.IntN(8) {
	case 0:
		return "redis.setresp(3), " + call + "(" + line + "), redis.setresp(2)"
	case 1:
		return "type(" + call + "(" + line + "))"
	}
	return call + "(" + line + ")"
}

// reply returns a value that has an order in the reply.
func (g *luaGenerator) reply(d int) string {
	if d <= 0 {
		return g.pick("1", "-3.99", "'text'", "true", "false", "1e15", "2^53", "''", "o", "cjson.null", "nil", "3.0")
	}
	switch g.rnd.IntN(12) {
	case 0, 1:
		var items []string
		for range g.rnd.IntN(4) {
			items = append(items, g.reply(d-1))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case 2:
		return "{ok = " + g.pick("'fine'", "'a\\r\\nb'", "5", "{}", "true") + "}"
	case 3:
		return "{err = " + g.pick("'MY wrong'", "'a\\r\\nb'", "5", "{}", "''", "'x'") + g.pick("", ", x = 1") + "}"
	case 4:
		return "{double = " + g.pick("1.5", "3", "1e100", "1/0", "'x'", "0.1", "-0.5") + "}"
	case 5:
		return "{map = {" + g.pick("", "a = 1", "[1] = 2", "k = {1, 2}") + "}}"
	case 6:
		return "{set = {" + g.pick("", "a = true", "[1] = true", "[5] = false") + "}}"
	case 7:
		return "{big_number = " + g.pick("'123456789012345678901234567890'", "'1\\r\\n2'", "5", "{}") + "}"
	case 8:
		return "{verbatim_string = {format = 'txt', string = " + g.pick("'text'", "''", "5") + "}}"
	case 9:
		return "redis.error_reply(" + g.pick("'MY wrong'", "'x'", "'-A b'", "''") + ")"
	case 10:
		return g.command()
	}
	return g.reply(0)
}
