package server

import (
	"sort"
	"strings"
)

// helpArgs are the arguments of subcommands in the words of Redis 7.
var helpArgs = map[string]string{
	"client|kill":     "(<ip:port>|<option> <value> [<option> <value> [...]])",
	"client|list":     "[options ...]",
	"client|no-evict": "(ON|OFF)",
	"client|pause":    "<timeout> [WRITE|ALL]",
	"client|reply":    "(ON|OFF|SKIP)",
	"client|setinfo":  "<option> <value>",
	"client|setname":  "<name>",

	"cluster|addslots":              "<slot> [<slot> ...]",
	"cluster|addslotsrange":         "<start slot> <end slot> [<start slot> <end slot> ...]",
	"cluster|count-failure-reports": "<node-id>",
	"cluster|countkeysinslot":       "<slot>",
	"cluster|delslots":              "<slot> [<slot> ...]",
	"cluster|delslotsrange":         "<start slot> <end slot> [<start slot> <end slot> ...]",
	"cluster|failover":              "[FORCE|TAKEOVER]",
	"cluster|forget":                "<node-id>",
	"cluster|getkeysinslot":         "<slot> <count>",
	"cluster|keyslot":               "<key>",
	"cluster|meet":                  "<ip> <port> [<bus-port>]",
	"cluster|migrateslots": "SLOTSRANGE <start slot> <end slot> [<start slot> <end slot> ...] NODE " +
		"<node-id> [SLOTSRANGE ...]",
	"cluster|replicas":         "<node-id>",
	"cluster|replicate":        "<node-id>",
	"cluster|reset":            "[HARD|SOFT]",
	"cluster|set-config-epoch": "<epoch>",
	"cluster|setslot":          "<slot> (IMPORTING <node-id>|MIGRATING <node-id>|STABLE|NODE <node-id>)",
	"cluster|slaves":           "<node-id>",

	"command|docs":            "[<command-name> ...]",
	"command|getkeys":         "<full-command>",
	"command|getkeysandflags": "<full-command>",
	"command|info":            "[<command-name> ...]",
	"command|list":            "[FILTERBY (MODULE <module-name>|ACLCAT <category>|PATTERN <pattern>)]",

	"config|get": "<pattern> [<pattern> ...]",
	"config|set": "<directive> <value> [<directive> <value> ...]",

	"memory|usage": "<key> [SAMPLES <count>]",

	"object|encoding": "<key>",
	"object|freq":     "<key>",
	"object|idletime": "<key>",
	"object|refcount": "<key>",
}

// cmdHelp lists a container's subcommands.
func cmdHelp(s *session) error {
	c := s.cmd
	if c.parent != nil {
		c = c.parent
	}
	name := upper(string(s.args[0])) // as the client calls it
	lines := []string{name + " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"}
	if c.name == "debug" {
		lines = append(lines, "SLEEP <seconds>", "    Makes all clients wait.")
	}
	subs := append([]*command(nil), c.list...)
	sort.Slice(subs, func(i, j int) bool { return subs[i].name < subs[j].name })
	for _, sub := range subs {
		if sub.lastName() != "help" {
			lines = append(lines, strings.TrimSpace(upper(sub.lastName())+" "+helpArgs[sub.name]), "    "+sub.summary)
		}
	}
	lines = append(lines, "HELP", "    Prints this help.")
	s.out.Array(len(lines))
	for _, line := range lines {
		s.out.Simple(line)
	}
	return nil
}
