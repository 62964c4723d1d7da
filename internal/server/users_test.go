package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/slotmesh/slotmesh/internal/acl"
	"github.com/slotmesh/slotmesh/internal/engine"
	"github.com/slotmesh/slotmesh/internal/resp"
	"github.com/slotmesh/slotmesh/keyspace"
)

func newEngine() *engine.Engine { return engine.New(keyspace.New(keyspace.Config{})) }

func TestUsersOfTheConfiguration(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Password: "secret"},
		Users: []string{`app on ">a b" ~app:* +get`, "other off"}})
	c := connect(t, srv)
	expect(t, c, "PING", "-NOAUTH Authentication required.")
	expect(t, c, `AUTH app "a b"`, "+OK")
	expect(t, c, "GET app:1", "nil")
	expect(t, c, "PING", "-NOPERM this user has no permissions to run the 'ping' command")
	expect(t, c, "AUTH secret", "+OK")
	expect(t, c, "ACL USERS", `["app", "default", "other"]`)

	// What is said of the default user takes the place of the password.
	srv = startServer(t, Config{Limits: Limits{Password: "secret"}, Users: []string{"default on nopass ~* +ping +auth"}})
	c = connect(t, srv)
	expect(t, c, "PING", "+PONG")
	expect(t, c, "GET a", "-NOPERM this user has no permissions to run the 'get' command")
}

func TestUsersThatAreWrong(t *testing.T) {
	for _, c := range []struct {
		lines []string
		index int
		want  string
	}{
		{[]string{"app on", "b on allkey"}, 1, "Error in user declaration 'allkey' of user 'b': Syntax error"},
		{[]string{"app on", "app off"}, 1, "Duplicate user found"},
		{[]string{"app #secret"}, 0, "'#...'"},
		{[]string{"app", `b ">secret`}, 1, "unbalanced quotes"},
		{[]string{""}, 0, "a user needs a name"},
		{[]string{"app (+get"}, 0, "parenthesis"},
	} {
		err := CheckUsers(c.lines, "")
		var user *UserError
		if !errors.As(err, &user) || user.Index != c.index || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q of line %d", c.lines, err, c.want, c.index)
			continue
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows a password: %v", c.lines, err)
		}
		if _, err := New(Config{Engine: newEngine(), Users: c.lines}); !errors.As(err, &user) {
			t.Errorf("%q: New returned %v", c.lines, err)
		}
	}
	if err := CheckUsers([]string{"app"}, "users.acl"); !errors.Is(err, ErrUsersTwice) {
		t.Errorf("users and a file of users: %v", err)
	}

	// Commands may be added by the host program; only the server knows in the end.
	unknown := []string{"app +host.get"}
	if err := CheckUsers(unknown, ""); err != nil {
		t.Error(err)
	}
	if _, err := New(Config{Engine: newEngine(), Users: unknown}); !errors.Is(err, acl.ErrUnknownCommand) {
		t.Errorf("New with a command that nobody has added: %v", err)
	}
}

// A command of the host program has its keys checked like any other.
func TestRightsToExtensions(t *testing.T) {
	noop := func(_ *keyspace.Tx, _ [][]byte, out *resp.Writer) error { out.OK(); return nil }
	srv := startServer(t, Config{
		Extensions: []Extension{
			{Name: "HOST.GET", Arity: 2, First: 1, Last: 1, Step: 1, Run: noop},
			{Name: "HOST.SET", Arity: -2, First: 1, Last: -1, Step: 1, Write: true, Run: noop},
		},
		Users: []string{"app on nopass ~app:* %R~r:* +host.get +@write", "reader on nopass ~* +@read"},
	})
	c := connect(t, srv)
	const noKey = "-NOPERM this user has no permissions to access one of the keys used as arguments"
	expect(t, c, "AUTH app x", "+OK")
	expect(t, c, "HOST.GET app:1", "+OK")
	expect(t, c, "HOST.GET r:1", "+OK")
	expect(t, c, "HOST.GET x", noKey)
	expect(t, c, "HOST.SET app:1 app:2", "+OK")
	expect(t, c, "HOST.SET app:1 r:2", noKey)
	expect(t, c, "AUTH reader x", "+OK")
	expect(t, c, "HOST.GET x", "+OK")
	expect(t, c, "HOST.SET x", "-NOPERM this user has no permissions to run the 'host.set' command")
}

