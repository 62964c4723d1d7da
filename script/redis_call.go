package script

import (
	"math"
	"strconv"

	lua "github.com/yuin/gopher-lua"
)

// apiState is what the table redis remembers of a run, and the buffers that it uses again.
type apiState struct {
	resp3 bool     // set by redis.setresp
	args  [][]byte // of the command that is being called
	text  []byte   // what args point into
}

// keptBuffer is how large a buffer for arguments may be that is kept for the next call.
const keptBuffer = 64 << 10

// redisCall is redis.call: an error of the command is raised.
func (v *vm) redisCall(L *lua.LState) int { return v.callCommand(L, true) }

// redisPCall is redis.pcall: an error of the command is returned as a table.
func (v *vm) redisPCall(L *lua.LState) int { return v.callCommand(L, false) }

func (v *vm) callCommand(L *lua.LState, raise bool) int {
	host := v.host(L, "redis.call/pcall")
	args, wrong := v.convertArguments(L)
	if wrong != "" {
		if raise {
			v.raiseReply(L, wrong)
		}
		L.Push(v.errorTable("ERR " + wrong))
		return 1
	}
	reply := host.Call(args, v.api.resp3)
	if cap(v.api.text) > keptBuffer {
		v.api.text = nil
	}
	L.SetTop(0) // what the arguments hold need not stay
	value := v.parseReply(L, reply)
	if raise && len(reply) > 0 && reply[0] == '-' {
		L.Error(value, 0)
	}
	L.Push(value)
	return 1
}

// arguments returns the arguments of a function that takes a command, or raises an error.
func (v *vm) arguments(L *lua.LState) [][]byte {
	args, wrong := v.convertArguments(L)
	if wrong != "" {
		v.raiseReply(L, wrong)
	}
	return args
}

// convertArguments returns the arguments as bytes, or what is wrong with them. They are
// valid until the next call.
func (v *vm) convertArguments(L *lua.LState) (args [][]byte, wrong string) {
	n := L.GetTop()
	if n == 0 {
		return nil, "Please specify at least one argument for this redis lib call"
	}
	text, ends := v.api.text[:0], v.api.args[:0]
	for i := 1; i <= n; i++ {
		switch arg := L.Get(i).(type) {
		case lua.LString:
			if len(arg) > keptBuffer {
				v.grow(len(arg))
			}
			text = append(text, arg...)
		case lua.LNumber:
			text = appendNumber17(text, float64(arg))
		default:
			return nil, "Lua redis lib command arguments must be strings or integers"
		}
		// The text may move while it grows: until it is complete, only lengths count.
		ends = append(ends, text[:len(text)])
	}
	start := 0
	for i, upTo := range ends {
		end := len(upTo)
		ends[i] = text[start:end:end]
		start = end
	}
	v.api.text, v.api.args = text, ends
	return ends, ""
}

// appendNumber17 appends a number as printf's %.17g writes it.
func appendNumber17(b []byte, f float64) []byte {
	switch {
	case f == math.Trunc(f) && math.Abs(f) < 1e17 && (f != 0 || !math.Signbit(f)):
		return strconv.AppendInt(b, int64(f), 10)
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		if math.Signbit(f) { // as processors of the x86 family make it of 0/0
			b = append(b, '-')
		}
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// cInt returns a number as C's conversion to int makes it on the processors that Redis
// runs on, where what does not fit becomes the smallest one.
func cInt(f float64) int {
	if f > math.MinInt32-1 && f < math.MaxInt32+1 {
		return int(f)
	}
	return math.MinInt32
}

// cLongLong is cInt for C's long long.
func cLongLong(f float64) int64 {
	if f >= math.MinInt64 && f < -math.MinInt64 {
		return int64(f)
	}
	return math.MinInt64
}
