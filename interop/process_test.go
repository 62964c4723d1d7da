package interop

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// binary builds cmd/slotmesh once for all tests of the package.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "slotmesh-interop")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "slotmesh")
	build := exec.Command("go", "build", "-o", path, "./cmd/slotmesh")
	build.Dir = ".."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building cmd/slotmesh: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := binary(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// needs skips a test for want of a program, or fails it in CI, which must have it.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err == nil {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; CI needs it", program)
	}
	t.Skipf("%s is not installed (Debian: apt-get install redis-tools redis-server)", program)
}

// process is a server in a process of its own.
type process struct {
	t    *testing.T
	port int
	tls  *certificates // nil: port is for clients in plain text
	dir  string
	args []string
	cmd  *exec.Cmd
	out  output
	done chan struct{}

	asking sync.Mutex // guards asked
	asked  *redis.Client
}

// output is what a process prints; it can be read meanwhile.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// serve starts `slotmesh serve` on a free port with a folder of its own.
func serve(t *testing.T, args ...string) *process { return serveTLS(t, nil, args...) }

// serveTLS is serve at a port for clients with TLS only.
func serveTLS(t *testing.T, certs *certificates, args ...string) *process {
	t.Helper()
	p := &process{t: t, port: freePort(t), tls: certs, dir: t.TempDir(), args: args}
	t.Cleanup(func() {
		p.kill(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("port %d said:\n%s", p.port, tail(p.out.String(), 40))
		}
	})
	p.start()
	return p
}

func (p *process) start() {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	args := append(append([]string{"serve"}, p.listen()...), "--dir", p.dir, "--bind", "127.0.0.1", "--cluster-enabled",
		"yes")
	p.cmd = exec.Command(path, append(args, p.args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.done = make(chan struct{})
	cmd, done := p.cmd, p.done
	go func() {
		cmd.Wait()
		close(done)
	}()
	p.eventually("serves", time.Minute, func() bool {
		if p.tls != nil {
			return p.ask("ping") == "PONG"
		}
		conn, err := net.Dial("tcp", p.addr())
		if err != nil {
			return false
		}
		defer conn.Close()
		fmt.Fprint(conn, "PING\r\n")
		var reply [8]byte
		n, err := conn.Read(reply[:])
		return err == nil && !bytes.HasPrefix(reply[:n], []byte("-LOADING"))
	})
}

// listen returns the directives about where clients connect.
func (p *process) listen() []string {
	port := strconv.Itoa(p.port)
	if p.tls == nil {
		return []string{"--port", port}
	}
	return append([]string{"--port", "0", "--tls-port", port}, p.tls.directives()...)
}

// kill ends the process by a signal and waits for its end.
func (p *process) kill(sig syscall.Signal) {
	select {
	case <-p.done:
		return
	default:
	}
	p.cmd.Process.Signal(sig)
	<-p.done
}

func (p *process) addr() string { return fmt.Sprint("127.0.0.1:", p.port) }

// cli runs redis-cli against the process and returns what it printed.
func (p *process) cli(args ...string) string {
	p.t.Helper()
	return redisCLI(p.t, append(append(p.tls.cli(), "-p", strconv.Itoa(p.port)), args...)...)
}

// ask sends a command whose reply is a text, and returns that, an error's too. It is for what
// is asked again and again: a process for each question would cost more than the servers.
func (p *process) ask(args ...any) string {
	text, err := p.client().Do(context.Background(), args...).Text()
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(text)
}

// client returns the client of ask. A process that was started again may have another port.
func (p *process) client() *redis.Client {
	p.asking.Lock()
	defer p.asking.Unlock()
	if p.asked == nil || p.asked.Options().Addr != p.addr() {
		opt := &redis.Options{Addr: p.addr(), MaxRetries: -1, DialerRetries: 1, ReadTimeout: limit}
		if p.tls != nil {
			opt.TLSConfig = p.tls.config()
		}
		asked := redis.NewClient(opt)
		p.t.Cleanup(func() { asked.Close() })
		p.asked = asked
	}
	return p.asked
}

// eventually polls what only another process knows.
func (p *process) eventually(what string, limit time.Duration, cond func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			p.t.Fatalf("port %d: not within %v: %s\n%s", p.port, limit, what, tail(p.out.String(), 20))
		}
	}
}

// redisCLI runs redis-cli; a failure of the program itself fails the test only if it
// printed nothing, since error replies are what some tests look for.
func redisCLI(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("redis-cli", args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || len(out) == 0) {
		t.Fatalf("redis-cli %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(colours.ReplaceAllString(string(out), ""))
}

var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// freePort returns a port that is free, as is its bus port, and that it has not returned
// before. Both are below those that systems give to outgoing connections, from 32768 on
// Linux: one of these could be given to a connection before the server listens there, or
// while it is restarted.
func freePort(t *testing.T) int {
	t.Helper()
	const least, most, busOffset = 11_000, 21_000, 10_000 // no port is another server's bus port
	for range 1000 {
		port := least + rand.IntN(most-least)
		if _, used := usedPorts.LoadOrStore(port, true); !used && isFree(port) && isFree(port+busOffset) {
			return port
		}
	}
	t.Fatal("found no free pair of ports")
	return 0
}

var usedPorts sync.Map

func isFree(port int) bool {
	ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
	if err == nil {
		ln.Close()
	}
	return err == nil
}

func tail(text string, lines int) string {
	all := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
