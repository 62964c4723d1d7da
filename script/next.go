package script

import (
	"math"

	lua "github.com/yuin/gopher-lua"
)

// traversal is where the last call of next found its key, so that a loop over a table does
// not look for each key again.
type traversal struct {
	t     *lua.LTable
	index int // in the list of keys that are not in the array
}

// baseNext is gopher-lua's next for keys that have gone from the array, which tells of keys
// that the table never had.
func (v *vm) baseNext(L *lua.LState) int {
	t := checkTable(L, 1)
	key, value, ok := v.next(t, L.Get(2))
	switch {
	case !ok:
		L.Error(lua.LString("invalid key to 'next'"), 0)
	case key == lua.LNil:
		L.Push(lua.LNil)
		return 1
	}
	L.Push(key)
	L.Push(value)
	return 2
}

// next returns the key after the given one, nil after the last and before the first. It is
// not ok if the table cannot have had the given key.
func (v *vm) next(t *lua.LTable, key lua.LValue) (following, value lua.LValue, ok bool) {
	tab := tableOf(t)
	index, inArray, ok := v.positionOf(t, key)
	if !ok {
		return nil, nil, false
	}
	if inArray {
		for i := index; i < len(tab.array); i++ {
			if value := tab.array[i]; value != lua.LNil {
				return number(int64(i + 1)), value, true
			}
		}
		index = 0
	}
	for i := index; i < len(tab.keys); i++ {
		if i-index&1023 == 1023 {
			v.step(100)
		}
		if value := t.RawGetH(tab.keys[i]); value != lua.LNil {
			v.base.last = traversal{t, i}
			return tab.keys[i], value, true
		}
	}
	return lua.LNil, lua.LNil, true
}

// positionOf returns where to look for the key after the given one.
func (v *vm) positionOf(t *lua.LTable, key lua.LValue) (index int, inArray, ok bool) {
	if key == lua.LNil {
		return 0, true, true
	}
	tab := tableOf(t)
	if n, isNumber := key.(lua.LNumber); isNumber && n > 0 && n < lua.LNumber(lua.MaxArrayIndex) &&
		float64(n) == math.Floor(float64(n)) {
		return int(n), true, int(n) <= cap(tab.array) // elements at the end may have been removed
	}
	if last := v.base.last; last.t == t && last.index < len(tab.keys) && tab.keys[last.index] == key {
		return last.index + 1, false, true
	}
	index, ok = tab.k2i[key]
	return index + 1, false, ok
}
