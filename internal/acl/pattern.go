package acl

import (
	"bytes"
	"strings"

	"github.com/slotmesh/slotmesh/internal/glob"
)

// pattern matches keys or channels, as that of KEYS does. It is split so that what most
// patterns are, a prefix and a star, takes a comparison of bytes.
type pattern struct {
	text   string
	prefix []byte // what it begins with and means as it is
	wild   []byte
}

func newPattern(text string) pattern {
	n := strings.IndexAny(text, `*?[\`)
	if n < 0 {
		n = len(text)
	}
	return pattern{text, []byte(text[:n]), []byte(text[n:])}
}

func (p *pattern) match(s []byte) bool {
	switch {
	case !bytes.HasPrefix(s, p.prefix):
		return false
	case len(p.wild) == 0:
		return len(s) == len(p.prefix)
	case len(p.wild) == 1 && p.wild[0] == '*':
		return true
	}
	return glob.Match(p.wild, s[len(p.prefix):])
}
