package aof

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// The types of files that a manifest names.
const (
	typeBase      = "b"
	typeIncrement = "i"
	typeHistory   = "h" // is no longer needed
)

const (
	maxManifestLine  = 1024 // bytes, as in Redis
	maxManifestFiles = 1 << 16
)

// file is a file that a manifest names.
type file struct {
	name     string
	sequence int64
	kind     string
}

// readManifest returns the files that are to be read, in that order.
func readManifest(r io.Reader) (files []file, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxManifestLine), maxManifestLine)
	base := false
	var last int64
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		f, err := parseLine(line)
		switch {
		case err != nil:
		case f.kind == typeHistory:
			continue
		case f.kind == typeBase && base:
			err = errors.New("there are two base files")
		case f.kind == typeBase:
			base = true
		case f.sequence <= last:
			err = fmt.Errorf("increment %d comes after %d", f.sequence, last)
		case len(files) >= maxManifestFiles:
			err = errors.New("there are too many files")
		default:
			last = f.sequence
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		files = append(files, f)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("it names no file")
	}
	slices.SortStableFunc(files, func(a, b file) int { return cmp.Compare(a.kind, b.kind) }) // the base first
	return files, nil
}

// parseLine reads "file NAME seq NUMBER type b|i|h", in any order, and words that later versions
// add.
func parseLine(line string) (f file, err error) {
	words, ok := resp.SplitWords(nil, []byte(line))
	if !ok || len(words)%2 != 0 {
		return f, fmt.Errorf("%.80q is not in pairs of a name and a value", line)
	}
	for i := 0; i < len(words); i += 2 {
		value := string(words[i+1])
		switch string(words[i]) {
		case "file":
			f.name = value
		case "seq":
			if f.sequence, err = strconv.ParseInt(value, 10, 64); err != nil {
				return f, err
			}
		case "type":
			f.kind = value
		}
	}
	switch {
	case f.name == "" || f.name == "." || f.name == ".." || strings.ContainsAny(f.name, "/\\\x00"):
		return f, fmt.Errorf("%q is not the name of a file in the folder", f.name)
	case f.sequence <= 0:
		return f, fmt.Errorf("%q has no number", f.name)
	case f.kind != typeBase && f.kind != typeIncrement && f.kind != typeHistory:
		return f, fmt.Errorf("%q has the unknown type %q", f.name, f.kind)
	}
	return f, nil
}
