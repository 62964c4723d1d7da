package acl

import (
	"errors"
	"fmt"
)

// Why a modifier is refused, in the words of Redis 7.0.15.
var (
	errSyntax  = errors.New("Syntax error")
	errAllKeys = errors.New("Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not " +
		"have any effect. Try 'resetkeys' to start with an empty list of patterns")
	errAllChannels = errors.New("Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and " +
		"does not have any effect. Try 'resetchannels' to start with an empty list of channels")
	errNoPassword = errors.New("The password you are trying to remove from the user does not exist")
	errHash       = errors.New("The password hash must be exactly 64 characters and contain only lowercase " +
		"hexadecimal characters")
	errDuplicate   = errors.New("Duplicate user found. A user can only be defined once in config files")
	errParenthesis = errors.New("Unmatched parenthesis in selector definition")
	errFirstArg    = errors.New("Allowing first-arg of a subcommand is not supported")
)

// ErrUnknownCommand is the reason of a modifier about a command that does not exist, or not
// yet: the host program may add commands to a server.
var ErrUnknownCommand = errors.New("Unknown command or category name in ACL")

// Errors of ACL SETUSER and ACL DELUSER about names.
var (
	ErrUsername      = errors.New("Usernames can't contain spaces or null characters")
	ErrDeleteDefault = errors.New("The 'default' user cannot be removed")
)

// ModifierError says which modifier of a user is refused. Its text is that of ACL SETUSER.
type ModifierError struct {
	Modifier string // as it was given: a password is not hidden in it
	Err      error
}

func (e *ModifierError) Error() string {
	return fmt.Sprintf("Error in ACL SETUSER modifier '%s': %v", e.Modifier, e.Err)
}

// Unwrap returns the reason.
func (e *ModifierError) Unwrap() error { return e.Err }

// ParenthesisError says which modifier begins a selector that does not end.
type ParenthesisError struct{ Modifier string }

func (e *ParenthesisError) Error() string {
	return fmt.Sprintf("Unmatched parenthesis in acl selector starting at '%s'.", e.Modifier)
}
