package conf

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	sub := filepath.Join(dir, "sub.conf")
	if err := os.WriteFile(sub, []byte("maxclients 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, before string
		args         []string
		set          []Pair
		after        string
	}{
		{"nothing changed", "# c\nPORT   7001 \nmaxmemory 100mb", nil, nil, "# c\nPORT   7001 \nmaxmemory 100mb"},
		{"in place", "# c\nmaxmemory 100mb\n\nport 7001\n", nil, []Pair{{"maxmemory", "1kb"}},
			"# c\nmaxmemory 1024\n\nport 7001\n"},
		{"given twice", "maxmemory 1\nport 7001\nmaxmemory 2\n", nil, []Pair{{"maxmemory", "3"}}, "maxmemory 3\nport 7001\n"},
		{"new", "port 7001", nil, []Pair{{"requirepass", "a b"}, {"timeout", "5"}}, "port 7001\n" + generated +
			"\nrequirepass \"a b\"\ntimeout 5\n"},
		{"new, again", "port 7001\n" + generated + "\ntimeout 5\n", nil, []Pair{{"maxclients", "5"}}, "port 7001\n" +
			generated + "\ntimeout 5\nmaxclients 5\n"},
		{"command line", "port 7001\n", []string{"--port", "7002", "--bind", "127.0.0.1", "::1"}, nil, "port 7002\n" +
			generated + "\nbind 127.0.0.1 ::1\n"},
		{"back to the default", "timeout 5\n", nil, []Pair{{"timeout", "0"}}, "timeout 0\n"},
		{"included", "include " + sub + "\n", nil, []Pair{{"maxclients", "8"}}, "include " + sub + "\n" + generated +
			"\nmaxclients 8\n"},
		{"overridden by an include", "maxclients 1\ninclude " + sub + "\n", nil, []Pair{{"maxclients", "8"}},
			"maxclients 8\ninclude " + sub + "\n" + generated + "\nmaxclients 8\n"},
		{"without meaning here", "tcp-backlog 9\nhz 100\n", nil, []Pair{{"timeout", "1"}}, "tcp-backlog 9\nhz 100\n" +
			generated + "\ntimeout 1\n"},
		{"allowed for once", "tls-auth-clients-user CN\n", []string{"--allow-unprotected"}, []Pair{{"timeout", "1"}},
			"tls-auth-clients-user CN\n" + generated + "\ntimeout 1\n"},
		{"names of commands", "rename-command CONFIG \"\"\nrename-command GET x\n",
			[]string{"--rename-command", "SET", "y"}, nil, "rename-command CONFIG \"\"\nrename-command GET x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "redis.conf")
			if err := os.WriteFile(path, []byte(c.before), 0o640); err != nil {
				t.Fatal(err)
			}
			s, _, err := Load(path, c.args)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Set(c.set, false, nil); err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time changes nothing
				if err := s.Rewrite(); err != nil {
					t.Fatal(err)
				}
				if got, _ := os.ReadFile(path); string(got) != c.after {
					t.Fatalf("the file became\n%s\nwant\n%s", got, c.after)
				}
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode %v, %v", info.Mode(), err)
			}
		})
	}
}

// A file that everybody may read gets no secret that everybody may read then.
func TestRewriteHidesSecrets(t *testing.T) {
	hash := "#" + strings.Repeat("0f", 32)
	users := NewLines{Name: "user", List: [][]string{{"app", "on", hash}}}
	open := NewLines{Name: "user", List: [][]string{{"default", "on", "nopass"}}}
	for name, c := range map[string]struct {
		before string
		set    []Pair
		lines  NewLines
		want   os.FileMode
	}{
		"no secret":         {"port 7001\n", []Pair{{"timeout", "1"}}, open, 0o644},
		"a new secret":      {"port 7001\n", []Pair{{"requirepass", "x"}}, open, 0o640},
		"another secret":    {"requirepass y\n", []Pair{{"requirepass", "x"}}, open, 0o640},
		"one as before":     {"requirepass x\n", []Pair{{"timeout", "1"}}, open, 0o644},
		"a secret less":     {"requirepass x\n", []Pair{{"requirepass", ""}}, open, 0o644},
		"a user's password": {"port 7001\n", nil, users, 0o640},
		"a user as before":  {"user app on " + hash + "\n", nil, users, 0o644},
	} {
		path := filepath.Join(t.TempDir(), "redis.conf")
		if err := os.WriteFile(path, []byte(c.before), 0o644); err != nil { //nolint:gosec // that is the case
			t.Fatal(err)
		}
		s, _, err := Load(path, nil)
		if err == nil {
			err = s.Set(c.set, false, nil)
		}
		if err == nil {
			err = s.Rewrite(c.lines)
		}
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != c.want {
			t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, c.want)
		}
	}
}

func TestRewriteWithoutFile(t *testing.T) {
	s, _, _ := Load("", nil)
	if err := s.Rewrite(); !errors.Is(err, ErrNoFile) {
		t.Errorf("error %v", err)
	}
}
