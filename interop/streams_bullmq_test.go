package interop

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// hasBull reports whether Node.js is there and has BullMQ and its client (npm install bullmq
// ioredis, and their folder in NODE_PATH).
func hasBull() bool {
	return exec.Command("node", "-e", "require('bullmq'); require('ioredis')").Run() == nil
}

// bullCalls runs each script of BullMQ.
func bullCalls(t *testing.T, c *shards) {
	if !hasBull() {
		t.Skip("node does not find bullmq and ioredis")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", "testdata/bullmq_api.js", addrsText(c), "{api}").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "all called" {
		t.Errorf("%v:\n%s", err, out)
	}
}

// bull is a queue of BullMQ whose prefix is a hash tag. A program of Node.js adds jobs as it
// is told to (delayed ones, some with a priority, some that fail at first, and families of
// them) and runs its workers; a job of the queue repeats.
type bull struct {
	s        *libraries
	in       io.Writer
	next     atomic.Int64
	done     tally
	events   tally
	ticks    progress
	accepted accepted

	mu      sync.Mutex // guards writes to in, and what follows
	answers map[string]chan error
	notes   []string
}

// newBull starts the program; without BullMQ it returns nil.
func newBull(s *libraries) *bull {
	if !hasBull() {
		return nil
	}
	b := &bull{s: s, answers: make(map[string]chan error)}
	cmd := exec.Command("node", "testdata/bullmq.js", addrsText(s.c), "{"+s.tags[2]+"}")
	in, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	b.in = in
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			b.hear(lines.Text())
		}
	}()
	s.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		cmd.Wait()
		s.Logf("BullMQ's clients said %d lines:\n%s", len(b.notes), tail(strings.Join(b.notes, "\n"), 10))
	})
	return b
}

// hear takes a line that the program prints.
func (b *bull) hear(line string) {
	f := strings.Fields(line)
	switch {
	case len(f) == 2 && f[0] == "done":
		b.done.add(f[1])
	case len(f) == 2 && f[0] == "event":
		b.events.add(f[1])
	case len(f) == 1 && f[0] == "tick":
		b.ticks.add()
	case len(f) > 2 && f[0] == "added":
		for _, name := range f[2:] {
			b.accepted.add(name)
		}
		b.answer(f[1], nil)
	case len(f) > 1 && f[0] == "failed":
		b.answer(f[1], errors.New(strings.Join(f[2:], " ")))
	case len(f) > 1 && f[0] == "wrong":
		b.s.Errorf("BullMQ: %s", line)
	default: // what clients say while a master is dead, or why the program ended
		b.mu.Lock()
		b.notes = append(b.notes, line)
		b.mu.Unlock()
	}
}

func (b *bull) answer(number string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.answers[number]; c != nil {
		c <- err
	}
	delete(b.answers, number)
}

// add has the program add work, and returns when that is acknowledged.
func (b *bull) add(ctx context.Context, _ int) error {
	if b.accepted.room(&b.done) == 0 {
		return errBusy
	}
	number := fmt.Sprint(b.next.Add(1))
	answer := make(chan error, 1)
	b.mu.Lock()
	b.answers[number] = answer
	_, err := fmt.Fprintln(b.in, "add", number)
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-answer:
		if err != nil && refusedDuringMove.MatchString(err.Error()) {
			return errBusy
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refusedDuringMove is what a client may be told while a slot moves, as by Redis: BullMQ sends
// transactions of scripts, which use keys that they do not declare.
var refusedDuringMove = regexp.MustCompile("TRYAGAIN|EXECABORT|attempted to access a non local key")

func (b *bull) usages() []*usage {
	return []*usage{
		{name: "BullMQ", users: 16, use: b.add, check: b.check},
		{name: "BullMQ's repeated job", users: 1, use: b.ticks.use},
	}
}

func (b *bull) check(_ context.Context, t *testing.T) {
	b.accepted.await(&b.done)
	b.accepted.await(&b.events)
	b.accepted.compare(t, "BullMQ's events", &b.events, once)
	if more := b.accepted.compare(t, "BullMQ", &b.done, once); more > b.accepted.len()/10 {
		t.Errorf("BullMQ: %d jobs were run twice", more)
	}
}
