package conf

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestGet(t *testing.T) {
	s, _, err := Load("", []string{"--maxmemory", "1kb"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		patterns []string
		want     string
	}{
		{[]string{"save"}, "[{save 3600 1 300 100 60 10000}]"},
		{[]string{"APPENDONLY", "append*"}, "[{appendfsync everysec} {appendonly no}]"},
		{[]string{"maxmemory", "hz", "max[m]em?ry"}, "[{maxmemory 1024} {hz 10}]"},
		{[]string{"slave-read-only"}, "[{slave-read-only yes}]"},
		{[]string{"nosuch", "tcp-backlog", "rename-command", "["}, "[]"},
		{[]string{"unixsocket*"}, "[{unixsocket } {unixsocketperm 0}]"},
	} {
		if got := fmt.Sprint(s.Get(c.patterns...)); got != c.want {
			t.Errorf("Get(%q) = %s, want %s", c.patterns, got, c.want)
		}
	}
	if n := len(s.Get("*")); n < 40 {
		t.Errorf("Get(*) shows %d directives", n)
	}
}

// TestToolsAsk lists what stock clients and tools ask for by CONFIG GET.
func TestToolsAsk(t *testing.T) {
	s, _, _ := Load("", nil)
	for _, name := range []string{
		"save", "appendonly", "maxmemory", "maxmemory-policy", "cluster-node-timeout", "cluster-enabled", "databases",
		"repl-backlog-size", "min-replicas-to-write", "min-replicas-max-lag", "dir", "dbfilename", "port", "bind",
		"requirepass",
		"masterauth", "timeout", "tcp-keepalive", "loglevel", "logfile", "maxclients", "proto-max-bulk-len",
		"client-query-buffer-limit", "client-output-buffer-limit", "hz", "replica-read-only", "replica-serve-stale-data",
	} {
		if len(s.Get(name)) != 1 {
			t.Errorf("CONFIG GET %s answers nothing", name)
		}
	}
}

func TestSet(t *testing.T) {
	s, _, _ := Load("", nil)
	for _, c := range []struct{ name, value, want string }{
		{"maxmemory", "1gb", ""},
		{"MaxMemory-Policy", "ALLKEYS-LFU", ""},
		{"appendonly", "no", ""},
		{"save", "", ""},
		{"client-output-buffer-limit", "pubsub 1 2 3", ""},
		{"maxmemory", "x", "CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value"},
		{"timeout", "-1", "CONFIG SET failed (possibly related to argument 'timeout') - argument must be between 0 and " +
			"2147483647 inclusive"},
		{"port", "1", "CONFIG SET failed (possibly related to argument 'port') - can't set immutable config"},
		{"appendonly", "yes", ""},
		{"appendonly", "no", ""},
		{"appenddirname", "x", "CONFIG SET failed (possibly related to argument 'appenddirname') - the files of the log " +
			"lie in dir under names of their own, log.*, and no other program reads them"},
		{"tcp-backlog", "1", "CONFIG SET failed (possibly related to argument 'tcp-backlog') - listening is the " +
			"operating system's to tune"},
		{"activedefrag", "no", ""},
		{"tls-auth-clients-user", "off", ""},
		{"tls-auth-clients-user", "CN", "CONFIG SET failed (possibly related to argument 'tls-auth-clients-user') - the " +
			"name in a certificate logs nobody in: remove the line; clients send AUTH"},
		{"protected-mode", "no", ""},
		{"unixsocket", "/tmp/x", "CONFIG SET failed (possibly related to argument 'unixsocket') - can't set immutable " +
			"config"},
		{"rename-command", "GET x", "Unknown option or number of arguments for CONFIG SET - 'rename-command'"},
		{"user", "x on", "Unknown option or number of arguments for CONFIG SET - 'user'"},
		{"maxmemroy", "1", "Unknown option or number of arguments for CONFIG SET - 'maxmemroy'"},
		{"nosuch", "1", "Unknown option or number of arguments for CONFIG SET - 'nosuch'"},
	} {
		err := s.Set([]Pair{{c.name, c.value}}, false, nil)
		var e *SetError
		if c.want == "" && err != nil || c.want != "" && (!errors.As(err, &e) || err.Error() != c.want) {
			t.Errorf("CONFIG SET %s %q: %v, want %s", c.name, c.value, err, c.want)
		}
	}
	if stored[int64](s, "maxmemory") != 1<<30 || s.String("maxmemory-policy") != "allkeys-lfu" ||
		s.Where("maxmemory") != "CONFIG SET" {
		t.Error(s.Get("maxmemory*"))
	}
	if got := s.String("client-output-buffer-limit"); !strings.Contains(got, "replica 268435456 ") ||
		!strings.Contains(got, "pubsub 1 ") {
		t.Errorf("only the limits of one class change: %s", s.String("client-output-buffer-limit"))
	}
}

func TestSetAllOrNothing(t *testing.T) {
	s, _, _ := Load("", nil)
	var applied []string
	apply := func(name string) error {
		applied = append(applied, name+" "+s.String(name))
		if s.String(name) == "7" {
			return errors.New("seven is unlucky")
		}
		return nil
	}
	err := s.Set([]Pair{{"min-slaves-to-write", "6"}, {"maxclients", "7"}, {"timeout", "8"}}, false, apply)
	want := "CONFIG SET failed (possibly related to argument 'maxclients') - seven is unlucky"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if got := strings.Join(applied, ", "); s.String("timeout") != "0" ||
		got != "min-replicas-to-write 6, maxclients 7, min-replicas-to-write 0, maxclients 10000" {
		t.Errorf("applied %s, timeout %s", got, s.String("timeout"))
	}
	applied = nil
	for _, pairs := range [][]Pair{
		{{"maxclients", "5"}, {"MAXCLIENTS", "6"}},
		{{"maxclients", "5"}, {"timeout", "-1"}},
		{{"maxclients", "5"}, {"nosuch", "1"}},
	} {
		if err := s.Set(pairs, false, apply); err == nil || len(applied) > 0 || s.Int("maxclients") != 10000 {
			t.Errorf("%v: %v, applied %v", pairs, err, applied)
		}
	}
	if err := s.Set([]Pair{{"maxclients", "5"}, {"hz", "10"}, {"timeout", "6"}}, false, apply); err != nil ||
		strings.Join(applied, ", ") != "maxclients 5, timeout 6" {
		t.Errorf("%v, applied %v", err, applied)
	}
}

func TestConcurrentUse(t *testing.T) {
	s, _, _ := Load("", nil)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 100 {
				if err := s.Set([]Pair{{"maxclients", fmt.Sprint(1 + n*i)}}, false, nil); err != nil {
					t.Error(err)
				}
				s.Int("maxclients")
				s.Get("*")
			}
		})
	}
	wg.Wait()
}

