package server

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// A template is the form of a command line. Words in upper case and numbers stand for
// themselves, words in lower case for a random word of that kind (see wordKinds), "key+"
// for one or more; "(field value)+" repeats what is in the parentheses, "[NX|XX]" is one of
// the alternatives or nothing, "<LEFT|RIGHT>" is one of them. "numkeys" is how many keys
// "key+" after it has. Now and then a word is dropped, added or replaced (see expand), but
// not of a template that begins with "!".
type template struct {
	weight int // how often it is chosen, beside the others
	text   string
	equal  equality // how replies are compared
	// run does what is not one command with one reply; it is given the line.
	run func(r *randomRun, pair connPair, args [][]byte)
}

// compiled is a template that has been parsed.
type compiled struct {
	template
	nodes   []node
	correct bool // is never spoilt
}

// node is a part of a template.
type node struct {
	kind    nodeKind
	word    string   // of literal and random
	choices [][]node // of repeated: one
}

type nodeKind int

const (
	literal  nodeKind = iota
	random            // a word of the kind
	repeated          // the choice, several times
	optional          // one of the choices, or nothing
	choice            // one of the choices
)

// chooser chooses templates by their weights.
type chooser struct {
	list  []*compiled
	total int
}

func compileTemplates(t *testing.T, list []template) *chooser {
	t.Helper()
	c := &chooser{}
	for _, tmpl := range list {
		text, correct := strings.CutPrefix(tmpl.text, "!")
		p := templateParser{t: t, text: text, tokens: strings.Fields(spacedBrackets.Replace(text))}
		c.list = append(c.list, &compiled{tmpl, p.sequence(), correct})
		c.total += tmpl.weight
		if len(p.tokens) > 0 {
			t.Fatalf("template %q: unexpected %q", tmpl.text, p.tokens[0])
		}
	}
	return c
}

func (c *chooser) choose(rnd *rand.Rand) *compiled {
	n := rnd.IntN(c.total)
	for _, tmpl := range c.list {
		if n -= tmpl.weight; n < 0 {
			return tmpl
		}
	}
	panic("unreachable")
}

var spacedBrackets = strings.NewReplacer("(", " ( ", ")+", " )+ ", "[", " [ ", "]", " ] ", "<", " < ", ">", " > ", "|",
	" | ")

// templateEnds end a part of a template.
var templateEnds = []string{")+", "]", ">", "|"}

type templateParser struct {
	t      *testing.T
	text   string
	tokens []string
}

// sequence parses up to a closing bracket or a bar.
func (p *templateParser) sequence() (list []node) {
	for len(p.tokens) > 0 && !slices.Contains(templateEnds, p.tokens[0]) {
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		switch word := strings.TrimSuffix(token, "+"); {
		case token == "(":
			list = append(list, p.bracket(repeated, ")+"))
		case token == "[":
			list = append(list, p.bracket(optional, "]"))
		case token == "<":
			list = append(list, p.bracket(choice, ">"))
		case word == "" || word[0] < 'a' || word[0] > 'z':
			list = append(list, node{kind: literal, word: token})
		case !isWordKind(word):
			p.t.Fatalf("template %q: there is no kind of word %q", p.text, word)
		case word != token:
			list = append(list, node{kind: repeated, choices: [][]node{{{kind: random, word: word}}}})
		default:
			list = append(list, node{kind: random, word: word})
		}
	}
	return list
}

func (p *templateParser) bracket(kind nodeKind, end string) node {
	n := node{kind: kind}
	for {
		n.choices = append(n.choices, p.sequence())
		if len(p.tokens) == 0 {
			p.t.Fatalf("template %q: %q is missing", p.text, end)
		}
		token := p.tokens[0]
		p.tokens = p.tokens[1:]
		switch token {
		case end:
			return n
		case "|":
		default:
			p.t.Fatalf("template %q: %q where %q should be", p.text, token, end)
		}
	}
}

// expand makes a line of a template. One in fifty is spoilt: a word is dropped, added, or
// replaced by one that is seldom right.
func (r *randomRun) expand(tmpl *compiled) [][]byte {
	r.size, r.numkeys = 0, 0
	args := r.appendNodes(nil, tmpl.nodes)
	if tmpl.correct || !r.oneIn(50) {
		return args
	}
	at := r.rnd.IntN(len(args))
	switch r.rnd.IntN(4) {
	case 0:
		if at > 0 {
			args = append(args[:at], args[at+1:]...)
		}
	case 1:
		args = append(args, []byte(pick(r.rnd, oddWords)))
	default:
		if at > 0 {
			args[at] = []byte(pick(r.rnd, oddWords))
		}
	}
	return args
}

func (r *randomRun) appendNodes(args [][]byte, nodes []node) [][]byte {
	for _, n := range nodes {
		switch n.kind {
		case literal:
			args = append(args, []byte(n.word))
		case random:
			args = append(args, []byte(r.word(n.word)))
		case optional:
			if r.oneIn(2) {
				args = r.appendNodes(args, pick(r.rnd, n.choices))
			}
		case choice:
			args = r.appendNodes(args, pick(r.rnd, n.choices))
		case repeated:
			for range r.times(n.choices[0]) {
				args = r.appendNodes(args, n.choices[0])
			}
		}
	}
	return args
}

// times is how often something is repeated: mostly a few times, seldom very often, and for
// large keys often enough that they become large.
func (r *randomRun) times(nodes []node) int {
	switch {
	case nodes[0].word == "key" && r.numkeys > 0:
		n := r.numkeys
		r.numkeys = 0
		return n
	case nodes[0].word == "key" && !r.oneIn(50):
	case r.size >= largeSize && r.oneIn(5):
		return 1 + r.rnd.IntN(1500)
	case r.size >= mediumSize && r.oneIn(4):
		return 1 + r.rnd.IntN(50)
	}
	return 1 + r.rnd.IntN(3)
}
