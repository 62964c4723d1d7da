package acl

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generator makes random modifiers of a catalog's commands, a few of them wrong.
type generator struct {
	*rand.Rand
	catalog *Catalog
}

func newGenerator(c *Catalog, seed uint64) *generator {
	return &generator{rand.New(rand.NewPCG(seed, 0)), c}
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// modifiers are those of one ACL SETUSER.
func (g *generator) modifiers() []string {
	list := make([]string, 1+g.IntN(8))
	for i := range list {
		list[i] = g.modifier()
	}
	return list
}

// firstModifiers are of a new user, so that many have some rights.
func (g *generator) firstModifiers() []string {
	return pick(g, []string{"on"}, []string{"+@all"}, []string{"+@all", "~*"},
		[]string{"(+@all ~a*)", "+@write", "%W~*"}, []string{"+@read", "+@connection", "~a*", "%R~b*"})
}

func (g *generator) modifier() string {
	switch g.IntN(24) {
	case 0:
		return pick(g, "on", "off", "ON", "Off", "")
	case 1:
		return pick(g, "nopass", "resetpass", "reset", "sanitize-payload", "skip-sanitize-payload", "clearselectors")
	case 2:
		return pick(g, ">", ">", "<") + pick(g, "a", "b", "c")
	case 3:
		return pick(g, "#", "#", "!") + hashOf(pick(g, "a", "b", "c")).String()
	case 4, 5:
		rules := make([]string, g.IntN(5))
		for i := range rules {
			rules[i] = g.rule()
		}
		return "(" + strings.Join(rules, " ") + ")"
	case 6:
		return g.wrong()
	}
	return g.rule()
}

// rule is a modifier that a selector may have.
func (g *generator) rule() string {
	switch g.IntN(10) {
	case 0:
		return pick(g, "allkeys", "resetkeys", "resetkeys", "~*", "allchannels", "resetchannels", "resetchannels", "&*")
	case 1:
		return pick(g, "allcommands", "nocommands", "+@all", "-@all", "+@ALL")
	case 2, 3:
		return pick(g, "~", "%R~", "%W~", "%RW~", "%w~", "%wr~") + g.pattern()
	case 4:
		return "&" + g.pattern()
	case 5:
		return "+" + g.command() + "|" + pick(g, "0", "1", "x", "X")
	case 6, 7:
		return pick(g, "+@", "-@") + pick(g, categoryNames...)
	}
	return pick(g, "+", "-") + g.command()
}

func (g *generator) pattern() string {
	return pick(g, "a", "a*", "?", "b[a-c]", "[^a]*", `c\*`, "**", "x{1}:*", "key")
}

func (g *generator) command() string {
	name := g.catalog.commands[g.IntN(len(g.catalog.commands))].Name
	if tried := pick(g, tried...).name; g.IntN(3) == 0 && g.catalog.byName[tried] > 0 {
		name = tried
	}
	if g.IntN(5) == 0 {
		return strings.ToUpper(name)
	}
	return name
}

func (g *generator) wrong() string {
	return pick(g, "foo", "+nosuch", "-nosuch", "+@nosuch", "-@", "+", "-", "%~a", "%", "%RR~a", "%x~a", "~a b", "#12",
		"!12", "<nosuch", "+config|nosuch", "+config|get|a", "-select|0", "+select|", "(on)", "(+nosuch)", "(foo)",
		"all keys", "(", "(~a", ")", "+config|", "+|", "+nosuch|get", "%R", fmt.Sprint(g.IntN(10)))
}
