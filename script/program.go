package script

import (
	"fmt"

	"github.com/slotmesh/slotmesh/scripting"
	lua "github.com/yuin/gopher-lua"
)

// Names of sources in texts of errors, as in Redis.
const (
	evalName     = "@user_script"
	functionName = "@user_function"
)

// program is a compiled script.
type program struct {
	engine *Engine
	proto  *lua.FunctionProto
	bytes  int
}

// Bytes returns about how much memory the program takes up.
func (p *program) Bytes() int { return p.bytes }

// Run runs the script.
func (p *program) Run(r *scripting.Run) {
	v := p.engine.acquire()
	before := len(r.Reply)
	defer func() {
		if problem := recover(); problem != nil { // v is not used again
			r.Reply = fmt.Appendf(r.Reply[:before], "-ERR internal error of the interpreter: %.200q\r\n", fmt.Sprint(problem))
		}
	}()
	v.start(r)
	v.runEval(p.proto)
	if v.end() {
		p.engine.release(v)
	}
}

// runEval runs a script that has its keys and arguments in globals.
func (v *vm) runEval(proto *lua.FunctionProto) {
	v.globals.RawSetString("KEYS", v.bytesTable(v.run.Keys))
	v.globals.RawSetString("ARGV", v.bytesTable(v.run.Args))
	if result, ok := v.call(v.L.NewFunctionFromProto(proto)); ok {
		v.appendReply(result)
	} else {
		v.appendError(result)
	}
}
