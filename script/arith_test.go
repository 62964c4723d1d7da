package script

import "testing"

// TestArithmeticOfStrings: errors of operators on strings name the operand, as those of the
// interpreter do.
func TestArithmeticOfStrings(t *testing.T) {
	v := newVM()
	for code, want := range map[string]string{
		"s + 1":   "local 's' (a string value)",
		"1 + s":   "local 's' (a string value)",
		"o * 'x'": "local 'o' (a table value)",
		"s * o":   "local 's' (a string value)",
		"-s":      "local 's' (a string value)",
		"t.q ^ 2": "field 'q' (a string value)",
		"'1' % s": "local 's' (a string value)",
		"-'abc'":  "a string value",
	} {
		code = "(function() local s, o, t = 'x', {}, {q = 'z'} return " + code + " end)()"
		want = `error "user_script:1: attempt to perform arithmetic on ` + want + `"`
		if got := v.resultsOf(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

// TestFormatOfLargeCharacters: a number that is no int of C is the smallest one, whose last
// byte ends the text.
func TestFormatOfLargeCharacters(t *testing.T) {
	if got := newVM().resultsOf("string.format('%c', 123456789012), string.format('%c', -191)"); got != `"" "A"` {
		t.Error(got)
	}
}
