package script

import (
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// compile compiles a text. Errors name its source as Lua does: see chunkName.
func compile(text []byte, source string) (proto *lua.FunctionProto, err error) {
	name := chunkName(source)
	chunk, origins, err := parseSource(text, name)
	if err != nil {
		return nil, err
	}
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("%s: the compiler failed: %v", name, problem)
		}
	}()
	proto, err = lua.Compile(chunk, name)
	if compileError, ok := err.(*lua.CompileError); ok {
		line := 0
		if compileError.Line < len(origins) {
			line = origins[compileError.Line].line
		}
		return nil, fmt.Errorf("%s:%d: function or expression too complex", name, line)
	}
	if err != nil {
		return nil, err
	}
	if proto.IsVarArg&lua.VarArgNeedsArg != 0 {
		proto.IsVarArg = 0 // nothing uses "...", and the main function has no arg
	}
	finish(proto, origins, source)
	markMethods(proto)
	return proto, nil
}

// finish puts lines instead of origins into compiled code, and the names of operands where
// the names of local variables are, which nothing reads.
func finish(proto *lua.FunctionProto, origins []origin, source string) {
	proto.LineDefined = origins[proto.LineDefined].line
	proto.LastLineDefined = origins[min(proto.LastLineDefined, len(origins)-1)].line
	proto.DbgLocals = []*lua.DbgLocalInfo{{Name: source, StartPc: -1}}
	for pc, at := range proto.DbgSourcePositions {
		proto.DbgSourcePositions[pc] = origins[at].line
		if names := origins[at].operands; names != nil && namesOperands(opcodeOf(proto.Code[pc])) {
			name := &lua.DbgLocalInfo{Name: strings.Join(names, "\x00"), StartPc: pc}
			proto.DbgLocals = append(proto.DbgLocals, name)
		}
	}
	numberLists(proto.Code)
	// The compiler leaves much room behind each.
	proto.Code, proto.DbgSourcePositions = slices.Clone(proto.Code), slices.Clone(proto.DbgSourcePositions)
	proto.Constants, proto.DbgCalls = slices.Clone(proto.Constants), slices.Clone(proto.DbgCalls)
	proto.FunctionPrototypes = slices.Clone(proto.FunctionPrototypes)
	for _, inner := range proto.FunctionPrototypes {
		finish(inner, origins, source)
	}
}

// namesOperands reports whether errors of an instruction name its operands.
func namesOperands(op int) bool {
	switch op {
	case lua.OP_GETTABLE, lua.OP_GETTABLEKS, lua.OP_SETTABLE, lua.OP_SETTABLEKS, lua.OP_SELF, lua.OP_CALL, lua.OP_TAILCALL,
		lua.OP_UNM, lua.OP_LEN, lua.OP_CONCAT:
		return true
	}
	return isArithmetic(op)
}

// isArithmetic reports whether an instruction calculates with two operands.
func isArithmetic(op int) bool { return lua.OP_ADD <= op && op <= lua.OP_POW }

// operandNames returns how errors name the operands of the instruction at pc.
func operandNames(proto *lua.FunctionProto, pc int) []string {
	for _, name := range proto.DbgLocals {
		if name.StartPc == pc {
			return strings.Split(name.Name, "\x00")
		}
	}
	return nil
}

// numberLists numbers the instructions that store the elements of a table's constructor,
// 50 each. The compiler gets it wrong if several values follow a full one, and behind the
// 511th; and it stores the last 50 once more if a field with a key follows.
func numberLists(code []uint32) {
	var stored [256]int // by the register of the table
	for pc := 0; pc < len(code); pc++ {
		a := registerA(code[pc])
		switch opcodeOf(code[pc]) {
		case lua.OP_NEWTABLE:
			stored[a] = 0
		case lua.OP_SETLIST:
			full := int(code[pc]&0x1ff) == lua.FieldsPerFlush
			wide := code[pc]>>9&0x1ff == 0 // the number is the next word
			if full && storesField(code[pc-1], a) {
				code[pc] = uint32(lua.OP_NOP) << 26
				continue // that word moves a register to itself
			}
			stored[a]++
			if wide {
				pc++
				code[pc] = uint32(stored[a])
			} else {
				code[pc] = code[pc]&^(0x1ff<<9) | uint32(stored[a])<<9
			}
		}
	}
}

func registerA(inst uint32) int { return int(inst>>18) & 0xff }

// storesField reports whether an instruction stores a field in the table in a register.
func storesField(inst uint32, a int) bool {
	op := opcodeOf(inst)
	return (op == lua.OP_SETTABLE || op == lua.OP_SETTABLEKS) && registerA(inst) == a
}

// sourceOf returns the whole name of the source of a function.
func sourceOf(proto *lua.FunctionProto) string {
	if len(proto.DbgLocals) > 0 && proto.DbgLocals[0].StartPc < 0 {
		return proto.DbgLocals[0].Name
	}
	return "@" + proto.SourceName
}

// chunkName returns the name of a source in texts of errors, as luaO_chunkid.
func chunkName(source string) string {
	const most = 80 // LUA_IDSIZE in Redis
	switch {
	case strings.HasPrefix(source, "="):
		return source[1:min(len(source), most)]
	case strings.HasPrefix(source, "@"):
		source = source[1:]
		if room := most - len(" '...' ") - 1; len(source) > room {
			return "..." + source[len(source)-room:]
		}
		return source
	}
	line, _, cut := strings.Cut(strings.ReplaceAll(source, "\r", "\n"), "\n")
	room := most - len(` [string "..."] `) - 1
	if cut || len(line) > room {
		line = line[:min(len(line), room)] + "..."
	}
	return `[string "` + line + `"]`
}
