package slotmesh_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/internal/e2e"
	"github.com/slotmesh/slotmesh/slots"
)

// conf writes a configuration file that keeps everything in a folder of the test's.
func conf(t *testing.T, lines ...string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "node.conf")
	text := strings.Join(append(lines, "dir "+dir, "logfile node.log", "cluster-port 0"), "\n") + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file, dir
}

func TestLoadConfig(t *testing.T) {
	file, dir := conf(t, "port 7001", "bind 127.0.0.1", "cluster-enabled yes", "cluster-node-timeout 2000",
		"cluster-require-full-coverage no", "maxmemory 100mb", "maxmemory-policy allkeys-lfu", "io-threads-do-reads yes",
		"maxmemory-clients 1mb", "notify-keyspace-events KEA")
	cfg, warnings, err := slotmesh.LoadConfig(file, "--port", "7002", "--requirepass", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != "127.0.0.1:7002" || cfg.Standalone || cfg.NodeTimeout != 2*time.Second || !cfg.PartialCoverage ||
		cfg.MaxMemory != 100<<20 || cfg.Clients.Events != "AKE" ||
		cfg.Eviction.String() != "allkeys-lfu" || cfg.Clients.Password != "secret" {
		t.Errorf("cfg = %+v", cfg)
	}
	if len(warnings) != 2 || !strings.Contains(warnings[0], file+":9") {
		t.Errorf("warnings = %q", warnings)
	}
	cfg.Logger.Info("hello")
	if log, err := os.ReadFile(filepath.Join(dir, "node.log")); err != nil || !strings.Contains(string(log), "hello") {
		t.Errorf("node.log holds %q, %v", log, err)
	}
	if _, _, err := slotmesh.LoadConfig(file, "--maxmemory", "lots"); err == nil ||
		!strings.Contains(err.Error(), "maxmemory") {
		t.Errorf("a bad value: %v", err)
	}
	file, _ = conf(t, "port 7001")
	if err := os.WriteFile(file, []byte("port 7001\nlogfile no/such/folder/log\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := slotmesh.LoadConfig(file); err == nil || !strings.Contains(err.Error(), file+":2: logfile") {
		t.Errorf("a log file that cannot be written: %v", err)
	}
}

// Redis takes 0, for tests; here it is as 1.
func TestMigrationBarrierZero(t *testing.T) {
	file, _ := conf(t, "port 7001", "bind 127.0.0.1", "cluster-enabled yes", "cluster-migration-barrier 0")
	cfg, warnings, err := slotmesh.LoadConfig(file)
	if err != nil || len(warnings) > 0 {
		t.Fatal(warnings, err)
	}
	synctest.Test(t, func(t *testing.T) {
		c := e2e.StartSettled(t, clustertest.Config{Masters: 3, Replicas: 1, Node: func(_ int, to *slotmesh.Config) {
			to.Replication.MigrationBarrier = cfg.Replication.MigrationBarrier
		}})
		c.Kill(3)
		for range 60 { // a lone replica that left its master would be back within seconds
			time.Sleep(time.Second)
			for _, i := range []int{4, 5} {
				if master := c.Node(i).Map().Self().Master; master != c.Node(i-3).ID() {
					t.Fatalf("the only replica of node %d has left it for %v", i-3, master.Short())
				}
			}
		}
	})
}

// dialogue sends inline commands and returns the first line of each reply.
func dialogue(t *testing.T, addr string, commands ...string) (replies []string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	for _, c := range commands {
		fmt.Fprintf(conn, "%s\r\n", c)
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v", c, err)
		}
		replies = append(replies, strings.TrimSpace(line))
	}
	return replies
}

func TestConfigSetAtRunTime(t *testing.T) {
	ctx := t.Context()
	n, err := slotmesh.New(slotmesh.Config{Clients: slotmesh.ClientConfig{Password: "--x"}})
	if err == nil {
		err = n.Start(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if err := slotmesh.Create(ctx, n); err != nil {
		t.Fatal(err)
	}
	got := dialogue(t, n.Addr().Client(), "GET key", "AUTH --x", "CONFIG SET maxmemory 1", "SET key value",
		"CONFIG SET maxmemory 0 cluster-node-timeout 500", "SET key value", "CONFIG SET requirepass new")
	want := []string{"-NOAUTH Authentication required.", "+OK", "+OK",
		"-OOM command not allowed when used memory > 'maxmemory'.", "+OK", "+OK", "+OK"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET min-replicas-to-write 1", "SET key value",
		"CONFIG SET min-replicas-max-lag 0", "SET key value", "CONFIG SET min-replicas-max-lag 10 min-replicas-to-write 0",
		"SET key value")
	want = []string{"+OK", "+OK", "-NOREPLICAS Not enough good replicas to write.", "+OK", "+OK", "+OK", "+OK"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := dialogue(t, n.Addr().Client(), "AUTH --x", "AUTH new"); !strings.HasPrefix(got[0], "-WRONGPASS") ||
		got[1] != "+OK" {
		t.Errorf("after the change of password: %q", got)
	}
	got = dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET timeout 5 TIMEOUT 6", "CONFIG SET timeout 5 port 1",
		"CONFIG REWRITE")
	want = []string{"+OK", "-ERR CONFIG SET failed (possibly related to argument 'timeout') - duplicate parameter",
		"-ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config",
		"-ERR The server is running without a config file"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET cluster-announce-ip 10.1.2.3 cluster-announce-port 7 "+
		"cluster-announce-hostname seven availability-zone rack/7")
	if self := n.Map().Self(); self.Addr.Client() != "10.1.2.3:7" || self.Addr.BusPort != n.Addr().BusPort ||
		self.Hostname != "seven" || self.Zone != "rack/7" {
		t.Errorf("announced: %v, %q, %q", self.Addr, self.Hostname, self.Zone)
	}
	dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET cluster-announce-ip '' cluster-announce-port 0")
	if self := n.Map().Self(); self.Addr != n.Addr() {
		t.Errorf("announced: %v, want %v", self.Addr, n.Addr())
	}
	got = dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET cluster-preferred-endpoint-type Hostname",
		"CONFIG SET cluster-preferred-endpoint-type name")
	want = []string{"+OK", "+OK", "-ERR CONFIG SET failed (possibly related to argument " +
		"'cluster-preferred-endpoint-type') - " +
		"argument(s) must be one of the following: ip, hostname, unknown-endpoint"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	got = dialogue(t, n.Addr().Client(), "AUTH new", "PFADD sketch a", "STRLEN sketch",
		"CONFIG SET hll-sparse-max-bytes 0", "PFADD sketch b", "STRLEN sketch")
	want = []string{"+OK", ":1", ":21", "+OK", ":1", ":12304"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	slotmesh.SetLoading(n, true)
	got = dialogue(t, n.Addr().Client(), "AUTH new", "CONFIG SET timeout 5")
	if !strings.Contains(got[1], "being loaded") {
		t.Errorf("while the keys are being loaded: %q", got)
	}
}

// What LoadConfig returns is the host's to change, a password above all.
func TestHostOverridesConfig(t *testing.T) {
	file, dir := conf(t, "port 7001", "bind 127.0.0.1", "save 60 1", "save 900 2", "timeout 30")
	cfg, _, err := slotmesh.LoadConfig(file, "--cluster-preferred-endpoint-type", "hostname")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Clients.Endpoint != slots.EndpointHostname {
		t.Errorf("Endpoint = %v", cfg.Clients.Endpoint)
	}
	cfg.Addr, cfg.BusAddr = "127.0.0.1:0", ""
	cfg.Clients = slotmesh.ClientConfig{Password: "secret", IdleTimeout: 1500 * time.Millisecond}
	cfg.MaxMemory = 1
	cfg.Announce.Port = 7
	n, err := slotmesh.New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	got := dialogue(t, n.Addr().Client(), "GET key", "AUTH secret", "CONFIG SET tcp-keepalive 100", "SET key value")
	want := []string{"-NOAUTH Authentication required.", "+OK", "+OK",
		"-OOM command not allowed when used memory > 'maxmemory'."}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	conn, err := net.Dial("tcp", n.Addr().Client())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "AUTH secret\r\nCONFIG GET timeout maxmemory save port dir cluster-announce-port "+
		"cluster-preferred-endpoint-type\r\nQUIT\r\n")
	text, _ := io.ReadAll(conn)
	values := make(map[string]string)
	words := strings.Split(string(text), "\r\n")
	for i := 0; i+3 < len(words); i++ {
		values[words[i]] = words[i+2]
	}
	for name, value := range map[string]string{
		"timeout": "2", "maxmemory": "1", "save": "60 1 900 2", "port": "7001", "dir": dir, "cluster-announce-port": "7",
		"cluster-preferred-endpoint-type": "ip",
	} {
		if values[name] != value {
			t.Errorf("CONFIG GET %s: %q, want %q", name, values[name], value)
		}
	}
}
