package acl

import (
	"slices"
	"strings"
	"sync"
)

// DefaultName is the name of the user that connections have before AUTH.
const DefaultName = "default"

// Users is the users of a server. Its methods may be called at the same time.
type Users struct {
	catalog *Catalog
	def     *User // never changes

	mu          sync.Mutex
	byName      map[string]*User
	allChannels bool  // of new users and selectors: acl-pubsub-default allchannels
	required    *hash // requirepass
}

// NewUsers returns users of which only the default one is there: on, without password,
// unrestricted.
func NewUsers(c *Catalog) *Users {
	def := newUser(DefaultName, openRules(c))
	return &Users{catalog: c, def: def, byName: map[string]*User{DefaultName: def}}
}

// Catalog returns the commands that rules may name.
func (us *Users) Catalog() *Catalog { return us.catalog }

// Default returns the default user.
func (us *Users) Default() *User { return us.def }

// Lookup returns the user that has a name, nil if there is none.
func (us *Users) Lookup(name string) *User {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.byName[name]
}

// All returns the users in the order of their names.
func (us *Users) All() []*User {
	us.mu.Lock()
	defer us.mu.Unlock()
	list := make([]*User, 0, len(us.byName))
	for _, u := range us.byName {
		list = append(list, u)
	}
	slices.SortFunc(list, func(a, b *User) int { return strings.Compare(a.name, b.name) })
	return list
}

// Authenticate returns the user that has a name and a password, nil if there is none, the
// password is wrong or the user is off. How long it takes tells nothing about which of these
// it was: passwords are hashed and compared in any case.
func (us *Users) Authenticate(name string, password []byte) *User {
	u := us.Lookup(name)
	rules := nobody
	if u != nil {
		rules = u.Rules()
	}
	ok := matches(rules.passwords, hashOf(string(password)))
	if !rules.enabled || !ok && !rules.nopass {
		return nil
	}
	return u
}

// nobody is compared with passwords of users that do not exist.
var nobody = &Rules{passwords: make([]hash, 1)}

// AuthRequired reports whether a new connection must authenticate before it may do anything
// as the default user.
func (us *Users) AuthRequired() bool {
	r := us.def.Rules()
	return !r.nopass || !r.enabled
}

// SetUser makes a user if there is none of the name, and applies modifiers to it, as ACL
// SETUSER does: all of them, or none if there is an error. Its text is that of the reply.
func (us *Users) SetUser(name string, modifiers []string) error {
	if hasSpaces(name) {
		return ErrUsername
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.byName[name]
	rules := newRules(us.catalog, us.allChannels)
	if u != nil {
		rules = u.Rules()
	}
	rules, err := rules.with(modifiers, us.allChannels)
	if err != nil {
		return err
	}
	if u == nil {
		us.byName[name] = newUser(name, rules)
	} else {
		u.rules.Store(rules)
	}
	return nil
}

// Delete deletes users, as ACL DELUSER does, and returns those that were there: their
// connections must be closed. Until then they may do nothing.
func (us *Users) Delete(names []string) ([]*User, error) {
	if slices.Contains(names, DefaultName) {
		return nil, ErrDeleteDefault
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	var deleted []*User
	for _, name := range names {
		if u := us.byName[name]; u != nil {
			us.remove(u)
			deleted = append(deleted, u)
		}
	}
	return deleted, nil
}

// remove takes a user away, and its rights from connections that still hold it.
func (us *Users) remove(u *User) {
	delete(us.byName, u.name)
	u.rules.Store(newRules(us.catalog, false))
}

// RequirePassword gives the default user one password instead of those that it has, as
// requirepass does; "" none, so that every one will do.
func (us *Users) RequirePassword(password string) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.required = nil
	if password != "" {
		h := hashOf(password)
		us.required = &h
	}
	us.def.rules.Store(us.def.Rules().requiring(us.required))
}

// requiring returns rules with one password, or with none at all.
func (r *Rules) requiring(password *hash) *Rules {
	next := r.clone()
	next.passwords, next.nopass = nil, password == nil
	if password != nil {
		next.passwords = []hash{*password}
	}
	return next
}

// SetPubsubDefault says whether new users and new selectors may use all channels, as
// acl-pubsub-default does. At first they may use none.
func (us *Users) SetPubsubDefault(allChannels bool) {
	us.mu.Lock()
	defer us.mu.Unlock()
	us.allChannels = allChannels
}
