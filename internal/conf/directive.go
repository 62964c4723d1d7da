package conf

import (
	"strings"
	"time"
)

// Kind is the form of a directive's value.
type Kind uint8

const (
	String    Kind = iota
	Dir            // a folder; its value is the absolute path
	Bool           // yes, no
	Int            // decimal, min to max
	Bytes          // memory: 100mb, min to max
	Time           // a whole number of units, min to max
	Enum           // one of a list of words
	Mode           // octal permissions, min to max
	List           // several words, each one of words if there are any
	Save           // pairs of seconds and changes
	Limits         // fours of class, hard limit, soft limit, seconds
	Renames        // pairs of a command's name and its new one
	Lines          // words; each line stands for itself: see Settings.Lines
	isIgnored      // anything
)

// effect says what follows if a directive is not obeyed.
type effect uint8

const (
	tunes    effect = iota // nothing that a client could tell: one line of the log names all such
	differs                // a difference that clients or administrators see: a warning of its own
	protects               // the node is less protected than the file says: it does not start
)

// Directive is a row of the table.
type Directive struct {
	Name    string
	Alias   string // Redis' older name, if it has one
	Kind    Kind
	Default string // the default, as CONFIG GET prints it
	// Bounds of Int, Bytes, Time and Mode.
	Min, Max int64
	Unit     time.Duration // of isTime
	Words    []string      // of isEnum and isList
	// Live says that CONFIG SET may change it.
	Live   bool
	Secret bool // no error shows the value
	// Hidden values are not even shown by CONFIG GET.
	Hidden bool
	// Check returns what is wrong with a value of String or List; nil: nothing ever is.
	Check func(text string) error
	// Canonical makes of a value of String or List that has passed Check what CONFIG GET prints; nil:
	// it stays as it is.
	Canonical func(text string) string
	// Guarded says that CONFIG SET may change it only for clients that
	// enable-protected-configs names: it would let them write files of their choice.
	Guarded bool
	// FileOnly hides it from CONFIG, as Redis does.
	FileOnly bool

	// What follows is for directives that are not obeyed: the node is as the default says.
	reason string // any other value has no effect
	effect effect // of that
	remedy string // what to do instead, if the node does not start
	// same reports whether a value asks for no more than the default does; nil: only the
	// default itself.
	same func(args []string) bool
}

// obeyed reports whether the node does what the directive says.
func (d *Directive) obeyed() bool { return d.reason == "" }

// fixed reports whether CONFIG GET shows the directive and nothing can change it.
func (d *Directive) fixed() bool { return d.reason != "" && d.Kind != isIgnored }

// ignored reports whether the directive is known from Redis or Valkey and of no use here.
func (d *Directive) ignored() bool { return d.Kind == isIgnored }

// asDefault reports whether args ask for what the node does anyway.
func (d *Directive) asDefault(args []string) bool {
	if d.same != nil {
		return d.same(args)
	}
	text := strings.Join(args, " ")
	if strings.EqualFold(text, d.Default) {
		return true
	}
	n, err := parseBytes(text)
	want, err2 := parseBytes(d.Default)
	return err == nil && err2 == nil && n == want // 64mb
}
