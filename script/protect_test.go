package script

import "testing"

// TestPcallOfTables: a table that is an error without a text in its field err is followed
// by the value of that field, as in Redis 7.0.15.
func TestPcallOfTables(t *testing.T) {
	v := newVM()
	for code, want := range map[string]string{
		"pcall(error, {})":                                           "false {} nil",
		"pcall(error, {err = true})":                                 "false {\"err\":true} true",
		"pcall(error, {err = 'text'})":                               `false "text"`,
		"pcall(error, {err = 5})":                                    "false 5",
		"pcall(error, 'text', 0)":                                    `false "text"`,
		"xpcall(function() error({}) end, function(e) return e end)": "false {}",
	} {
		if got := v.resultsOf(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}
