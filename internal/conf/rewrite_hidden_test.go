package conf

import (
	"os"
	"path/filepath"
	"testing"
)

// A secret that the program has from its environment does not get into the file, unless a
// client sets another one.
func TestRewriteHidden(t *testing.T) {
	secret := Directive{Name: "cluster-secret", Kind: String, Secret: true, Hidden: true, Live: true}
	table := NewTable(append(usedTable(), secret))
	path := filepath.Join(t.TempDir(), "redis.conf")
	if err := os.WriteFile(path, []byte("# c\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, _, err := table.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	rewritten := func() string {
		t.Helper()
		if err := s.Rewrite(); err != nil {
			t.Fatal(err)
		}
		text, _ := os.ReadFile(path)
		return string(text)
	}
	if err := s.Override([]Pair{{"cluster-secret", "of the environment"}}); err != nil {
		t.Fatal(err)
	}
	if text := rewritten(); text != "# c\n" {
		t.Errorf("the file became\n%s", text)
	}
	if err := s.Set([]Pair{{"cluster-secret", "another"}}, false, nil); err != nil {
		t.Fatal(err)
	}
	if text := rewritten(); text != "# c\n"+generated+"\ncluster-secret another\n" {
		t.Errorf("after CONFIG SET the file became\n%s", text)
	}
}
