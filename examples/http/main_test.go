package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slotmesh/slotmesh"
)

// freeAddr returns an address that was free a moment ago, with a port whose bus port
// exists.
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

// instance is one that runs in this process, as in a terminal.
type instance struct {
	web, dir, mesh string
	stop           func()
}

func (i *instance) start(t *testing.T, nodes []string) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, i.web, i.dir, i.mesh, nodes) }()
	i.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	t.Cleanup(i.stop)
}

// threeInstances starts three, each in a folder of its own if on disk.
func threeInstances(t *testing.T, ctx context.Context, onDisk bool) (list []*instance, nodes []string) {
	for range 3 {
		i := &instance{web: freeAddr(t), mesh: freeAddr(t)}
		if onDisk {
			i.dir = t.TempDir()
		}
		list, nodes = append(list, i), append(nodes, i.mesh)
	}
	for _, i := range list {
		i.start(t, nodes)
		await(t, ctx, "GET", i.web, "/ready", "ready\n")
	}
	return list, nodes
}

// What one instance takes the others serve.
func TestThreeInstances(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	list, _ := threeInstances(t, ctx, false)
	if got := ask(t, ctx, "PUT", list[0].web, "/kv/greeting", "hello"); got != "" {
		t.Errorf("PUT: %q", got)
	}
	for _, i := range list {
		if got := ask(t, ctx, "GET", i.web, "/kv/greeting", ""); got != "hello" {
			t.Errorf("GET: %q", got)
		}
	}
	if got := ask(t, ctx, "GET", list[1].web, "/kv/nothing", ""); got != "not found\n" {
		t.Errorf("GET of nothing: %q", got)
	}
	for i, want := range []string{"1\n", "2\n", "3\n"} {
		if got := ask(t, ctx, "POST", list[i].web, "/visits", ""); got != want {
			t.Errorf("visit %d: %q", i, got)
		}
	}
}

// The first instance ends and is started again by the same command line: the cluster
// stays one, and keeps the keys of the others, or all of them with a folder.
func TestFirstInstanceStartsAgain(t *testing.T) {
	for _, onDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("onDisk=%v", onDisk), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			list, nodes := threeInstances(t, ctx, onDisk)
			const keys = 30
			for k := range keys {
				if got := ask(t, ctx, "PUT", list[1].web, fmt.Sprintf("/kv/%d", k), "v"); got != "" {
					t.Fatalf("PUT: %q", got)
				}
			}
			awaitShares(t, ctx, list[0].mesh)
			list[0].stop()
			list[0].start(t, nodes)
			await(t, ctx, "GET", list[0].web, "/ready", "ready\n")
			await(t, ctx, "GET", list[1].web, "/ready", "ready\n")
			found := 0
			for k := range keys {
				switch got := ask(t, ctx, "GET", list[0].web, fmt.Sprintf("/kv/%d", k), ""); got {
				case "v":
					found++
				case "not found\n":
				default:
					t.Errorf("GET: %q", got)
				}
			}
			if found == 0 || onDisk && found != keys {
				t.Errorf("%d of %d keys are there", found, keys)
			}
			if got := ask(t, ctx, "PUT", list[2].web, "/kv/0", "new"); got != "" {
				t.Errorf("PUT: %q", got)
			}
			if got := ask(t, ctx, "GET", list[0].web, "/kv/0", ""); got != "new" {
				t.Errorf("GET: %q", got)
			}
		})
	}
}

// awaitShares waits until each of three instances owns slots, and the first moves none.
func awaitShares(t *testing.T, ctx context.Context, mesh string) {
	t.Helper()
	client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: []string{mesh}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	owners := regexp.MustCompile(`(?m) connected \d`)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		nodes, err := client.Do(ctx, "CLUSTER", "NODES")
		if text := fmt.Sprintf("%s", nodes); err == nil && len(owners.FindAllString(text, -1)) == 3 &&
			!strings.Contains(text, "[") {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("the slots are not shared out: %s, %v", nodes, err)
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
