package main

import (
	"sync"
	"sync/atomic"
)

// command returns the words of a command. i numbers the commands from 0 on; the words may
// be changed by the next call for the same client.
type command func(client, i int) []string

// drive sends commands that redis-benchmark has no way to write, over as many connections,
// pipeline at a time, and returns what that cost the server in seconds of processor time.
func (p *peer) drive(pipeline, requests int, next command) float64 {
	before := processTime(p.cmd.Process.Pid)
	var sent atomic.Int64
	var wg sync.WaitGroup
	for client := range connections {
		wg.Go(func() {
			c, err := p.dial()
			must(err)
			defer c.Close()
			for {
				first := int(sent.Add(int64(pipeline))) - pipeline
				if first >= requests {
					return
				}
				for i := range pipeline {
					c.Send(next(client, first+i)...)
				}
				for range pipeline {
					r, err := c.Receive()
					must(err)
					must(r.Err())
				}
			}
		})
	}
	wg.Wait()
	return (processTime(p.cmd.Process.Pid) - before).Seconds()
}
