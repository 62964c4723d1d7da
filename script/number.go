package script

import (
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// Numbers become text as C's printf writes them with "%.14g", and text becomes a number as
// C's strtod reads it (Lua 5.1, LUAI_NUMFFORMAT and lua_str2number). gopher-lua's own
// conversions differ from both.

// numberText returns the text of a number.
func numberText(n lua.LNumber) string {
	var buf [32]byte
	return string(appendNumber(buf[:0], float64(n)))
}

// appendNumber appends the text of a number.
func appendNumber(dst []byte, f float64) []byte {
	if n := int64(f); float64(n) == f && -1e14 < f && f < 1e14 && (n != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, n, 10)
	}
	if text := notFinite(f); text != "" {
		return append(dst, text...)
	}
	return strconv.AppendFloat(dst, f, 'g', 14, 64)
}

// notFinite returns how C writes an infinity or what is not a number, "" for others.
func notFinite(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case f == f:
		return ""
	case math.Signbit(f):
		return "-nan"
	}
	return "nan"
}

// parseNumber returns the number that a text stands for: decimal or hexadecimal, an
// exponent, infinity and NaN, with white space around. What follows a zero byte counts as
// little as in C.
func parseNumber(s string) (f float64, ok bool) {
	if f, ok = shortInteger(s); ok {
		return f, true
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = trimSpace(s)
	end := scanNumber(s)
	if end == 0 || end != len(s) {
		return 0, false
	}
	return convertNumber(s), true
}

// shortInteger reads up to 15 digits, which is what most texts of numbers are.
func shortInteger(s string) (f float64, ok bool) {
	if len(s) == 0 || len(s) > 15 {
		return 0, false
	}
	n := int64(0)
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return float64(n), true
}

// scanNumber returns the length of the number at the start of s.
func scanNumber(s string) int {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	rest := s[i:]
	switch {
	case hasFold(rest, "infinity"):
		return i + len("infinity")
	case hasFold(rest, "inf"):
		return i + len("inf")
	case hasFold(rest, "nan"):
		return i + len("nan") + scanPayload(rest[len("nan"):])
	case hasFold(rest, "0x"):
		if n := scanDigits(rest[2:], isHexDigit, 'p'); n > 0 {
			return i + 2 + n
		}
	}
	n := scanDigits(rest, isDigit, 'e')
	if n == 0 {
		return 0
	}
	return i + n
}

// scanDigits returns the length of digits, a point and an exponent, 0 if there is no digit.
func scanDigits(s string, digit func(byte) bool, exponent byte) int {
	i, digits := 0, 0
	for point := false; i < len(s); i++ {
		switch {
		case digit(s[i]):
			digits++
			continue
		case s[i] == '.' && !point:
			point = true
			continue
		}
		break
	}
	if digits == 0 {
		return 0
	}
	if i < len(s) && s[i]|0x20 == exponent {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		for j < len(s) && isDigit(s[j]) {
			j++
			i = j
		}
	}
	return i
}

// scanPayload returns the length of what may follow "nan": letters, digits and underscores
// in parentheses.
func scanPayload(s string) int {
	if s == "" || s[0] != '(' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == ')':
			return i + 1
		case !isAlnum(s[i]) && s[i] != '_':
			return 0
		}
	}
	return 0
}

// convertNumber converts a text that scanNumber has accepted.
func convertNumber(s string) float64 {
	negative := s[0] == '-'
	digits := strings.TrimLeft(s, "+-")
	switch c := digits[0] | 0x20; {
	case c == 'n':
		return math.Copysign(math.NaN(), sign(negative))
	case c == 'i':
		return math.Inf(int(sign(negative)))
	case hasFold(digits, "0x") && !strings.ContainsAny(digits, "pP"):
		digits += "p0" // what strconv asks for
	}
	f, _ := strconv.ParseFloat(digits, 64) // the error is of the range, and f infinite, as with strtod
	return f * sign(negative)
}

func sign(negative bool) float64 {
	if negative {
		return -1
	}
	return 1
}

// toInteger converts as a cast of a double to a 64-bit integer does on x86: what does not
// fit becomes the smallest integer.
func toInteger(f float64) int64 {
	if f >= -1<<63 && f < 1<<63 {
		return int64(f)
	}
	return math.MinInt64
}

// parseInBase reads an integer as C's strtoul does. What does not fit becomes the largest
// one; a negative one wraps around.
func parseInBase(s string, base int) (n uint64, ok bool) {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	s = trimSpace(s)
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if base == 16 && hasFold(s, "0x") && len(s) > 2 {
		s = s[2:]
	}
	if s == "" {
		return 0, false
	}
	overflow := false
	for i := range len(s) {
		d := digitValue(s[i])
		if d >= base {
			return 0, false
		}
		if n > (math.MaxUint64-uint64(d))/uint64(base) {
			overflow = true
		}
		n = n*uint64(base) + uint64(d)
	}
	switch {
	case overflow:
		return math.MaxUint64, true
	case negative:
		return -n, true
	}
	return n, true
}

// digitValue returns the value of a digit, at most 36.
func digitValue(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case isAlpha(c):
		return int(c|0x20-'a') + 10
	}
	return 36
}

func trimSpace(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// hasFold reports whether s begins with prefix, which is in lower case, in any case.
func hasFold(s, prefix string) bool {
	if len(s) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if c := s[i]; c != prefix[i] && (c|0x20 != prefix[i] || !isAlpha(c)) {
			return false
		}
	}
	return true
}
