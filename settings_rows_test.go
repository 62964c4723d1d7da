package slotmesh

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/internal/conf"
	"github.com/slotmesh/slotmesh/internal/memnet"
	"github.com/slotmesh/slotmesh/internal/testcert"
)

// samples returns two values of a directive that differ from each other and, the first at
// least, from the default.
func samples(s *setting, dir string) [2]string {
	switch s.Name {
	case "bind":
		return [2]string{"127.0.0.1", "localhost"}
	case "unixsocket":
		return [2]string{filepath.Join(dir, "a"), filepath.Join(dir, "b")}
	case "cluster-announce-ip":
		return [2]string{"10.1.2.3", "10.1.2.4"}
	case "tls-cert-file", "tls-client-cert-file", "tls-key-file", "tls-client-key-file", "tls-ca-cert-file",
		"tls-ca-cert-dir":
		return certificateFiles(s.Name, dir)
	case "tls-protocols":
		return [2]string{"TLSv1.3", "TLSv1.2 TLSv1.3"}
	case "tls-ciphers":
		return [2]string{"ECDHE-ECDSA-AES128-GCM-SHA256", "DEFAULT"}
	case "aclfile": // must exist
		for _, name := range []string{"a.acl", "b.acl"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
				panic(err)
			}
		}
		return [2]string{filepath.Join(dir, "a.acl"), filepath.Join(dir, "b.acl")}
	case "notify-keyspace-events":
		return [2]string{"AKE", "gxKm"}
	case "slotmesh-join":
		return [2]string{"10.0.0.1:7001,dns:nodes.example.org:7002", "10.0.0.1:7001"}
	case "slotmesh-health", "slotmesh-http":
		return [2]string{"127.0.0.1:8080", "127.0.0.1:8081"}
	case "slotmesh-expect":
		return [2]string{"3", "4"}
	case "slotmesh-witness": // which founds no cluster, as slotmesh-expect says
		return [2]string{"no", "yes"}
	case "latency-tracking-info-percentiles":
		return [2]string{"10 50.5", "99"}
	case "maxclients": // more may be more than this process can have
		return [2]string{"20", "21"}
	}
	switch s.Kind {
	case conf.Dir:
		return [2]string{dir, filepath.Dir(dir)}
	case conf.Bool:
		if s.Default == "yes" {
			return [2]string{"no", "yes"}
		}
		return [2]string{"yes", "no"}
	case conf.Enum, conf.List:
		if s.Words == nil { // replicaof, which no node of a cluster may have
			return [2]string{"no one", "NO ONE"}
		}
		others := s.Words[:0:0]
		for _, w := range s.Words {
			if w != s.Default {
				others = append(others, w)
			}
		}
		return [2]string{others[0], append(others, s.Default)[1]}
	case conf.Mode:
		return [2]string{"770", "700"}
	case conf.Save:
		return [2]string{"60 1", "70 2 80 3"}
	case conf.Limits:
		rest := " 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60"
		return [2]string{"normal 1000000" + rest, "normal 2000000" + rest}
	case conf.String:
		return [2]string{s.Name + "-1", s.Name + "-2"}
	default:
		n, err := strconv.ParseInt(s.Default, 10, 64)
		if err != nil {
			panic(err)
		}
		return [2]string{fmt.Sprint(n + 1), fmt.Sprint(n + 2)}
	}
}

// certificateFiles are two files, or folders, that serve the same purpose, so that one of
// them can be changed alone.
func certificateFiles(directive, dir string) (list [2]string) {
	for i := range list {
		folder := filepath.Join(dir, strconv.Itoa(i))
		os.Mkdir(folder, 0o700)
		files := testcert.Default().Write(folder, "node", testcert.Default().Issue("127.0.0.1"))
		list[i] = map[string]string{"cert-file": files.Cert, "key-file": files.Key, "ca-cert-file": files.CA,
			"ca-cert-dir": folder}[strings.TrimPrefix(strings.TrimPrefix(directive, "tls-"), "client-")]
	}
	return list
}

// What a directive sets is shown again as the same text.
func TestSettingsShowWhatTheyRead(t *testing.T) {
	dir := t.TempDir()
	for i := range settings {
		s := &settings[i]
		if s.field == nil {
			continue
		}
		for _, want := range samples(s, dir) {
			text := directives.Defaults()
			pairs := []conf.Pair{{Name: s.Name, Value: want}}
			if s.Name == "appendfsync" { // which says nothing of a node without a log
				pairs = append(pairs, conf.Pair{Name: "appendonly", Value: "yes"})
			}
			if err := text.Override(pairs); err != nil {
				t.Errorf("%s: %v", s.Name, err)
				continue
			}
			got, ok := s.Show(s.field(new(values).fill(text)))
			if s.Name == "loglevel" || s.Kind == conf.Limits { // these are no fields of the Config
				if ok {
					t.Errorf("%s is shown as %q", s.Name, got)
				}
			} else if got != want || !ok {
				t.Errorf("%s: a field that was set to %q is shown as %q, %v", s.Name, want, got, ok)
			}
		}
	}
}

