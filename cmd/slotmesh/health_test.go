package main

import (
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// probe returns the status and the body of an answer.
func probe(t *testing.T, url string) (code int, body string) {
	t.Helper()
	client := http.Client{Timeout: waitLimit, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// A node with --health answers probes: it is live, and ready once its cluster has formed.
func TestServeHealth(t *testing.T) {
	ports := []string{freePort(t), freePort(t)}
	list := "127.0.0.1:" + ports[0] + ",127.0.0.1:" + ports[1]
	url := "http://127.0.0.1:" + freePort(t)
	one := start(t, "serve", "--port", ports[0], "--cluster-port", freePort(t), "--dir", t.TempDir(),
		"--bind", "127.0.0.1", "--join", list, "--expect", "2", "--health", strings.TrimPrefix(url, "http://"))
	one.stdout.waitFor(t, "ready to accept connections")
	if code, body := probe(t, url+"/livez"); code != http.StatusOK {
		t.Errorf("livez: %d %s", code, body)
	}
	code, body := probe(t, url+"/readyz")
	if code != http.StatusServiceUnavailable || !strings.Contains(body, "of 2 nodes") {
		t.Errorf("one of two nodes is there: readyz %d %s", code, body)
	}
	if got := ask(t, "127.0.0.1:"+ports[0], "CONFIG", "GET", "slotmesh-health"); !strings.Contains(got, url[7:]) {
		t.Errorf("CONFIG GET: %q", got)
	}
	start(t, "serve", "--port", ports[1], "--cluster-port", freePort(t), "--dir", t.TempDir(), "--bind", "127.0.0.1",
		"--join", list, "--expect", "2")
	deadline := time.Now().Add(waitLimit)
	for {
		code, body := probe(t, url+"/readyz")
		if code == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("readyz: %d %s", code, body)
		}
	}
	one.signal(t, syscall.SIGTERM)
	if code := <-one.code; code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// An address that cannot be listened on is an error at the start.
func TestServeHealthTaken(t *testing.T) {
	addr := "127.0.0.1:" + freePort(t)
	s := start(t, "serve", "--port", strings.TrimPrefix(addr, "127.0.0.1:"), "--cluster-port", freePort(t), "--dir",
		t.TempDir(), "--bind", "127.0.0.1", "--health", addr)
	if code := <-s.code; code == exitOK {
		t.Error("it runs at one address with the clients")
	}
	bad := start(t, "serve", "--dir", t.TempDir(), "--health", "8080")
	if code := <-bad.code; code == exitOK {
		t.Error("a port alone is taken for an address")
	}
}
