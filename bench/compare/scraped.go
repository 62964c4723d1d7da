package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/metrics"
)

// serveScraped is a node with all slots, whose metrics are at a socket in dir.
func serveScraped(dir string, port int) {
	node, err := slotmesh.New(slotmesh.Config{Addr: fmt.Sprintf("127.0.0.1:%d", port)})
	must(err)
	must(node.Start(context.Background()))
	must(slotmesh.Create(context.Background(), node))
	ln, err := net.Listen("unix", filepath.Join(dir, socketName))
	must(err)
	must(http.Serve(ln, metrics.Handler(node)))
}

const socketName = "metrics.sock"

// scraped measures what it costs that metrics are asked for every second, by one server that
// is asked in every other round.
func scraped(t *table, rounds int) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	p := startPeer("slotmesh", os.Args[0], []string{"-scraped", "-dir", dir})
	defer stopServers([]*peer{p})
	p.waitServing()
	socket := filepath.Join(dir, socketName)
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
	const requests = 4_000_000
	p.load("set", 16, 100, requests/4) // what GET finds
	var cost time.Duration
	times := 0
	figures := alternate(rounds, 2, func(c int) float64 {
		end := func() {}
		if c == 0 {
			end = every(time.Second, func() {
				began := time.Now()
				scrape(client)
				cost += time.Since(began)
				times++
			})
		}
		seconds, _ := p.load("get", 16, 100, requests)
		end()
		return seconds * 1e6 / requests
	})
	t.add(row{what: "server CPU of GET, scraped every second, P=16, 100 B", figure: median(figures[0]),
		unit: "s/M", peer: "not scraped", peers: median(figures[1]), ratio: ratio(figures[0], figures[1]), limit: 1.01})
	t.add(row{what: "a scrape meanwhile", figure: cost.Seconds() * 1e3 / float64(max(1, times)), unit: "ms", limit: 100})
}

// every calls f at once and then at intervals, until end is called, which waits for it.
func every(interval time.Duration, f func()) (end func()) {
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			f()
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})
	return func() { close(stop); group.Wait() }
}

func scrape(client *http.Client) {
	r, err := client.Get("http://node/metrics")
	must(err)
	defer r.Body.Close()
	n, err := io.Copy(io.Discard, r.Body)
	must(err)
	if r.StatusCode != http.StatusOK || n == 0 {
		must(fmt.Errorf("a scrape: %s, %d bytes", r.Status, n))
	}
}
