package archtest

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLineLength(t *testing.T) { report(t, checkLineLength(t, house(t), load(t, house(t)))) }

// maxColumns is the length of a line of code, a tab counted as one character. Prose is wrapped at 90.
const maxColumns = 120

// checkLineLength finds lines that an editor does not show whole. A raw string may need one: what a program prints, and
// what a table lists, is written as it is.
func checkLineLength(t testing.TB, fsys fs.FS, files []*source) (findings []string) {
	for _, s := range files {
		b, err := fs.ReadFile(fsys, s.name)
		if err != nil {
			t.Fatal(err)
		}
		raw := false
		for i, line := range strings.Split(string(b), "\n") {
			ticks := strings.Count(line, "`")
			if n := utf8.RuneCountInString(line); n > maxColumns && !raw && ticks == 0 {
				findings = append(findings, fmt.Sprintf("%s:%d: %d characters, more than %d", s.name, i+1, n, maxColumns))
			}
			raw = raw != (ticks%2 == 1)
		}
	}
	return findings
}
