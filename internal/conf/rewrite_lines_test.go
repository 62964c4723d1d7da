package conf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Lines of one directive are kept in their order, each with its place.
func TestLines(t *testing.T) {
	s, _, err := Parse("a.conf", "user app on \">a b\" ~*\nport 7001\nUSER default off\n", "--user", "x", "on")
	if err != nil {
		t.Fatal(err)
	}
	want := []Line{{"a.conf:1", []string{"app", "on", ">a b", "~*"}}, {"a.conf:3", []string{"default", "off"}},
		{"command line", []string{"x", "on"}}}
	got := s.Lines("user")
	if !slices.EqualFunc(got, want, func(a, b Line) bool { return a.At == b.At && slices.Equal(a.Words, b.Words) }) {
		t.Errorf("%v, want %v", got, want)
	}
	if text := got[0].String(); text != `app on ">a b" ~*` {
		t.Errorf("the line is shown as %s", text)
	}
	if _, _, err := Parse("a.conf", "user"); err == nil || !strings.Contains(err.Error(), "a.conf:1: user: wrong number") {
		t.Errorf("a line without words: %v", err)
	}
}

func TestRewriteLines(t *testing.T) {
	for _, c := range []struct {
		name, before string
		list         [][]string
		after        string
	}{
		{"none before", "port 7001", [][]string{{"app", "on", ">a b"}, {"default", "off"}},
			"port 7001\nuser app on \">a b\"\nuser default off\n"},
		{"in place", "# c\nuser b on\nport 7001\nuser a on\n", [][]string{{"a"}, {"c"}}, "# c\nuser a\nuser c\nport 7001\n"},
		{"none after", "user b on\nport 7001\n", nil, "port 7001\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "redis.conf")
			if err := os.WriteFile(path, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			s, _, err := Load(path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := s.Rewrite(NewLines{"user", c.list}); err != nil {
					t.Fatal(err)
				}
				if got, _ := os.ReadFile(path); string(got) != c.after {
					t.Fatalf("the file became\n%s\nwant\n%s", got, c.after)
				}
			}
		})
	}
}

// Users of an included file would be read beside those that Rewrite has written.
func TestRewriteLinesOfAnInclude(t *testing.T) {
	dir := t.TempDir()
	sub, path := filepath.Join(dir, "users.conf"), filepath.Join(dir, "redis.conf")
	for name, text := range map[string]string{sub: "user app on\n", path: "include " + sub + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, _, err := Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Rewrite(NewLines{"user", nil})
	if err == nil || !strings.Contains(err.Error(), sub+":1 has a line \"user\"") {
		t.Errorf("error %v", err)
	}
}

// Protected mode does not hold where the default user has a password, however it was said.
func TestAsksPassword(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "requirepass x": true, "aclfile users.acl": true, "user app on >x": false,
		"user default on >x ~* +@all": true, "user default on nopass": false, "user default off": true,
		"requirepass x\nuser default on nopass": false, "user default nopass reset": true, "user default nopass >x": true,
	} {
		s, _, err := Parse("a.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.asksPassword(); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}
