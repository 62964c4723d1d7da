package functions

import (
	"bytes"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// ReplyError is an error reply; the texts are those of Redis 7.0.
type ReplyError string

func (e ReplyError) Error() string { return string(e) }

// Why a library is refused before its engine sees it.
const (
	errNoHeader  = ReplyError("ERR Missing library metadata")
	errBadHeader = ReplyError("ERR Invalid library metadata")
	errNoName    = ReplyError("ERR Library name was not given")
	errTwoNames  = ReplyError("ERR Invalid metadata value, name argument was given multiple times")
	errBadName   = ReplyError("ERR Library names can only contain letters, numbers, or underscores(_) and must be at " +
		"least one character long")
)

// header is what the first line of a library says: "#!lua name=mylib".
type header struct {
	engine, name string
	body         []byte // what follows the line, from the line break on
}

// parseHeader reads the first line of a library.
func parseHeader(code []byte) (h header, err error) {
	if !bytes.HasPrefix(code, []byte("#!")) {
		return h, errNoHeader
	}
	end := bytes.IndexByte(code, '\n')
	if end < 0 || bytes.IndexByte(code[:end], 0) >= 0 { // to Redis, the text ends there
		return h, errBadHeader
	}
	parts, ok := resp.SplitWords(nil, code[:end])
	if !ok || len(parts) == 0 {
		return h, errBadHeader
	}
	h = header{engine: string(parts[0][min(len("#!"), len(parts[0])):]), body: code[end:]}
	const key = "name="
	named := false
	for _, word := range parts[1:] {
		part := string(word)
		switch {
		case len(part) < len(key) || !strings.EqualFold(part[:len(key)], key):
			return h, ReplyError("ERR Invalid metadata value given: " + part)
		case named:
			return h, errTwoNames
		}
		h.name, named = part[len(key):], true
	}
	switch {
	case !named:
		return h, errNoName
	case !validName(h.name):
		return h, errBadName
	}
	return h, nil
}

// validName reports whether a library may have a name.
func validName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_')
	}) < 0
}
