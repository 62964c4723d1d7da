package conf

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaults(t *testing.T) {
	s, warnings, err := Load("", nil)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	cwd, _ := os.Getwd()
	for name, want := range map[string]string{
		"port": "6379", "bind": "* -::*", "maxmemory": "0", "maxmemory-policy": "noeviction",
		"cluster-enabled": "no", "cluster-node-timeout": "15000", "save": "3600 1 300 100 60 10000", "appendonly": "no",
		"dir": cwd, "requirepass": "",
		"client-output-buffer-limit": "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60",
	} {
		if got := s.String(name); got != want || s.Where(name) != "" {
			t.Errorf("%s = %q from %q, want %q by default", name, got, s.Where(name), want)
		}
	}
}

func TestParse(t *testing.T) {
	s, warnings, err := Parse("redis.conf", `
# a comment
PORT 7001
bind 127.0.0.1 "::1"
cluster-enabled YES
maxmemory 100mb
Maxmemory-Policy AllKeys-LRU
cluster-node-timeout 2000
timeout 30
requirepass "two words"
client-output-buffer-limit slave 1gb 0 0
client-output-buffer-limit normal 1k 2kb 3
port 7002
`, "--timeout", "60", "--bind", "10.0.0.1", "10.0.0.2", "--maxclients=5", "--save", "")
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if got := s.Int("port"); got != 7002 {
		t.Errorf("port %d: the later line wins", got)
	}
	if got := strings.Join(s.List("bind"), ","); got != "10.0.0.1,10.0.0.2" {
		t.Errorf("bind %s: the command line wins", got)
	}
	if !s.Bool("cluster-enabled") || s.Bool("cluster-allow-reads-when-down") {
		t.Error("yes and no")
	}
	if stored[int64](s, "maxmemory") != 100<<20 || s.String("maxmemory-policy") != "allkeys-lru" ||
		s.Int("maxclients") != 5 {
		t.Error("maxmemory, maxmemory-policy, maxclients:", s.Get("max*"))
	}
	if stored[time.Duration](s, "cluster-node-timeout") != 2*time.Second ||
		stored[time.Duration](s, "timeout") != time.Minute {
		t.Error("durations:", stored[time.Duration](s, "cluster-node-timeout"), stored[time.Duration](s, "timeout"))
	}
	if got := s.String("requirepass"); got != "two words" {
		t.Errorf("requirepass %q", got)
	}
	if got := stored[OutputLimits](s, "client-output-buffer-limit"); got != (OutputLimits{
		Normal: OutputLimit{1000, 2048, 3 * time.Second}, Replica: OutputLimit{Hard: 1 << 30},
		Pubsub: OutputLimit{32 << 20, 8 << 20, time.Minute}}) {
		t.Errorf("limits of clients: %+v", got)
	}
	if got := s.String("client-output-buffer-limit"); !strings.Contains(got, " replica 1073741824 0 0 ") {
		t.Errorf("limits: %s", got)
	}
	for name, want := range map[string]string{"port": "redis.conf:13", "timeout": "command line", "dir": ""} {
		if got := s.Where(name); got != want {
			t.Errorf("%s comes from %q, want %q", name, got, want)
		}
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		text string
		args []string
		want string // a line for each
	}{
		{"tcp-backlog 511\nactivedefrag NO\nlfu-decay-time 1\noom-score-adj-values 0 200 800\ndatabases " +
			"1\nbind-source-addr \"\"\n", nil, ""},
		{"\nio-threads-do-reads yes", nil, "a.conf:2: io-threads-do-reads is ignored: a node uses all processors that " +
			"GOMAXPROCS allows\n"},
		{"databases 16\ntcp-backlog 1\ntcp-backlog 2", nil,
			"a.conf: 2 directives are ignored, for there is nothing here that they could tune: databases, tcp-backlog\n"},
		{"tcp-backlog 1", []string{"--databases", "16"},
			"configuration: 2 directives are ignored, for there is nothing here that they could tune: tcp-backlog, databases\n"},
		{"slave-read-only no\nmaxmemory-clients 1gb\nhz 100", nil,
			"a.conf:1: replica-read-only stays yes: replicas always do it this way\n" +
				"a.conf:2: maxmemory-clients is ignored: what clients may keep waiting is bounded for each by " +
				"client-output-buffer-limit, not for all together\n" +
				"a.conf:3: hz stays 10: keys expire as they are due, not at a fixed rate\n"},
		{"tls-auth-clients-user CN\ntls-auth-clients-user off", nil, ""},
		{"tls-auth-clients-user CN", []string{"--tls-auth-clients-user", "off"}, ""},
		{"appendfilename x.aof\nappenddirname x", nil, "a.conf: 2 directives are ignored, for there is nothing here that " +
			"they could tune: appendfilename, appenddirname\n"},
		{"aof-timestamp-enabled yes\naof-use-rdb-preamble no", nil,
			"a.conf:1: aof-timestamp-enabled is ignored: the log knows places in the stream, not times\n" +
				"a.conf:2: aof-use-rdb-preamble stays yes: the log begins with a snapshot, which loads faster\n"},
	} {
		_, warnings, err := Parse("a.conf", c.text, c.args...)
		got := ""
		for _, w := range warnings {
			got += w.String() + "\n"
		}
		if got != c.want || err != nil {
			t.Errorf("%q: error %v, warnings\n%swant\n%s", c.text, err, got, c.want)
		}
	}
}

