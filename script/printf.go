package script

import (
	"math"
	"strconv"
	"strings"
)

// spec is one conversion of a format, as C's printf has them: flags, width, precision.
type spec struct {
	minus, plus, space, sharp, zero bool

	width     int
	precision int // -1 if none is given
	verb      byte
}

// parseSpec reads a conversion that begins after the '%'. It returns the length of its
// text; problem is the text of the error, without the arguments.
func parseSpec(s string) (sp spec, length int, problem string) {
	i := 0
	for ; i < len(s) && strings.IndexByte("-+ #0", s[i]) >= 0; i++ {
		switch s[i] {
		case '-':
			sp.minus = true
		case '+':
			sp.plus = true
		case ' ':
			sp.space = true
		case '#':
			sp.sharp = true
		case '0':
			sp.zero = true
		}
	}
	if i > len("-+ #0") {
		return sp, i, "invalid format (repeated flags)"
	}
	number := func() (n int) {
		for end := i + 2; i < len(s) && i < end && isDigit(s[i]); i++ {
			n = n*10 + int(s[i]-'0')
		}
		return n
	}
	sp.width, sp.precision = number(), -1
	if i < len(s) && s[i] == '.' {
		i++
		sp.precision = number()
	}
	switch {
	case i == len(s):
		return sp, i, ""
	case isDigit(s[i]):
		return sp, i, "invalid format (width or precision too long)"
	}
	sp.verb = s[i]
	return sp, i + 1, ""
}

// appendInteger appends a signed integer: %d and %i.
func (sp *spec) appendInteger(dst []byte, n int64) []byte {
	magnitude := uint64(n)
	if n < 0 {
		magnitude = -magnitude
	}
	return sp.appendDigits(dst, sp.signOf(n < 0), magnitude, 10)
}

// appendUnsigned appends an unsigned integer: %u, %o, %x and %X.
func (sp *spec) appendUnsigned(dst []byte, n uint64) []byte {
	switch {
	case sp.verb == 'u':
		return sp.appendDigits(dst, "", n, 10)
	case sp.verb == 'o':
		return sp.appendDigits(dst, "", n, 8)
	case sp.sharp && n != 0:
		return sp.appendDigits(dst, "0"+string(sp.verb), n, 16)
	}
	return sp.appendDigits(dst, "", n, 16)
}

// appendDigits appends an integer after its prefix, with as many digits as the precision
// asks for, or as the width does with the flag '0'.
func (sp *spec) appendDigits(dst []byte, prefix string, n uint64, base int) []byte {
	var buf [64]byte
	digits := buf[:0]
	if n != 0 || sp.precision != 0 {
		digits = strconv.AppendUint(digits, n, base)
	}
	if sp.verb == 'X' {
		upper(digits)
	}
	zeros := sp.precision - len(digits)
	if sp.precision < 0 && sp.zero && !sp.minus {
		zeros = sp.width - len(prefix) - len(digits)
	}
	if base == 8 && sp.sharp && zeros <= 0 && (len(digits) == 0 || digits[0] != '0') {
		zeros = 1
	}
	zeros = max(zeros, 0)
	return sp.pad(dst, len(prefix)+zeros+len(digits), func(dst []byte) []byte {
		dst = append(dst, prefix...)
		return append(appendRepeated(dst, '0', zeros), digits...)
	})
}

// appendFloat appends a floating point number: %e, %E, %f, %g and %G.
func (sp *spec) appendFloat(dst []byte, f float64) []byte {
	prefix := sp.signOf(math.Signbit(f))
	var buf [400]byte
	digits := buf[:0]
	zeros := 0
	if text := notFinite(f); text != "" {
		digits = append(digits, strings.TrimPrefix(text, "-")...)
	} else {
		digits = sp.digitsOf(digits, math.Abs(f))
		if sp.zero && !sp.minus {
			zeros = max(0, sp.width-len(prefix)-len(digits))
		}
	}
	if isUpper(sp.verb) {
		upper(digits)
	}
	return sp.pad(dst, len(prefix)+zeros+len(digits), func(dst []byte) []byte {
		dst = append(dst, prefix...)
		return append(appendRepeated(dst, '0', zeros), digits...)
	})
}

// digitsOf appends the digits of a finite number that is not negative.
func (sp *spec) digitsOf(dst []byte, f float64) []byte {
	precision := sp.precision
	if precision < 0 {
		precision = 6
	}
	switch sp.verb | 0x20 {
	case 'f':
		return sp.withPoint(strconv.AppendFloat(dst, f, 'f', precision, 64))
	case 'e':
		return sp.withPoint(strconv.AppendFloat(dst, f, 'e', precision, 64))
	}
	precision = max(precision, 1)
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', precision-1, 64)
	exponent, _ := strconv.Atoi(string(dst[start+strings.IndexByte(string(dst[start:]), 'e')+1:]))
	if -4 <= exponent && exponent < precision {
		dst = strconv.AppendFloat(dst[:start], f, 'f', precision-1-exponent, 64)
	}
	if sp.sharp {
		return sp.withPoint(dst)
	}
	return trimZeros(dst, start)
}

// withPoint adds the decimal point that the flag '#' asks for.
func (sp *spec) withPoint(digits []byte) []byte {
	if !sp.sharp || strings.IndexByte(string(digits), '.') >= 0 {
		return digits
	}
	end := strings.IndexByte(string(digits), 'e')
	if end < 0 {
		return append(digits, '.')
	}
	exponent := string(digits[end:])
	return append(append(digits[:end], '.'), exponent...)
}

// trimZeros removes the zeros at the end of the digits from start on.
func trimZeros(dst []byte, start int) []byte {
	mantissa, exponent, _ := strings.Cut(string(dst[start:]), "e")
	if strings.IndexByte(mantissa, '.') < 0 {
		return dst
	}
	dst = append(dst[:start], strings.TrimSuffix(strings.TrimRight(mantissa, "0"), ".")...)
	if exponent != "" {
		dst = append(append(dst, 'e'), exponent...)
	}
	return dst
}

// appendText appends a string or a character: %s and %c.
func (sp *spec) appendText(dst []byte, s string) []byte {
	if sp.verb == 's' && sp.precision >= 0 && sp.precision < len(s) {
		s = s[:sp.precision]
	}
	return sp.pad(dst, len(s), func(dst []byte) []byte { return append(dst, s...) })
}

func (sp *spec) signOf(negative bool) string {
	switch {
	case negative:
		return "-"
	case sp.plus:
		return "+"
	case sp.space:
		return " "
	}
	return ""
}

// pad appends what write appends, which has the given length, filled with spaces up to the
// width.
func (sp *spec) pad(dst []byte, length int, write func([]byte) []byte) []byte {
	spaces := max(0, sp.width-length)
	if sp.minus {
		return appendRepeated(write(dst), ' ', spaces)
	}
	return write(appendRepeated(dst, ' ', spaces))
}

func appendRepeated(dst []byte, c byte, n int) []byte {
	for range n {
		dst = append(dst, c)
	}
	return dst
}

func upper(b []byte) {
	for i, c := range b {
		b[i] = toUpper(c)
	}
}

// toUnsigned converts as a cast of a double to an unsigned 64-bit integer does on x86.
func toUnsigned(f float64) uint64 {
	if f >= 1<<63 {
		return uint64(toInteger(f-1<<63)) ^ 1<<63
	}
	return uint64(toInteger(f))
}
