package script

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// The interpreter calls the hook before every instruction, but its API tells the hook
// neither the instruction nor what its operands are, and that is what bounds, errors and
// read-only tables need. So the types below repeat those of gopher-lua whose fields are
// not exported; checkLayout compares them with the original, so that another version of
// gopher-lua cannot be read wrongly.

// state is lua.LState.
type state struct {
	G       *lua.Global
	Parent  *lua.LState
	Env     *lua.LTable
	Panic   func(*lua.LState)
	Dead    bool
	Options lua.Options

	stop         int32
	reg          *registry
	stack        [2]unsafe.Pointer // an interface
	alloc        unsafe.Pointer
	currentFrame *callFrame
	wrapped      bool
	uvcache      *upvalue
	hasErrorFunc bool
	mainLoop     unsafe.Pointer
	ctx          [2]unsafe.Pointer
	ctxCancelFn  unsafe.Pointer
}

// callFrame is a call of a function that has not returned.
type callFrame struct {
	Idx        int // how many calls are below it
	Fn         *lua.LFunction
	Parent     *callFrame
	Pc         int // the instruction after the one that runs
	Base       int
	LocalBase  int // the function's first register
	ReturnBase int
	NArgs      int
	NRet       int
	TailCall   int
}

// registry holds the registers of all calls.
type registry struct {
	array   []lua.LValue
	top     int
	growBy  int
	maxSize int
	alloc   unsafe.Pointer
	handler [2]unsafe.Pointer
}

// upvalue is lua.Upvalue: a local variable that closures use.
type upvalue struct {
	next   *upvalue
	reg    *registry
	index  int
	value  lua.LValue
	closed bool
}

// table is lua.LTable.
type table struct {
	Metatable lua.LValue

	array   []lua.LValue
	dict    map[lua.LValue]lua.LValue
	strdict map[string]lua.LValue
	keys    []lua.LValue
	k2i     map[lua.LValue]int
}

func stateOf(L *lua.LState) *state         { return (*state)(unsafe.Pointer(L)) }
func tableOf(t *lua.LTable) *table         { return (*table)(unsafe.Pointer(t)) }
func (u *upvalue) exported() *lua.Upvalue  { return (*lua.Upvalue)(unsafe.Pointer(u)) }
func upvalueOf(u *lua.Upvalue) *upvalue    { return (*upvalue)(unsafe.Pointer(u)) }
func opcodeOf(inst uint32) int             { return int(inst >> 26) }
func (f *callFrame) instruction() uint32   { return f.Fn.Proto.Code[f.Pc-1] }
func (s *state) isCurrentFrameInLua() bool { return s.currentFrame != nil && !s.currentFrame.Fn.IsG }

// checkLayout returns an error if the types above are not those of the gopher-lua that the
// program is built with.
var checkLayout = sync.OnceValue(func() error {
	of := reflect.TypeFor[lua.LState]()
	field := func(name string) reflect.Type {
		f, ok := of.FieldByName(name)
		if !ok || f.Type.Kind() != reflect.Pointer {
			return reflect.TypeFor[struct{}]()
		}
		return f.Type.Elem()
	}
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[state](), of},
		{reflect.TypeFor[callFrame](), field("currentFrame")},
		{reflect.TypeFor[registry](), field("reg")},
		{reflect.TypeFor[upvalue](), field("uvcache")},
		{reflect.TypeFor[table](), reflect.TypeFor[lua.LTable]()},
	} {
		if err := sameLayout(pair[0], pair[1]); err != nil {
			return fmt.Errorf("script: this version of gopher-lua is not known, build with v1.1.2: %w", err)
		}
	}
	return nil
})

// sameLayout compares the fields of two structures.
func sameLayout(mine, theirs reflect.Type) error {
	if mine.NumField() != theirs.NumField() || mine.Size() != theirs.Size() {
		return fmt.Errorf("%v has %d fields, not %d", theirs, theirs.NumField(), mine.NumField())
	}
	for i := range mine.NumField() {
		m, t := mine.Field(i), theirs.Field(i)
		if m.Name != t.Name || m.Offset != t.Offset || m.Type.Size() != t.Type.Size() || !sameKind(m.Type, t.Type) {
			return fmt.Errorf("field %s of %v is a %v", t.Name, theirs, t.Type)
		}
	}
	return nil
}

// sameKind reports whether values of two types look the same in memory. What this package
// does not read is declared as a pointer.
func sameKind(mine, theirs reflect.Type) bool {
	switch {
	case mine == theirs, mine.Kind() == reflect.Pointer && theirs.Kind() == reflect.Pointer:
		return true
	case mine.Kind() == reflect.UnsafePointer:
		return theirs.Kind() == reflect.Pointer || theirs.Kind() == reflect.Func
	case mine.Kind() == reflect.Array:
		return theirs.Kind() == reflect.Interface
	}
	return false
}
