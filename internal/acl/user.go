package acl

import (
	"strings"
	"sync/atomic"
)

// User is a user as connections hold it. It stays the same when its rules change.
type User struct {
	name  string
	rules atomic.Pointer[Rules] // never nil
}

func newUser(name string, rules *Rules) *User {
	u := &User{name: name}
	u.rules.Store(rules)
	return u
}

// Name returns the user's name.
func (u *User) Name() string { return u.name }

// Rules returns the present rules.
func (u *User) Rules() *Rules { return u.rules.Load() }

// Unrestricted reports whether the user may do everything: then Check need not be called.
func (u *User) Unrestricted() bool { return u.rules.Load().unrestricted }

// Check says whether a request is allowed: see [Rules.Check]. A user that was deleted may
// do nothing.
func (u *User) Check(q *Request) Denial { return u.rules.Load().Check(q) }

// String returns the user in the form of ACL LIST and of a line of the aclfile.
func (u *User) String() string {
	return "user " + u.name + " " + strings.Join(u.Rules().Modifiers(), " ")
}
