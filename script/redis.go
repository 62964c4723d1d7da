package script

import (
	"crypto/sha1"
	"encoding/hex"
	"strings"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// The version of Redis whose scripts this package runs, as scripts read it.
const (
	redisVersion    = "7.0.15"
	redisVersionNum = 7<<16 | 0<<8 | 15
)

// The bits of redis.set_repl.
const (
	replAOF     = 1
	replReplica = 2
)

func init() { openers = append(openers, opener{"redis", (*vm).openRedisOfEval}) }

// openRedis returns the table redis as functions of libraries have it.
func (v *vm) openRedis() *lua.LTable {
	v.onStart = append(v.onStart, func() { v.api.resp3 = false })
	t := v.L.CreateTable(0, 32)
	for name, fn := range map[string]lua.LGFunction{
		"call":          v.redisCall,
		"pcall":         v.redisPCall,
		"sha1hex":       v.redisSHA1Hex,
		"error_reply":   v.redisErrorReply,
		"status_reply":  v.redisStatusReply,
		"log":           v.redisLog,
		"setresp":       v.redisSetRESP,
		"set_repl":      v.redisSetRepl,
		"acl_check_cmd": v.redisACLCheckCmd,
	} {
		t.RawSetString(name, v.L.NewFunction(fn))
	}
	for name, n := range map[string]lua.LNumber{
		"LOG_DEBUG":         lua.LNumber(scripting.Debug),
		"LOG_VERBOSE":       lua.LNumber(scripting.Verbose),
		"LOG_NOTICE":        lua.LNumber(scripting.Notice),
		"LOG_WARNING":       lua.LNumber(scripting.Warning),
		"REPL_NONE":         0,
		"REPL_AOF":          replAOF,
		"REPL_SLAVE":        replReplica,
		"REPL_REPLICA":      replReplica,
		"REPL_ALL":          replAOF | replReplica,
		"REDIS_VERSION_NUM": redisVersionNum,
	} {
		t.RawSetString(name, n)
	}
	t.RawSetString("REDIS_VERSION", lua.LString(redisVersion))
	return t
}

// openRedisOfEval returns the table redis as scripts of EVAL have it: with what was left
// of Redis' debugger and of the times when scripts were replicated.
func (v *vm) openRedisOfEval() *lua.LTable {
	t := v.openRedis()
	t.RawSetString("breakpoint", v.L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LFalse) // nobody debugs the script
		return 1
	}))
	t.RawSetString("debug", v.L.NewFunction(func(*lua.LState) int { return 0 }))
	t.RawSetString("replicate_commands", v.L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LTrue) // effects are what is replicated
		return 1
	}))
	return t
}

// redisSHA1Hex is redis.sha1hex. What is not a string counts as the empty one.
func (v *vm) redisSHA1Hex(L *lua.LState) int {
	if L.GetTop() != 1 {
		v.raiseReply(L, "wrong number of arguments")
	}
	text, _ := textOf(L.Get(1))
	v.step(len(text) / 64)
	sum := sha1.Sum([]byte(text))
	L.Push(lua.LString(hex.EncodeToString(sum[:])))
	return 1
}

// redisErrorReply is redis.error_reply.
func (v *vm) redisErrorReply(L *lua.LState) int {
	text, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(v.errorTable("ERR wrong number or type of arguments"))
		return 1
	}
	L.Push(v.errorTable(errorText(strings.TrimPrefix(untilNUL(string(text)), "-"))))
	return 1
}

// redisStatusReply is redis.status_reply.
func (v *vm) redisStatusReply(L *lua.LState) int {
	text, ok := L.Get(1).(lua.LString)
	if L.GetTop() != 1 || !ok {
		L.Push(v.errorTable("ERR wrong number or type of arguments"))
		return 1
	}
	L.Push(v.fieldTable("ok", text))
	return 1
}

// redisLog is redis.log. Of what follows the level, only strings and numbers are written.
func (v *vm) redisLog(L *lua.LState) int {
	if L.GetTop() < 2 {
		v.raiseReply(L, "redis.log() requires two arguments or more.")
	}
	n, ok := numberOf(L.Get(1))
	if !ok {
		v.raiseReply(L, "First argument must be a number (log level).")
	}
	level := scripting.Level(cInt(n))
	if level < scripting.Debug || level > scripting.Warning {
		v.raiseReply(L, "Invalid debug level.")
	}
	var line strings.Builder
	for i := 2; i <= L.GetTop(); i++ {
		text, ok := textOf(L.Get(i))
		if !ok {
			continue
		}
		v.grow(len(text) + 1)
		if i > 2 {
			line.WriteByte(' ')
		}
		line.WriteString(text)
	}
	v.host(L, "redis.log").Log(level, line.String())
	return 0
}

// redisSetRESP is redis.setresp: it sets the protocol in which redis.call replies.
func (v *vm) redisSetRESP(L *lua.LState) int {
	v.host(L, "redis.setresp")
	if L.GetTop() != 1 {
		v.raiseReply(L, "redis.setresp() requires one argument.")
	}
	n, _ := numberOf(L.Get(1))
	switch cInt(n) {
	case 2:
		v.api.resp3 = false
	case 3:
		v.api.resp3 = true
	default:
		v.raiseReply(L, "RESP version must be 2 or 3.")
	}
	return 0
}

// redisSetRepl is redis.set_repl. It has no effect: replicas get what a script did, always,
// because one that lacks a part would be a different database after a failover.
func (v *vm) redisSetRepl(L *lua.LState) int {
	v.host(L, "redis.set_repl")
	if L.GetTop() != 1 {
		v.raiseReply(L, "redis.set_repl() requires two arguments.") // as Redis words it
	}
	if n, _ := numberOf(L.Get(1)); cInt(n)&^(replAOF|replReplica) != 0 {
		v.raiseReply(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.")
	}
	return 0
}

// redisACLCheckCmd is redis.acl_check_cmd.
func (v *vm) redisACLCheckCmd(L *lua.LState) int {
	host := v.host(L, "redis.acl_check_cmd")
	args := v.arguments(L)
	may, err := host.MayRun(args)
	if err != nil {
		v.raiseReply(L, "Invalid command passed to redis.acl_check_cmd()")
	}
	L.Push(lua.LBool(may))
	return 1
}

// host returns the host of the run, and raises an error if nothing runs: while a library
// is loaded.
func (v *vm) host(L *lua.LState, function string) scripting.Host {
	if v.run == nil {
		v.raiseReply(L, function+" can only be called inside a script invocation")
	}
	return v.run.Host
}

// textOf returns what lua_tolstring does: the text of a string or a number.
func textOf(value lua.LValue) (text string, ok bool) {
	switch value := value.(type) {
	case lua.LString:
		return string(value), true
	case lua.LNumber:
		return numberText(value), true
	}
	return "", false
}

// numberOf returns what lua_tonumber does: a number, or that which a string shows.
func numberOf(value lua.LValue) (n float64, ok bool) {
	switch value := value.(type) {
	case lua.LNumber:
		return float64(value), true
	case lua.LString:
		return parseNumber(string(value))
	}
	return 0, false
}
