package main

import (
	"bytes"
	"fmt"
	"io"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// large compares servers on commands and replies with much in them: the processor time of
// the server's process for one of each.
func large(t *table, rounds int) {
	peers, stop := startPeers()
	defer stop()
	clients := make([]*resp.Conn, len(peers))
	for i, p := range peers {
		p.coverAllSlots()
		client, err := p.dial()
		must(err)
		defer client.Close()
		clients[i] = client
	}
	for _, shape := range []struct {
		args, size int
		what       string
	}{{20_000, 2000, "20,000 values of 2 KB"}, {2000, 10_000, "2,000 values of 10 KB"},
		{100_000, 10, "100,000 values of 10 B"}, {1, 40_000_000, "a value of 40 MB"}} {
		value := bytes.Repeat([]byte{'x'}, shape.size)
		set, get := [][]byte{[]byte("MSET")}, [][]byte{[]byte("MGET")}
		for i := range shape.args {
			key := fmt.Appendf(nil, "{k}%d", i)
			set, get = append(set, key, value), append(get, key)
		}
		for _, args := range [][][]byte{set, get} {
			command := resp.AppendCommand(nil, args...)
			figures := alternate(rounds, len(peers), func(c int) float64 {
				const times = 3 // the processor time is told in hundredths of a second
				before := processTime(peers[c].cmd.Process.Pid)
				for range times {
					ask(clients[c], command)
				}
				// What is 0 by that clock would have no ratio.
				return max(10, float64((processTime(peers[c].cmd.Process.Pid)-before).Milliseconds())) / times
			})
			t.add(row{what: "server CPU, " + string(args[0]) + ", " + shape.what, figure: median(figures[0]), unit: "ms",
				peer:  peers[1].name,
				peers: median(figures[1]), ratio: ratio(figures[0], figures[1]), limit: 1.2})
		}
		for _, c := range clients {
			ask(c, resp.AppendCommand(nil, "FLUSHALL"))
		}
	}
}

// ask sends a command that is encoded already.
func ask(c *resp.Conn, command []byte) {
	must(c.SendBy(func(w io.Writer) error {
		_, err := w.Write(command)
		return err
	}))
	_, err := c.Receive()
	must(err)
}
