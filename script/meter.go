package script

import (
	"fmt"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// Bytes that values take up in the interpreter.
const (
	valueBytes      = 16  // in an array or a register
	stringBytes     = 16  // besides the text
	numberBytes     = 256 // numbers are made in blocks, which one number keeps
	tableBytes      = 112 // empty
	fieldBytes      = 112 // of a table
	firstFieldBytes = 640 // the first one: maps have room for a few
	firstElements   = 4   // of a table without elements: room for these
	closureBytes    = 96
	upvalueBytes    = 64
	threadBytes     = 16 << 10
)

// meter bounds what a script holds. What is about to be made is charged; when the charge
// gets too high, all that the script can still reach is measured.
type meter struct {
	limit   int64
	charged int64 // since the last measurement
	allowed int64 // charge until the next one
	called  int64 // charged by the library function that runs, whose result cannot be reached yet
	held    int64 // see hold
	marks   marks
}

// start begins a run that may hold limit bytes besides those that it gets.
func (m *meter) start(limit int64) {
	m.limit, m.charged, m.allowed, m.called, m.held = limit, 0, limit, 0, 0
}

// grow says that n more bytes are about to be held. It raises an error that ends the script
// if it may not hold so many.
func (v *vm) grow(n int) {
	v.meter.called += int64(n)
	v.charge(n)
}

// charge is grow for what the interpreter makes: the script can reach it at once.
func (v *vm) charge(n int) {
	if v.meter.charged += int64(n); v.meter.charged > v.meter.allowed || n > bigStep {
		v.measure(n)
	}
}

// hold says that a library function keeps n bytes, such as those of a buffer, while it calls
// functions of the script. It says so with -n when it keeps them no longer; an error does
// that, too.
func (v *vm) hold(n int) { v.meter.held += int64(n) }

// bigStep is so much at once that single instructions may take long afterwards, such as to
// compare or to hash a string: then the host is asked more often whether to go on.
const bigStep = 64 << 10

// measure finds out what the script holds before it gets n bytes more.
func (v *vm) measure(n int) {
	m := &v.meter
	if n > bigStep {
		v.every = pollOften
	}
	if m.charged <= m.allowed {
		return
	}
	live := v.reachable() + m.called + m.held
	if live+int64(n) > m.limit {
		v.abort(fmt.Sprintf("not enough memory: the script may hold %d bytes", m.limit))
	}
	m.charged = 0
	// Close to the limit it is not measured at every step: it may be passed by an eighth.
	m.allowed = max(m.limit-live, m.limit/8)
}

// growth returns how much a table grows by when a value is stored in it.
func growth(t *table, key lua.LValue) int {
	switch key := key.(type) {
	case lua.LString:
		if t.strdict == nil {
			return firstFieldBytes
		}
		return fieldBytes
	case lua.LNumber:
		if key >= 1 && key < lua.LNumber(lua.MaxArrayIndex) && key == lua.LNumber(int(key)) {
			n := len(t.array)
			if t.array == nil {
				n = -firstElements
			}
			if gap := int(key) - n; gap > 1 {
				return 2*gap*valueBytes + numberBytes
			}
			return 3*valueBytes + numberBytes/8
		}
	}
	if t.dict == nil {
		return firstFieldBytes
	}
	return fieldBytes
}

// reachable returns how many bytes the script holds. Tables that all scripts share do not
// count.
func (v *vm) reachable() int64 {
	w := walk{v: v, marks: &v.meter.marks}
	w.marks.reset()
	for L := v.L.G.CurrentThread; L != nil; L = L.Parent {
		w.value(L)
	}
	w.value(v.L)
	w.value(v.globals.RawGetString("KEYS"))
	w.value(v.globals.RawGetString("ARGV"))
	w.all()
	return w.bytes
}

// walk goes through all that a script can reach.
type walk struct {
	v     *vm
	bytes int64
	marks *marks
	later []lua.LValue // found, but not gone through
	block uintptr      // of numbers, the last one that counted
}

// all goes through what has been found.
func (w *walk) all() {
	for len(w.later) > 0 {
		last := len(w.later) - 1
		value := w.later[last]
		w.later = w.later[:last]
		w.inside(value)
	}
}

// value counts a value, once.
func (w *walk) value(value lua.LValue) {
	switch value := value.(type) {
	case lua.LString:
		w.bytes += stringBytes
		if len(value) > 0 && w.marks.add(uintptr(unsafe.Pointer(unsafe.StringData(string(value))))) {
			w.bytes += int64(len(value))
		}
	case lua.LNumber:
		if value >= 0 && value < 128 && value == lua.LNumber(int(value)) {
			return // these are shared
		}
		block := dataOf(value) / numberBytes
		if block != w.block && w.marks.add(block) {
			w.bytes += numberBytes
		}
		w.block = block
	case *lua.LTable:
		if !w.v.isReadOnly(value) && w.marks.add(uintptr(unsafe.Pointer(value))) {
			w.later = append(w.later, value)
		}
	case *lua.LFunction:
		if w.marks.add(uintptr(unsafe.Pointer(value))) {
			w.later = append(w.later, value)
		}
	case *lua.LState:
		if w.marks.add(uintptr(unsafe.Pointer(value))) {
			w.later = append(w.later, value)
		}
	case *lua.LUserData:
		w.bytes += tableBytes
	}
}

// dataOf returns where the value of a number is in memory.
func dataOf(value lua.LValue) uintptr { return (*[2]uintptr)(unsafe.Pointer(&value))[1] }

// inside counts what a value consists of.
func (w *walk) inside(value lua.LValue) {
	switch value := value.(type) {
	case *lua.LTable:
		w.table(tableOf(value))
	case *lua.LFunction:
		w.bytes += closureBytes + int64(len(value.Upvalues))*8
		if value.Proto != nil && w.marks.add(uintptr(unsafe.Pointer(value.Proto))) {
			w.bytes += protoBytes(value.Proto)
		}
		for _, up := range value.Upvalues {
			if up != nil && w.marks.add(uintptr(unsafe.Pointer(up))) {
				w.bytes += upvalueBytes
				w.value(up.Value())
			}
		}
	case *lua.LState:
		s := stateOf(value)
		w.bytes += threadBytes + int64(cap(s.reg.array))*valueBytes
		for _, register := range s.reg.array {
			if register != nil {
				w.value(register)
			}
		}
		for f := s.currentFrame; f != nil; f = f.Parent {
			w.bytes += int64(unsafe.Sizeof(*f))
			w.value(f.Fn)
		}
	}
}

// protoBytes returns how many bytes compiled code takes up.
func protoBytes(proto *lua.FunctionProto) int64 {
	bytes := int64(unsafe.Sizeof(*proto)) + int64(len(proto.Code))*16 + int64(len(proto.DbgCalls))*24
	for _, constant := range proto.Constants {
		bytes += 3*valueBytes + stringBytes
		if text, ok := constant.(lua.LString); ok {
			bytes += int64(len(text))
		}
	}
	for _, name := range proto.DbgLocals {
		bytes += int64(unsafe.Sizeof(*name)) + int64(len(name.Name))
	}
	for _, inner := range proto.FunctionPrototypes {
		bytes += protoBytes(inner)
	}
	return bytes
}

// table counts the parts of a table. Fields that were set to nil leave their key behind.
func (w *walk) table(t *table) {
	w.bytes += tableBytes + int64(cap(t.array))*valueBytes + int64(max(len(t.keys), len(t.strdict)+len(t.dict)))*fieldBytes
	if len(t.array) > bigStep/valueBytes || len(t.keys) > bigStep/fieldBytes {
		w.v.every = pollOften
	}
	if t.k2i != nil || t.strdict != nil || t.dict != nil {
		w.bytes += firstFieldBytes
	}
	for _, value := range t.array {
		w.value(value)
	}
	for _, key := range t.keys {
		w.value(key)
	}
	for _, value := range t.strdict {
		w.value(value)
	}
	for _, value := range t.dict {
		w.value(value)
	}
	if t.Metatable != lua.LNil {
		w.value(t.Metatable)
	}
}

// marks is a set of addresses.
type marks struct {
	slots []uintptr // open addressing, 0 is free
	used  int
}

// reset empties the set.
func (m *marks) reset() {
	if len(m.slots) > 1<<12 || m.slots == nil {
		m.slots = make([]uintptr, 1<<8)
	} else {
		clear(m.slots)
	}
	m.used = 0
}

// add puts an address into the set. It returns false if it was there.
func (m *marks) add(address uintptr) bool {
	if 4*m.used > 3*len(m.slots) {
		old := m.slots
		m.slots, m.used = make([]uintptr, 4*len(old)), 0
		for _, address := range old {
			if address != 0 {
				m.add(address)
			}
		}
	}
	mask := uint64(len(m.slots) - 1)
	for i := uint64(address) * 0x9e3779b97f4a7c15 >> 20; ; i++ {
		switch slot := &m.slots[i&mask]; *slot {
		case 0:
			*slot = address
			m.used++
			return true
		case address:
			return false
		}
	}
}
