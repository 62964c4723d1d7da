package conf

import (
	"math"
	"time"
)

// Text is a directive that takes one word, or a quoted text.
func Text(name, def string) Directive { return Directive{Name: name, Kind: String, Default: def} }

// YesNo is a directive that takes yes or no.
func YesNo(name, def string) Directive { return Directive{Name: name, Kind: Bool, Default: def} }

// OneOf is a directive that takes one of some words.
func OneOf(name, def string, words ...string) Directive {
	return Directive{Name: name, Kind: Enum, Default: def, Words: words}
}

// AnyOf is a directive that takes one or more of some words.
func AnyOf(name, def string, words ...string) Directive {
	return Directive{Name: name, Kind: List, Default: def, Words: words}
}

// Number is a directive that takes a whole number.
func Number(name, def string, low, high int64) Directive {
	return Directive{Name: name, Kind: Int, Default: def, Min: low, Max: high}
}

// Count is Number without an upper bound.
func Count(name, def string, low int64) Directive { return Number(name, def, low, math.MaxInt32) }

// Memory is a directive that takes an amount of memory.
func Memory(name, def string, low int64) Directive {
	return Directive{Name: name, Kind: Bytes, Default: def, Min: low, Max: math.MaxInt64}
}

// Span is a directive that takes a time in whole units.
func Span(name, def string, unit time.Duration, low int64) Directive {
	return Directive{Name: name, Kind: Time, Default: def, Unit: unit, Min: low, Max: math.MaxInt32}
}

// Guard returns the directive as one that is Guarded.
func (d Directive) Guard() Directive {
	d.Guarded = true
	return d
}

// Also returns the directive with the name that Redis gave it before.
func (d Directive) Also(alias string) Directive {
	d.Alias = alias
	return d
}
