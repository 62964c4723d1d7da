package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRepliesAboutTLS compares what clients with TLS and without are told with
// redis-server, in a cluster of two nodes that have a port for each.
func TestRepliesAboutTLS(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t, true)
	var said [2][]string
	for i, start := range []func(*testing.T, ...string) *process{redisServer, serve} {
		said[i] = repliesAboutTLS(t, certs, start)
	}
	redis, ours := said[0], said[1]
	if len(redis) != len(ours) || len(redis) < 30 {
		t.Fatalf("%d replies of redis-server, %d of slotmesh", len(redis), len(ours))
	}
	for i := range redis {
		if redis[i] != ours[i] {
			t.Errorf("redis-server says\n%s\nslotmesh says\n%s", redis[i], ours[i])
		}
	}
}

// repliesAboutTLS returns commands with their replies, where ports and ids have names.
func repliesAboutTLS(t *testing.T, certs *certificates, start func(*testing.T, ...string) *process) (list []string) {
	var names []string // pairs of what differs from run to run, and its name
	var nodes, encrypted [2]*process
	for i := range nodes {
		port := freePort(t)
		args := append(certs.directives(), "--tls-port", strconv.Itoa(port))
		nodes[i] = start(t, args...)
		encrypted[i] = &process{t: t, port: port, tls: certs}
		// The port of the bus has the number of another one in it.
		names = append(names, strconv.Itoa(port+10_000), fmt.Sprint("BUS", i), strconv.Itoa(port), fmt.Sprint("TLS", i),
			strconv.Itoa(nodes[i].port), fmt.Sprint("PLAIN", i), nodes[i].ask("cluster", "myid"), fmt.Sprint("ID", i))
	}
	named := strings.NewReplacer(append(names, certs.server.Cert, "CERT", certs.server.CA, "CA")...)
	first := nodes[0]
	first.cli("cluster", "addslotsrange", "0", "1000")
	nodes[1].cli("cluster", "addslotsrange", "1001", "16383")
	first.cli("cluster", "meet", "127.0.0.1", strconv.Itoa(encrypted[1].port))
	for _, p := range nodes {
		p.eventually("serves", 20*time.Second, func() bool { return strings.Contains(p.ask("cluster", "info"), "state:ok") })
	}
	ask := func(p *process, pick string, args ...string) {
		kind := "plain"
		if p.tls != nil {
			kind = "tls"
		}
		reply := named.Replace(p.cli(args...))
		if pick != "" {
			found := regexp.MustCompile(pick).FindAllString(reply, -1)
			slices.Sort(found) // CLUSTER NODES has no order
			reply = strings.Join(found, "\n")
		}
		list = append(list, fmt.Sprintf("%s> %s\n%s", kind, named.Replace(strings.Join(args, " ")), reply))
	}
	for _, p := range []*process{first, encrypted[0]} {
		ask(p, "", "get", "k")
		ask(p, `(?m)^ID\d 127.0.0.1:[A-Z]+\d@BUS\d`, "cluster", "nodes")
		ask(p, "", "cluster", "slots")
		for _, id := range []string{"ID0", "ID1"} { // in no order
			shards := regexp.MustCompile(id + `\n(?:[a-z-]+\n.*\n){4}`).FindString(named.Replace(p.cli("cluster", "shards")) + "\n")
			list = append(list, shards)
		}
		ask(p, "tcp_port:.*", "info", "server")
	}
	missing := filepath.Join(t.TempDir(), "none")
	names = append(names, missing, "NONE")
	named = strings.NewReplacer(append(names, certs.server.Cert, "CERT", certs.server.CA, "CA")...)
	for _, set := range [][2]string{
		{"tls-cert-file", missing}, {"tls-key-file", certs.server.CA}, {"tls-ca-cert-file", missing}, {"tls-ca-cert-file", ""},
		{"tls-protocols", "SSLv9"}, {"tls-protocols", "TLSv1.2 TLSv1.3"}, {"tls-ciphers", "nonsense"}, {"tls-ciphers", "DEFAULT"},
		{"tls-auth-clients", "maybe"}, {"tls-auth-clients", "optional"}, {"tls-port", "x"},
		{"tls-port", strconv.Itoa(nodes[1].port)}, {"tls-session-caching", "no"}, {"tls-cluster", "perhaps"},
	} {
		ask(encrypted[0], "", "config", "set", set[0], set[1])
	}
	for _, name := range []string{"tls-port", "tls-cert-file", "tls-auth-clients", "tls-protocols", "tls-cluster",
		"tls-session-caching", "tls-session-cache-size", "tls-prefer-server-ciphers", "cluster-announce-tls-port"} {
		ask(first, "", "config", "get", name)
	}
	moved := freePort(t)
	names = append(names, strconv.Itoa(moved), "MOVED")
	named = strings.NewReplacer(names...)
	ask(first, "", "config", "set", "tls-port", strconv.Itoa(moved))
	ask(&process{t: t, port: moved, tls: certs}, "", "set", "{a}", "1")
	ask(encrypted[0], "refused", "ping")
	ask(first, "", "config", "set", "tls-port", "0")
	ask(&process{t: t, port: moved, tls: certs}, "refused", "ping")
	return list
}

// TestCertificateIsReplaced replaces the certificate of a server under redis-benchmark:
// not one of its connections breaks, and who connects then is shown the new one.
func TestCertificateIsReplaced(t *testing.T) {
	t.Parallel()
	needs(t, "redis-benchmark")
	needs(t, "openssl")
	certs := newCertificates(t, false)
	p := serveTLS(t, certs, "--cluster-enabled", "no")
	serial := func() string {
		out, _ := exec.Command("sh", "-c", fmt.Sprintf("openssl s_client -connect %s -CAfile %s </dev/null | "+
			"openssl x509 -noout -serial", p.addr(), certs.server.CA)).Output()
		return string(out)
	}
	before := serial()
	bench := exec.Command("redis-benchmark", "--tls", "--cacert", certs.server.CA, "-h", "127.0.0.1", "-p",
		strconv.Itoa(p.port), "-t", "set", "-n", "100000", "-c", "10", "-P", "4", "-q")
	var out strings.Builder
	bench.Stdout, bench.Stderr = &out, &out
	if err := bench.Start(); err != nil {
		t.Fatal(err)
	}
	certs.ca.Write(filepath.Dir(certs.server.Cert), "server", certs.ca.Sign(nil, "127.0.0.1"))
	p.eventually("shows the new certificate", 10*time.Second, func() bool {
		now := serial()
		return now != "" && now != before
	})
	if err := bench.Wait(); err != nil || strings.Contains(out.String(), "Error") {
		t.Errorf("redis-benchmark: %v\n%s", err, out.String())
	}
}