func TestMistakesPanic(t *testing.T) {
	s, _, _ := Load("", nil)
	for name, f := range map[string]func(){
		"unknown": func() { s.String("nosuch") },
		"type":    func() { s.Int("maxmemory") },
		"list":    func() { s.List("port") },
		"field":   func() { s.Value("port").Store(new(int8)) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			f()
		})
	}
}

func TestOverride(t *testing.T) {
	s, _, err := Parse("redis.conf", "save 60 1\ntimeout 30\nmaxclients 9\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Override([]Pair{{"save", "900 2"}, {"timeout", "30"}, {"requirepass", "x"}}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"save": {"900 2", "program"}, "requirepass": {"x", "program"}, "timeout": {"30", "redis.conf:2"},
		"maxclients": {"9", "redis.conf:3"},
	} {
		if s.String(name) != want[0] || s.Where(name) != want[1] {
			t.Errorf("%s = %q from %q, want %q", name, s.String(name), s.Where(name), want)
		}
	}
	err = s.Override([]Pair{{"maxclients", "8"}, {"timeout", "x"}})
	if err == nil || !strings.HasPrefix(err.Error(), `program: timeout "x": `) || s.Int("maxclients") != 9 {
		t.Errorf("a bad value: %v, maxclients %d", err, s.Int("maxclients"))
	}
}
