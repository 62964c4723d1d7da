package interop

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// redisServer starts a real redis-server in cluster mode on a free port with a folder of
// its own.
func redisServer(t *testing.T, args ...string) *process { return redisServerTLS(t, nil, args...) }

// redisServerTLS is redisServer at a port for clients with TLS only.
func redisServerTLS(t *testing.T, certs *certificates, args ...string) *process {
	t.Helper()
	needs(t, "redis-server")
	p := &process{t: t, port: freePort(t), tls: certs, dir: t.TempDir(), done: make(chan struct{})}
	p.cmd = exec.Command("redis-server", append(append(p.listen(), "--dir", p.dir, "--bind", "127.0.0.1",
		"--save", "", "--cluster-enabled", "yes", "--cluster-node-timeout", "5000"), args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("redis-server at port %d said:\n%s", p.port, tail(p.out.String(), 20))
		}
	})
	p.eventually("answers", time.Minute, func() bool {
		got := p.ask("ping")
		return got == "PONG" || strings.HasPrefix(got, "NOAUTH")
	})
	return p
}

// servers starts n of a kind side by side.
func servers(t *testing.T, n int, start func(*testing.T, ...string) *process, args ...string) []*process {
	t.Helper()
	list := make([]*process, n)
	for i := range list {
		list[i] = start(t, args...)
	}
	return list
}

func addrs(list []*process) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.addr())
	}
	return out
}

func adminClient(t *testing.T, cfg admin.Config) *admin.Client {
	t.Helper()
	c, err := admin.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// soon bounds what a test waits for, grossly: it only turns one that hangs into one that
// fails.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
