package main

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The page of `up` shows its six nodes, and answers to local names only.
func TestUpServesPage(t *testing.T) {
	s := start(t, "up", "--port", "0")
	text := s.stdout.waitFor(t, "Ctrl-C ends it.")
	url := regexp.MustCompile(`to look at: (http://127\.0\.0\.1:\d+/)\n`).FindStringSubmatch(text)
	if url == nil {
		t.Fatalf("no address in\n%s", text)
	}
	if code, body := probe(t, url[1]); code != http.StatusOK || !strings.Contains(body, "<title>slotmesh 127.0.0.1:") {
		t.Errorf("the page: %d %s", code, body)
	}
	if code, body := probe(t, url[1]+"status.json"); code != http.StatusOK || strings.Count(body, `"answers":true`) != 6 {
		t.Errorf("status.json: %d %s", code, body)
	}
	for host, want := range map[string]int{"localhost:1": 200, "[::1]:1": 200, "evil.example.org": 403} {
		r, err := http.NewRequest(http.MethodGet, url[1], nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host, r.Close = host, true
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// An address that is taken, or none, is an error at the start.
func TestServeHTTPTaken(t *testing.T) {
	addr := "127.0.0.1:" + freePort(t)
	for _, args := range [][]string{
		{"serve", "--port", strings.TrimPrefix(addr, "127.0.0.1:"), "--cluster-port", freePort(t), "--dir", t.TempDir(),
			"--bind", "127.0.0.1", "--http", addr},
		{"serve", "--dir", t.TempDir(), "--http", "8080"},
		{"up", "--port", "0", "--nodes", "1", "--replicas", "0", "--http", "8080"},
	} {
		if code := <-start(t, args...).code; code == exitOK {
			t.Errorf("%v runs", args)
		}
	}
}
