package server

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
	luaengine "github.com/slotmesh/slotmesh/script"
)

// The files testdata/scripts/*.lua have Lua scripts, each below a line "--- NAME". A script
// is run by EVAL without keys, unless there are lines "--> COMMAND" that name it: $script is
// its text there and $sha its SHA-1. Other commands are sent before or after it, as they
// stand. A name that ends with "(unordered)" or "(pairs)" is of a reply whose elements
// have no order.
//
// What a redis-server replied in RESP2, and what data it had then, is in the file of the
// same name that ends with .golden; lines for RESP3 alone begin with "3", for RESP2 alone
// with "2". TestLuaScripts compares this server with that. TestLuaScriptsOnRedis compares
// a real redis-server with it, which proves that both are equal; with -update it writes
// the files.

// luaScript is a section of such a file.
type luaScript struct {
	name     string
	text     string
	commands []string // "" stands for EVAL of the script
}

func luaFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/scripts/*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts in testdata/scripts (%v)", err)
	}
	return files
}

func readLuaScripts(t *testing.T, file string) []luaScript {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []luaScript
	for _, section := range strings.Split("\n"+string(text), "\n--- ")[1:] {
		name, body, _ := strings.Cut(section, "\n")
		s := luaScript{name: name}
		var lines []string
		implied := -1 // where EVAL is sent if no command names the script
		for _, line := range strings.Split(body, "\n") {
			command, ok := strings.CutPrefix(line, "--> ")
			switch {
			case ok:
				s.commands = append(s.commands, command)
			case len(lines) == 0:
				implied = len(s.commands)
				fallthrough
			default:
				lines = append(lines, line)
			}
		}
		s.text = strings.TrimSuffix(strings.Join(lines, "\n"), "\n")
		named := slices.ContainsFunc(s.commands, func(c string) bool { return strings.Contains(c, "$s") })
		if !named && (s.text != "" || len(s.commands) == 0) {
			s.commands = slices.Insert(s.commands, max(implied, 0), "EVAL $script 0")
		}
		list = append(list, s)
	}
	return list
}

func TestLuaScripts(t *testing.T) {
	for _, file := range luaFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			srv := startServer(t, Config{
				Cluster: newFakeCluster(), Debug: ForEveryone, Scripts: luaengine.New(luaengine.Config{}),
			})
			compareGolden(t, file, runLuaScripts(t, file, func() net.Conn { return pipeTo(t, srv) }))
		})
	}
}

func TestLuaScriptsOnRedis(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed; CI must have it (apt-get install redis-server)")
		}
		t.Skip("redis-server is not installed: the scripts were not compared with it")
	}
	addr := startRedis(t, "cluster")
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	c := newRawConn(t, dial())
	waitFor(t, "cluster_state:ok", func() bool {
		return slices.Contains(splitLines(c.do("CLUSTER", "INFO")), "cluster_state:ok")
	})
	for _, file := range luaFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := runLuaScripts(t, file, dial)
			if !*update {
				compareGolden(t, file, got)
				return
			}
			if err := os.WriteFile(goldenFile(file), []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func goldenFile(file string) string { return strings.TrimSuffix(file, ".lua") + ".golden" }

// compareGolden compares what the scripts of a file came to with what is written.
func compareGolden(t *testing.T, file string, got []string) {
	t.Helper()
	text, err := os.ReadFile(goldenFile(file))
	if err != nil {
		t.Fatal(err)
	}
	got = splitSections(strings.Join(got, "\n") + "\n")
	want := splitSections(string(text))
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) {
			t.Fatalf("%d sections, but %d are written: run TestLuaScriptsOnRedis with -update", len(got), len(want))
		}
		if got[i] != want[i] {
			t.Errorf("%s\n got %s\nwant %s", file, got[i], want[i])
		}
	}
}

func splitSections(text string) []string { return strings.Split("\n"+text, "\n--- ")[1:] }

// runLuaScripts runs the scripts of a file in both protocols and returns the lines of its
// golden file.
func runLuaScripts(t *testing.T, file string, dial func() net.Conn) []string {
	list := readLuaScripts(t, file)
	var sections [2][][]string
	for i, protocol := range []string{"2", "3"} {
		control, c := newRawConn(t, dial()), newRawConn(t, dial())
		c.do("HELLO", protocol)
		for _, s := range list {
			control.do("FLUSHALL")
			sections[i] = append(sections[i], append(runLuaScript(t, s, c), dataLines(control)...))
		}
	}
	var lines []string
	for i, s := range list {
		lines = append(lines, "--- "+s.name)
		lines = append(lines, mergeLines(sections[0][i], sections[1][i])...)
	}
	return lines
}

// mergeLines joins the lines of RESP2 and RESP3, and marks those that are not the same.
func mergeLines(two, three []string) []string {
	var lines []string
	for i := range max(len(two), len(three)) {
		if i < len(two) && i < len(three) && two[i] == three[i] {
			lines = append(lines, two[i])
			continue
		}
		if i < len(two) {
			lines = append(lines, "2 "+two[i])
		}
		if i < len(three) {
			lines = append(lines, "3 "+three[i])
		}
	}
	return lines
}

// runLuaScript sends the commands of a script and returns the replies, one a line.
func runLuaScript(t *testing.T, s luaScript, c *rawConn) []string {
	var lines []string
	sum := sha1.Sum([]byte(s.text))
	for _, command := range s.commands {
		args, ok := resp.SplitWords(nil, []byte(command))
		if !ok {
			t.Fatalf("%s: %s: unbalanced quotes", s.name, command)
		}
		for i, arg := range args {
			switch string(arg) {
			case "$script":
				args[i] = []byte(s.text)
			case "$sha":
				args[i] = []byte(hex.EncodeToString(sum[:]))
			}
		}
		reply := c.doBytes(args...)
		if reply == nil {
			t.Fatalf("%s: %s: the connection is closed", s.name, command)
		}
		switch {
		case strings.HasSuffix(s.name, "(unordered)"):
			reply = sortedReply(reply, 1)
		case strings.HasSuffix(s.name, "(pairs)"):
			reply = sortedReply(reply, 2)
		}
		lines = append(lines, goldenLine(reply))
	}
	return lines
}

// sortedReply sorts the elements of a reply, n at a time.
func sortedReply(reply []byte, n int) []byte {
	head, elems := splitReply(reply)
	if len(elems) == 0 {
		return reply
	}
	var groups [][]byte
	for group := range slices.Chunk(elems, n) {
		groups = append(groups, bytes.Join(group, nil))
	}
	slices.SortFunc(groups, bytes.Compare)
	return append(append(slices.Clone(head), '\n'), bytes.Join(groups, nil)...)
}

const longestGolden = 3000 // bytes of a reply that are written as they are

func goldenLine(reply []byte) string {
	if len(reply) > longestGolden {
		return fmt.Sprintf("%q and so on: %d bytes, SHA-1 %x", reply[:100], len(reply), sha1.Sum(reply))
	}
	return strconv.Quote(string(reply))
}

// dataLines reads all keys, and returns a line for each.
func dataLines(c *rawConn) []string {
	_, keys := splitReply(c.do("KEYS", "*"))
	var lines []string
	for _, bulk := range keys {
		_, text, _ := bytes.Cut(bulk, []byte("\r\n"))
		key := string(bytes.TrimSuffix(text, []byte("\r\n")))
		kind := string(c.do("TYPE", key))
		words := strings.Fields(readers[kind].line)
		if len(words) == 0 {
			lines = append(lines, fmt.Sprintf("= %q %q", key, kind))
			continue
		}
		words[slices.Index(words, "key")] = key
		value := c.do(words...)
		switch kind {
		case "+hash\r\n":
			value = sortedReply(value, 2)
		case "+set\r\n":
			value = sortedReply(value, 1)
		}
		expires := ""
		if c.do("PTTL", key)[1] != '-' {
			expires = " expires"
		}
		lines = append(lines, fmt.Sprintf("= %q %s%s %s", key, strings.TrimSpace(kind[1:]), expires, goldenLine(value)))
	}
	slices.Sort(lines)
	return lines
}
