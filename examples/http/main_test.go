package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// freeAddr returns an address that was free a moment ago, with a port whose bus port exists.
func freeAddr(t *testing.T) string {
	t.Helper()
	for {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		if port := ln.Addr().(*net.TCPAddr).Port; port < 55_000 {
			return ln.Addr().String()
		}
	}
}

// Three instances, as in three terminals: what one takes the others serve.
func TestThreeInstances(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	var webs []string
	first := ""
	for range 3 {
		web, mesh := freeAddr(t), freeAddr(t)
		join := first
		wg.Go(func() {
			if err := run(ctx, web, mesh, join); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
		if first == "" {
			first = mesh
		}
		webs = append(webs, web)
		await(t, ctx, "GET", web, "/ready", "ready\n")
	}
	if got := ask(t, ctx, "PUT", webs[0], "/kv/greeting", "hello"); got != "" {
		t.Errorf("PUT: %q", got)
	}
	for _, web := range webs {
		if got := ask(t, ctx, "GET", web, "/kv/greeting", ""); got != "hello" {
			t.Errorf("GET: %q", got)
		}
	}
	if got := ask(t, ctx, "GET", webs[1], "/kv/nothing", ""); got != "not found\n" {
		t.Errorf("GET of nothing: %q", got)
	}
	for i, want := range []string{"1\n", "2\n", "3\n"} {
		if got := ask(t, ctx, "POST", webs[i], "/visits", ""); got != want {
			t.Errorf("visit %d: %q", i, got)
		}
	}
}

func ask(t *testing.T, ctx context.Context, method, web, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+web+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer reply.Body.Close()
	b, _ := io.ReadAll(reply.Body)
	return string(b)
}

// await asks until the answer is want.
func await(t *testing.T, ctx context.Context, method, web, path, want string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ask(t, ctx, method, web, path, "") != want {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s %s does not become %q", web, path, want)
		}
	}
}
