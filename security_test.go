package slotmesh_test

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/internal/memnet"
)

const (
	secretA = "the first secret"
	secretB = "the second secret"
)

// logbook is the log of a node.
type logbook struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) logger() hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Output: l, Level: hclog.Trace})
}

// A bus that nothing protects is not open to other machines, unless the host wants so in
// so many words, and the log says what to do.
func TestBusIsClosedByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		for name, c := range map[string]struct {
			cfg    slotmesh.Config
			open   bool
			silent bool
		}{
			"nothing":       {slotmesh.Config{}, false, false},
			"a password":    {slotmesh.Config{Clients: slotmesh.ClientConfig{Password: "x"}}, false, false},
			"open clients":  {slotmesh.Config{Clients: slotmesh.ClientConfig{Open: true}}, false, false},
			"an old secret": {slotmesh.Config{OldSecret: secretA}, false, false},
			"a secret":      {slotmesh.Config{Secret: secretA}, true, true},
			"an open bus":   {slotmesh.Config{OpenBus: true}, true, true},
			"loopback":      {slotmesh.Config{BusAddr: "127.0.0.1:17000"}, false, true},
			"all addresses": {slotmesh.Config{BusAddr: ":17000"}, false, false},
		} {
			var log logbook
			cfg := c.cfg
			cfg.Addr, cfg.Network, cfg.Logger = "10.0.0.1:7000", network.Host("10.0.0.1"), log.logger()
			n, err := slotmesh.New(cfg)
			if err == nil {
				err = n.Start(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if port := n.Addr().BusPort; port != 17000 {
				t.Errorf("%s: the bus has port %d", name, port)
			}
			conn, err := network.Host("10.0.0.2").Dial(t.Context(), "10.0.0.1:17000")
			if (err == nil) != c.open {
				t.Errorf("%s: another machine connects: %v", name, err)
			}
			if err == nil {
				conn.Close()
			}
			if own, err := network.Host("10.0.0.1").Dial(t.Context(), "127.0.0.1:17000"); err != nil && !c.open {
				t.Errorf("%s: the machine itself cannot connect: %v", name, err)
			} else if err == nil {
				own.Close()
			}
			const advice = "the same cluster-secret on all nodes"
			if strings.Contains(log.String(), advice) == c.silent {
				t.Errorf("%s: the log:\n%s", name, &log)
			}
			if strings.Contains(log.String(), secretA) {
				t.Errorf("%s: the log shows the secret", name)
			}
			n.Close()
		}
	})
}

// CONFIG SET cannot take the last protection off a bus that other machines reach: it would
// be open to all of them.
func TestBusStaysProtected(t *testing.T) {
	const refused = "nothing would protect it any more"
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		for name, c := range map[string]struct {
			cfg  slotmesh.Config
			want string
		}{
			"other machines": {slotmesh.Config{Secret: secretA}, refused},
			"an open bus":    {slotmesh.Config{Secret: secretA, OpenBus: true}, ""},
			"loopback":       {slotmesh.Config{Secret: secretA, BusAddr: "127.0.0.1:17000"}, ""},
			"not in cluster": {slotmesh.Config{Secret: secretA, Standalone: true}, ""},
		} {
			cfg := c.cfg
			cfg.Addr, cfg.Network = "10.0.0.1:7000", network.Host("10.0.0.1")
			n, err := slotmesh.New(cfg)
			if err == nil {
				err = n.Start(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			err = slotmesh.SetDirective(n, "cluster-secret", "")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
			if err := slotmesh.SetDirective(n, "cluster-secret", secretB); err != nil {
				t.Errorf("%s: another secret: %v", name, err)
			}
			n.Close()
		}
	})
}

