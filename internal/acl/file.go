package acl

import (
	"errors"
	"fmt"
	"maps"
	"strings"
)

// Definition is a user as a configuration file defines it.
type Definition struct {
	Name      string
	Modifiers []string
}

// ParseDefinition reads a definition from a line without the word user: a name and
// modifiers with spaces between them, quoted as in a configuration file where need be.
func ParseDefinition(line string) (Definition, error) {
	words, ok := splitWords(line)
	if !ok {
		return Definition{}, errors.New("unbalanced quotes")
	}
	if len(words) == 0 {
		return Definition{}, errors.New("a user needs a name")
	}
	return Definition{Name: words[0], Modifiers: words[1:]}, nil
}

// DefinitionError says which word of a definition is refused.
type DefinitionError struct {
	Name string // of the user
	Word string // a modifier, or the name
	Err  error
}

// Error names the word, but not if it may be a password: files and logs get the text.
// Redis counts words wrongly and names another one.
func (e *DefinitionError) Error() string {
	word := e.Word
	if word != "" && strings.IndexByte("<>#!", word[0]) >= 0 {
		word = word[:1] + "..."
	}
	return fmt.Sprintf("Error in user declaration '%s' of user '%s': %v", word, e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *DefinitionError) Unwrap() error { return e.Err }

// Define makes users as `user` directives define them: each at most once, the default user
// from its beginnings without rights. It changes nothing if there is an error.
func (us *Users) Define(list []Definition) error {
	us.mu.Lock()
	defer us.mu.Unlock()
	made := map[string]*Rules{}
	for _, d := range list {
		if hasSpaces(d.Name) {
			return &DefinitionError{d.Name, d.Name, ErrUsername}
		}
		if made[d.Name] != nil {
			return &DefinitionError{d.Name, d.Name, errDuplicate}
		}
		rules := newRules(us.catalog, us.allChannels)
		if d.Name == DefaultName {
			rules.sanitize = sanitizeAlways
		}
		rules, err := rules.with(d.Modifiers, us.allChannels)
		if err != nil {
			return definitionError(d.Name, err)
		}
		made[d.Name] = rules
	}
	us.put(made)
	return nil
}

func definitionError(name string, err error) error {
	var modifier *ModifierError
	var parenthesis *ParenthesisError
	switch {
	case errors.As(err, &modifier):
		return &DefinitionError{name, modifier.Modifier, modifier.Err}
	case errors.As(err, &parenthesis):
		return &DefinitionError{name, parenthesis.Modifier, errParenthesis}
	}
	return err
}

// put gives users their rules; it makes those that are not there.
func (us *Users) put(made map[string]*Rules) {
	for name, rules := range made {
		if u := us.byName[name]; u != nil {
			u.rules.Store(rules)
		} else {
			us.byName[name] = newUser(name, rules)
		}
	}
}

// Load replaces all users by those of an aclfile, as ACL LOAD does. It returns those that
// are gone: their connections must be closed. Connections of the others stay, with the new
// rules. A default user that the file does not define is on and unrestricted, with the
// password of RequirePassword if there is one. If there are errors, nothing is changed, and
// the error tells all of them, in the words of Redis.
func (us *Users) Load(name, text string) (gone []*User, err error) {
	us.mu.Lock()
	defer us.mu.Unlock()
	f := file{name: name, users: us, made: map[string]*Rules{}}
	for i, line := range strings.Split(text, "\n") {
		if err := f.readLine(i+1, strings.Trim(line, " \t\r\n")); err != nil {
			f.fail(err)
		}
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	if f.made[DefaultName] == nil {
		f.made[DefaultName] = openRules(us.catalog).requiring(us.required)
	}
	for _, u := range maps.Clone(us.byName) {
		if f.made[u.name] == nil {
			us.remove(u)
			gone = append(gone, u)
		}
	}
	us.put(f.made)
	return gone, nil
}

// file is an aclfile that is being read.
type file struct {
	name   string
	users  *Users
	made   map[string]*Rules
	errors []string
	more   int // errors beyond maxFileErrors
}

// maxFileErrors is how many errors of a file are told.
const maxFileErrors = 100

func (f *file) fail(err error) {
	if len(f.errors) == maxFileErrors {
		f.more++
		return
	}
	f.errors = append(f.errors, err.Error())
}

func (f *file) err() error {
	if f.errors == nil {
		return nil
	}
	text := strings.Join(f.errors, "")
	if f.more > 0 {
		text += fmt.Sprintf("%d more errors. ", f.more)
	}
	return errors.New(text + "WARNING: ACL errors detected, no change to the previously active ACL rules was performed")
}

// readLine reads a user. All errors end as they are to be joined with the next one.
func (f *file) readLine(number int, line string) error {
	if line == "" {
		return nil
	}
	words := strings.Split(line, " ")
	if words[0] != "user" || len(words) < 2 {
		return fmt.Errorf("%s:%d should start with user keyword followed by the username. ", f.name, number)
	}
	name := words[1]
	if hasSpaces(name) {
		return fmt.Errorf("'%s:%d: username '%s' contains invalid characters. ", f.name, number, name)
	}
	if f.made[name] != nil {
		return fmt.Errorf("WARNING: Duplicate user '%s' found on line %d. ", name, number)
	}
	rules := newRules(f.users.catalog, f.users.allChannels)
	f.made[name] = rules
	modifiers, err := mergeSelectors(words[2:])
	if err != nil {
		return fmt.Errorf("%s:%d: %w.", f.name, number, errParenthesis)
	}
	told := false // of others than unknown commands only the first is told: it may cause more
	for _, m := range modifiers {
		m = strings.Trim(m, "\t\r\n")
		switch err := rules.apply(m, f.users.allChannels); {
		case err == nil:
		case errors.Is(err, ErrUnknownCommand):
			f.fail(fmt.Errorf("%s:%d: Error in applying operation '%s': %w. ", f.name, number, m, err))
		case !told:
			f.fail(fmt.Errorf("%s:%d: %w. ", f.name, number, err))
			told = true
		}
	}
	rules.seal()
	return nil
}

// Text returns all users in the form of the aclfile, for ACL SAVE.
func (us *Users) Text() string {
	var b strings.Builder
	for _, u := range us.All() {
		b.WriteString(u.String())
		b.WriteByte('\n')
	}
	return b.String()
}
