package server

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
	"github.com/slotmesh/slotmesh/keyspace"
)

// recordedTable has the rows of redis-server 7.0.15 for the commands that there are here:
// name, a tab, and flags, keys, categories of ACLs, hints and key specifications as
// commandRows shows them.
const recordedTable = "testdata/commands.tsv"

// Every row that Redis has must describe the command as Redis does: clients
// route by what COMMAND says, and ACLs decide by it.
func TestCommandTableIsRedis(t *testing.T) {
	text, err := os.ReadFile(recordedTable)
	if err != nil {
		t.Fatal(err)
	}
	theirs := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, row, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		theirs[name] = row
	}
	ours := commandRows(t, connect(t, startServer(t, Config{})))
	for _, c := range builtIn.All() {
		want, ok := theirs[c.Name]
		switch {
		case ok == c.Has(commands.Hidden):
			t.Errorf("%s: known to Redis 7.0: %t, and Hidden: %t", c.Name, ok, c.Has(commands.Hidden))
		case ok && c.Categories() != redisCategories()[c.Name]:
			t.Errorf("%s is in the categories %v, want %v", c.Name, c.Categories().Names(), redisCategories()[c.Name].Names())
		case ok && ours[c.Name] != want:
			t.Errorf("%s\n got %s\nwant %s", c.Name, ours[c.Name], want)
		}
	}
}

