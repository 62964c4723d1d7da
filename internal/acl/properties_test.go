package acl

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// What ACL LIST shows makes the same user when it is given to ACL SETUSER, and when it is
// read from a file.
func TestRulesSurviveTheirText(t *testing.T) {
	us := testUsers(t)
	for seed := range uint64(2000) {
		g := newGenerator(us.catalog, seed)
		rules := newRules(us.catalog, false)
		for range 1 + g.IntN(4) {
			if next, err := rules.with(g.modifiers(), false); err == nil {
				rules = next
			}
		}
		again, err := newRules(us.catalog, false).with(rules.Modifiers(), false)
		if err != nil {
			t.Fatalf("seed %d: %q: %v", seed, rules.Modifiers(), err)
		}
		mustEqual(t, seed, rules, again)
		other := testUsers(t)
		if _, err := other.Load("file", newUser("u", rules).String()); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		mustEqual(t, seed, rules, other.Lookup("u").Rules())
	}
}

func mustEqual(t *testing.T, seed uint64, a, b *Rules) {
	t.Helper()
	if dump(a) != dump(b) {
		t.Fatalf("seed %d: %q\nbecame %q\n%s\n%s", seed, a.Modifiers(), b.Modifiers(), dump(a), dump(b))
	}
}

// dump shows rules as they are, without finding rules that make them.
func dump(r *Rules) string {
	var b strings.Builder
	fmt.Fprintln(&b, r.enabled, r.nopass, r.sanitize, r.unrestricted, r.passwords)
	for _, s := range r.selectors {
		var args []string
		for _, f := range s.firstArgs {
			args = append(args, fmt.Sprintf("%d|%s", f.command, f.arg))
		}
		slices.Sort(args)
		fmt.Fprintf(&b, "%x %t %t %t %q %q %q\n", s.allowed, s.future, s.allKeys, s.allChannels, args, s.keys, s.channels)
	}
	return b.String()
}

// ACL GETUSER shows the same rules as ACL LIST, selector by selector.
func TestPermissions(t *testing.T) {
	u := mustSet(t, testUsers(t), "u", "on", ">a", "~a", "%R~b", "&c", "&d", "+get", "(+@all allkeys)", "(allchannels)")
	rules := u.Rules()
	want := []Permissions{{"-@all +get", "~a %R~b", "&c &d"}, {"+@all", "~*", ""}, {"-@all", "", "&*"}}
	if got := rules.Permissions(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(rules.Flags(), rules.Passwords()); got != "[on] ["+hashOf("a").String()+"]" {
		t.Error(got)
	}
}

// The rules about commands make exactly the set of commands, whatever categories were chosen.
func TestCommandRules(t *testing.T) {
	us := testUsers(t)
	for seed := range uint64(2000) {
		g := newGenerator(us.catalog, seed)
		s := newSelector(us.catalog, false)
		s.future = g.IntN(2) == 0
		for id := range us.catalog.commands {
			s.allowed.set(id, g.IntN(2) == 0)
		}
		again := newSelector(us.catalog, false)
		for _, rule := range s.commandRules(us.catalog) {
			if err := again.apply(us.catalog, rule); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(s.allowed, again.allowed) || s.future != again.future {
			t.Fatalf("seed %d: %q", seed, s.commandRules(us.catalog))
		}
	}
}
