package acl

import (
	"strings"
	"testing"
)

// FuzzSetUser gives modifiers, one a line, to a user. Whatever is accepted must survive its
// text, and the text must not be much longer than what made it.
func FuzzSetUser(f *testing.F) {
	for _, seed := range []string{
		"on\n>a\n~*\n&*\n+@all",
		"off\nnopass\n#" + hashOf("a").String(),
		"+config|get\n-config\n+select|0\n+get|a\n-@admin\n+@read",
		"%R~a\n%W~a\n%RW~b\n%~c\n%R",
		"(~a +get) \n(~\"a)\\x41\" '&it\\'s' +select|0)\nclearselectors",
		"(~a\n+get\n+set)\n(\n((~a))\n()",
		"allkeys\n~a\nresetkeys\nallchannels\n&a\nreset\n<a\n!b",
		"(~a) ~b)\n(\"~)\")\n+select|)\n(+select|\\))",
		"~" + strings.Repeat("a", 1<<12),
		strings.Repeat("()\n", 100),
		strings.Repeat("~a\n>a\n&a\n+get|a\n", 100),
	} {
		f.Add(seed)
	}
	us := testUsers(f)
	f.Fuzz(func(t *testing.T, text string) {
		us.Delete([]string{"u"})
		modifiers := strings.Split(text, "\n")
		us.SetUser("u", nil)
		for _, m := range modifiers[:min(20, len(modifiers))] { // those that are right have their effect
			us.SetUser("u", []string{m})
		}
		us.SetUser("u", modifiers)
		checkText(t, us, len(text))
	})
}

// checkText reads the text of a user again in all three ways.
func checkText(t *testing.T, us *Users, length int) {
	u := us.Lookup("u")
	rules := u.Rules()
	list := rules.Modifiers()
	line := u.String()
	if len(line) > 2000+100*length {
		t.Fatalf("%d bytes made %d", length, len(line))
	}
	again, err := newRules(us.catalog, false).with(list, false)
	if err != nil || dump(again) != dump(rules) {
		t.Fatalf("%q: %v", list, err)
	}
	other := NewUsers(us.catalog)
	if _, err := other.Load("f", line); err != nil || dump(other.Lookup("u").Rules()) != dump(rules) {
		t.Fatalf("%s: %v", line, err)
	}
	u.Check(requestOf(us.catalog, "mget a b"))
}

// FuzzLoad reads aclfiles. Whatever is accepted is written so that it is read again.
func FuzzLoad(f *testing.F) {
	f.Add("user default on nopass ~* &* +@all\nuser a off (~a +get) #" + hashOf("a").String())
	f.Add("user a (~a) ~b)\n\r\n\tuser b  on\nuser  on\nuser a\nfoo\nuser")
	f.Add("user \x00 on\nuser \"a b\" on\nuser a >p\x00 (~\"a b\")")
	c := testUsers(f).catalog
	f.Fuzz(func(t *testing.T, text string) {
		us := NewUsers(c)
		if _, err := us.Load("f", text); err != nil {
			if got := us.Text(); got != "user default on nopass ~* &* +@all\n" {
				t.Fatalf("an error left\n%s", got)
			}
			return
		}
		saved := us.Text()
		if _, err := us.Load("f", saved); err != nil || us.Text() != saved {
			t.Fatalf("%v\n%s\n%s", err, saved, us.Text())
		}
	})
}
