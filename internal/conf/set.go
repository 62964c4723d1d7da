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
	errGuarded   = errors.New("can't set protected config")
	errTwice     = errors.New("duplicate parameter")
)

// Set changes directives at run time: all of them, or none if one cannot be changed.
// trusted says that those which are Guarded may be among them.
// apply, unless it is nil, is called with the name of each of them, and puts it in force,
// with the value that it reads from s; if that fails for one, all go back and apply is
// called again for those that it has seen. It must not call Set. The error is a
// [*SetError].
func (s *Settings) Set(pairs []Pair, trusted bool, apply func(name string) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range pairs { // as in Redis, before any value is looked at
		if i, ok := s.table.find(p.Name); ok && s.table.rows[i].Guarded && !trusted {
			return &SetError{p.Name, errGuarded}
		}
	}
	old := *s.values.Load()
	values := slices.Clone(old)
	var changed []int // rows, in the order of pairs
	for _, p := range pairs {
		i, ok := s.table.find(p.Name)
		if !ok || s.table.rows[i].FileOnly {
			return &SetError{Name: p.Name}
		}
		if slices.Contains(changed, i) {
			return &SetError{p.Name, errTwice}
		}
		v, err := s.table.rows[i].set(s, p.Value, old[i])
		if err != nil {
			return &SetError{p.Name, err}
		}
		values[i] = v
		changed = append(changed, i)
	}
	s.values.Store(&values)
	if apply == nil {
		return nil
	}
	put := func(i int) error {
		if d := &s.table.rows[i]; d.obeyed() {
			return apply(d.Name)
		}
		return nil
	}
	for k, i := range changed {
		err := put(i)
		if err == nil {
			continue
		}
		s.values.Store(&old)
		for _, seen := range changed[:k+1] {
			if back := put(seen); back != nil {
				err = fmt.Errorf("%w; what was before could not be restored: %w", err, back)
			}
		}
		return &SetError{pairs[k].Name, err}
	}
	return nil
}

// set returns the value that CONFIG SET gives to a directive. One that is not obeyed can
// only be set to what the node does anyway, since a warning would have no reader.
func (d *Directive) set(s *Settings, text string, old value) (value, error) {
	if d.ignored() {
		if !d.asDefault([]string{text}) {
			return value{}, d.refusal()
		}
		return old, nil
	}
	from := old
	if d.Kind == Save {
		from = value{} // replaces the rules, where a line of the file adds to them
	}
	v, err := d.parse([]string{text}, from)
	switch {
	case err != nil:
		return value{}, err
	case d.fixed() && v.text != old.text:
		return value{}, d.refusal()
	case d.fixed():
		return old, nil
	case !d.Live:
		return value{}, errImmutable
	}
	v.at = "CONFIG SET"
	return v, nil
}

// refusal says why a directive has the value that it has.
func (d *Directive) refusal() error {
	if d.remedy == "" {
		return errors.New(d.reason)
	}
	return fmt.Errorf("%s: %s", d.reason, d.remedy)
}
