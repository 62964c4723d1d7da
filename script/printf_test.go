package script

import (
	"strings"
	"testing"
)

// formatted are formats and what Redis 7.0.15 makes of them and one argument.
var formatted = []struct{ format, argument, want string }{
	{"%d", "0", "0"},
	{"%5d", "42", "   42"},
	{"%-5d|", "42", "42   |"},
	{"%05d", "-42", "-0042"},
	{"%+d", "42", "+42"},
	{"% d", "42", " 42"},
	{"%+ d", "1", "+1"},
	{"%.3d", "7", "007"},
	{"%8.3d", "-7", "    -007"},
	{"%-8.3d|", "7", "007     |"},
	{"%08.3d", "7", "     007"},
	{"%.0d", "0", ""},
	{"%5.0d|", "0", "     |"},
	{"%i", "-2.9", "-2"},
	{"%d", "2^63", "-9223372036854775808"},
	{"%d", "-2^63", "-9223372036854775808"},
	{"%d", "1e100", "-9223372036854775808"},
	{"%d", "0/0", "-9223372036854775808"},
	{"%u", "-1", "18446744073709551615"},
	{"%u", "2^63", "9223372036854775808"},
	{"%u", "2^64", "0"},
	{"%u", "1e300", "0"},
	{"%5u", "3", "    3"},
	{"%+u", "3", "3"},
	{"%x", "255", "ff"},
	{"%X", "255", "FF"},
	{"%#x", "255", "0xff"},
	{"%#X", "255", "0XFF"},
	{"%#x", "0", "0"},
	{"%08x", "255", "000000ff"},
	{"%#08x", "255", "0x0000ff"},
	{"%-#8x|", "255", "0xff    |"},
	{"%.5x", "255", "000ff"},
	{"%x", "-1", "ffffffffffffffff"},
	{"%o", "8", "10"},
	{"%#o", "8", "010"},
	{"%#o", "0", "0"},
	{"%#.0o", "0", "0"},
	{"%#5.3o", "8", "  010"},
	{"%c", "65", "A"},
	{"%5c", "65", "    A"},
	{"%-5c|", "65", "A    |"},
	{"%05c", "65", "    A"},
	{"%c", "0", ""},
	{"%5c|", "0", "    |"},
	{"%-5c|", "0", "|"},
	{"%c", "321", "A"},
	{"%f", "1.5", "1.500000"},
	{"%.0f", "0.5", "0"},
	{"%.0f", "1.5", "2"},
	{"%.0f", "2.5", "2"},
	{"%#.0f", "1", "1."},
	{"%.3f", "-1.0005", "-1.000"},
	{"%10.2f|", "3.14159", "      3.14|"},
	{"%-10.2f|", "3.14159", "3.14      |"},
	{"%010.2f", "-3.14159", "-000003.14"},
	{"%+.1f", "2", "+2.0"},
	{"% .1f", "2", " 2.0"},
	{"%.20f", "0.1", "0.10000000000000000555"},
	{"%f", "1e20", "100000000000000000000.000000"},
	{"%f", "1/0", "inf"},
	{"%010f|", "1/0", "       inf|"},
	{"%+f", "1/0", "+inf"},
	{"%f", "-1/0", "-inf"},
	{"%f", "0/0", "-nan"},
	{"%f", "-(0/0)", "nan"},
	{"%e", "12345.678", "1.234568e+04"},
	{"%.0e", "12345", "1e+04"},
	{"%#.0e", "12345", "1.e+04"},
	{"%E", "1e-10", "1.000000E-10"},
	{"%12.3e|", "12345.678", "   1.235e+04|"},
	{"%e", "0", "0.000000e+00"},
	{"%e", "1e100", "1.000000e+100"},
	{"%e", "1e-300", "1.000000e-300"},
	{"%g", "100000", "100000"},
	{"%g", "1000000", "1e+06"},
	{"%g", "0.0001", "0.0001"},
	{"%g", "0.00001", "1e-05"},
	{"%G", "1e-10", "1E-10"},
	{"%g", "1/0", "inf"},
	{"%G", "1/0", "INF"},
	{"%G", "-(0/0)", "NAN"},
	{"%#g", "1", "1.00000"},
	{"%#g", "100000", "100000."},
	{"%#.3g", "100", "100."},
	{"%.0g", "15", "2e+01"},
	{"%.3g", "1234", "1.23e+03"},
	{"%.10g", "0.1", "0.1"},
	{"%.17g", "0.1", "0.10000000000000001"},
	{"%.99f", "1", "1." + strings.Repeat("0", 99)},
	{"%99d", "5", "                                                                                                  5"},
	{"%10g|", "1.5", "       1.5|"},
	{"%010g", "-1.5", "-0000001.5"},
	{"%-10g|", "1.5", "1.5       |"},
	{"%.14g", "2^53", "9.007199254741e+15"},
	{"%g", "5e-324", "4.94066e-324"},
	{"%.50e", "5e-324", "4.94065645841246544176568792868221372365059802614325e-324"},
	{"%s", "'abc'", "abc"},
	{"%5s", "'abc'", "  abc"},
	{"%-5s|", "'abc'", "abc  |"},
	{"%.2s", "'abc'", "ab"},
	{"%5.1s|", "'abc'", "    a|"},
	{"%.s|", "'abc'", "|"},
	{"%05s", "'abc'", "  abc"},
	{"%s", "12", "12"},
	{"%s", "1.5", "1.5"},
	{"%10s|", "0.1", "       0.1|"},
	{"%s", "'a\\0b'", "a"},
	{"%5s|", "'a\\0b'", "    a|"},
	{"%q", "'a\"b\\\\c\\nd\\re\\0f\\t'", "\"a\\\"b\\\\c\\\x0ad\\re\\000f\x09\""},
	{"%%%d%%", "1", "%1%"},
	{"%5%", "1", "error: invalid option '%%' to 'format'"},
	{"%y", "1", "error: invalid option '%y' to 'format'"},
	{"%", "1", "error: invalid option '%' to 'format'"},
	{"%-", "1", "error: invalid option '%' to 'format'"},
	{"%5", "1", "error: invalid option '%' to 'format'"},
	{"%.", "1", "error: invalid option '%' to 'format'"},
	{"%123d", "1", "error: invalid format (width or precision too long)"},
	{"%.123d", "1", "error: invalid format (width or precision too long)"},
	{"%1.123d", "1", "error: invalid format (width or precision too long)"},
	{"%-+ #00d", "1", "error: invalid format (repeated flags)"},
	{"%-+ #0d", "1", "+1"},
	{"%l", "1", "error: invalid option '%l' to 'format'"},
	{"%ld", "1", "error: invalid option '%l' to 'format'"},
	{"%a", "1", "error: invalid option '%a' to 'format'"},
	{"%*d", "1", "error: invalid option '%*' to 'format'"},
	{"%n", "1", "error: invalid option '%n' to 'format'"},
	{"%p", "{}", "error: invalid option '%p' to 'format'"},
}

func TestFormat(t *testing.T) {
	v := newTestVM()
	for _, test := range formatted {
		code := "pcall(string.format, '" + test.format + "', " + test.argument + ")"
		v.load(t, "return function() local ok, s = "+code+" return (ok and '' or 'error: ') .. s end")
		if got, err := v.callText(""); err != nil || got != test.want {
			t.Errorf("%s: %q, %v, want %q", code, got, err, test.want)
		}
	}
}

// FuzzFormat formats numbers and strings by any format.
func FuzzFormat(f *testing.F) {
	for _, test := range formatted {
		f.Add(test.format, 1.5, "abc")
	}
	v := newTestVM()
	f.Fuzz(func(t *testing.T, format string, number float64, text string) {
		if len(format) > 1000 || len(text) > 1000 {
			return
		}
		got, err := v.callText("format", format, number, text, number, text)
		if err == nil && len(got) > len(format)+4*(4*len(text)+maxItem) {
			t.Fatalf("%q makes %d bytes", format, len(got))
		}
	})
}
