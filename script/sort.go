package script

import lua "github.com/yuin/gopher-lua"

// sorter sorts the elements of a table with the quicksort of Lua 5.1 (ltablib.c): equal
// elements end up in the same order, and a function that is no order gives the same error.
type sorter struct {
	v    *vm
	L    *lua.LState
	t    *lua.LTable
	less *lua.LFunction // nil for the operator
}

func (v *vm) tableSort(L *lua.LState) int {
	s := sorter{v: v, L: L, t: checkTable(L, 1)}
	n := s.t.Len()
	if L.Get(2) != lua.LNil {
		s.less = checkFunction(L, 2)
	}
	if n > 1 {
		v.writable(s.t)
	}
	s.sort(1, n)
	return 0
}

func (s *sorter) at(i int) lua.LValue { return s.t.RawGet(lua.LNumber(i)) }

func (s *sorter) swap(i, j int) {
	a, b := s.at(i), s.at(j)
	s.t.RawSetInt(i, b)
	s.t.RawSetInt(j, a)
}

// order swaps two elements if they are in the wrong order.
func (s *sorter) order(lo, hi int) {
	if s.lessThan(s.at(hi), s.at(lo)) {
		s.swap(lo, hi)
	}
}

// sort sorts the elements from lo to hi. It calls itself only for the smaller part, so that
// the depth is the logarithm of the length.
func (s *sorter) sort(lo, hi int) {
	for lo < hi {
		s.order(lo, hi)
		if hi-lo == 1 {
			return
		}
		middle := (lo + hi) / 2
		if s.lessThan(s.at(middle), s.at(lo)) {
			s.swap(middle, lo)
		} else {
			s.order(middle, hi)
		}
		if hi-lo == 2 {
			return
		}
		pivot := s.partition(lo, middle, hi)
		if pivot-lo < hi-pivot {
			s.sort(lo, pivot-1)
			lo = pivot + 1
		} else {
			s.sort(pivot+1, hi)
			hi = pivot - 1
		}
	}
}

// partition moves the elements that are less than the one in the middle before it and the
// others behind it, and returns where it is then.
func (s *sorter) partition(lo, middle, hi int) int {
	pivot := s.at(middle)
	s.swap(middle, hi-1)
	i, j := lo, hi-1
	for {
		for i++; s.lessThan(s.at(i), pivot); i++ {
			if i > hi {
				raise(s.L, "invalid order function for sorting")
			}
		}
		for j--; s.lessThan(pivot, s.at(j)); j-- {
			if j < lo {
				raise(s.L, "invalid order function for sorting")
			}
		}
		if j < i {
			s.swap(hi-1, i)
			return i
		}
		s.swap(i, j)
	}
}

// lessThan compares two elements.
func (s *sorter) lessThan(a, b lua.LValue) bool {
	s.v.step(1)
	if s.less == nil {
		return s.v.lessThan(s.L, a, b)
	}
	s.L.Push(s.less)
	s.L.Push(a)
	s.L.Push(b)
	s.L.Call(2, 1)
	result := s.L.ToBool(-1)
	s.L.Pop(1)
	return result
}

// lessThan is the operator <.
func (v *vm) lessThan(L *lua.LState, a, b lua.LValue) bool {
	switch a := a.(type) {
	case lua.LNumber:
		if b, ok := b.(lua.LNumber); ok {
			return a < b
		}
	case lua.LString:
		if b, ok := b.(lua.LString); ok {
			v.step(min(len(a), len(b)) >> 6)
			return a < b
		}
	case *lua.LTable, *lua.LUserData:
		fn := L.GetMetaField(a, "__lt")
		if a.Type() == b.Type() && fn.Type() == lua.LTFunction && fn == L.GetMetaField(b, "__lt") {
			return L.LessThan(a, b)
		}
	}
	failCompare(L, a, b)
	return false
}

// failCompare raises the error that two values have no order. It has no position, as the
// function that compares is not written in Lua.
func failCompare(L *lua.LState, a, b lua.LValue) {
	text := "attempt to compare " + a.Type().String() + " with " + b.Type().String()
	if a.Type() == b.Type() {
		text = "attempt to compare two " + a.Type().String() + " values"
	}
	L.Error(lua.LString(text), 0)
}
