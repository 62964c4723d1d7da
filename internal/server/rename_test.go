package server

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

func TestRenames(t *testing.T) {
	for _, c := range []struct {
		lines string // name and new name, separated by spaces; - stands for ""
		want  error  // of the last line
		names map[string]string
	}{
		{"", nil, nil},
		{"GET x, FlushAll -", nil, map[string]string{"get": "x", "flushall": ""}},
		{"GET a, a B", nil, map[string]string{"get": "b"}},
		{"GET a, a get", nil, map[string]string{}},
		{"GET a, SET get, a set", nil, map[string]string{"get": "set", "set": "get"}},
		{"EVAL -, SUBSCRIBE listen", nil, map[string]string{"eval": "", "subscribe": "listen"}},
		{"nosuch x", errNoSuchName, nil},
		{"config|set x", errNoSuchName, nil},
		{"GET -, GET x", errNoSuchName, nil},
		{"GET set", errNameTaken, nil},
		{"GET eval", errNameTaken, nil}, // of Redis, though not here
		{"GET x, SET X", errNameTaken, nil},
	} {
		var r Renames
		var err error
		for line := range strings.SplitSeq(c.lines, ", ") {
			if words := strings.Fields(line); len(words) == 2 {
				err = r.Add(words[0], strings.TrimPrefix(words[1], "-"))
			}
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", c.lines, err, c.want)
		} else if err == nil && !maps.Equal(r.Names(), c.names) {
			t.Errorf("%s: %v, want %v", c.lines, r.Names(), c.names)
		}
	}
}

func TestCheckRename(t *testing.T) {
	for _, c := range []struct {
		rename map[string]string
		want   string
	}{
		{nil, ""},
		{map[string]string{"GET": "set", "set": "GET", "keys": "", "flushall": ""}, ""},
		{map[string]string{"nosuch": ""}, `there is no command "nosuch"`},
		{map[string]string{"get": "a", "GET": "b"}, "is renamed twice"},
		{map[string]string{"get": "a", "set": "A"}, `commands "get" and "set" would both be called "a"`},
		{map[string]string{"get": "set"}, `commands "get" and "set" would both be called "set"`},
	} {
		if err := CheckRename(c.rename); c.want == "" && err != nil || c.want != "" &&
			(err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%v: %v, want %s", c.rename, err, c.want)
		}
	}
}

// What rename-command says is for clients: the host program and other nodes call commands
// by their own names, and the host's commands have none of those.
func TestRenameIsForClients(t *testing.T) {
	cfg := Config{
		Rename: map[string]string{"get": "", "set": "write", "command": ""},
		Extensions: []Extension{{Name: "mine", Arity: 2, First: 1, Last: 1, Step: 1,
			Run: func(tx *keyspace.Tx, args [][]byte, out *resp.Writer) error { out.OK(); return nil }}},
	}
	srv := startServer(t, cfg)
	c := connect(t, srv)
	expect(t, c, "write key value", "+OK")
	expect(t, c, "GET key", "-ERR unknown command 'GET', with args beginning with: 'key' ")
	expect(t, c, "mine key", "+OK")
	reply, err := srv.Do(&Call{Args: [][]byte{[]byte("GET"), []byte("key")}}, nil)
	if string(reply) != "$5\r\nvalue\r\n" || err != nil {
		t.Errorf("GET by the host: %q, %v", reply, err)
	}
	if _, err := srv.Do(&Call{Args: [][]byte{[]byte("write"), []byte("key"), []byte("x")}}, nil); err == nil {
		t.Error("the host called a command by a client's name")
	}
	if keys, err := srv.Inspect([][]byte{[]byte("SET"), []byte("key"), []byte("x")}); err != nil ||
		len(keys.Positions) != 1 || !keys.Write {
		t.Errorf("Inspect: %+v, %v", keys, err)
	}

	cfg.Rename["set"] = "mine"
	cfg.Engine = srv.engine
	if _, err := New(cfg); err == nil || !strings.Contains(err.Error(),
		`command "mine" has the name that another command was given`) {
		t.Errorf("a name of the host's: %v", err)
	}
}