// A secret that is set at run time does not move a bus that listens on loopback: the log
// says so, where other machines were meant to reach it.
func TestBusStaysWhereItListens(t *testing.T) {
	const warning = "listens on the loopback address still"
	synctest.Test(t, func(t *testing.T) {
		network := memnet.New()
		for name, c := range map[string]struct {
			cfg  slotmesh.Config
			want bool
		}{
			"nothing":        {slotmesh.Config{}, true},
			"a secret":       {slotmesh.Config{Secret: secretB}, false},
			"an open bus":    {slotmesh.Config{OpenBus: true}, false},
			"loopback":       {slotmesh.Config{BusAddr: "127.0.0.1:17000"}, false},
			"not in cluster": {slotmesh.Config{Standalone: true}, false},
		} {
			var log logbook
			cfg := c.cfg
			cfg.Addr, cfg.Network, cfg.Logger = "10.0.0.1:7000", network.Host("10.0.0.1"), log.logger()
			n, err := slotmesh.New(cfg)
			if err == nil {
				err = n.Start(t.Context())
			}
			if err == nil {
				err = slotmesh.SetDirective(n, "cluster-secret", secretA)
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(log.String(), warning); got != c.want {
				t.Errorf("%s: the log warns: %t:\n%s", name, got, &log)
			}
			n.Close()
		}
	})
}

// The secret may be in a file of its own, which CONFIG SET reads anew.
func TestSecretFile(t *testing.T) {
	file, dir := conf(t, "port 0", "bind 127.0.0.1", "unixsocket s", "cluster-enabled yes", "cluster-port 0",
		"cluster-secret-file secret")
	secret := filepath.Join(dir, "secret")
	write := func(text string) {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	load := func() (*slotmesh.Node, error) {
		cfg, warnings, err := slotmesh.LoadConfig(file)
		if err != nil || len(warnings) > 0 {
			t.Fatal(err, warnings)
		}
		cfg.BusAddr, cfg.Logger = "127.0.0.1:0", nil
		return slotmesh.New(cfg)
	}
	for text, want := range map[string]string{
		"":                           "a cluster secret has at least 16 bytes, this one has 0",
		"too short\n":                "a cluster secret has at least 16 bytes, this one has 9",
		strings.Repeat("long", 2000): "it should have the secret only",
	} {
		write(text)
		if _, err := load(); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), secret) {
			t.Errorf("with %.20q in the file: %v", text, err)
		}
	}
	os.Remove(secret)
	if _, err := load(); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without the file: %v", err)
	}

	write(" " + secretA + "\n")
	n, err := load()
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	other := e2e.StartNode(t, slotmesh.Config{Secret: secretA})
	if err := other.MeetAndWait(t.Context(), n.Addr()); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ask := func(line string) string {
		t.Helper()
		client.Write([]byte(line + "\r\n"))
		b := make([]byte, 4096)
		n, err := client.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	for _, c := range [][2]string{
		{`CONFIG GET cluster-secret*`, "$11\r\nsecret"}, // the name of the file
		{`CONFIG SET cluster-secret "` + secretB + `"`, "has another secret: remove one of them"},
		{`CONFIG SET cluster-secret short`, "has at least 16 bytes, this one has 5"},
		{`CONFIG SET cluster-secret-old "` + secretB + `"`, "+OK"},
		{`CONFIG GET cluster-secret-old`, "(hidden)"},
	} {
		c[1] = strings.TrimPrefix(c[1], "$11\r\n")
		got := ask(c[0])
		if !strings.Contains(got, c[1]) || strings.Contains(got, secretA) || strings.Contains(got, secretB) {
			t.Errorf("%s: %q", c[0], got)
		}
	}
	write(secretB)
	if got := ask(`CONFIG SET cluster-secret-file secret cluster-secret-old "" `); got != "+OK\r\n" {
		t.Errorf("a new secret in the file: %q", got)
	}
	third := e2e.StartNode(t, slotmesh.Config{Secret: secretB})
	if err := third.MeetAndWait(t.Context(), n.Addr()); err != nil {
		t.Error(err)
	}
}

// New says what is wrong with a secret, and does not show it.
func TestSecretMistakes(t *testing.T) {
	for want, cfg := range map[string]slotmesh.Config{
		"slotmesh: Config.Secret: a cluster secret has at least 16 bytes, this one has 9":    {Secret: "too short"},
		"slotmesh: Config.OldSecret: a cluster secret has at least 16 bytes, this one has 9": {OldSecret: "too short"},
		"slotmesh: Config.BusTLS: there are no certificates":                                 {BusTLS: true},
	} {
		if _, err := slotmesh.New(cfg); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		} else if strings.Contains(err.Error(), "too short") {
			t.Errorf("the error shows the secret: %v", err)
		}
	}
	for _, line := range []string{"cluster-secret short", `cluster-secret "0123456789abcdef`,
		"cluster-secret 0123456789abcdef twice", "cluster-secret-old short", `requirepass "0123456789abcdef`} {
		file, _ := conf(t, line)
		_, _, err := slotmesh.LoadConfig(file)
		if err == nil || strings.Contains(err.Error(), "0123456789abcdef") || strings.Contains(err.Error(), `"short"`) {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// A node with another secret, or with none, does not come in, and the logs of both say why.
func TestWrongSecretIsEasyToFind(t *testing.T) {
	for name, c := range map[string]struct{ of, with string }{
		"another secret": {secretA, secretB}, "none": {secretA, ""}, "one, where there is none": {"", secretB},
	} {
		synctest.Test(t, func(t *testing.T) {
			network := memnet.New()
			var logs [2]logbook
			var nodes [2]*slotmesh.Node
			for i, secret := range []string{c.of, c.with} {
				host := []string{"10.0.0.1", "10.0.0.2"}[i]
				n, err := slotmesh.New(slotmesh.Config{Addr: host + ":7000", Network: network.Host(host), Secret: secret,
					OpenBus: true, Logger: logs[i].logger()})
				if err == nil {
					err = n.Start(t.Context())
				}
				if err != nil {
					t.Fatal(err)
				}
				defer n.Close()
				nodes[i] = n
			}
			nodes[1].Meet(t.Context(), nodes[0].Addr())
			time.Sleep(time.Minute)
			for i, n := range nodes {
				if known := len(n.Map().Nodes()); known != 1 {
					t.Errorf("%s: node %d knows %d nodes", name, i, known)
				}
				if log := logs[i].String(); strings.Count(log, "[WARN]") == 0 || !strings.Contains(log, "cluster secret") {
					t.Errorf("%s: the log of node %d:\n%s", name, i, log)
				} else if strings.Contains(log, secretA) || strings.Contains(log, secretB) {
					t.Errorf("%s: the log of node %d shows a secret", name, i)
				} else if n := strings.Count(log, "[WARN]"); n > 4 {
					t.Errorf("%s: %d warnings in a minute in the log of node %d:\n%s", name, n, i, log)
				}
			}
		})
	}
}
