package conf

import (
	"errors"
	"fmt"
	"slices"
)

// SetError is the refusal of CONFIG SET. Error() is Redis' text without "ERR ".
type SetError struct {
	Name string
	Err  error // why; nil if the directive is unknown
}

func (e *SetError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("Unknown option or number of arguments for CONFIG SET - '%s'", e.Name)
	}
	return fmt.Sprintf("CONFIG SET failed (possibly related to argument '%s') - %v", e.Name, e.Err)
}

func (e *SetError) Unwrap() error { return e.Err }

var (
	errImmutable = errors.New("can't set immutable config")
	errTwice     = errors.New("duplicate parameter")
	errNoMeaning = errors.New("the directive has no meaning here")
)

// OnSet registers what applies a directive that Set changes: hook gets its name and
// its new value as CONFIG GET prints it, before the value can be read here. If it
// returns an error, the value stays. It may read the settings, but not Set.
// nil, as in the beginning, leaves it to readers to look.
func (s *Settings) OnSet(hook func(name, value string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

// Set changes one directive at run time. The error is a [*SetError].
func (s *Settings) Set(name, value string) error { return s.SetAll([]Pair{{name, value}}) }

// SetAll changes several directives, or none if one of them cannot be changed.
func (s *Settings) SetAll(pairs []Pair) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := *s.values.Load()
	values := slices.Clone(old)
	var changed []int
	for _, p := range pairs {
		i, ok := find(p.Name)
		if !ok {
			return &SetError{Name: p.Name}
		}
		if slices.Contains(changed, i) {
			return &SetError{p.Name, errTwice}
		}
		v, err := directives[i].set(p.Value, old[i])
		if err != nil {
			return &SetError{p.Name, err}
		}
		values[i] = v
		changed = append(changed, i)
	}
	if err := s.applyLocked(changed, old, values); err != nil {
		return err
	}
	s.values.Store(&values)
	return nil
}

// set returns the value that CONFIG SET gives to a directive.
func (d *directive) set(text string, old value) (value, error) {
	if d.ignored() {
		return value{}, errNoMeaning
	}
	from := old
	if d.kind == isSave {
		from = value{} // replaces the rules, where a line of the file adds to them
	}
	v, err := d.parse([]string{text}, from)
	switch {
	case err != nil:
		return value{}, err
	case d.fixed() && v.text != old.text:
		return value{}, errors.New(d.only)
	case d.fixed():
		return old, nil
	case !d.live:
		return value{}, errImmutable
	}
	v.at = "CONFIG SET"
	return v, nil
}

// applyLocked calls the hook for each changed directive. After an error it
// takes back what it did.
func (s *Settings) applyLocked(changed []int, old, values []value) error {
	if s.hook == nil {
		return nil
	}
	for k, i := range changed {
		d := &directives[i]
		if d.fixed() {
			continue
		}
		err := s.hook(d.name, values[i].text)
		if err == nil {
			continue
		}
		for _, i := range slices.Backward(changed[:k]) {
			if d := &directives[i]; !d.fixed() {
				err = errors.Join(err, s.hook(d.name, old[i].text))
			}
		}
		return &SetError{d.name, err}
	}
	return nil
}
