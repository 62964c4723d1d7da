package script

import (
	"math"
	"strconv"
	"testing"
)

// What Redis 7.0.15 replies to return string.format('%.17g', math.FUNCTION(X, Y)). Package
// math has another result for most of them.
func TestExactFunctions(t *testing.T) {
	for _, test := range []struct {
		got  float64
		want string
	}{
		{exactPow(68.342317077485731, 14.637726069043747), "7.1727424349583482e+26"},
		{exactPow(60.317350673996096, 14), "8.4370691383967498e+24"},
		{exactPow(80.450520823336618, 8.6144498051936136), "26006548429743412"},
		{exactPow(41, -3.5991862059322299), "1.5677997459762877e-06"}, {exactPow(-3, 41), "-3.6472996377170788e+19"},
		{exactPow(1.0000000001, 1e9), "1.1051709272143471"}, {exactPow(2, 1023), "8.9884656743115795e+307"},
		{exactPow(0.5, 1074), "4.9406564584124654e-324"}, {exactExp(51.829782621678824), "3.231384153089185e+22"},
		{exactExp(-20.3), "1.5269401591266087e-09"}, {exactExp(1), "2.7182818284590451"},
		{exactLog(44.868524980408353), "3.8037365462674448"}, {exactLog(1 + 0x1p-52), "2.2204460492503128e-16"},
		{exactLog(0.1), "-2.3025850929940455"}, {exactLog10(15), "1.1760912590556813"}, {exactLog10(0.001), "-3"},
	} {
		sp := spec{precision: 17, verb: 'g'}
		if got := string(sp.appendFloat(nil, test.got)); got != test.want {
			t.Errorf("%s, want %s", got, test.want)
		}
	}
	for k := -300; k <= 300; k++ {
		power, _ := strconv.ParseFloat("1e"+strconv.Itoa(k), 64)
		if got := exactLog10(power); got != float64(k) {
			t.Errorf("the logarithm of 1e%d: %v", k, got)
		}
		if got := exactPow(10, float64(k)); got != power {
			t.Errorf("10^%d: %v, want %v", k, got, power)
		}
	}
	for _, x := range []float64{0, -1, math.Inf(1), math.Inf(-1), math.NaN(), 1, 5e-324, math.MaxFloat64, -0.5} {
		for _, y := range []float64{0, 1, -1, 0.5, 3, math.Inf(1), math.NaN(), 1e10} {
			got, want := exactPow(x, y), math.Pow(x, y)
			if math.Abs(got-want) > 1e-14*math.Abs(want) || got != got != (want != want) {
				t.Errorf("%v^%v: %v, want %v", x, y, got, want)
			}
		}
	}
}

// What Redis 7.0.15 replies to return string.format('%.17g', EXPRESSION).
func TestOperators(t *testing.T) {
	v := newTestVM()
	for _, test := range []struct{ left, operator, right, want string }{
		{"5", "%", "math.huge", "-nan"}, {"-5", "%", "math.huge", "-nan"}, {"5", "%", "0", "-nan"}, {"-4", "%", "2", "0"},
		{"5.3", "%", "0.1", "0.099999999999999645"}, {"1e300", "%", "3", "0"}, {"-1", "%", "1e18", "1e+18"},
		{"2^53", "%", "3", "2"}, {"1e15", "%", "7", "6"}, {"-7", "%", "3", "2"}, {"7", "%", "-3", "-2"},
		{"0", "%", "-5", "0"}, {"5.5", "%", "-2", "-0.5"}, {"'010'", "%", "'0x7'", "3"}, {"(1 + 2)", "%", "-(4 - 2)", "-1"},
		{"80.450520823336618", "^", "8.6144498051936136", "26006548429743412"}, {"2", "^", "-1", "0.5"},
		{"'010'", "+", "1", "11"}, {"1", "/", "'0x10'", "0.0625"}, {"' 5 '", "*", "'1e1'", "50"},
		{"10", "-", "'inf'", "-inf"},
	} {
		// The compiler calculates with constants, the interpreter with variables.
		constants := test.left + test.operator + test.right
		v.load(t, "return function() local a, b = "+test.left+", "+test.right+" return string.format('%.17g %.17g', "+
			constants+", a"+test.operator+"b) end")
		if got, err := v.callText(""); err != nil || got != test.want+" "+test.want {
			t.Errorf("%s: %q, %v, want %s twice", constants, got, err, test.want)
		}
	}
}
