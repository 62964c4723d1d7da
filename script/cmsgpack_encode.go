package script

import (
	"encoding/binary"
	"math"

	lua "github.com/yuin/gopher-lua"
)

// maxMsgpackDepth is from which depth on a table is encoded as nil.
const maxMsgpackDepth = 16

// msgpackEncoder writes values in the forms that lua-cmsgpack chooses: integers in the
// shortest one, other numbers as float if that is exact and otherwise as double, strings
// as str, and tables as array if their keys are 1 to n, otherwise as map.
type msgpackEncoder struct{ meteredBuffer }

func (e *msgpackEncoder) value(value lua.LValue, depth int) {
	e.v.step(1)
	switch value := value.(type) {
	case lua.LString:
		e.header(len(value), 32, 0xa0, 0xd9)
		e.appendString(string(value))
	case lua.LBool:
		if value {
			e.appendByte(0xc3)
		} else {
			e.appendByte(0xc2)
		}
	case lua.LNumber:
		e.number(float64(value))
	case *lua.LTable:
		if depth == maxMsgpackDepth {
			e.appendByte(0xc0)
			return
		}
		e.table(value, depth)
	default: // what MessagePack has no form for is nil, too
		e.appendByte(0xc0)
	}
}

func (e *msgpackEncoder) number(f float64) {
	if n := toInteger(f); float64(n) == f {
		e.integer(n)
		return
	}
	e.reserve(9)
	if short := float32(f); float64(short) == f {
		e.b = binary.BigEndian.AppendUint32(append(e.b, 0xca), math.Float32bits(short))
		return
	}
	e.b = binary.BigEndian.AppendUint64(append(e.b, 0xcb), doubleBits(f))
}

func (e *msgpackEncoder) integer(n int64) {
	e.reserve(9)
	switch {
	case -32 <= n && n <= math.MaxInt8:
		e.b = append(e.b, byte(n))
	case 0 <= n && n <= math.MaxUint8:
		e.b = append(e.b, 0xcc, byte(n))
	case 0 <= n && n <= math.MaxUint16:
		e.b = binary.BigEndian.AppendUint16(append(e.b, 0xcd), uint16(n))
	case 0 <= n && n <= math.MaxUint32:
		e.b = binary.BigEndian.AppendUint32(append(e.b, 0xce), uint32(n))
	case 0 <= n:
		e.b = binary.BigEndian.AppendUint64(append(e.b, 0xcf), uint64(n))
	case n >= math.MinInt8:
		e.b = append(e.b, 0xd0, byte(n))
	case n >= math.MinInt16:
		e.b = binary.BigEndian.AppendUint16(append(e.b, 0xd1), uint16(n))
	case n >= math.MinInt32:
		e.b = binary.BigEndian.AppendUint32(append(e.b, 0xd2), uint32(n))
	default:
		e.b = binary.BigEndian.AppendUint64(append(e.b, 0xd3), uint64(n))
	}
}

// header writes a length: in the first byte if it is less than short, which counts from
// fix, else in 8, 16 or 32 bits after a byte that counts from long; maps and arrays have no
// form with 8 bits.
func (e *msgpackEncoder) header(n, short int, fix, long byte) {
	e.reserve(5)
	hasByte := long == 0xd9
	switch {
	case n < short:
		e.b = append(e.b, fix|byte(n))
		return
	case hasByte && n <= math.MaxUint8:
		e.b = append(e.b, long, byte(n))
		return
	case hasByte:
		long++
	}
	if n <= math.MaxUint16 {
		e.b = binary.BigEndian.AppendUint16(append(e.b, long), uint16(n))
		return
	}
	e.b = binary.BigEndian.AppendUint32(append(e.b, long+1), uint32(n))
}

func (e *msgpackEncoder) table(table *lua.LTable, depth int) {
	n, array := e.shape(table)
	if array {
		e.header(n, 16, 0x90, 0xdc)
	} else {
		e.header(n, 16, 0x80, 0xde)
	}
	for key, value := table.Next(lua.LNil); key != lua.LNil; key, value = table.Next(key) {
		if !array {
			e.value(key, depth+1)
		}
		e.value(value, depth+1)
	}
}

// shape returns how many entries a table has, and whether their keys are 1 to n.
func (e *msgpackEncoder) shape(table *lua.LTable) (n int, array bool) {
	largest := 0
	array = true
	for key, _ := table.Next(lua.LNil); key != lua.LNil; key, _ = table.Next(key) {
		e.v.step(1)
		n++
		if k, ok := key.(lua.LNumber); ok && k > 0 && k <= math.MaxInt32 && k == lua.LNumber(int(k)) {
			largest = max(largest, int(k))
		} else {
			array = false
		}
	}
	return n, array && largest == n
}
