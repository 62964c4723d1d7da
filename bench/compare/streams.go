package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// streams compares servers on streams, as collections does, and by the memory of a million
// entries of three fields.
func streams(t *table, rounds int) {
	peers, stop := startPeers()
	defer stop()
	for _, p := range peers {
		p.coverAllSlots()
	}
	if what := "memory of an entry of 3 fields, 1M of them"; t.wanted(what) {
		own, other := peers[0].streamMemory(1_000_000), peers[1].streamMemory(1_000_000)
		t.add(row{what: what, figure: own / 1e6, unit: "B", peer: peers[1].name, peers: other / 1e6,
			ratio: own / other, limit: 1})
	}
	const entry = "sensor __rand_int__ temperature 21.5 humidity 40"
	compareCommand(t, rounds, peers, "XADD of 3 fields", linesOf([]string{"XADD stream * " + entry}))
	compareCommand(t, rounds, peers, "XADD of 3 fields, MAXLEN ~ 1000",
		linesOf([]string{"XADD trimmed MAXLEN ~ 1000 * " + entry}))
	compareCommand(t, rounds, peers, "XRANGE of 100", linesOf([]string{"XRANGE stream - + COUNT 100"}))
	compareCommand(t, rounds, peers, "XREADGROUP + XACK", readAndAcknowledge)
}

// readAndAcknowledge has each connection read entries one by one and acknowledge them. It
// has a group of its own, so it knows which entry comes next.
func readAndAcknowledge(p *peer, pipeline, requests int) float64 {
	p.must("DEL", "queue")
	entries := requests/connections*2 + pipeline // some connections are faster than others
	c, err := p.dial()
	must(err)
	defer c.Close()
	for i := range entries {
		c.Send("XADD", "queue", entryID(i), "order", strconv.Itoa(i), "kind", "book", "state", "new")
	}
	for k := range connections {
		c.Send("XGROUP", "CREATE", "queue", groupOf(k), "0")
	}
	drain(c)
	next := make([]int, connections)
	return p.drive(pipeline, 2*requests, func(client, _ int) []string {
		i := next[client] % (2 * entries)
		next[client]++
		if i%2 == 0 {
			return []string{"XREADGROUP", "GROUP", groupOf(client), "consumer", "COUNT", "1", "STREAMS", "queue", ">"}
		}
		return []string{"XACK", "queue", groupOf(client), entryID(i / 2)}
	})
}

func entryID(i int) string      { return "1-" + strconv.Itoa(i+1) }
func groupOf(client int) string { return "group:" + strconv.Itoa(client) }

// streamMemory returns by how much used_memory grows by a stream of n entries.
func (p *peer) streamMemory(n int) float64 {
	c, err := p.dial()
	must(err)
	defer c.Close()
	before := usedMemory(c)
	for i := range n {
		c.Send("XADD", "large", fmt.Sprintf("%d-0", 1_700_000_000_000+7*i), "sensor", strconv.Itoa(i%1000), "temperature",
			fmt.Sprintf("%.2f", 20+float64(i%777)/100), "status", "ok")
		if c.Pending() >= 1000 {
			drain(c)
		}
	}
	drain(c)
	grown := usedMemory(c) - before
	p.must("DEL", "large")
	return grown
}

// drain receives all replies.
func drain(c *resp.Conn) {
	for c.Pending() > 0 {
		r, err := c.Receive()
		must(err)
		must(r.Err())
	}
}

func usedMemory(c *resp.Conn) float64 {
	time.Sleep(200 * time.Millisecond) // what is being enlarged is there twice
	r, err := c.Do("INFO", "memory")
	must(err)
	_, rest, _ := strings.Cut(string(r.Str), "used_memory:")
	figure, _, _ := strings.Cut(rest, "\r\n")
	n, err := strconv.ParseFloat(figure, 64)
	must(err)
	return n
}
