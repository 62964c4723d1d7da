package script

import (
	"math"
	"math/rand/v2"
	"sync/atomic"

	lua "github.com/yuin/gopher-lua"
)

func init() { openers = append(openers, opener{"math", (*vm).openMath}) }

func (v *vm) openMath() *lua.LTable {
	functions := map[string]lua.LGFunction{
		"abs":   func(L *lua.LState) int { return pushNumber(L, math.Abs(checkNumber(L, 1))) },
		"atan2": ofTwo(math.Atan2), "fmod": ofTwo(math.Mod), "frexp": mathFrexp, "ldexp": mathLdexp,
		"max":    mathBest(func(a, b float64) bool { return a > b }),
		"min":    mathBest(func(a, b float64) bool { return a < b }),
		"mod":    ofTwo(math.Mod),
		"modf":   mathModf,
		"pow":    ofTwo(exactPow),
		"random": v.mathRandom, "randomseed": v.mathRandomseed,
	}
	for name, f := range map[string]func(float64) float64{
		"acos": math.Acos, "asin": math.Asin, "atan": math.Atan, "ceil": math.Ceil, "cos": math.Cos,
		"cosh": math.Cosh, "deg": func(x float64) float64 { return x / (math.Pi / 180) }, "exp": exactExp,
		"floor": math.Floor, "log": exactLog, "log10": exactLog10,
		"rad": func(x float64) float64 { return x * (math.Pi / 180) },
		"sin": math.Sin, "sinh": math.Sinh, "sqrt": math.Sqrt, "tan": math.Tan, "tanh": math.Tanh,
	} {
		functions[name] = func(L *lua.LState) int {
			x := checkNumber(L, 1)
			result := asInC(f(x), x, x)
			if x == x && result != result && (name == "acos" || name == "asin" || name == "log10") {
				result = -result // those of the C library end otherwise
			}
			return pushNumber(L, result)
		}
	}
	library := v.newLibrary(functions)
	library.RawSetString("pi", lua.LNumber(math.Pi))
	library.RawSetString("huge", lua.LNumber(math.Inf(1)))
	v.onStart = append(v.onStart, func() { v.base.seeded = false })
	return library
}

func pushNumber(L *lua.LState, f float64) int {
	L.Push(lua.LNumber(f))
	return 1
}

// ofTwo returns the function for two arguments. C compilers evaluate the last one first,
// which tells in errors.
func ofTwo(f func(x, y float64) float64) lua.LGFunction {
	return func(L *lua.LState) int {
		y := checkNumber(L, 2)
		x := checkNumber(L, 1)
		return pushNumber(L, asInC(f(x, y), x, y))
	}
}

// asInC returns the result f of a function of x and y. If it is not a number it gets the
// sign that it has on x86, where "-nan" is what has no result.
func asInC(f, x, y float64) float64 {
	switch {
	case f == f:
		return f
	case x != x:
		return x
	case y != y:
		return y
	}
	return math.Copysign(f, -1)
}

// mathBest returns the function for the argument that is better than all others.
func mathBest(better func(a, b float64) bool) lua.LGFunction {
	return func(L *lua.LState) int {
		best := checkNumber(L, 1)
		for i := 2; i <= L.GetTop(); i++ {
			if f := checkNumber(L, i); better(f, best) {
				best = f
			}
		}
		return pushNumber(L, best)
	}
}

func mathFrexp(L *lua.LState) int {
	fraction, exponent := math.Frexp(checkNumber(L, 1))
	L.Push(lua.LNumber(fraction))
	L.Push(lua.LNumber(exponent))
	return 2
}

func mathLdexp(L *lua.LState) int {
	exponent := checkInt(L, 2)
	return pushNumber(L, math.Ldexp(checkNumber(L, 1), exponent))
}

func mathModf(L *lua.LState) int {
	whole, fraction := math.Modf(checkNumber(L, 1))
	if math.IsInf(whole, 0) {
		fraction = math.Copysign(0, whole)
	}
	L.Push(lua.LNumber(whole))
	L.Push(lua.LNumber(fraction))
	return 2
}

// Redis gives scripts the generator of lrand48, a linear congruence with 48 bits of state,
// which all of them share. Scripts of this package run at the same time: one that sets the
// seed has a state of its own from then on, so that it gets the same numbers as in Redis.

// random is the shared state. Redis begins with the same one each time.
var random = newRandom()

func newRandom() *atomic.Uint64 {
	state := new(atomic.Uint64)
	state.Store(rand.Uint64() & randomMask)
	return state
}

const randomMask = 1<<48 - 1

// nextRandom returns a number of 31 bits.
func (v *vm) nextRandom() int64 {
	following := func(state uint64) uint64 { return (state*0x5deece66d + 0xb) & randomMask }
	if v.base.seeded {
		v.base.random = following(v.base.random)
		return int64(v.base.random >> 17)
	}
	for {
		old := random.Load()
		if state := following(old); random.CompareAndSwap(old, state) {
			return int64(state >> 17)
		}
	}
}

func (v *vm) mathRandomseed(L *lua.LState) int {
	v.base.random = uint64(uint32(checkInt(L, 1)))<<16 | 0x330e
	v.base.seeded = true
	return 0
}

func (v *vm) mathRandom(L *lua.LState) int {
	r := float64(v.nextRandom()%math.MaxInt32) / math.MaxInt32
	switch L.GetTop() {
	case 0:
		return pushNumber(L, r)
	case 1:
		most := checkInt(L, 1)
		if most < 1 {
			argError(L, 1, "interval is empty")
		}
		return pushNumber(L, math.Floor(r*float64(most))+1)
	case 2:
		least, most := checkInt(L, 1), checkInt(L, 2)
		if least > most {
			argError(L, 2, "interval is empty")
		}
		size := int32(most - least + 1) // it overflows as in C
		return pushNumber(L, math.Floor(r*float64(size))+float64(least))
	}
	raise(L, "wrong number of arguments")
	return 0
}
