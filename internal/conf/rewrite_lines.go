package conf

import (
	"fmt"
	"strings"
)

// NewLines are the lines that a directive of kind Lines has from now on.
type NewLines struct {
	Name string
	List [][]string // the words of each
}

// replaceLines puts the lines of a directive where the text has the first of those that it
// has now, or at its end, and takes the others out. Lines of an included file cannot be
// replaced: they would be read again beside the new ones.
func (t *Table) replaceLines(text string, lines NewLines) (string, error) {
	l := t.newLoader(readFile)
	l.text("", text)
	for _, old := range l.s.Lines(lines.Name) {
		if file, _, _ := cutLast(old.At, ":"); file != "" {
			return "", fmt.Errorf("%s has a line %q, which CONFIG REWRITE cannot replace: move it to the file that includes it",
				old.At, lines.Name)
		}
	}
	var b strings.Builder
	put := func() {
		for _, words := range lines.List {
			b.WriteString(lines.Name + " " + quoteAll(words) + "\n")
		}
		lines.List = nil
	}
	for raw := range strings.Lines(text) {
		if i := t.directiveOf(raw); i >= 0 && t.rows[i].Name == lines.Name {
			put()
			continue
		}
		b.WriteString(raw)
	}
	if len(lines.List) > 0 && b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
		b.WriteByte('\n')
	}
	put()
	return b.String(), nil
}