func TestBadValues(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"port abc", `x.conf:1: port "abc": argument couldn't be parsed into an integer (accepted: a whole number, 0 to 65535)`},
		{"port 65536", "argument must be between 0 and 65535 inclusive"},
		{"port", "wrong number of arguments"},
		{"port 1 2", `port "1 2": wrong number of arguments`},
		{"maxmemory 1.5gb", "argument must be a memory value (accepted: bytes, or a number with k, m, g"},
		{"maxmemory -1", "argument must be a memory value"},
		{"maxmemory 99999999999gb", "argument must be a memory value"},
		{"maxmemory kb", "argument must be a memory value"},
		{`maxmemory ""`, "argument must be a memory value"},
		{"maxmemory 1bk", "argument must be a memory value"},
		{"proto-max-bulk-len 1kb", "argument must be between 1048576 and"},
		{"maxmemory-policy lru", "(accepted: volatile-lru, volatile-lfu"},
		{"cluster-enabled maybe", "argument must be 'yes' or 'no' (accepted: yes, no)"},
		{"cluster-node-timeout 2s", "(accepted: a whole number of milliseconds, 100 to"},
		{"timeout -1", "argument must be between 0"},
		{"save 60", "Invalid save parameters"},
		{"save a b", "Invalid save parameters"},
		{"save 0 1", "Invalid save parameters"},
		{"appendonly x", "argument must be 'yes' or 'no'"},
		{"unixsocketperm 999", "argument couldn't be parsed as an octal number (accepted: permissions as an octal " +
			"number, such as 770)"},
		{"unixsocketperm 1000", "argument must be between 0 and 777 inclusive"},
		{"shutdown-on-sigterm save later", "argument(s) must be one of the following: default, save"},
		{"rename-command CONFIG", `x.conf:1: rename-command "CONFIG": wrong number of arguments (accepted: a command and its new name`},
		{"maxmemroy 1gb", "x.conf:1: directive: maxmemroy is not one of those of Redis, Valkey or slotmesh: did you " +
			"mean maxmemory?"},
		{"cluster-enabld yes", "did you mean cluster-enabled?"},
		{"Requirepas s3cret", "did you mean requirepass?"},
		{"appendfsinc always", "did you mean appendfsync?"},
		{"nosuchthing 1", "nosuchthing is not one of those of Redis, Valkey or slotmesh"},
		{"allow-unprotected yes", "--allow-unprotected belongs on the command line, not into a file"},
		{"client-output-buffer-limit normal 1 2", "Wrong number of arguments in buffer limit"},
		{"client-output-buffer-limit guests 1 2 3", "Invalid client class"},
		{"client-output-buffer-limit normal 1 x 3", "Error in hard, soft or soft_seconds"},
		{`requirepass "a\nb"`, "a line break"},
		{`requirepass "abc`, "x.conf:1: line "},
		{"dir /nonexistent", `x.conf:1: dir "/nonexistent": stat /nonexistent: no such file or directory (accepted: a folder that exists)`},
		{"include", "wrong number of arguments"},
		{"include /nonexistent.conf", `x.conf:1: include "/nonexistent.conf"`},
	} {
		_, _, err := Parse("x.conf", c.line)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", c.line, err, c.want)
		}
	}
	for _, args := range [][]string{{"7001"}, {"--"}, {"--port"}, {"--port", "x"}, {"--port="}, {"--prot", "1"},
		{"--allow-unprotected", "maybe"}} {
		if _, _, err := Load("", args); err == nil || !strings.HasPrefix(err.Error(), "command line: ") {
			t.Errorf("%q: %v", args, err)
		}
	}
	_, _, err := Parse("x.conf", "port a\n\nhz b\n")
	if err == nil || !strings.Contains(err.Error(), "x.conf:1: ") || !strings.Contains(err.Error(), "x.conf:3: ") {
		t.Errorf("all bad values are told at once: %v", err)
	}
}

func TestFileAndInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("sub-a.conf", "maxclients 1\nport 1\n")
	write("sub-b.conf", "\ntcp-backlog 1\nmaxclients 2\n")
	main := write("main.conf", "include "+quote(filepath.Join(dir, "sub-*.conf"))+"\nport 7001\ninclude "+
		quote(filepath.Join(dir, "none-*"))+"\n")
	s, warnings, err := Load(main, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Int("port") != 7001 || s.Int("maxclients") != 2 || s.File() != main {
		t.Errorf("port %d, maxclients %d, file %s", s.Int("port"), s.Int("maxclients"), s.File())
	}
	if len(warnings) != 1 || warnings[0].At != filepath.Join(dir, "sub-b.conf")+":2" {
		t.Errorf("warnings %v", warnings)
	}

	loop := filepath.Join(dir, "loop.conf")
	write("loop.conf", strings.Repeat("include "+loop+"\n", 10))
	if _, _, err := Load(loop, nil); err == nil || !strings.Contains(err.Error(), "include each other") {
		t.Errorf("a file that includes itself: %v", err)
	}
	if _, _, err := Load(filepath.Join(dir, "none.conf"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := Load(dir, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder: %v", err)
	}
}

// TestArguments reads the forms in which testTable.rows may stand on the command line,
// those of redis-server among them.
func TestArguments(t *testing.T) {
	more := filepath.Join(t.TempDir(), "more.conf")
	if err := os.WriteFile(more, []byte("port 7003\nmaxclients 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want map[string]string
	}{
		{[]string{"--port", "7002"}, map[string]string{"port": "7002"}},
		{[]string{"--port=7002", "--bind", "127.0.0.1", "::1"}, map[string]string{"port": "7002", "bind": "127.0.0.1 ::1"}},
		{[]string{"--cluster-enabled yes"}, map[string]string{"cluster-enabled": "yes"}},
		{[]string{"--port 7002", "--save '60 1'", "--maxclients\t7"},
			map[string]string{"port": "7002", "save": "60 1", "maxclients": "7"}},
		{[]string{"--save 60", "1"}, map[string]string{"save": "60 1"}},
		{[]string{"--requirepass=a b"}, map[string]string{"requirepass": "a b"}},
		{[]string{"--include", more, "--maxclients", "6"}, map[string]string{"port": "7003", "maxclients": "6"}},
		{[]string{"--port", "1", "--INCLUDE=" + more}, map[string]string{"port": "7003", "maxclients": "5"}},
	} {
		s, warnings, err := Load("", c.args)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%q: %v, %v", c.args, err, warnings)
			continue
		}
		for name, want := range c.want {
			if got := s.String(name); got != want {
				t.Errorf("%q: %s is %q, want %q", c.args, name, got, want)
			}
		}
	}
	for _, args := range [][]string{{"--include"}, {"--include", more, more}, {"--include", "/nonexistent.conf"},
		{"--requirepass \"a"}, {"-- "}} {
		if _, _, err := Load("", args); err == nil || !strings.HasPrefix(err.Error(), "command line: ") {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// FuzzParse checks that no file can do harm, and that what was read survives
// being rewritten.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"", "# x\n", "port 7001\nbind 127.0.0.1 ::1\n", "save \"\"\nsave 60 1 30 2\n", "include other.conf\ninclude *\n",
		"requirepass \"\\x00\\n'\"\n", "maxmemory 12gb", "client-output-buffer-limit normal 1 2 3 slave 4k 5 6\n",
		"nosuch \"", "dir ../x", "mAXmemorY \xec",
	} {
		f.Add(text)
	}
	read := func(path string) (string, error) {
		if path == "other.conf" {
			return "port 1\ninclude other.conf\n", nil
		}
		return "", fs.ErrNotExist
	}
	parse := func(text string) ([]value, error) {
		l := testTable.newLoader(read)
		l.text("fuzz.conf", text)
		return *l.s.values.Load(), errors.Join(l.errs...)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.ContainsAny(text, "*[?") {
			return // patterns would look at the real disk
		}
		values, err := parse(text)
		if err != nil {
			return
		}
		if got := testTable.rewrite(text, values, read); got != text {
			t.Fatalf("rewriting without a change:\n%q\nbecame\n%q", text, got)
		}
		again, err := parse(testTable.rewrite("# empty\n", values, read))
		if err != nil {
			t.Fatalf("%q was rewritten as\n%s\n%v", text, testTable.rewrite("", values, read), err)
		}
		for i := range values {
			if !testTable.rows[i].FileOnly && values[i].text != again[i].text {
				t.Fatalf("%q: %s was %q, is %q after being rewritten", text, testTable.rows[i].Name, values[i].text, again[i].text)
			}
		}
	})
}

// TestPortsOfOneNode: where other nodes connect follows from where clients do.
func TestPortsOfOneNode(t *testing.T) {
	for text, want := range map[string]int{
		"": 16379, "port 7000": 17000, "port 0": 10000, "cluster-port 9": 9, "port 60000": 70000,
		"port 7000\ntls-port 7001":                  17000,
		"port 7000\ntls-port 7001\ntls-cluster yes": 17001,
		"port 7000\ntls-cluster yes":                17000,
		"port 0\ntls-port 7001":                     17001,
	} {
		s, _, err := Parse("a.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.BusPort(); got != want {
			t.Errorf("%q: the bus is at %d, want %d", text, got, want)
		}
	}
	for text, at := range map[string]string{
		"port 0": "a.conf:1", "port 7001\ntls-port 7001": "a.conf:2", "port 0\ntls-port 7001": "", "port 0\nunixsocket x": "",
	} {
		s, _, err := Parse("a.conf", text)
		if err != nil {
			t.Fatal(err)
		}
		var e *Error
		if err := s.CheckPort(); (err != nil) != (at != "") || errors.As(err, &e) && e.At != at {
			t.Errorf("%q: %v, want an error at %q", text, err, at)
		}
	}
}
