package conf

import (
	"fmt"
	"io/fs"
	"strconv"
	"time"
)

// A field is where a program keeps the value of a directive: a pointer to a string, bool,
// int, int64, uint16, time.Duration, fs.FileMode or OutputLimits, or one of these.
type (
	// Not is a bool that is false for yes.
	Not struct{ Field *bool }
	// Unbounded is a number that is -1 where the directive says 0.
	Unbounded struct{ Field *int }
	// Endless is a time that is negative where the directive says 0.
	Endless struct{ Field *time.Duration }
	// Parsed is a type of the program's own. Show may be nil, for a field that only a
	// directive sets.
	Parsed struct {
		Set  func(text string) // the table accepts no text that it cannot read
		Show func() string
	}
)

// Value is the value of one directive.
type Value struct {
	value
	row *Directive
}

// Value returns the value of a directive. It panics if there is none of that name, or it
// is not obeyed: that is a mistake in the program, not in the configuration.
func (s *Settings) Value(name string) Value {
	return Value{s.any(name), &s.table.rows[s.table.number[name]]}
}

// Store sets a field. It panics if the field has none of the types above.
func (v Value) Store(field any) {
	switch f := field.(type) {
	case *string:
		*f = v.text
	case *bool:
		*f = v.num == 1
	case Not:
		*f.Field = v.num != 1
	case *int:
		*f = int(v.num)
	case *int64:
		*f = v.num
	case *uint16:
		*f = uint16(v.num)
	case Unbounded:
		if *f.Field = int(v.num); v.num == 0 {
			*f.Field = -1
		}
	case *time.Duration:
		*f = time.Duration(v.num) * v.row.Unit
	case Endless:
		if *f.Field = time.Duration(v.num) * v.row.Unit; v.num == 0 {
			*f.Field = -1
		}
	case *fs.FileMode:
		*f = fs.FileMode(v.num)
	case *OutputLimits:
		*f = v.limits()
	case Parsed:
		f.Set(v.text)
	default:
		panic(fmt.Sprintf("conf: %s has a field of type %T", v.row.Name, field))
	}
}

// Show returns a field in the form in which CONFIG GET prints it. ok is false if the
// field only says, by its zero value, that the default holds.
func (d *Directive) Show(field any) (text string, ok bool) {
	switch f := field.(type) {
	case *string:
		text = *f
	case *bool:
		return yesNo(*f), true
	case Not:
		return yesNo(!*f.Field), true
	case *int:
		text = strconv.Itoa(*f)
	case *int64:
		text = strconv.FormatInt(*f, 10)
	case *uint16:
		text = strconv.Itoa(int(*f))
	case Unbounded:
		if *f.Field < 0 {
			return "0", true
		}
		text = strconv.Itoa(*f.Field)
	case *time.Duration:
		text = d.units(*f)
	case Endless:
		if *f.Field < 0 {
			return "0", true
		}
		text = d.units(*f.Field)
	case *fs.FileMode:
		text = strconv.FormatInt(int64(*f), 8)
	case Parsed:
		if f.Show != nil {
			return f.Show(), true
		}
	}
	return text, text == d.Default || text != "" && text != "0"
}

// units returns a time in the directive's unit, rounded up: 0 has a meaning of its own.
func (d *Directive) units(t time.Duration) string {
	return strconv.FormatInt(int64((t+d.Unit-1)/d.Unit), 10)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
