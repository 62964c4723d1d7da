package main

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/testcert"
)

// Every verb connects with TLS if --tls is given, with the files that the other flags name;
// what is wrong is said with the flag that mends it.
func TestTLSFlags(t *testing.T) {
	ca := testcert.Default()
	f := ca.Write(t.TempDir(), "client", ca.Issue())
	cfg := ca.Server("node.example")
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	addr := refuser(t, cfg)
	const served = "is not configured as a cluster node"
	own := " --cert " + f.Cert + " --key " + f.Key
	for _, c := range []struct {
		args string
		want string
	}{
		{"check " + addr + " --tls --cacert " + f.CA + own + " --sni node.example", served},
		{"info " + addr + " --tls --insecure" + own, served},
		{"check " + addr + " --tls --cacert " + f.CA + own, "--sni NAME"},
		{"check " + addr + " --tls --sni node.example" + own, "--cacert FILE"},
		{"check " + addr + " --tls --insecure", "--cert FILE --key FILE"},
		{"check " + addr, "set TLS (--tls)"},
	} {
		if code, _, stderr := call(strings.Fields(c.args)...); code != exitError || !strings.Contains(stderr, c.want) {
			t.Errorf("slotmesh %s: exit code %d, want %d with %q:\n%s", c.args, code, exitError, c.want, stderr)
		}
	}
}

// The password comes from a variable if no flag gives it, in the end from that of
// redis-cli.
func TestPasswordVariables(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	heard := make(chan string, 1)
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			b := make([]byte, 1000)
			n, _ := conn.Read(b)
			heard <- string(b[:n])
			conn.Close()
		}
	}()
	for _, c := range []struct{ flags, ours, theirs, want string }{
		{"--pass flag", "ours", "theirs", "flag"},
		{"-a flag --user ann", "ours", "theirs", "ann\r\n$4\r\nflag"},
		{"", "ours", "theirs", "ours"},
		{"", "", "theirs", "theirs"},
	} {
		t.Setenv(passwordVariable, c.ours)
		t.Setenv(redisVariable, c.theirs)
		call(strings.Fields("check " + ln.Addr().String() + " " + c.flags)...)
		if got := <-heard; !strings.Contains(got, "AUTH\r\n") || !strings.HasSuffix(got, c.want+"\r\n") {
			t.Errorf("%+v: the node heard %q", c, got)
		}
	}
}
