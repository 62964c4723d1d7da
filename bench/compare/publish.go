package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// publish compares clusters of three masters on PUBLISH at one of them, with a subscriber at
// each: the processor time of all three processes for a million messages of 100 B. The
// subscribers are connections that only read.
func publish(t *table, rounds int) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	ours, theirs := startCluster(dir, "slotmesh", buildSlotmesh(dir), "serve"), startCluster(dir, "redis", "redis-server")
	defer stopServers(append(ours, theirs...))
	clusters := [][]*peer{ours, theirs}
	for _, peers := range clusters {
		for _, p := range peers {
			defer p.subscribe("news", io.Discard)()
		}
	}
	for _, load := range []struct{ pipeline, requests int }{{1, 50_000}, {16, 200_000}} {
		figures := alternate(rounds, len(clusters), func(c int) float64 {
			return publishAt(clusters[c], load.pipeline, load.requests) * 1e6 / float64(load.requests)
		})
		t.add(row{what: fmt.Sprintf("CPU of 3 nodes, PUBLISH of 100 B to a subscriber at each, P=%d", load.pipeline),
			figure: median(figures[0]), unit: "s/M", peer: "redis cluster", peers: median(figures[1]),
			ratio: ratio(figures[0], figures[1]), limit: 1})
	}
}

// publishAt publishes at the first of some nodes, and returns what that cost all of them, in
// seconds of processor time.
func publishAt(peers []*peer, pipeline, requests int) float64 {
	var used time.Duration
	for _, p := range peers {
		used -= processTime(p.cmd.Process.Pid)
	}
	payload := fmt.Sprintf("%0100d", 0)
	must(exec.Command("redis-benchmark", "-p", strconv.Itoa(peers[0].port), "-c", strconv.Itoa(connections), "-P",
		strconv.Itoa(pipeline), "-n", strconv.Itoa(requests), "-q", "PUBLISH", "news", payload).Run())
	time.Sleep(200 * time.Millisecond) // the last messages arrive
	for _, p := range peers {
		used += processTime(p.cmd.Process.Pid)
	}
	return used.Seconds()
}

// startCluster starts three masters that know each other and own all slots.
func startCluster(dir, name, command string, args ...string) (peers []*peer) {
	for i := range 3 {
		files := filepath.Join(dir, fmt.Sprint(name, i))
		must(os.Mkdir(files, 0o755))
		node := append([]string{}, args...)
		peers = append(peers, startPeer(name, command, append(node, "--cluster-enabled", "yes", "--save", "", "--dir", files)))
	}
	for i, p := range peers {
		first, last := i*16384/3, (i+1)*16384/3-1
		p.must("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(first), strconv.Itoa(last))
		p.must("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		if i > 0 {
			p.must("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(peers[0].port))
		}
	}
	for _, p := range peers {
		p.waitServing()
	}
	return peers
}

// must sends a command that has to succeed.
func (p *peer) must(args ...string) {
	c, err := p.dial()
	must(err)
	defer c.Close()
	r, err := c.DoContext(context.Background(), args...)
	must(err)
	must(r.Err())
}

// subscribe has a connection read the messages of a channel into w, until end is called.
func (p *peer) subscribe(channel string, w io.Writer) (end func()) {
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
	must(err)
	_, err = fmt.Fprintf(conn, "SUBSCRIBE %s\r\n", channel)
	must(err)
	confirmation := fmt.Sprintf("*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n", len(channel), channel)
	_, err = io.ReadFull(conn, make([]byte, len(confirmation)))
	must(err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{conn}, make([]byte, 32<<10))
	}()
	return func() {
		conn.Close()
		<-done
	}
}
