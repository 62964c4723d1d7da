package server

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
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
	for name, row := range ours {
		if c := srv.findFull([]byte(name)); c.has(flagHidden) {
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
	for _, c := range allCommands {
		switch {
		case c.summary == "" || c.since == "" || c.group == "":
			t.Errorf("%s: summary, since or group is missing", c.name)
		case c.list == nil && (c.run == nil) == (c.tx == nil):
			t.Errorf("%s: exactly one of run and tx must be set", c.name)
		case (c.tx != nil || c.keyRange != nil) != (c.keys.first != 0):
			t.Errorf("%s: tx goes with keys", c.name)
		case len(c.lastName()) > maxName:
			t.Errorf("%s: the name is longer than %d bytes and would never be found", c.name, maxName)
		case c.keys.first != 0 && c.access == "":
			t.Errorf("%s: what happens to its keys is not said", c.name)
		}
	}
}

func TestCommandDocsAndHelp(t *testing.T) {
	c := connect(t, startServer(t, Config{Cluster: newFakeCluster(), Debug: DebugEveryone}))
	expect(t, c, "COMMAND COUNT", ":"+itoa(len(commandList)))
	expect(t, c, "COMMAND DOCS get nothing", `["get", ["summary", "Returns the value of a key.", "since", "1.0.0", "group", "string"]]`)
	docs, err := c.Do("COMMAND", "DOCS")
	if err != nil || len(docs.Elems) != 2*len(commandList) {
		t.Fatalf("%d elements, %v; want %d", len(docs.Elems), err, 2*len(commandList))
	}
	if subs := docs.Lookup("object").Lookup("subcommands"); subs == nil || subs.Lookup("object|freq") == nil {
		t.Error("COMMAND DOCS does not show OBJECT FREQ")
	}
	for _, container := range commandList {
		if container.list == nil {
			continue
		}
		help, err := c.Do(container.name, "HELP")
		if err != nil || len(help.Elems) != 1+2*len(container.list) {
			t.Errorf("%s HELP: %d lines, %v; want %d", container.name, len(help.Elems), err, 1+2*len(container.list))
		}
		for _, sub := range container.list {
			if args, ok := helpArgs[sub.name]; ok != (sub.arity != 2) ||
				!strings.Contains(render(help), strings.TrimSpace(upper(sub.lastName())+" "+args)) {
				t.Errorf("%s HELP shows %q as the arguments of %s", container.name, args, sub.name)
			}
		}
	}
	if debug, err := c.Do("DEBUG", "HELP"); err != nil || len(debug.Elems) != 5 {
		t.Errorf("DEBUG HELP: %s, %v", render(debug), err)
	}
}