// The host program and other nodes are no users: nothing takes their rights away.
func TestCallsMayDoEverything(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{Password: "secret"}, Users: []string{"default off -@all"}})
	out, err := srv.Do(&Call{Args: [][]byte{[]byte("SET"), []byte("k"), []byte("v")}}, nil)
	if err != nil || string(out) != "+OK\r\n" {
		t.Errorf("a call of SET: %q, %v", out, err)
	}
}

// The rights are asked before anything tells where a key is.
func TestRightsComeBeforeRedirects(t *testing.T) {
	srv := startServer(t, Config{Cluster: newFakeCluster(),
		Users: []string{"app on nopass ~app:* +get +mget +multi +exec"}})
	c := connect(t, srv)
	expect(t, c, "AUTH app x", "+OK")
	expect(t, c, "MGET a b", "-NOPERM this user has no permissions to access one of the keys used as arguments")
	expect(t, c, "MGET app:1 app:2", "-CROSSSLOT Keys in request don't hash to the same slot")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "MGET a b", "-NOPERM this user has no permissions to access one of the keys used as arguments")
	expect(t, c, "EXEC", "-EXECABORT Transaction discarded because of previous errors.")
}

func TestUserFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.acl")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("user app on nopass ~* +@all\nuser gone on nopass ~* +@all\n\nuser same on nopass ~* +@all\n")
	srv := startServer(t, Config{UserFile: path})
	admin := connect(t, srv)
	clients := map[string]*resp.Conn{"app": nil, "gone": nil, "same": nil}
	for name := range clients {
		clients[name] = connect(t, srv)
		expect(t, clients[name], "AUTH "+name+" x", "+OK")
	}

	// A file with mistakes changes nothing, and the error tells all of them.
	write("user app off\nusr x\nuser y +nothing allkey")
	reply := do(t, admin, "ACL LOAD")
	for _, part := range []string{"-ERR ", path + ":2 should start with user keyword", path + ":3: ", "no change to the " +
		"previously active ACL rules was performed"} {
		if !strings.Contains(reply, part) {
			t.Errorf("no %q in the reply %s", part, reply)
		}
	}
	expect(t, clients["app"], "PING", "+PONG")

	// Users that are gone or changed lose their connections, others do not.
	write("user app on nopass ~app:* +@all\nuser same on nopass ~* +@all\n")
	expect(t, admin, "ACL LOAD", "+OK")
	expect(t, clients["app"], "PING", "closed")
	expect(t, clients["gone"], "PING", "closed")
	expect(t, clients["same"], "PING", "+PONG")
	expect(t, admin, "ACL USERS", `["app", "default", "same"]`)

	expect(t, admin, "ACL SETUSER new on >pw +get", "+OK")
	expect(t, admin, "ACL SAVE", "+OK")
	text, err := os.ReadFile(path)
	const want = "user app on nopass ~app:* resetchannels +@all\n" +
		"user default on nopass ~* &* +@all\n" +
		"user new on #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 resetchannels -@all +get\n" +
		"user same on nopass ~* resetchannels +@all\n"
	if err != nil || string(text) != want {
		t.Errorf("the file has\n%s%v\nwant\n%s", text, err, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has the mode %v, %v", info.Mode(), err)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	missing := "Error loading ACLs, opening file '" + path + "': No such file or directory"
	expect(t, admin, "ACL LOAD", "-ERR "+missing)
	_, err = New(Config{Engine: newEngine(), UserFile: path})
	if err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("New without the file: %v", err)
	}
}

