package acl

import (
	"slices"
	"strings"
)

// Rules is what a user may do, and how it proves that it is that user. They are immutable
// once a User has them.
type Rules struct {
	catalog   *Catalog
	enabled   bool
	nopass    bool
	sanitize  sanitizing
	passwords []hash
	selectors []*selector // the first is the root

	unrestricted bool // one selector allows everything
}

// sanitizing says whether RESTORE checks the payloads of a user deeply.
type sanitizing uint8

const (
	sanitizeUnset sanitizing = iota
	sanitizeSkip
	sanitizeAlways
)

// newRules returns those of a user without any rights.
func newRules(c *Catalog, allChannels bool) *Rules {
	return &Rules{catalog: c, selectors: []*selector{newSelector(c, allChannels)}}
}

// openRules returns those of the default user as it is at first.
func openRules(c *Catalog) *Rules {
	r := newRules(c, true)
	r.enabled, r.nopass = true, true
	root := r.selectors[0]
	root.allKeys, root.future = true, true
	root.allowed.setAll(c.all, true)
	r.seal()
	return r
}

// with returns rules that are changed as modifiers say, one after the other. allChannels is
// what new selectors allow by themselves.
func (r *Rules) with(modifiers []string, allChannels bool) (*Rules, error) {
	modifiers, err := mergeSelectors(modifiers)
	if err != nil {
		return nil, err
	}
	next := r.clone()
	for _, m := range modifiers {
		if err := next.apply(m, allChannels); err != nil {
			return nil, &ModifierError{m, err}
		}
	}
	next.seal()
	return next, nil
}

func (r *Rules) clone() *Rules {
	c := *r
	c.passwords = slices.Clone(r.passwords)
	c.selectors = make([]*selector, len(r.selectors))
	for i, s := range r.selectors {
		c.selectors[i] = s.clone()
	}
	return &c
}

// seal ends a change of the rules.
func (r *Rules) seal() {
	r.passwords = unique(r.passwords, func(h hash) hash { return h }, nil)
	for _, s := range r.selectors {
		s.seal()
	}
	r.unrestricted = slices.ContainsFunc(r.selectors, func(s *selector) bool { return s.unrestricted(r.catalog) })
}

// apply changes rules as one modifier says.
func (r *Rules) apply(modifier string, allChannels bool) error {
	switch {
	case modifier == "":
	case equalFold(modifier, "on"):
		r.enabled = true
	case equalFold(modifier, "off"):
		r.enabled = false
	case equalFold(modifier, "skip-sanitize-payload"):
		r.sanitize = sanitizeSkip
	case equalFold(modifier, "sanitize-payload"):
		r.sanitize = sanitizeAlways
	case equalFold(modifier, "nopass"):
		r.nopass, r.passwords = true, nil
	case equalFold(modifier, "resetpass"):
		r.nopass, r.passwords = false, nil
	case equalFold(modifier, "clearselectors"):
		r.selectors = r.selectors[:1]
	case equalFold(modifier, "reset"):
		*r = *newRules(r.catalog, allChannels)
		r.sanitize = sanitizeAlways
	case modifier[0] == '(' && strings.HasSuffix(modifier, ")"):
		return r.addSelector(modifier[1:len(modifier)-1], allChannels)
	default:
		return r.applyPrefixed(modifier)
	}
	return nil
}

// applyPrefixed applies a modifier that is about passwords, or the root selector.
func (r *Rules) applyPrefixed(modifier string) error {
	switch rest := modifier[1:]; modifier[0] {
	case '>':
		r.addPassword(hashOf(rest))
	case '<':
		return r.removePassword(hashOf(rest))
	case '#', '!':
		h, err := parseHash(rest)
		if err != nil {
			return err
		}
		if modifier[0] == '!' {
			return r.removePassword(h)
		}
		r.addPassword(h)
	default:
		return r.selectors[0].apply(r.catalog, modifier)
	}
	return nil
}

func (r *Rules) addSelector(text string, allChannels bool) error {
	words, ok := splitWords(text)
	if !ok {
		return errSyntax
	}
	s := newSelector(r.catalog, allChannels)
	for _, w := range words {
		if err := s.apply(r.catalog, w); err != nil {
			return err
		}
	}
	r.selectors = append(r.selectors, s)
	return nil
}
