package interop

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
)

// streamGroup is what a service writes by itself on rueidis: each worker reads two streams of
// one slot by XREADGROUP, deletes what it has handled, acknowledges it, and claims by
// XAUTOCLAIM what others did not. There are two such pairs of streams, one of which moves.
type streamGroup struct {
	s         *libraries
	client    rueidis.Client
	pairs     [][]string
	next      atomic.Int64
	claimed   atomic.Int64
	deleted   atomic.Int64 // pending entries that were not there any more
	done      tally
	accepted  accepted
	consumers *consumers
}

func newStreamGroup(s *libraries) *streamGroup {
	g := &streamGroup{s: s}
	var err error
	if g.client, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: addrs(s.c.nodes), DisableCache: true}); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(g.client.Close)
	g.consumers = newConsumers(s.T)
	for _, tag := range []string{s.tags[1], s.still[1]} {
		pair := []string{"{" + tag + "}:one", "{" + tag + "}:two"}
		g.pairs = append(g.pairs, pair)
		for _, stream := range pair {
			create := g.client.B().XgroupCreate().Key(stream).Group("group").Id("0").Mkstream().Build()
			if err := g.client.Do(s.ctx, create).Error(); err != nil {
				s.Fatal(err)
			}
		}
		g.abandon(pair[0])
		for i := range 2 {
			w := &streamWorker{g: g, name: fmt.Sprint("worker ", i), pair: pair}
			g.consumers.again(w.work)
		}
	}
	return g
}

// abandon lets a consumer have two entries that it never acknowledges, one of which it
// deletes: another will claim the first, and forget the second.
func (g *streamGroup) abandon(stream string) {
	g.s.Helper()
	for _, name := range []string{"abandoned in " + stream, "deleted in " + stream} {
		if err := g.add(g.s.ctx, stream, name); err != nil {
			g.s.Fatal(err)
		}
	}
	g.accepted.add("abandoned in " + stream)
	read := g.client.B().Xreadgroup().Group("group", "dead").Count(2).Streams().Key(stream).Id(">").Build()
	entries, err := g.client.Do(g.s.ctx, read).AsXRead()
	if err != nil || len(entries[stream]) != 2 {
		g.s.Fatalf("read %v, %v", entries, err)
	}
	del := g.client.B().Xdel().Key(stream).Id(entries[stream][1].ID).Build()
	if n, err := g.client.Do(g.s.ctx, del).AsInt64(); err != nil || n != 1 {
		g.s.Fatalf("deleted %d, %v", n, err)
	}
}

func (g *streamGroup) add(ctx context.Context, stream, name string) error {
	return g.client.Do(ctx, g.client.B().Xadd().Key(stream).Id("*").FieldValue().FieldValue("name", name).
		FieldValue("priority", "5").Build()).Error()
}

// streamWorker is one consumer of a pair of streams.
type streamWorker struct {
	g      *streamGroup
	name   string
	pair   []string
	claims time.Time // the last time
}

// work reads once, and claims from time to time.
func (w *streamWorker) work(ctx context.Context) error {
	client := w.g.client
	if time.Since(w.claims) > time.Second/2 {
		w.claims = time.Now()
		for _, stream := range w.pair {
			if err := w.claim(ctx, stream); err != nil {
				return err
			}
		}
	}
	read, err := client.Do(ctx, client.B().Xreadgroup().Group("group", w.name).Count(20).Block(500).Streams().
		Key(w.pair...).Id(">", ">").Build()).AsXRead()
	if rueidis.IsRedisNil(err) {
		return nil
	}
	for stream, entries := range read {
		if err := w.handle(ctx, stream, entries); err != nil {
			return err
		}
	}
	return err
}

// handle deletes entries before it acknowledges them: nothing may be left behind.
func (w *streamWorker) handle(ctx context.Context, stream string, entries []rueidis.XRangeEntry) error {
	var ids []string
	for _, e := range entries {
		w.g.done.add(e.FieldValues["name"])
		ids = append(ids, e.ID)
	}
	if len(ids) == 0 {
		return nil
	}
	client := w.g.client
	if err := client.Do(ctx, client.B().Xdel().Key(stream).Id(ids...).Build()).Error(); err != nil {
		return err
	}
	return client.Do(ctx, client.B().Xack().Key(stream).Group("group").Id(ids...).Build()).Error()
}

// claim takes what was delivered a while ago and not acknowledged.
func (w *streamWorker) claim(ctx context.Context, stream string) error {
	client := w.g.client
	for cursor := "0-0"; ; {
		reply, err := client.Do(ctx, client.B().Xautoclaim().Key(stream).Group("group").Consumer(w.name).
			MinIdleTime("2000").Start(cursor).Count(10).Build()).ToArray()
		if err != nil {
			return err
		}
		entries, err := reply[1].AsXRange()
		if err != nil {
			return err
		}
		gone, err := reply[2].ToArray()
		if err != nil {
			return err
		}
		w.g.claimed.Add(int64(len(entries)))
		w.g.deleted.Add(int64(len(gone)))
		if err := w.handle(ctx, stream, entries); err != nil {
			return err
		}
		if cursor, err = reply[0].ToString(); err != nil || cursor == "0-0" {
			return err
		}
	}
}

func (g *streamGroup) usage() *usage {
	return &usage{name: "rueidis", users: 2, check: g.check, use: func(ctx context.Context, user int) error {
		room := g.accepted.room(&g.done)
		if room == 0 {
			return errBusy
		}
		for range room {
			i := g.next.Add(1)
			name := fmt.Sprint("entry ", i)
			if err := g.add(ctx, g.pairs[user%2][i%2], name); err != nil {
				return err
			}
			g.accepted.add(name)
		}
		return nil
	}}
}

func (g *streamGroup) check(ctx context.Context, t *testing.T) {
	g.accepted.await(&g.done)
	for _, stream := range slices.Concat(g.pairs...) {
		g.s.giver.eventually("nothing of "+stream+" is left", time.Minute, func() bool {
			n, err := g.s.rdb.XLen(ctx, stream).Result()
			return err == nil && n == 0 && groupIsEmpty(ctx, g.s.rdb, stream, "group")
		})
	}
	more := g.accepted.compare(t, "rueidis", &g.done, once)
	t.Logf("rueidis: %d claimed, %d deleted before they were", g.claimed.Load(), g.deleted.Load())
	if g.deleted.Load() < int64(len(g.pairs)) || more > g.accepted.len()/10 {
		t.Errorf("rueidis: %d entries were handled twice, %d claimed that were deleted", more, g.deleted.Load())
	}
}
