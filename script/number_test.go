package script

import (
	"math"
	"strconv"
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// What Redis 7.0.15 replies to return tostring(NUMBER).
func TestNumberText(t *testing.T) {
	zero := 0.0
	for _, test := range []struct {
		f    float64
		want string
	}{
		{0, "0"}, {math.Copysign(0, -1), "-0"}, {1, "1"}, {-1, "-1"}, {100, "100"},
		{99999999999999, "99999999999999"}, {-99999999999999, "-99999999999999"}, {1e14, "1e+14"}, {-1e14, "-1e+14"},
		{123456789012345, "1.2345678901234e+14"}, {1e15, "1e+15"}, {1e100, "1e+100"}, {0.1, "0.1"},
		{1.0 / 3, "0.33333333333333"}, {1e-4, "0.0001"}, {1e-5, "1e-05"}, {123456.789e3, "123456789"},
		{1 << 53, "9.007199254741e+15"}, {1 << 63, "9.2233720368548e+18"}, {5e-324, "4.9406564584125e-324"},
		{math.MaxFloat64, "1.7976931348623e+308"}, {0.99999999999999994, "1"}, {99999999999999.9, "1e+14"},
		{1e14 - 0.5, "1e+14"}, {100000.5, "100000.5"}, {123e-7, "1.23e-05"}, {3.14159265358979, "3.1415926535898"},
		{1 / zero, "inf"}, {-1 / zero, "-inf"}, {math.NaN(), "nan"}, {math.Copysign(math.NaN(), -1), "-nan"},
	} {
		if got := numberText(lua.LNumber(test.f)); got != test.want {
			t.Errorf("%v: %q, want %q", test.f, got, test.want)
		}
	}
}

// What Redis 7.0.15 replies to return string.format('%.17g', tonumber(TEXT)).
func TestParseNumber(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "1": "1", "-1": "-1", "+1": "1", " 12 ": "12", "\t\n\v\f\r7": "7", "1.5": "1.5", ".5": "0.5", "5.": "5",
		"-.5": "-0.5", "1e3": "1000", "1E3": "1000", "1e+3": "1000", "1e-3": "0.001", "1e": "nil", "1e+": "nil",
		"e1": "nil", "": "nil", "  ": "nil", "0x10": "16", "0X1f": "31", "-0xA": "-10", "0x": "nil", "0x.8": "0.5",
		"0x1p4": "16", "0x1P-1": "0.5", "0x1p": "nil", "0xg": "nil", "1_000": "nil", "0x1_0": "nil", "0b1": "nil",
		"010": "10", "0o7": "nil", "inf": "inf", "-inf": "-inf", "INF": "inf", "infinity": "inf", "infinit": "nil",
		"nan": "nan", "-nan": "-nan", "NaN": "nan", "nan(1a_)": "nan", "nan(": "nil", "nan(-)": "nil", "1\x00x": "1",
		"\x001": "nil", "1 2": "nil", "1,5": "nil", "--1": "nil", "+-1": "nil", "1e400": "inf", "-1e400": "-inf",
		"1e-400": "0", "99999999999999999999": "1e+20", "0x1ffffffffffffffff": "3.6893488147419103e+19",
		"123456789012345": "123456789012345", "1234567890123456": "1234567890123456", "٣": "nil", "1d": "nil",
		"0x1.8": "1.5", "0x1.8p1": "3", "1.5.5": "nil", "..5": "nil", ".": "nil", "-0": "-0", "-": "nil",
	} {
		got := "nil"
		if f, ok := parseNumber(text); ok {
			sp := spec{precision: 17, verb: 'g'}
			got = string(sp.appendFloat(nil, f))
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// What Redis 7.0.15 replies to return string.format('%.0f', tonumber(TEXT, BASE)).
func TestParseInBase(t *testing.T) {
	for _, test := range []struct {
		text string
		base int
		want string
	}{
		{"10", 2, "2"}, {"2", 2, "nil"}, {"ff", 16, "255"}, {" 0x1F ", 16, "31"}, {"0x", 16, "nil"}, {"z", 36, "35"},
		{"Z", 36, "35"}, {"8", 8, "nil"}, {"", 8, "nil"}, {"+7", 8, "7"}, {"-1", 16, "18446744073709551615"},
		{"7fffffffffffffff", 16, "9223372036854775807"}, {"99999999999999999999", 16, "18446744073709551615"},
		{"1.5", 9, "nil"}, {"1 1", 3, "nil"}, {"10\x00z", 3, "3"},
	} {
		got := "nil"
		if n, ok := parseInBase(test.text, test.base); ok {
			got = strconv.FormatUint(n, 10)
		}
		if got != test.want {
			t.Errorf("%q in base %d: %s, want %s", test.text, test.base, got, test.want)
		}
	}
}

// FuzzNumber reads any text as a number, whose text must be read as nearly the same number.
func FuzzNumber(f *testing.F) {
	for _, seed := range []string{
		"0", "-1", "1e308", "0x1p-1074", "nan", "-inf", " 12\n", "1e-5", "123456789012345678", "0x.p1", "nan(x)", "1\x002",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseNumber(s)
		if !ok {
			return
		}
		text := numberText(lua.LNumber(n))
		again, ok := parseNumber(text)
		difference := math.Abs(again - n)
		switch {
		case !ok, len(text) > 24:
			t.Fatalf("%q is %v, whose text is %q", s, n, text)
		case n != n:
			if again == again {
				t.Fatalf("%q is %v, then %v", s, n, again)
			}
		case n == again:
		case math.IsInf(again, 0) && math.Abs(n) > 1.797693134862e308:
		case difference > math.Abs(n)*1e-13 && difference > 5e-324:
			t.Fatalf("%q is %v, then %v", s, n, again)
		}
	})
}