// For ever is 0 in the file and negative in the Config, whose 0 is the default.
func TestAuthTimeoutOfNever(t *testing.T) {
	for config, file := range map[time.Duration]string{-1: "0", 0: "10", 3 * time.Second: "3", time.Millisecond: "1"} {
		text := directives.Defaults()
		if err := text.Override((&values{Config: Config{Clients: ClientConfig{AuthTimeout: config}}}).shown()); err != nil {
			t.Fatal(err)
		}
		if got := text.String("slotmesh-auth-timeout"); got != file {
			t.Errorf("AuthTimeout %v is shown as %s, want %s", config, got, file)
		}
	}
	v := new(values).fill(directives.Defaults())
	if v.Clients.AuthTimeout != 10*time.Second {
		t.Errorf("AuthTimeout of no file: %v", v.Clients.AuthTimeout)
	}
	text := directives.Defaults()
	if err := text.Override([]conf.Pair{{Name: "slotmesh-auth-timeout", Value: "0"}}); err != nil {
		t.Fatal(err)
	}
	if v.fill(text); v.Clients.AuthTimeout >= 0 {
		t.Errorf("AuthTimeout of 0 in a file: %v, want a negative one", v.Clients.AuthTimeout)
	}
}

// shown is what CONFIG GET prints of a value.
func shown(s *setting, value string) string {
	if s.Hidden {
		return "(hidden)"
	}
	return value
}

// Every directive is read from the file, shown, changed where that is possible, written
// back to the file and read again.
func TestSettingsGoThroughTheirLife(t *testing.T) {
	const excluded = "cluster-secret-file" // by cluster-secret; see TestSecretFile
	dir := t.TempDir()
	file := filepath.Join(dir, "node.conf")
	want := make(map[string]string) // what CONFIG GET should show
	var lines strings.Builder
	for i := range settings {
		s := &settings[i]
		if s.FileOnly || s.Name == excluded {
			continue
		}
		value := samples(s, dir)[0]
		want[s.Name] = shown(s, value)
		if s.Kind == conf.String {
			value = strconv.Quote(value)
		}
		fmt.Fprintln(&lines, s.Name, value)
	}
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, _, err := LoadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.BusAddr = "127.0.0.1:0", ""
	cfg.Network = memnet.New().Host("127.0.0.1") // any port is free there
	n, err := New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	shows := func(when string, get func(name string) [][2]string) {
		t.Helper()
		for i := range settings {
			s := &settings[i]
			for _, name := range []string{s.Name, s.Alias} {
				if name == "" || s.FileOnly || s.Name == excluded {
					continue
				}
				if got := get(name); len(got) != 1 || got[0] != [2]string{name, want[s.Name]} {
					t.Errorf("%s, CONFIG GET %s: %q, want %q", when, name, got, want[s.Name])
				}
			}
		}
	}
	shows("from the file", n.settings.Get)

	for i := range settings {
		s := &settings[i]
		if s.Name == excluded {
			continue
		}
		second := "x"
		if !s.FileOnly {
			second = samples(s, dir)[1]
		}
		err := n.settings.Set([][2]string{{s.Name, second}}, true)
		switch {
		case s.apply != nil && err == nil:
			want[s.Name] = shown(s, second)
		case s.apply != nil:
			t.Errorf("CONFIG SET %s: %v", s.Name, err)
		case s.FileOnly && (err == nil || !strings.Contains(err.Error(), "Unknown option")):
			t.Errorf("CONFIG SET %s: %v, want that it is not known", s.Name, err)
		case !s.FileOnly && (err == nil || !strings.Contains(err.Error(), "immutable")):
			t.Errorf("CONFIG SET %s: %v, want that it cannot be changed", s.Name, err)
		}
	}
	shows("after CONFIG SET", n.settings.Get)

	if err := n.settings.Rewrite(); err != nil {
		t.Fatal(err)
	}
	again, _, err := directives.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.String("cluster-secret"); got != "cluster-secret-2" {
		t.Errorf("CONFIG REWRITE has written the secret %q", got)
	}
	reread := liveSettings{text: again}
	shows("after CONFIG REWRITE", reread.Get)
}

// A node without a file shows its Config.
func TestSettingsShowTheConfig(t *testing.T) {
	n, err := New(Config{Standalone: true, Replication: ReplicationConfig{NoFailover: true, Validity: -1, Timeout: 20e9,
		MigrationBarrier: 3}})
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	for name, want := range map[string]string{
		"cluster-replica-no-failover": "yes", "cluster-replica-validity-factor": "0", "repl-timeout": "20",
		"cluster-migration-barrier": "3", "cluster-enabled": "no", "dir": "",
		"port": strconv.Itoa(int(n.Addr().Port)), "save": "",
	} {
		got := n.settings.Get(name)
		if name == "dir" { // the default, a folder of this machine
			want = got[0][1]
		}
		if len(got) != 1 || got[0][1] != want {
			t.Errorf("CONFIG GET %s: %q, want %q", name, got, want)
		}
	}
}