// ACL LOAD with one's own user changed answers before the connection is closed.
func TestUserFileChangesItsReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.acl")
	if err := os.WriteFile(path, []byte("user app on nopass ~* +@all\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	srv := startServer(t, Config{UserFile: path})
	c := connect(t, srv)
	expect(t, c, "AUTH app x", "+OK")
	expect(t, c, "ACL SETUSER app -get", "+OK")
	expect(t, c, "ACL LOAD", "+OK")
	expect(t, c, "PING", "closed")
}

func TestLimitsOfUsers(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{ACLLog: 2, OpenChannels: true}})
	c := connect(t, srv)
	expect(t, c, "ACL SETUSER app on", "+OK")
	expect(t, c, "ACL LIST", `["user app on &* -@all", "user default on nopass ~* &* +@all"]`)
	entries := func(want int) {
		t.Helper()
		for i := range 4 {
			do(t, c, fmt.Sprintf("AUTH nobody%d x", i))
		}
		reply, err := c.Do("ACL", "LOG")
		if err != nil || len(reply.Elems) != want {
			t.Errorf("%d entries, %v; want %d", len(reply.Elems), err, want)
		}
	}
	entries(2)
	srv.SetLimits(Limits{ACLLog: -1})
	entries(0)
	expect(t, c, "ACL SETUSER other", "+OK")
	expect(t, c, "ACL DRYRUN other PING", `"This user has no permissions to run the 'ping' command"`)
}

// A password of the limits replaces those of the default user only when it changes.
func TestPasswordOfTheLimits(t *testing.T) {
	srv := startServer(t, Config{})
	c := connect(t, srv)
	expect(t, c, "ACL SETUSER default >one", "+OK")
	srv.SetLimits(Limits{MaxClients: 10})
	expect(t, c, "AUTH one", "+OK")
	srv.SetLimits(Limits{Password: "two"})
	expect(t, c, "AUTH one", "-WRONGPASS invalid username-password pair or user is disabled.")
	expect(t, c, "AUTH two", "+OK")
	expect(t, connect(t, srv), "PING", "-NOAUTH Authentication required.")
	srv.SetLimits(Limits{})
	expect(t, connect(t, srv), "PING", "+PONG")
	if lines := srv.Users(); lines != nil {
		t.Errorf("the users %q are as requirepass says: there is nothing to write", lines)
	}
	expect(t, c, "ACL SETUSER app >pw (+get)", "+OK")
	want := "[[app off #30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4 resetchannels -@all " +
		"(resetchannels -@all +get)] [default on nopass ~* &* +@all]]"
	if got := fmt.Sprint(srv.Users()); got != want {
		t.Errorf("the users are\n%s, want\n%s", got, want)
	}
}

// Rights change, and users come and go, while their clients are busy.
func TestRightsChangeUnderLoad(t *testing.T) {
	srv := startServer(t, Config{})
	const refused = "-NOPERM this user has no permissions to run the 'get' command"
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for range 20 {
				near, far := net.Pipe()
				go srv.ServeConn(far)
				c := resp.NewConn(near)
				if do(t, c, "AUTH app x") == "+OK" {
					for range 20 {
						if got := do(t, c, "GET k"); got != "nil" && got != refused && got != "closed" {
							t.Errorf("GET: %s", got)
						}
					}
				}
				near.Close()
			}
		})
	}
	admin := connect(t, srv)
	for i := range 100 {
		expect(t, admin, "ACL SETUSER app on nopass ~* +get", "+OK")
		expect(t, admin, "ACL SETUSER app -get", "+OK")
		if i%10 == 9 {
			expect(t, admin, "ACL DELUSER app", ":1")
		}
		do(t, admin, "CLIENT LIST")
		do(t, admin, "ACL LOG")
	}
	clients.Wait()
}
