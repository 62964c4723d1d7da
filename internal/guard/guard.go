// Package guard keeps a bug in a goroutine of this module from ending the program that
// embeds it. Such a goroutine begins with
//
//	defer guard.Recover("gossip", onPanic)
//
// and what it held is to be let go by defers, too, for others go on until the node ends.
package guard

import (
	"fmt"
	"runtime/debug"
)

// Panic is the error that a panic became.
type Panic struct {
	Where string // the part of the node
	Value any    // what was given to panic
	Stack string // of the goroutine that panicked
}

// Error says where and what; the stack is left to the log.
func (p *Panic) Error() string { return fmt.Sprintf("panic in %s: %v", p.Where, p.Value) }

// Unwrap returns the value if it is an error.
func (p *Panic) Unwrap() error {
	err, _ := p.Value.(error)
	return err
}

// Recover, which must be deferred itself, hands a panic to on, as a *Panic. With nil the
// panic goes on.
func Recover(where string, on func(error)) {
	if on == nil {
		return
	}
	if v := recover(); v != nil {
		on(&Panic{Where: where, Value: v, Stack: string(debug.Stack())})
	}
}
