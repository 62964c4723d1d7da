package slotmesh_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// A password that goes in by any door comes out of none, but for what Redis shows too:
// CONFIG GET, to those who may use it, and the refusal of a rule of ACL SETUSER, which
// repeats the rule to the client that sent it.
func TestPasswordsStayIn(t *testing.T) {
	const marker = "Tr0ub4dor"
	secret := func(door string) string { return marker + "-" + door }
	file, dir := conf(t, "port 7001", "bind 127.0.0.1", "cluster-enabled yes", "loglevel debug",
		"cluster-secret "+secret("cluster-secret"), "requirepass "+secret("requirepass"), "masterauth "+secret("masterauth"),
		"user low on >"+secret("low")+" +ping +client|info +info",
	)
	logfile := filepath.Join(dir, "node.log")
	cfg, warnings, err := slotmesh.LoadConfig(file, "--dir", dir, "--logfile", logfile)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Addr, cfg.BusAddr = "127.0.0.1:0", "127.0.0.1:0"
	n, err := slotmesh.New(cfg)
	if err == nil {
		err = n.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	shown := func(where, text string) {
		t.Helper()
		if i := strings.Index(text, marker); i >= 0 {
			t.Errorf("%s shows a password: …%s…", where, text[max(0, i-100):min(len(text), i+60)])
		}
	}
	shown("a warning of LoadConfig", fmt.Sprint(warnings))

	shown("a reply", converse(t, n.Addr().Client(),
		"AUTH "+secret("wrong"), "AUTH low "+secret("wrong-low"), "HELLO 3 AUTH low "+secret("hello"),
		"HELLO 3 AUTH low "+secret("hello")+" nonsense", "AUTH a b "+secret("three"),
		"GET "+secret("early"), // before AUTH
		"AUTH "+secret("requirepass"),
		"CONFIG SET requirepass "+secret("set")+" maxclients none",
		`CONFIG SET masterauth "`+secret("line")+`\n"`, "CONFIG SET requirepass "+secret("set"),
		"CONFIG SET cluster-secret-old "+secret("cluster-secret-old"), "CONFIG SET cluster-secret "+marker,
		"ACL SETUSER app on >"+secret("app")+" nonsense", "ACL SETUSER app on >"+secret("app"),
		"ACL LIST", "ACL GETUSER app", "ACL LOG", "CLIENT LIST", "CLIENT INFO",
		"INFO everything", "MIGRATE 127.0.0.1 1 k 0 10 AUTH "+secret("migrate"),
		"MIGRATE 127.0.0.1 1 k 0 10 AUTH2 u "+secret("migrate2"), "COMMAND COUNT",
		"CONFIG REWRITE", "CONFIG SET requirepass", "AUTH", "HELLO 9 AUTH low "+secret("version"),
	))
	shown("a reply to a user with few rights", converse(t, n.Addr().Client(), "AUTH low "+secret("low"), "CONFIG GET *",
		"CONFIG GET requirepass", "ACL LIST", "ACL LOG", "CLIENT LIST", "INFO"))
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(logfile)
	if err != nil || !bytes.Contains(log, []byte("node started")) || !cfg.Logger.IsTrace() {
		t.Fatalf("the log, which should go into detail: %v\n%s", err, log)
	}
	shown("the log", string(log))
	for _, name := range []string{"nodes.conf", "dump.smdb"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			shown(name, string(text))
		}
	}
}

// converse sends commands one after another and returns all that comes back.
func converse(t *testing.T, addr string, commands ...string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range append(commands, "QUIT") {
		if _, err := fmt.Fprintf(conn, "%s\r\n", c); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
