package acl

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestDefaultUser(t *testing.T) {
	us := testUsers(t)
	if got := us.Default().String(); got != "user default on nopass ~* &* +@all" {
		t.Error(got)
	}
	if !us.Default().Unrestricted() || us.AuthRequired() || us.Lookup("default") != us.Default() {
		t.Error("the default user must be open at first")
	}
	mustSet(t, us, "default", "off")
	if !us.AuthRequired() {
		t.Error("a default user that is off cannot be used without AUTH")
	}
}

func TestAuthenticate(t *testing.T) {
	us := testUsers(t)
	mustSet(t, us, "on", "on", ">one", ">two")
	mustSet(t, us, "off", "off", ">one")
	mustSet(t, us, "open", "on", "nopass")
	mustSet(t, us, "shut", "on")
	for _, c := range []struct {
		name, password string
		want           bool
	}{
		{"on", "one", true}, {"on", "two", true}, {"on", "three", false}, {"on", "", false}, {"on", "onetwo", false},
		{"off", "one", false}, {"open", "", true}, {"open", "any", true}, {"shut", "", false}, {"nobody", "", false},
		{"default", "any", true}, {"ON", "one", false},
	} {
		u := us.Authenticate(c.name, []byte(c.password))
		if (u != nil) != c.want || u != nil && u.Name() != c.name {
			t.Errorf("%s %q: got %v", c.name, c.password, u)
		}
	}
}

// The hash that stands for a user that does not exist must not be a way in.
func TestNobodyHasNoPassword(t *testing.T) {
	if nobody.enabled || nobody.nopass {
		t.Error("users that do not exist must not get in")
	}
}

func TestRequirePassword(t *testing.T) {
	us := testUsers(t)
	mustSet(t, us, "default", ">a", "-get")
	us.RequirePassword("b")
	if got, want := us.Default().String(), "user default on #"+hashOf("b").String()+" ~* &* +@all -get"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if us.Authenticate("default", []byte("a")) != nil || us.Authenticate("default", []byte("b")) == nil ||
		!us.AuthRequired() {
		t.Error("only the required password must do")
	}
	us.RequirePassword("")
	if us.AuthRequired() {
		t.Error("without a required password the default user needs none")
	}
}

func TestUsersAreSorted(t *testing.T) {
	us := testUsers(t)
	for _, name := range []string{"b", "a", "B", "ab", "zoo", ""} {
		mustSet(t, us, name)
	}
	var names []string
	for _, u := range us.All() {
		names = append(names, u.Name())
	}
	if got := fmt.Sprintf("%q", names); got != `["" "B" "a" "ab" "b" "default" "zoo"]` {
		t.Error(got)
	}
}

func TestNameOfUser(t *testing.T) {
	for _, name := range []string{"a b", "a\x00", "\t"} {
		if err := testUsers(t).SetUser(name, nil); !errors.Is(err, ErrUsername) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// Connections hold a user: its rules change under them, and it may do nothing any more once
// it is deleted, even if it comes again.
func TestChangesReachConnections(t *testing.T) {
	us := testUsers(t)
	held := mustSet(t, us, "u", "+@all", "~*")
	get := requestOf(us.catalog, "get a")
	if held.Check(get).Denied() {
		t.Fatal("denied at first")
	}
	mustSet(t, us, "u", "-get")
	if !held.Check(get).Denied() {
		t.Error("the change did not reach the user that is held")
	}
	mustSet(t, us, "u", "+get")
	deleted, err := us.Delete([]string{"nobody", "u", "u"})
	if err != nil || len(deleted) != 1 || deleted[0] != held || us.Lookup("u") != nil {
		t.Fatalf("got %v, %v", deleted, err)
	}
	mustSet(t, us, "u", "+@all", "~*")
	if !held.Check(get).Denied() || held.Unrestricted() {
		t.Error("a deleted user has rights")
	}
}

func TestDefaultCannotBeDeleted(t *testing.T) {
	us := testUsers(t)
	mustSet(t, us, "u")
	if _, err := us.Delete([]string{"u", "default"}); !errors.Is(err, ErrDeleteDefault) || us.Lookup("u") == nil {
		t.Errorf("got %v; u: %v", err, us.Lookup("u"))
	}
}

func TestPubsubDefault(t *testing.T) {
	us := testUsers(t)
	us.SetPubsubDefault(true)
	if got := mustSet(t, us, "u", "(~a)").String(); got != "user u off &* -@all (~a &* -@all)" {
		t.Error(got)
	}
	if got := mustSet(t, us, "u", "resetchannels", "reset").String(); got != "user u off sanitize-payload &* -@all" {
		t.Error(got)
	}
}

func TestUsersConcurrently(t *testing.T) {
	us := testUsers(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := fmt.Sprint("u", i%2)
			for range 50 {
				us.SetUser(name, []string{"on", ">a", "+get", "~a"})
				if u := us.Lookup(name); u != nil {
					u.Check(requestOf(us.catalog, "get a"))
				}
				us.Authenticate(name, []byte("a"))
				us.Text()
				us.Delete([]string{name})
			}
		})
	}
	wg.Wait()
}
