package acl

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var (
	record   = flag.Int("record", 0, "write what redis-server says of so many random users, the same each time")
	compare  = flag.Int("compare", 20, "compare so many random users with redis-server")
	fromSeed = flag.Uint64("seed", 1, "of the first random user")
)

// TestRecord writes the recorded replies.
func TestRecord(t *testing.T) {
	if *record == 0 {
		t.Skip("-record N was not given")
	}
	r := startRedis(t)
	if err := os.WriteFile(recordedCommands, []byte(r.commands(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	g := newGenerator(recordedCatalog(t), *fromSeed)
	for range *record {
		b.WriteString(r.user(t, g) + "\n")
	}
	if err := os.WriteFile(recordedUsers, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRandomUsersAreRedis compares users that are not recorded.
func TestRandomUsersAreRedis(t *testing.T) {
	r := startRedis(t)
	c := recordedCatalog(t)
	if text, _ := os.ReadFile(recordedCommands); string(text) != r.commands(t) {
		t.Errorf("%s is not what redis-server says: run with -record", recordedCommands)
	}
	for seed := range uint64(*compare) {
		r.compareUser(t, c, seed+*fromSeed)
	}
}

// compareUser makes a random user twice, and tells what is different.
func (r *redis) compareUser(t *testing.T, c *Catalog, seed uint64) {
	us := NewUsers(c)
	var words []string
	for line := range strings.Lines(r.user(t, newGenerator(c, seed))) {
		rest, got := strings.TrimSuffix(line[2:], "\n"), ""
		switch line[0] {
		case '>', '?':
			words = unquoteAll(t, rest)
			continue
		case '=':
			got = setAndList(us, words)
		case '!':
			got = dryRun(us.Lookup("u"), words)
		}
		if got != rest {
			t.Fatalf("seed %d: %q\n got %s\nwant %s", seed, words, got, rest)
		}
	}
}

// user returns what becomes of a random user, in the form of the record.
func (r *redis) user(t *testing.T, g *generator) string {
	t.Helper()
	var b strings.Builder
	r.do(t, "ACL", "DELUSER", "u")
	for i := range 1 + g.IntN(5) {
		modifiers := g.modifiers()
		if i == 0 {
			modifiers = g.firstModifiers()
		}
		reply, err := r.do(t, append([]string{"ACL", "SETUSER", "u"}, modifiers...)...)
		text := fmt.Sprint(reply)
		if err != nil {
			text = err.Error()
		} else {
			text = r.list(t)
		}
		fmt.Fprintf(&b, "> %s\n= %s\n", quoteAll(modifiers), text)
	}
	for _, c := range tried {
		if g.IntN(4) > 0 {
			continue
		}
		words := strings.Fields(c.line)
		reply, err := r.do(t, append([]string{"ACL", "DRYRUN", "u"}, words...)...)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "? %s\n! %s\n", quoteAll(words), reply)
	}
	return b.String()
}

func (r *redis) list(t *testing.T) string {
	t.Helper()
	reply, err := r.do(t, "ACL", "LIST")
	if err != nil {
		t.Fatal(err)
	}
	return sortCommands(reply.([]any)[1].(string))
}

// commands returns all commands in the form of the record.
func (r *redis) commands(t *testing.T) string {
	t.Helper()
	reply, err := r.do(t, "COMMAND")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	var add func(rows []any)
	add = func(rows []any) {
		for _, row := range rows {
			row := row.([]any)
			words := []string{}
			for _, c := range row[6].([]any) {
				words = append(words, strings.TrimPrefix(c.(string), "@"))
			}
			if slices.Contains(row[2].([]any), any("no_auth")) {
				words = append(words, "no_auth")
			}
			lines = append(lines, row[0].(string)+"\t"+strings.Join(words, " ")+"\n")
			add(row[9].([]any))
		}
	}
	add(reply.([]any))
	slices.Sort(lines) // a tab is before a bar
	return strings.Join(lines, "")
}

// redis is a connection to a redis-server of the test's own.
type redis struct {
	conn   net.Conn
	reader *bufio.Reader
}

func startRedis(t *testing.T) *redis {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	version, err := exec.Command(program, "--version").Output()
	if err != nil || !strings.Contains(string(version), "v=7.0.") {
		t.Skipf("not Redis 7.0: %s", version)
	}
	dir, err := os.MkdirTemp("", "acl") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir)
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if !strings.Contains(lines.Text(), "ready to accept connections") {
			continue
		}
		go io.Copy(io.Discard, output)
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return &redis{conn, bufio.NewReader(conn)}
	}
	t.Fatal("redis-server does not start")
	return nil
}

func (r *redis) do(t *testing.T, args ...string) (any, error) {
	t.Helper()
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := r.conn.Write(b); err != nil {
		t.Fatal(err)
	}
	return r.reply(t)
}

// reply reads a reply of RESP2.
func (r *redis) reply(t *testing.T) (any, error) {
	t.Helper()
	line, err := r.reader.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.TrimSuffix(line[1:], "\r\n")
	n, _ := strconv.Atoi(rest)
	switch line[0] {
	case '-':
		return nil, errors.New(rest)
	case '$':
		b := make([]byte, max(0, n)+2)
		if _, err := io.ReadFull(r.reader, b); err != nil {
			t.Fatal(err)
		}
		return string(b[:n]), nil
	case '*':
		list := make([]any, max(0, n))
		for i := range list {
			if list[i], err = r.reply(t); err != nil {
				t.Fatal(err)
			}
		}
		return list, nil
	}
	return rest, nil
}
