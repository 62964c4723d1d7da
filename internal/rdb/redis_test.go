package rdb

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestAgainstRedis exchanges values of all encodings and of many lengths with a real
// redis-server, both ways.
func TestAgainstRedis(t *testing.T) {
	redis := startRedis(t)
	r := rand.New(rand.NewPCG(3, 4))
	values := []string{"", "0", "-1", "127", "128", "-32768", "32768", "2147483647", "-2147483648", "2147483648", "007",
		"+1"}
	for _, n := range []int{1, 20, 21, 63, 64, 1000, 16383, 16384, 100_000} {
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		values = append(values, string(noise), strings.Repeat("ab", n), strings.Repeat("0123456789", n/4)+string(noise))
	}
	for _, v := range values {
		redis.do(t, "SET", "k", v)
		payload := redis.do(t, "DUMP", "k")
		if got, err := parseString([]byte(payload)); err != nil || string(got) != v {
			t.Fatalf("what Redis dumps of %d bytes reads as %d bytes, %v", len(v), len(got), err)
		}
		if got := redis.do(t, "RESTORE", "back", "0", string(AppendString(nil, []byte(v))), "REPLACE"); got != "+OK" {
			t.Fatalf("Redis refuses our payload of %d bytes: %s", len(v), got)
		}
		if got := redis.do(t, "GET", "back"); got != v {
			t.Fatalf("Redis restores %d bytes as %d", len(v), len(got))
		}
	}
	bad := AppendString(nil, []byte("x"))
	bad[2] ^= 1
	if got := redis.do(t, "RESTORE", "bad", "0", string(bad)); got != "-"+ErrPayload.Error() {
		t.Fatalf("Redis says %q to a wrong checksum, we say %q", got, ErrPayload)
	}
}

type redis struct {
	conn net.Conn
	r    *bufio.Reader
	dir  string
}

// startRedis runs a redis-server on a Unix socket, so that no port is needed. options may set
// others than these, also the folder that it loads from.
func startRedis(t *testing.T, options ...string) *redis {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("redis-server is not installed, and CI must not skip this test")
		}
		t.Skip("redis-server is not installed: apt-get install redis-server")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, append([]string{"--port", "0", "--unixsocket", socket, "--save", "", "--dir", dir},
		options...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	log := bufio.NewScanner(out)
	for log.Scan() && !strings.Contains(log.Text(), "now ready to accept connections at") {
	}
	go io.Copy(io.Discard, out)
	conn, err := net.DialTimeout("unix", socket, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &redis{conn, bufio.NewReader(conn), dir}
}

// do returns a bulk reply's content, and any other reply as its line.
func (c *redis) do(t *testing.T, args ...string) string {
	t.Helper()
	c.send(t, args)
	return c.reply(t)
}

// list returns the elements of an array.
func (c *redis) list(t *testing.T, args ...string) (list []string) {
	t.Helper()
	c.send(t, args)
	head := c.reply(t)
	n, err := strconv.Atoi(strings.TrimPrefix(head, "*"))
	if err != nil {
		t.Fatalf("%q to %s", head, args[0])
	}
	for range n {
		list = append(list, c.reply(t))
	}
	return list
}

func (c *redis) send(t *testing.T, args []string) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := c.conn.Write(b.Bytes()); err != nil {
		t.Fatal(err)
	}
}

func (c *redis) reply(t *testing.T) string {
	t.Helper()
	line, err := c.r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line[0] != '$' {
		return line
	}
	n, err := strconv.Atoi(line[1:])
	if err != nil || n < 0 {
		t.Fatalf("%q", line)
	}
	bulk := make([]byte, n+2)
	if _, err := io.ReadFull(c.r, bulk); err != nil {
		t.Fatal(err)
	}
	return string(bulk[:n])
}
