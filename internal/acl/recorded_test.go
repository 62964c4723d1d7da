package acl

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What redis-server 7.0.15 says, recorded: its commands with their categories, and what
// became of random users. See TestRecord.
const (
	recordedCommands = "testdata/redis-commands.tsv"
	recordedUsers    = "testdata/redis-users.txt"
)

// In the recorded replies > is before the modifiers of an ACL SETUSER, = before the line of
// ACL LIST or the error that comes of them, ? before a command, ! before the reply of ACL
// DRYRUN. A blank line begins a new user.
func TestRecordedUsers(t *testing.T) {
	c := recordedCatalog(t)
	text, err := os.ReadFile(recordedUsers)
	if err != nil {
		t.Fatal(err)
	}
	us := NewUsers(c)
	var words []string
	replies := 0
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if line == "" {
			us = NewUsers(c)
			continue
		}
		rest := line[2:]
		var got string
		switch line[0] {
		case '>', '?':
			words = unquoteAll(t, rest)
			continue
		case '=':
			got = setAndList(us, words)
		case '!':
			got = dryRun(us.Lookup("u"), words)
		}
		if replies++; got != rest {
			t.Errorf("line %d: %q\n got %s\nwant %s", i+1, words, got, rest)
		}
	}
	if replies < 1000 {
		t.Errorf("only %d replies were compared", replies)
	}
}

func recordedCatalog(t testing.TB) *Catalog {
	t.Helper()
	text, err := os.ReadFile(recordedCommands)
	if err != nil {
		t.Fatal(err)
	}
	var list []Command
	for line := range strings.Lines(string(text)) {
		name, categories, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		cmd := Command{Name: name}
		for _, word := range strings.Fields(categories) {
			category, ok := CategoryNamed(word)
			if !ok {
				cmd.NoAuth = word == "no_auth"
			}
			cmd.Categories |= category
		}
		list = append(list, cmd)
	}
	c, err := NewCatalog(list)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func setAndList(us *Users, modifiers []string) string {
	if err := us.SetUser("u", modifiers); err != nil {
		return "ERR " + err.Error()
	}
	return sortCommands(us.Lookup("u").String())
}

// sortCommands sorts the rules about single commands: Redis has them in the random order of
// its table.
func sortCommands(line string) string {
	words := strings.Split(line, " ")
	isCommand := func(w string) bool {
		return (w[0] == '+' || w[0] == '-') && !strings.HasPrefix(w[1:], "@")
	}
	for i := 0; i < len(words); i++ {
		if !isCommand(words[i]) {
			continue
		}
		end := i + 1
		for end < len(words) && isCommand(words[end]) {
			end++
		}
		slices.SortStableFunc(words[i:end], func(a, b string) int {
			return strings.Compare(bare(a), bare(b))
		})
		last := slices.IndexFunc(words[i:end], func(w string) bool { return strings.HasSuffix(w, ")") })
		if last >= 0 {
			words[i+last] = strings.TrimSuffix(words[i+last], ")")
			words[end-1] += ")"
		}
		i = end - 1
	}
	return strings.Join(words, " ")
}

func bare(rule string) string { return strings.TrimSuffix(rule[1:], ")") }

// tried are commands that users of the record try, with what they do with their keys.
var tried = []struct {
	line     string
	name     string
	keys     []KeyRange
	channels ChannelRange
}{
	{"get a", "get", []KeyRange{{1, 1, 1, Read}}, ChannelRange{}},
	{"get bb", "get", []KeyRange{{1, 1, 1, Read}}, ChannelRange{}},
	{"set ab 0", "set", []KeyRange{{1, 1, 1, Write}}, ChannelRange{}},
	{"setrange key 0 x", "setrange", []KeyRange{{1, 1, 1, Write}}, ChannelRange{}},
	{"getset ba v", "getset", []KeyRange{{1, 1, 1, ReadWrite}}, ChannelRange{}},
	{"strlen c*", "strlen", []KeyRange{{1, 1, 1, 0}}, ChannelRange{}},
	{"rename a b", "rename", []KeyRange{{1, 1, 1, ReadWrite}, {2, 1, 1, Write}}, ChannelRange{}},
	{"copy ba ac", "copy", []KeyRange{{1, 1, 1, Read}, {2, 1, 1, Write}}, ChannelRange{}},
	{"mget x1:y a bb", "mget", []KeyRange{{1, 3, 1, Read}}, ChannelRange{}},
	{"mset a 1 q 2", "mset", []KeyRange{{1, 2, 2, Write}}, ChannelRange{}},
	{"del ab b", "del", []KeyRange{{1, 2, 1, Write}}, ChannelRange{}},
	{"select 0", "select", nil, ChannelRange{}},
	{"config get X", "config|get", nil, ChannelRange{}},
	{"acl whoami", "acl|whoami", nil, ChannelRange{}},
	{"auth x", "auth", nil, ChannelRange{}},
	{"ping", "ping", nil, ChannelRange{}},
	{"publish ab m", "publish", nil, ChannelRange{1, 1, false}},
	{"spublish ba m", "spublish", nil, ChannelRange{1, 1, false}},
	{"subscribe a bb", "subscribe", nil, ChannelRange{1, 2, false}},
	{"psubscribe a* b", "psubscribe", nil, ChannelRange{1, 2, true}},
}

// dryRun answers as ACL DRYRUN.
func dryRun(u *User, words []string) string {
	q := &Request{}
	for _, w := range words {
		q.Args = append(q.Args, []byte(w))
	}
	name := ""
	for _, c := range tried {
		if c.line == strings.Join(words, " ") {
			name, q.Keys, q.Channels = c.name, c.keys, c.channels
		}
	}
	q.Command = u.Rules().catalog.byName[name]
	switch d := u.Check(q); d.Reason {
	case DeniedCommand:
		return fmt.Sprintf("This user has no permissions to run the '%s' command", name)
	case DeniedKey, DeniedChannel:
		return fmt.Sprintf("This user has no permissions to access the '%s' %s", words[d.Arg], d.Reason)
	}
	return "OK"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	return strings.Join(quoted, " ")
}

func unquoteAll(t *testing.T, line string) (words []string) {
	t.Helper()
	for line != "" {
		prefix, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		word, _ := strconv.Unquote(prefix)
		words = append(words, word)
		line = strings.TrimPrefix(line[len(prefix):], " ")
	}
	return words
}
