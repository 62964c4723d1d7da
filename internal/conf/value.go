package conf

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// value is a directive's value. It is never changed, only replaced.
type value struct {
	text string   // as CONFIG GET prints it
	list []string // the words of isList, isSave, isLimits and isRename
	num  int64    // isBool: 0 or 1; isInt, isBytes, isTime, isMode: the number
	at   string   // where it was set: "file:line", "command line", "" for the default
}

// The reasons why a value is refused, in Redis' words.
var (
	errBool   = errors.New("argument must be 'yes' or 'no'")
	errInt    = errors.New("argument couldn't be parsed into an integer")
	errOctal  = errors.New("argument couldn't be parsed as an octal number")
	errMemory = errors.New("argument must be a memory value")
	errArity  = errors.New("wrong number of arguments")
	errSave   = errors.New("Invalid save parameters")
	errLimits = errors.New("Wrong number of arguments in buffer limit configuration.")
	errLine   = errors.New("a line break or a zero byte cannot be part of it")
)

// parse makes a value of a directive's arguments. old is the value before, to which some
// directives add.
func (d *Directive) parse(args []string, old value) (value, error) {
	if d.Kind >= List && d.Kind < Renames && len(args) == 1 {
		args = strings.Fields(args[0]) // CONFIG SET and quotes pass all in one
	} else if d.Kind < List && len(args) != 1 {
		return value{}, errArity
	}
	switch d.Kind {
	case String:
		if strings.ContainsAny(args[0], "\x00\n\r") {
			return value{}, errLine
		}
		if d.Check != nil {
			if err := d.Check(args[0]); err != nil {
				return value{}, err
			}
		}
		text := args[0]
		if d.Canonical != nil {
			text = d.Canonical(text)
		}
		return value{text: text}, nil
	case Dir:
		dir, err := filepath.Abs(args[0])
		return value{text: dir}, err
	case Bool:
		return parseBool(args[0])
	case Enum:
		return d.parseEnum(args[0])
	case Int, Time:
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return value{}, errInt
		}
		return d.bounded(n)
	case Bytes:
		n, err := parseBytes(args[0])
		if err != nil {
			return value{}, err
		}
		return d.bounded(n)
	case Mode:
		return d.parseMode(args[0])
	case Save:
		return parseSave(args, old)
	case Limits:
		return parseLimits(args, old)
	case Renames:
		return parseRename(args, old)
	case Lines:
		return value{}, nil
	default:
		return d.parseWords(args)
	}
}

// accepted says which values the directive takes.
func (d *Directive) accepted() string {
	switch d.Kind {
	case Bool:
		return "yes, no"
	case Enum:
		return strings.Join(d.Words, ", ")
	case Int:
		return fmt.Sprintf("a whole number, %d to %d", d.Min, d.Max)
	case Time:
		return fmt.Sprintf("a whole number of %s, %d to %d", unitName(d), d.Min, d.Max)
	case Bytes:
		text := "bytes, or a number with k, m, g (powers of 1000) or kb, mb, gb (of 1024), such as 100mb"
		if d.Min > 0 {
			text += fmt.Sprintf("; at least %d", d.Min)
		}
		return text
	case Save:
		return `pairs of seconds and changes, such as 3600 1 300 100, or "" for never`
	case Limits:
		return "groups of class (normal, replica, pubsub), hard limit, soft limit and seconds, such as normal 1gb 256mb 60"
	case Mode:
		return "permissions as an octal number, such as 770"
	case Lines:
		return "one or more words"
	case Renames:
		return `a command and its new name, "" to take it away`
	case List:
		if d.Words != nil {
			return "one or more of " + strings.Join(d.Words, ", ")
		}
		return "one or more words"
	default:
		return "one word; quote it if it has spaces"
	}
}

func unitName(d *Directive) string {
	if d.Unit.Seconds() == 1 {
		return "seconds"
	}
	return "milliseconds"
}

func parseBool(s string) (value, error) {
	switch {
	case strings.EqualFold(s, "yes"):
		return value{text: "yes", num: 1}, nil
	case strings.EqualFold(s, "no"):
		return value{text: "no"}, nil
	}
	return value{}, errBool
}

func (d *Directive) parseEnum(s string) (value, error) {
	i := slices.IndexFunc(d.Words, func(w string) bool { return strings.EqualFold(w, s) })
	if i < 0 {
		return value{}, fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(d.Words, ", "))
	}
	return value{text: d.Words[i], num: int64(i)}, nil
}

// parseMode reads permissions; 0 leaves them to the process.
func (d *Directive) parseMode(s string) (value, error) {
	n, err := strconv.ParseInt(s, 8, 64)
	if err != nil {
		return value{}, errOctal
	}
	if n < d.Min || n > d.Max {
		return value{}, fmt.Errorf("argument must be between %o and %o inclusive", d.Min, d.Max)
	}
	return value{text: strconv.FormatInt(n, 8), num: n}, nil
}

// parseWords reads a list.
func (d *Directive) parseWords(args []string) (value, error) {
	for _, a := range args {
		if d.Words != nil && !slices.Contains(d.Words, strings.ToLower(a)) {
			return value{}, fmt.Errorf("argument(s) must be one of the following: %s", strings.Join(d.Words, ", "))
		}
	}
	text := strings.Join(args, " ")
	if d.Check != nil {
		if err := d.Check(text); err != nil {
			return value{}, err
		}
	}
	if d.Canonical != nil {
		args = strings.Fields(d.Canonical(text))
	}
	return words(args), nil
}

// parseRename adds a pair to those of old.
func parseRename(args []string, old value) (value, error) {
	if len(args) != 2 {
		return value{}, errArity
	}
	return words(slices.Concat(old.list, args)), nil
}

func (d *Directive) bounded(n int64) (value, error) {
	if n < d.Min || n > d.Max {
		return value{}, fmt.Errorf("argument must be between %d and %d inclusive", d.Min, d.Max)
	}
	return value{text: strconv.FormatInt(n, 10), num: n}, nil
}

// units are Redis' units of memory: a lone letter counts in thousands.
var units = map[string]int64{
	"": 1, "b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30,
}

func parseBytes(s string) (int64, error) {
	digits := strings.TrimRight(s, "bkmgBKMG")
	unit, ok := units[strings.ToLower(s[len(digits):])]
	n, err := strconv.ParseUint(digits, 10, 63)
	if !ok || err != nil || n > math.MaxInt64/uint64(unit) {
		return 0, errMemory
	}
	return int64(n) * unit, nil
}

// parseSave adds pairs of seconds and changes to those of old; none at all clears them.
func parseSave(args []string, old value) (value, error) {
	if len(args) == 0 {
		return value{}, nil
	}
	if len(args)%2 != 0 {
		return value{}, errSave
	}
	for i, a := range args {
		if n, err := strconv.ParseInt(a, 10, 32); err != nil || n < int64(1-i%2) {
			return value{}, errSave
		}
	}
	return words(slices.Concat(old.list, args)), nil
}

func words(list []string) value {
	return value{text: strings.Join(list, " "), list: slices.Clone(list)}
}
