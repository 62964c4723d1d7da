package server

import (
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/internal/server/commands"
)

// Every row that Redis has must describe the command as Redis does: clients
// route by what COMMAND says.
func TestCommandTableIsRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: the command table was not compared with it")
	}
	conn, err := net.Dial("tcp", startRedis(t, "standalone"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	theirs := commandRows(t, resp.NewConn(conn))
	srv := startServer(t, Config{})
	ours := commandRows(t, connect(t, srv))
	hidden := make(map[string]bool)
	for _, c := range builtIn.All() {
		hidden[c.Name] = c.Has(commands.Hidden)
	}
	for name, row := range ours {
		if hidden[name] {
			continue
		}
		if want, ok := theirs[name]; !ok {
			t.Errorf("%s: Redis 7.0 has no such command", name)
		} else if row != want {
			t.Errorf("%s\n got %s\nwant %s", name, row, want)
		}
	}
}

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
		case c.Subs == nil && (c.Run == nil) == (c.Tx == nil):
			t.Errorf("%s: exactly one of Run and Tx must be set", c.Name)
		case (c.Tx != nil || c.KeyRange != nil) != (c.Keys.First != 0):
			t.Errorf("%s: Tx goes with keys", c.Name)
		case len(lastName(c)) > maxName:
			t.Errorf("%s: the name is longer than %d bytes and would never be found", c.Name, maxName)
		case c.Keys.First != 0 && c.KeyFlags == "":
			t.Errorf("%s: what happens to its keys is not said", c.Name)
		}
	}
}

// lastName is the name without the container's.
func lastName(c *commands.Command) string { return c.Name[strings.Index(c.Name, "|")+1:] }

func TestCommandDocsAndHelp(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster(), Debug: DebugEveryone}))
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
