package acl

import "strings"

// NoPassword reports whether every password will do.
func (r *Rules) NoPassword() bool { return r.nopass }

// Flags returns the flags as ACL GETUSER shows them.
func (r *Rules) Flags() []string {
	flags := []string{"off"}
	if r.enabled {
		flags[0] = "on"
	}
	if r.nopass {
		flags = append(flags, "nopass")
	}
	switch r.sanitize {
	case sanitizeSkip:
		flags = append(flags, "skip-sanitize-payload")
	case sanitizeAlways:
		flags = append(flags, "sanitize-payload")
	}
	return flags
}

// Passwords returns the SHA-256 of the passwords in hexadecimal digits.
func (r *Rules) Passwords() []string {
	list := make([]string, len(r.passwords))
	for i, h := range r.passwords {
		list[i] = h.String()
	}
	return list
}

// Permissions are those of a selector in the form of ACL GETUSER: rules with a space between
// them.
type Permissions struct{ Commands, Keys, Channels string }

// Permissions returns those of the root, then those of each selector.
func (r *Rules) Permissions() []Permissions {
	list := make([]Permissions, len(r.selectors))
	for i, s := range r.selectors {
		list[i] = Permissions{
			Commands: strings.Join(s.commandRules(r.catalog), " "),
			Keys:     strings.Join(s.keyRules(), " "),
			Channels: strings.Join(s.channelRules(), " "),
		}
	}
	return list
}

// Modifiers returns the modifiers that make these rules of a new user, each selector being
// one. Joined by spaces they are the form of ACL LIST and of the aclfile.
func (r *Rules) Modifiers() []string {
	list := r.Flags()
	for _, h := range r.passwords {
		list = append(list, "#"+h.String())
	}
	for i, s := range r.selectors {
		rules := s.keyRules()
		if !s.allChannels {
			rules = append(rules, "resetchannels")
		}
		rules = append(append(rules, s.channelRules()...), s.commandRules(r.catalog)...)
		if i == 0 {
			list = append(list, rules...)
			continue
		}
		for j, rule := range rules {
			rules[j] = quoteRule(rule)
		}
		list = append(list, "("+strings.Join(rules, " ")+")")
	}
	return list
}

// quoteRule returns a rule as it stands within parentheses.
func quoteRule(rule string) string {
	return quoteWord(rule, strings.IndexAny(rule, "~&|")+1)
}

func (s *selector) keyRules() []string {
	if s.allKeys {
		return []string{"~*"}
	}
	rules := make([]string, 0, len(s.keys))
	for _, k := range s.keys {
		rules = append(rules, [...]string{Read: "%R~", Write: "%W~", ReadWrite: "~"}[k.access]+k.text)
	}
	return rules
}

func (s *selector) channelRules() []string {
	if s.allChannels {
		return []string{"&*"}
	}
	rules := make([]string, 0, len(s.channels))
	for _, c := range s.channels {
		rules = append(rules, "&"+c.text)
	}
	return rules
}

// commandRules returns rules that make the selector's set of commands, as Redis finds them:
// all commands or none, then the categories that fit best, then what still differs.
func (s *selector) commandRules(c *Catalog) []string {
	set := newBitset(len(c.commands)) // what the rules so far allow
	rules := []string{"-@all"}
	if s.future {
		rules[0] = "+@all"
		set.setAll(c.all, true)
	}
	rules = s.categoryRules(c, set, rules)
	for _, id := range c.order {
		name := c.commands[id].Name
		if allow := s.allowed.has(id); allow != set.has(id) {
			rules = append(rules, sign(allow)+name)
			c.setCommand(set, id, allow)
		}
		for _, f := range s.firstArgs {
			if f.command == id {
				rules = append(rules, "+"+name+"|"+f.arg)
			}
		}
	}
	return rules
}

// categoryRules appends a rule for each category of which more commands are to be changed
// than not, the best first: the fewest that are not, then the most that are.
func (s *selector) categoryRules(c *Catalog, set bitset, rules []string) []string {
	left := append(bitset(nil), s.allowed...) // less the commands of categories that were chosen
	for used := Category(0); ; {
		best, fewest, most := -1, 0, 0
		for i, members := range c.members {
			on := left.common(members)
			off := members.common(members) - on
			same, differ := on, off
			if s.future {
				same, differ = off, on
			}
			if used&(1<<i) == 0 && same > differ && (best < 0 || differ < fewest || differ == fewest && same > most) {
				best, fewest, most = i, differ, same
			}
		}
		if best < 0 {
			return rules
		}
		used |= 1 << best
		allow := !s.future
		rules = append(rules, sign(allow)+"@"+categoryNames[best])
		set.setAll(c.affected[best], allow)
		left.setAll(c.affected[best], !allow)
	}
}

func sign(allow bool) string {
	if allow {
		return "+"
	}
	return "-"
}
