package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
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
	}
	for _, i := range list {
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

// Instances end and are started again by the same command line, with a folder one after the
// other, without one the first: the cluster stays one, and keeps all keys.
func TestInstancesStartAgain(t *testing.T) {
	for _, onDisk := range []bool{false, true} {
		t.Run(fmt.Sprintf("onDisk=%v", onDisk), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			list, nodes := threeInstances(t, ctx, onDisk)
			const keys = 30
			for k := range keys {
				if got := ask(t, ctx, "PUT", list[1].web, fmt.Sprintf("/kv/%d", k), "v"); got != "" {
					t.Fatalf("PUT: %q", got)
				}
			}
			again := list
			if !onDisk { // the next would have to wait until the cluster has found its new replica
				again = list[:1]
			}
			for _, i := range again {
				awaitReplicas(t, ctx, i.mesh, 2)
				i.stop()
				i.start(t, nodes)
				await(t, ctx, "GET", i.web, "/ready", "ready\n")
				for k := range keys {
					await(t, ctx, "GET", i.web, fmt.Sprintf("/kv/%d", k), "v")
				}
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

// awaitReplicas writes until so many replicas hold what is written.
func awaitReplicas(t *testing.T, ctx context.Context, mesh string, replicas int) {
	t.Helper()
	client, err := slotmesh.Dial(ctx, slotmesh.DialConfig{Addrs: []string{mesh}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for {
		short, cancel := context.WithTimeout(slotmesh.WithSync(ctx, replicas), time.Second)
		err := client.Set(short, "held", []byte("v"), 0)
		cancel()
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("there are no %d replicas: %v", replicas, err)
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
