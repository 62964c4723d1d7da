package acl

import (
	"fmt"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	us := testUsers(t)
	stays, goes := mustSet(t, us, "stays", "+@all"), mustSet(t, us, "goes", "+@all")
	gone, err := us.Load("f", "\n user new on >p (~a +get) \r\n\tuser stays (~b  +set) +get\nuser off off\n\n")
	if err != nil {
		t.Fatal(err)
	}
	if len(gone) != 1 || gone[0] != goes || !goes.Check(requestOf(us.catalog, "ping")).Denied() {
		t.Errorf("gone: %v", gone)
	}
	if us.Lookup("stays") != stays {
		t.Error("connections of a user that stays must stay")
	}
	want := "user default on nopass ~* &* +@all\n" +
		"user new on #" + hashOf("p").String() + " resetchannels -@all (~a resetchannels -@all +get)\n" +
		"user off off resetchannels -@all\n" +
		"user stays off resetchannels -@all +get (~b resetchannels -@all +set)\n"
	if got := us.Text(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	before := us.Text()
	if _, err := us.Load("f", before); err != nil || us.Text() != before {
		t.Errorf("%v\n%s", err, us.Text())
	}
}

// A file that forgets the default user must not open a server that requires a password.
func TestLoadWithoutDefault(t *testing.T) {
	us := testUsers(t)
	us.RequirePassword("p")
	mustSet(t, us, "default", "off", "-get")
	if _, err := us.Load("f", ""); err != nil {
		t.Fatal(err)
	}
	if got, want := us.Default().String(), "user default on #"+hashOf("p").String()+" ~* &* +@all"; got != want {
		t.Errorf("got %s", got)
	}
}

// TestLoadErrors has the text of redis-server 7.0.15.
func TestLoadErrors(t *testing.T) {
	us := testUsers(t)
	mustSet(t, us, "old")
	before := us.Text()
	_, err := us.Load("/d/f", `user default on nopass ~* &* +@all

foo
user
user a b
 user c on >p	~* +@all  
user c off
user d (~a
user e (~a +nosuch) +get
user f (~a) ~b) on
user g	h on
user "q" on ~x" foo bar
`)
	want := "/d/f:3 should start with user keyword followed by the username. " +
		"/d/f:4 should start with user keyword followed by the username. " +
		"/d/f:5: Syntax error. WARNING: Duplicate user 'c' found on line 7. " +
		"/d/f:8: Unmatched parenthesis in selector definition." +
		"/d/f:9: Error in applying operation '(~a +nosuch)': Unknown command or category name in ACL. " +
		"'/d/f:11: username 'g	h' contains invalid characters. " +
		"/d/f:12: Syntax error. " +
		"WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if got := us.Text(); got != before {
		t.Errorf("an error left\n%s", got)
	}
}

func TestLoadTellsSoManyErrors(t *testing.T) {
	_, err := testUsers(t).Load("f", strings.Repeat("x\n", 1000))
	if err == nil || len(err.Error()) > 10000 || !strings.Contains(err.Error(), "900 more errors") {
		t.Error(err)
	}
}

func TestDefine(t *testing.T) {
	us := testUsers(t)
	err := us.Define([]Definition{
		{"a", []string{"on", ">p", "(~a", "+get)"}},
		{"default", []string{"on", "nopass", "+get"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "user a on #" + hashOf("p").String() + " resetchannels -@all (~a resetchannels -@all +get)\n" +
		"user default on nopass sanitize-payload resetchannels -@all +get\n"
	if got := us.Text(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestDefineErrors(t *testing.T) {
	for _, c := range []struct {
		list []Definition
		want string
	}{
		{[]Definition{{"a", []string{"on", "foo"}}}, "Error in user declaration 'foo' of user 'a': Syntax error"},
		{[]Definition{{"a", []string{"<secret"}}}, "Error in user declaration '<...' of user 'a': " + errNoPassword.Error()},
		{[]Definition{{"a", []string{"#secret"}}}, "Error in user declaration '#...' of user 'a': " + errHash.Error()},
		{[]Definition{{"a", []string{"(~a", "on"}}}, "Error in user declaration '(~a' of user 'a': " +
			errParenthesis.Error()},
		{[]Definition{{"a b", nil}}, "Error in user declaration 'a b' of user 'a b': " + ErrUsername.Error()},
		{[]Definition{{"a", nil}, {"a", nil}}, "Error in user declaration 'a' of user 'a': " + errDuplicate.Error()},
	} {
		us := testUsers(t)
		list := append([]Definition{{"first", nil}}, c.list...)
		if err := us.Define(list); err == nil || err.Error() != c.want {
			t.Errorf("%v: got %v, want %s", c.list, err, c.want)
		}
		if us.Lookup("first") != nil {
			t.Errorf("%v: users were made in spite of an error", c.list)
		}
	}
}

func TestParseDefinition(t *testing.T) {
	d, err := ParseDefinition(` alice on ">a \"b\x21" '~it\'s' (~a  +get)`)
	if got := fmt.Sprintf("%q %v", d, err); got != `{"alice" ["on" ">a \"b!" "~it's" "(~a" "+get)"]} <nil>` {
		t.Error(got)
	}
	for _, line := range []string{"", "  ", `"alice`, `alice "on"off`, `alice 'on`} {
		if d, err := ParseDefinition(line); err == nil {
			t.Errorf("%s: %q", line, d)
		}
	}
}