// The recorded table is that of a real redis-server; -update writes it.
func TestRecordedTableIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: the recorded command table was not compared with it")
	}
	conn, err := net.Dial("tcp", startRedis(t, "standalone"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	theirs := commandRows(t, resp.NewConn(conn))
	var text strings.Builder
	for _, c := range builtIn.All() {
		if row, ok := theirs[c.Name]; ok {
			fmt.Fprintf(&text, "%s\t%s\n", c.Name, row)
		}
	}
	if *update {
		if err := os.WriteFile(recordedTable, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	recorded, err := os.ReadFile(recordedTable)
	if err != nil {
		t.Fatal(err)
	}
	if string(recorded) != text.String() {
		t.Errorf("%s is not what redis-server says of these commands: run with -update", recordedTable)
	}
	categories := make(map[string]acl.Category)
	for name := range theirs {
		categories[name] = 0
	}
	for _, category := range acl.Categories() {
		members, err := resp.NewConn(conn).Do("ACL", "CAT", category)
		if err != nil {
			t.Fatal(err)
		}
		c, _ := acl.CategoryNamed(category)
		for _, name := range members.Elems {
			categories[name.Text()] |= c
		}
	}
	if ours := redisCategories(); !maps.Equal(ours, categories) {
		t.Errorf("redisTable has %d commands, and redis-server %d, or other categories", len(ours), len(categories))
	}
}

// Commands that Redis 7.0 does not have are in the categories of those that they are like.
func TestCategoriesOfAdditions(t *testing.T) {
	want := map[string]string{
		"mesh.readonly":                "fast connection",
		"delifeq":                      "write string fast",
		"client|setinfo":               "slow connection",
		"waitaof":                      "slow connection",
		"client|no-touch":              "slow connection",
		"cluster|balance":              "admin slow dangerous",
		"cluster|slot-stats":           "slow",
		"cluster|migrateslots":         "admin slow dangerous",
		"cluster|cancelslotmigrations": "admin slow dangerous",
		"cluster|getslotmigrations":    "admin slow dangerous",
	}
	for _, c := range commands.FieldExpiryGroup {
		want[c.Name] = "write hash fast"
		if c.Has(commands.ReadOnly) {
			want[c.Name] = "read hash fast"
		}
	}
	srv := startServer(t, Config{Extensions: []Extension{
		{Name: "host.write", Arity: 2, First: 1, Last: 1, Step: 1, Write: true, Run: nothing},
		{Name: "host.read", Arity: 2, First: 1, Last: 1, Step: 1, Run: nothing},
	}})
	want["host.write"], want["host.read"] = "write slow", "read slow"
	for _, c := range srv.original.All() {
		if !c.Has(commands.Hidden) && c.Group != "module" {
			continue
		}
		if got := strings.Join(c.Categories().Names(), " "); got != want[c.Name] {
			t.Errorf("%s is in the categories %q, want %q", c.Name, got, want[c.Name])
		}
		delete(want, c.Name)
	}
	for name := range want {
		t.Errorf("there is no command %s", name)
	}
}

func nothing(*keyspace.Tx, [][]byte, *resp.Writer) error { return nil }

// commandRows returns the rows of COMMAND by name, subcommands too, each as text.
func commandRows(t *testing.T, c *resp.Conn) map[string]string {
	t.Helper()
	reply, err := c.Do("COMMAND")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	var add func(list []resp.Reply)
	add = func(list []resp.Reply) {
		for _, r := range list {
			e := r.Elems
			for _, set := range []int{2, 6, 7} { // sets, in any order
				slices.SortFunc(e[set].Elems, func(a, b resp.Reply) int { return strings.Compare(a.Text(), b.Text()) })
			}
			add(e[9].Elems)
			for i := range e[8].Elems {
				// Some key specs of Redis begin with a remark for humans.
				if spec := &e[8].Elems[i]; len(spec.Elems) > 0 && spec.Elems[0].Text() == "notes" {
					spec.Elems = spec.Elems[2:]
				}
			}
			rows[e[0].Text()] = renderList(e[1:9])
		}
	}
	add(reply.Elems)
	return rows
}

func TestCommandRowsAreComplete(t *testing.T) {
	for _, c := range builtIn.All() {
		switch {
		case c.Summary == "" || c.Since == "" || c.Group == "":
			t.Errorf("%s: summary, since or group is missing", c.Name)
		case c.Subs == nil && c.Run == nil && c.Tx == nil:
			t.Errorf("%s: neither Run nor Tx is set", c.Name)
		case c.Run != nil && c.Tx != nil && (!c.Has(commands.NoMandatoryKeys) || c.Counted == 0):
			t.Errorf("%s: Run and Tx are set, but keys are mandatory", c.Name)
		case (c.Tx != nil || c.KeyRange != nil) != (c.HasKeys() || c.Has(commands.Sharded)):
			t.Errorf("%s: Tx goes with keys", c.Name)
		case len(lastName(c)) > maxName:
			t.Errorf("%s: the name is longer than %d bytes and would never be found", c.Name, maxName)
		case c.HasKeys() && c.KeyFlags == "":
			t.Errorf("%s: what happens to its keys is not said", c.Name)
		}
	}
}

// lastName is the name without the container's.
func lastName(c *commands.Command) string { return c.Name[strings.Index(c.Name, "|")+1:] }

func TestCommandDocsAndHelp(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster(), Debug: ForEveryone}))
	expect(t, c, "COMMAND COUNT", ":"+strconv.Itoa(len(builtIn.Top())))
	expect(t, c, "COMMAND DOCS get nothing", `["get", ["summary", "Returns the value of a key.", "since", "1.0.0", "group", "string"]]`)
	docs, err := c.Do("COMMAND", "DOCS")
	if err != nil || len(docs.Elems) != 2*len(builtIn.Top()) {
		t.Fatalf("%d elements, %v; want %d", len(docs.Elems), err, 2*len(builtIn.Top()))
	}
	if subs := docs.Lookup("object").Lookup("subcommands"); subs == nil || subs.Lookup("object|freq") == nil {
		t.Error("COMMAND DOCS does not show OBJECT FREQ")
	}
	for _, container := range builtIn.Top() {
		if container.Subs == nil {
			continue
		}
		help, err := c.Do(container.Name, "HELP")
		if err != nil || len(help.Elems) != 1+2*len(container.Subs) {
			t.Errorf("%s HELP: %d lines, %v; want %d", container.Name, len(help.Elems), err, 1+2*len(container.Subs))
		}
		for _, sub := range container.Subs {
			if (sub.Args != "") != (sub.Arity != 2) ||
				!strings.Contains(render(help), strings.TrimSpace(strings.ToUpper(sub.Name)+" "+sub.Args)) {
				t.Errorf("%s HELP shows %q as the arguments of %s", container.Name, sub.Args, sub.Name)
			}
		}
	}
	if debug, err := c.Do("DEBUG", "HELP"); err != nil || len(debug.Elems) != 5 {
		t.Errorf("DEBUG HELP: %s, %v", render(debug), err)
	}
}

// A name such as "get|x" names no subcommand of a command that has none.
func TestCommandInfoOfSubcommandsThatAreNot(t *testing.T) {
	c := connect(t, startServer(t, Config{}))
	for _, name := range []string{"get|x", "get|", "nothing|x", "config|x", "|"} {
		expect(t, c, "COMMAND INFO "+name, "[nil]")
		expect(t, c, "COMMAND DOCS "+name, "[]")
	}
}
