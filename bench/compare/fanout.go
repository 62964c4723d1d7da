package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// fanOut compares one node with redis-server on messages to many subscribers: the processor
// time of a message's way to one of a thousand, and how long messages take to a subscriber
// while others do not read theirs.
func fanOut(t *table, rounds int) {
	dir, err := os.MkdirTemp("", "compare")
	must(err)
	defer os.RemoveAll(dir)
	peers := startServers(dir)[:2]
	defer stopServers(peers)
	for _, load := range []struct{ pipeline, messages int }{{1, 500}, {16, 2000}} {
		figures := alternate(rounds, len(peers), func(c int) float64 {
			return peers[c].fanOut(1000, load.messages, load.pipeline)
		})
		t.add(row{what: fmt.Sprintf("CPU of a message of 100 B to one of 1,000 subscribers, P=%d", load.pipeline),
			figure: median(figures[0]), unit: "us", peer: "redis-server", peers: median(figures[1]),
			ratio: ratio(figures[0], figures[1]), limit: 1})
	}
	for _, stuck := range []int{0, 5} {
		figures := alternate(rounds, len(peers), func(c int) float64 { return peers[c].pushLatency(stuck) })
		what := fmt.Sprintf("p99 of 1,000 messages/s of 10 kB to one of 20 subscribers, %d others never read", stuck)
		t.add(row{what: what, figure: median(figures[0]), unit: "ms", peer: "redis-server", peers: median(figures[1]),
			ratio: ratio(figures[0], figures[1])})
	}
}

// byteCount counts what is written to it.
type byteCount struct{ n atomic.Int64 }

func (c *byteCount) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// fanOut publishes messages to subscribers, waits until each has come to each, and returns
// the processor time of one on its way to one, in microseconds.
func (p *peer) fanOut(subscribers, messages, pipeline int) float64 {
	var heard byteCount
	for range subscribers {
		defer p.subscribe("news", &heard)()
	}
	payload := fmt.Sprintf("%0100d", 0)
	frame := len("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$100\r\n\r\n") + len(payload)
	used := -processTime(p.cmd.Process.Pid)
	must(exec.Command("redis-benchmark", "-p", strconv.Itoa(p.port), "-c", "1", "-P", strconv.Itoa(pipeline), "-n",
		strconv.Itoa(messages), "-q", "PUBLISH", "news", payload).Run())
	for heard.n.Load() < int64(frame*messages*subscribers) {
		time.Sleep(10 * time.Millisecond)
	}
	used += processTime(p.cmd.Process.Pid)
	return float64(used.Microseconds()) / float64(messages*subscribers)
}

// stampedReader notes how old messages are that begin with the time at which they were
// published.
type stampedReader struct {
	size int // of a frame
	body int // where the stamp begins in it
	buf  []byte
	ages *hdrhistogram.Histogram
}

func (r *stampedReader) Write(b []byte) (int, error) {
	r.buf = append(r.buf, b...)
	for ; len(r.buf) >= r.size; r.buf = r.buf[r.size:] {
		sent := binary.BigEndian.Uint64(r.buf[r.body:])
		r.ages.RecordValue(time.Now().UnixNano() - int64(sent))
	}
	return len(b), nil
}

// pushLatency returns the 99th percentile of how long messages take to one of 20
// subscribers that read, in milliseconds, while others do not.
func (p *peer) pushLatency(stuck int) float64 {
	for range stuck {
		conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
		must(err)
		defer conn.Close()
		_, err = fmt.Fprint(conn, "SUBSCRIBE news\r\n")
		must(err)
	}
	for range 19 {
		defer p.subscribe("news", io.Discard)()
	}
	const size, messages = 10_000, 5000
	head := fmt.Sprintf("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$%d\r\n", size)
	reader := &stampedReader{size: len(head) + size + 2, body: len(head),
		ages: hdrhistogram.New(1, int64(time.Minute), 3)}
	end := p.subscribe("news", reader)
	conn, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)))
	must(err)
	defer conn.Close()
	go io.Copy(io.Discard, conn)
	command := []byte(fmt.Sprintf("*3\r\n$7\r\nPUBLISH\r\n$4\r\nnews\r\n$%d\r\n%s\r\n", size, strings.Repeat("x", size)))
	start := time.Now()
	for i := range messages {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Millisecond)))
		binary.BigEndian.PutUint64(command[len(command)-2-size:], uint64(time.Now().UnixNano()))
		_, err := conn.Write(command)
		must(err)
	}
	time.Sleep(time.Second)
	end()
	return float64(reader.ages.ValueAtQuantile(99)) / 1e6
}
