package conf

import (
	"errors"
	"strings"
	"testing"
)

// TestProtects gives every directive whose being ignored would leave the node open, or
// its data in one place only, a value: the node must not start by it, unless that is
// allowed.
func TestProtects(t *testing.T) {
	for _, c := range []struct{ text, name, less string }{
		{"loadmodule /lib/auth.so", "loadmodule", "protected"},
		{"unixsocketgroup redis", "unixsocketgroup", "protected"},
		{"tls-ciphersuites TLS_AES_128_GCM_SHA256", "tls-ciphersuites", "protected"},
		{"tls-auth-clients-user CN", "tls-auth-clients-user", "protected"},
		{"tls-auth-clients-user off\ntls-auth-clients-user CN", "tls-auth-clients-user", "protected"},
	} {
		s, _, err := Parse("a.conf", c.text)
		var e *Error
		if s != nil || !errors.As(err, &e) || e.Name != c.name {
			t.Errorf("%q: error %v, want one about %s", c.text, err, c.name)
			continue
		}
		for _, part := range []string{"a.conf:", ": the node would be less " + c.less + " than this line says: ",
			", or start with --allow-unprotected"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q: no %q in %q", c.text, part, err)
			}
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error shows a secret: %v", c.text, err)
		}
		s, warnings, err := Parse("a.conf", c.text, "--allow-unprotected")
		if err != nil || s == nil || len(warnings) == 0 || !strings.Contains(warnings[0].Text, "less "+c.less) {
			t.Errorf("%q, allowed: %v, warnings %v", c.text, err, warnings)
		}
		if _, _, err := Parse("a.conf", c.text, "--allow-unprotected", "no"); err == nil {
			t.Errorf("%q is allowed by --allow-unprotected no", c.text)
		}
	}
}

// TestProtectsNothing has values that ask for no more than the node does anyway.
func TestProtectsNothing(t *testing.T) {
	for _, text := range []string{
		`tls-ciphersuites ""`, "tls-auth-clients-user off",
		"tls-ciphersuites TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
		"appendonly no", "appendonly yes",
		"tls-auth-clients-user CN\ntls-auth-clients-user off",
	} {
		if _, warnings, err := Parse("a.conf", text); err != nil || len(warnings) > 0 {
			t.Errorf("%q: %v, warnings %v", text, err, warnings)
		}
	}
}

// TestTable makes sure that no row says less than it must.
func TestTable(t *testing.T) {
	for i := range testTable.rows {
		d := &testTable.rows[i]
		switch {
		case d.ignored() && d.reason == "":
			t.Errorf("%s: nobody says why it is ignored", d.Name)
		case d.effect == protects && d.remedy == "":
			t.Errorf("%s: nobody says what to do instead", d.Name)
		}
	}
}

func TestRenames(t *testing.T) {
	s, _, err := Parse("a.conf", "rename-command FLUSHALL \"\"\nrename-command CONFIG \"two words\"\n",
		"--rename-command", "GET", "--x")
	if err == nil {
		t.Error("a name with two dashes is another directive")
	}
	if s, _, err = Parse("a.conf", "rename-command FLUSHALL \"\"\nrename-command CONFIG \"two words\"\n",
		"--rename-command", "GET", ""); err != nil {
		t.Fatal(err)
	}
	want := []Rename{{"a.conf:1", "FLUSHALL", ""}, {"a.conf:2", "CONFIG", "two words"}, {"command line", "GET", ""}}
	got := s.Renames()
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got[i], want[i])
		}
	}
}

func TestNearest(t *testing.T) {
	for name, want := range map[string]string{
		"maxmemroy": "maxmemory", "cluster-enabld": "cluster-enabled", "bnid": "bind", "prot": "port", "logfiles": "logfile",
		"clustr-node-timeot": "cluster-node-timeout", "slave-readonly": "slave-read-only", "x": "", "port9999": "",
		"timeoutt":       "timeout",
		"server-threads": "", "": "",
	} {
		if got := testTable.nearest(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"ab", "ba", 1}, {"abc", "ca", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}, {"abcdef", "", 6}} {
		if got := distance(c.a, c.b, 10); got != c.want {
			t.Errorf("from %q to %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	for _, text := range []string{"requirepass secret word", `requirepass "secret\nword"`, "masterauth secret word",
		`user app on ">secret`, `requirepass "secret`, "user", "requirepas secret"} {
		if _, _, err := Parse("a.conf", text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
