package interop

import (
	"context"
	"crypto/tls"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/rueidis"
)

// TestTLS takes a cluster of processes, whose nodes speak TLS only, through its life: the
// stock tool makes it, both tools reshard it, a master dies, all under the load of a client;
// certificates are replaced, and asked of clients no more, while that is connected.
func TestTLS(t *testing.T) {
	certs := newCertificates(t, true)
	c := createShardsTLS(t, certs, "--cluster-node-timeout", "2000", "--slotmesh-auth-timeout", "60")
	first := c.nodes[0]
	if out := redisCLI(t, append(certs.cli(), "-c", "-p", fmt.Sprint(first.port), "set", "foo", "bar")...); out != "OK" {
		t.Fatalf("redis-cli -c --tls: %s", out)
	}
	tlsRefusals(t, first, certs)
	tlsRueidis(t, c, certs)

	var keys []string
	for i := range 8 {
		keys = append(keys, fmt.Sprint("load:", i))
	}
	l := startLoad(c.client(), keys, 0)
	from, to := c.masters()[0], c.masters()[1]
	out := redisCLI(t, append(certs.cli(), "--cluster", "reshard", first.addr(), "--cluster-from",
		from.ask("cluster", "myid"), "--cluster-to", to.ask("cluster", "myid"), "--cluster-slots", "10",
		"--cluster-yes")...)
	if strings.Contains(out, "ERR") || strings.Contains(out, "rror") {
		t.Errorf("redis-cli --cluster reshard printed:\n%s", tail(out, 20))
	}
	runVerb(t, certs, "reshard", first.addr(), "--cluster-from", to.ask("cluster", "myid"), "--cluster-to",
		from.ask("cluster", "myid"), "--cluster-slots", "300", "--cluster-yes")
	if out := runVerb(t, certs, "check", first.addr()); !strings.Contains(out, "[OK] All 16384 slots covered.") {
		t.Errorf("check printed:\n%s", out)
	}

	victim := c.masters()[2]
	successor := c.replicaOf(victim)
	victim.kill(syscall.SIGKILL)
	successor.eventually("is the master", 30*time.Second, func() bool { return successor.info()["role"] == "master" })
	l.goesOn(t, successor)
	victim.start()
	c.waitHealthy()

	tlsReplaced(t, first, certs)
	tlsUnasked(t, c, certs)
	l.goesOn(t, first)
	l.stop()
	if n, err := l.lost(t.Context()); n > 0 || err != nil {
		t.Errorf("%d acknowledged writes are lost, %v", n, err)
	}
}

// runVerb runs a verb of the command over TLS.
func runVerb(t *testing.T, certs *certificates, args ...string) string {
	t.Helper()
	out, err := ours.run(t, append(args, certs.cli()...)...)
	if err != nil {
		t.Errorf("slotmesh %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// tlsRefusals: who does not speak TLS, or has no certificate, is not served.
func tlsRefusals(t *testing.T, p *process, certs *certificates) {
	t.Helper()
	out, err := exec.Command("redis-cli", "-p", fmt.Sprint(p.port), "ping").CombinedOutput()
	if err == nil {
		t.Errorf("without TLS: %s", out)
	}
	out, err = exec.Command("redis-cli", "--tls", "--cacert", certs.server.CA, "-p", fmt.Sprint(p.port),
		"ping").CombinedOutput()
	if err == nil {
		t.Errorf("without a certificate: %s", out)
	}
}

// tlsRueidis writes and reads by the second client.
func tlsRueidis(t *testing.T, c *shards, certs *certificates) {
	t.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{c.nodes[0].addr()}, DisableCache: true,
		TLSConfig: certs.config()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var cmds rueidis.Commands
	for i := range 100 {
		cmds = append(cmds, client.B().Set().Key(fmt.Sprint("rueidis:", i)).Value(fmt.Sprint(i)).Build())
	}
	for i, r := range client.DoMulti(ctx, cmds...) {
		if err := r.Error(); err != nil {
			t.Fatalf("rueidis, SET %d: %v", i, err)
		}
	}
}

// serial returns the number of the certificate that a process presents.
func serial(t *testing.T, p *process) string {
	t.Helper()
	conn, err := tls.Dial("tcp", p.addr(), p.tls.config())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

// tlsReplaced: a node presents a new certificate once its file is replaced; who is connected
// stays so.
func tlsReplaced(t *testing.T, p *process, certs *certificates) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: p.addr(), TLSConfig: certs.config(), PoolSize: 1, MaxRetries: -1})
	defer client.Close()
	before, err := client.ClientID(t.Context()).Result()
	if err != nil {
		t.Fatal(err)
	}
	old := serial(t, p)
	certs.server.Replace(certs.ca.Sign(nil, "127.0.0.1"))
	p.eventually("presents the new certificate", 30*time.Second, func() bool { return serial(t, p) != old })
	if after, err := client.ClientID(t.Context()).Result(); after != before || err != nil {
		t.Errorf("client %d has become %d, %v", before, after, err)
	}
}

// tlsUnasked: with tls-auth-clients no, clients need no certificate.
func tlsUnasked(t *testing.T, c *shards, certs *certificates) {
	t.Helper()
	for _, p := range c.nodes {
		if out := p.cli("config", "set", "tls-auth-clients", "no"); out != "OK" {
			t.Errorf("CONFIG SET tls-auth-clients: %s", out)
		}
	}
	without := &certificates{ca: certs.ca, server: certs.server}
	if out := redisCLI(t, append(without.cli(), "-c", "-p", fmt.Sprint(c.nodes[0].port), "get", "foo")...); out != "bar" {
		t.Errorf("redis-cli without a certificate: %s", out)
	}
	runVerb(t, without, "check", c.nodes[0].addr())
	tlsRueidis(t, c, without)
	client := c.client(func(o *redis.ClusterOptions) { o.TLSConfig = without.config() })
	if err := client.Set(t.Context(), "foo", "baz", 0).Err(); err != nil {
		t.Errorf("go-redis without a certificate: %v", err)
	}
}
