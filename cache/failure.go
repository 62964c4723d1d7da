package cache

import (
	"context"
	"errors"
	"strconv"
	"strings"
)

// An error of the loader travels to callers at other nodes as text. The texts of those of
// Config.Errors that it matches travel with it, and stand for the same errors there. It
// is kept apart from the errors of the call itself, so that a loader whose database is a
// cluster too does not send the caller to other nodes by its errors.

// codeLoader begins the text of an error of the loader on its way between nodes.
const codeLoader = "LOADERROR "

// failure is an error of the loader at the owner. It does not unwrap: what it means is
// for the caller of Get, not for the call between the nodes.
type failure struct {
	cause  error
	shared []error // of Config.Errors
}

// Error returns the form that travels: the code, the text, the texts of the errors that
// it matches, all quoted.
func (f *failure) Error() string {
	var b strings.Builder
	b.WriteString(codeLoader + strconv.Quote(f.cause.Error()))
	for _, target := range f.shared {
		if errors.Is(f.cause, target) {
			b.WriteString(" " + strconv.Quote(target.Error()))
		}
	}
	return b.String()
}

// remoteError is an error of a loader that ran at another node.
type remoteError struct {
	text    string
	matches []error
}

func (e *remoteError) Error() string   { return e.text }
func (e *remoteError) Unwrap() []error { return e.matches }

// parseFailure returns the loader's error whose traveling form is text, nil if it is
// another text.
func parseFailure(text string, shared []error) error {
	rest, ok := strings.CutPrefix(text, codeLoader)
	if !ok {
		return nil
	}
	var parts []string
	for rest != "" {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return nil
		}
		part, _ := strconv.Unquote(quoted)
		parts = append(parts, part)
		rest = strings.TrimPrefix(rest[len(quoted):], " ")
	}
	if len(parts) == 0 {
		return nil
	}
	e := &remoteError{text: parts[0]}
	for _, part := range parts[1:] {
		for _, target := range shared {
			if target.Error() == part {
				e.matches = append(e.matches, target)
			}
		}
	}
	return e
}

// ranHere is the key of a context's value, a **failure: where a load that runs at the
// node of its caller leaves the loader's error itself.
type ranHere struct{}

// leave leaves err for the caller if that is at this node.
func leave(ctx context.Context, err error) {
	if at, ok := ctx.Value(ranHere{}).(**failure); ok {
		errors.As(err, at)
	}
}
