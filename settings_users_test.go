package slotmesh

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// startFrom starts a node from a file of its own with these lines. It returns the path and
// a function that sends a command by a new connection, after AUTH if that is not "".
func startFrom(t *testing.T, lines string) (n *Node, path string, ask func(auth, line string) string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "node.conf")
	text := "port 0\nunixsocket node.sock\ndir " + filepath.Dir(path) + "\n" + lines
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.BusAddr = "127.0.0.1:0"
	if n, err = New(cfg); err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n, path, func(auth, line string) string {
		t.Helper()
		conn, err := net.Dial("unix", filepath.Join(filepath.Dir(path), "node.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := resp.NewConn(conn)
		if auth != "" {
			if _, err := c.Do(append([]string{"AUTH"}, strings.Fields(auth)...)...); err != nil {
				return err.Error()
			}
		}
		reply, err := c.Do(strings.Fields(line)...)
		switch {
		case err != nil:
			return err.Error()
		case len(reply.Elems) > 0:
			var words []string
			for _, e := range reply.Elems {
				words = append(words, e.Text())
			}
			return strings.Join(words, "; ")
		}
		return reply.Text()
	}
}

const (
	wrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	hashOfPW  = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"
)

// requirepass and the default user's password are one, whichever is set.
func TestRequirepassIsTheDefaultUser(t *testing.T) {
	_, path, ask := startFrom(t, "requirepass one\nuser app on >pw ~app:* +@read\nuser off +get\n")
	for _, c := range []struct{ auth, line, want string }{
		{"", "PING", "NOAUTH Authentication required."},
		{"one", "ACL WHOAMI", "default"},
		{"app pw", "GET app:1", ""},
		{"app pw", "GET x", "NOPERM this user has no permissions to access one of the keys used as arguments"},
		{"app pw", "CONFIG GET requirepass", "NOPERM this user has no permissions to run the 'config|get' command"},
		{"off pw", "PING", wrongPass},
		{"one", "CONFIG SET requirepass two", "OK"},
		{"one", "PING", wrongPass},
		{"default two", "CONFIG GET requirepass", "requirepass; two"},
		{"two", "ACL SETUSER default >three", "OK"},
		{"three", "ACL WHOAMI", "default"},
		{"two", "CONFIG SET maxclients 100", "OK"},
		{"three", "CONFIG SET acl-pubsub-default allchannels", "OK"},
		{"three", "CONFIG SET aclfile x", "ERR CONFIG SET failed (possibly related to argument 'aclfile') - can't set " +
			"immutable config"},
		{"three", "ACL SAVE", "ERR This Redis instance is not configured to use an ACL file. You may want to specify users " +
			"via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) " +
			"in order to store users in the Redis configuration."},
		{"three", "ACL SETUSER new on >pw", "OK"},
		{"three", "CONFIG REWRITE", "OK"},
		{"three", "CONFIG SET requirepass", "ERR wrong number of arguments for 'config|set' command"},
		{"three", "ACL SETUSER default nopass", "OK"},
		{"", "PING", "PONG"},
	} {
		if got := ask(c.auth, c.line); got != c.want {
			t.Errorf("AUTH %s, %s: %s, want %s", c.auth, c.line, got, c.want)
		}
	}
	text, _ := os.ReadFile(path)
	for _, want := range []string{"requirepass two\n", "user app on #" + hashOfPW + " ~app:* resetchannels -@all +@read\n",
		"user default on #", "user new on #" + hashOfPW + " &* -@all\n", "user off off resetchannels -@all +get\n",
		"acl-pubsub-default allchannels\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("CONFIG REWRITE wrote no %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), ">pw") {
		t.Errorf("the file still has the password of a user:\n%s", text)
	}
	if cfg, _, err := LoadConfig(path); err != nil || len(cfg.Clients.Users) != 4 {
		t.Errorf("the file is read as the users %q, %v", cfg.Clients.Users, err)
	}
}

// With a file of users, CONFIG REWRITE writes none of them.
func TestUserFileOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	users := filepath.Join(dir, "users.acl")
	if err := os.WriteFile(users, []byte("user app on >pw ~* +@all\nuser default off\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, path, ask := startFrom(t, "aclfile "+users+"\n")
	for _, c := range []struct{ auth, line, want string }{
		{"", "PING", "NOAUTH Authentication required."},
		{"app pw", "CONFIG GET aclfile", "aclfile; " + users},
		{"app pw", "ACL SETUSER other on", "OK"},
		{"app pw", "CONFIG REWRITE", "OK"},
		{"app pw", "ACL LOAD", "OK"},
		{"app pw", "ACL USERS", "app; default"},
		{"app pw", "ACL SETUSER other on", "OK"},
		{"app pw", "ACL SAVE", "OK"},
		{"app pw", "ACL LOAD", "OK"},
		{"app pw", "ACL USERS", "app; default; other"},
	} {
		if got := ask(c.auth, c.line); got != c.want {
			t.Errorf("AUTH %s, %s: %s, want %s", c.auth, c.line, got, c.want)
		}
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), "user ") {
		t.Errorf("the configuration has users:\n%s", text)
	}
}

// Without users, a rewritten file has no lines about them.
func TestRewriteWithoutUsers(t *testing.T) {
	_, path, ask := startFrom(t, "")
	if got := ask("", "CONFIG SET requirepass pw"); got != "OK" {
		t.Fatal(got)
	}
	if got := ask("pw", "CONFIG REWRITE"); got != "OK" {
		t.Fatal(got)
	}
	text, _ := os.ReadFile(path)
	if strings.Contains(string(text), "user ") || !strings.Contains(string(text), "requirepass pw\n") {
		t.Errorf("the configuration is\n%s", text)
	}
}

// What is wrong with a user is told with its place, without its password.
func TestUsersThatAreWrong(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "node.conf")
	for _, c := range []struct{ text, want string }{
		{"user app on\nuser b on >secret allkey",
			":2: user \"b\": Error in user declaration 'allkey' of user 'b': Syntax error"},
		{"user app on\n\nuser app on",
			":3: user \"app\": Error in user declaration 'app' of user 'app': Duplicate user found"},
		{"user app #secret", ":1: user \"app\": Error in user declaration '#...'"},
		{"user app \">secret", ":1: line \"user …\": unbalanced quotes"},
		{"user", ":1: user: wrong number of arguments"},
		{"aclfile x.acl\nuser app on",
			":1: aclfile \"x.acl\": Configuring Redis with users defined in redis.conf and at the same"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, err := LoadConfig(path)
		if err == nil || !strings.Contains(err.Error(), path+c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := New(Config{Clients: ClientConfig{Users: []string{"app allkey"}}}); err == nil ||
		!strings.Contains(err.Error(), "Config.Clients.Users") {
		t.Errorf("New: %v", err)
	}
}

// Users may have rights to commands that the host adds after New.
func TestUsersMayHaveCommandsOfTheHost(t *testing.T) {
	for _, added := range []bool{true, false} {
		n, err := New(Config{Standalone: true, Clients: ClientConfig{Users: []string{"app on nopass ~* +allow"}}})
		if err != nil {
			t.Fatal(err)
		}
		if added {
			if err := n.Handle("ALLOW", CommandSpec{}, func(Tx, []string) (any, error) { return 1, nil }); err != nil {
				t.Fatal(err)
			}
		}
		err = n.Start(t.Context())
		if added != (err == nil) || !added && !strings.Contains(err.Error(), "Config.Clients.Users[0]: Error in user "+
			"declaration '+allow' of user 'app': Unknown command") {
			t.Errorf("Start with the command added %t: %v", added, err)
		}
		n.Close()
	}
}
