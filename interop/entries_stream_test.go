package interop

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
)

// deletedEntry is the ID of each stream's first entry.
const deletedEntry = "0-1"

// streamFields are those of each entry of a stream; the first has a part as its value.
var streamFields = [2]string{"part", "same in all"}

// writeStream adds commands that make a stream of the entry's parts, IDs and values by turns,
// to a pipeline. Its group has delivered half of the entries, every third of which was
// acknowledged; its first entry was deleted.
func (e entry) writeStream(ctx context.Context, p redis.Pipeliner, key string) {
	add := func(id, value string) {
		p.XAdd(ctx, &redis.XAddArgs{Stream: key, ID: id, Values: []string{streamFields[0], value, streamFields[1], "1"}})
	}
	add(deletedEntry, "deleted")
	for i := 0; i < len(e.parts); i += 2 {
		add(e.parts[i], e.parts[i+1])
	}
	p.XDel(ctx, key, deletedEntry)
	p.Do(ctx, "xgroup", "create", key, "group", deletedEntry, "entriesread", 1)
	p.XGroupCreateConsumer(ctx, key, "group", "idle")
	if half := int64(len(e.parts) / 4); half > 0 { // Count 0 would be all
		p.XReadGroup(ctx, &redis.XReadGroupArgs{Group: "group", Consumer: "busy", Streams: []string{key, ">"}, Count: half,
			Block: -1})
		for i := range half / 3 {
			p.XAck(ctx, key, "group", e.parts[i*6])
		}
	}
}

// readStream is entry.read of a stream. An error says how its groups are, if not as
// writeStream made them.
func readStream(ctx context.Context, p redis.Pipeliner, key string) func() ([]string, error) {
	entries, info, groups := p.XRange(ctx, key, "-", "+"), p.XInfoStream(ctx, key), p.XInfoGroups(ctx, key)
	consumers := p.XInfoConsumers(ctx, key, "group")
	pending := p.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: key, Group: "group", Start: "-", End: "+", Count: 100_000})
	return func() (parts []string, err error) {
		for _, cmd := range []redis.Cmder{entries, info, groups, consumers, pending} {
			err = errors.Join(err, cmd.Err())
		}
		for _, m := range entries.Val() {
			if m.Values[streamFields[1]] != "1" || len(m.Values) != 2 {
				err = errors.Join(err, fmt.Errorf("entry %s has %q", m.ID, m.Values))
			}
			value, _ := m.Values[streamFields[0]].(string)
			parts = append(parts, m.ID, value)
		}
		if err != nil || len(parts) == 0 {
			return parts, err
		}
		got := streamState(info.Val(), groups.Val(), consumers.Val(), pending.Val())
		if want := wantStreamState(parts); got != want {
			err = fmt.Errorf("the stream is %s, want %s", got, want)
		}
		return parts, err
	}
}

func streamState(info *redis.XInfoStream, groups []redis.XInfoGroup, consumers []redis.XInfoConsumer,
	pending []redis.XPendingExt) string {
	text := fmt.Sprint(info.LastGeneratedID, " ", info.MaxDeletedEntryID, " added ", info.EntriesAdded)
	for _, g := range groups {
		text += fmt.Sprint("; ", g.Name, " up to ", g.LastDeliveredID, " read ", g.EntriesRead, " pending ", g.Pending)
	}
	for _, c := range consumers {
		text += fmt.Sprint("; ", c.Name, " has ", c.Pending)
	}
	for _, e := range pending {
		text += fmt.Sprint("; ", e.ID, " at ", e.Consumer, " x ", e.RetryCount)
	}
	return text
}

// wantStreamState is streamState of what writeStream made of the parts.
func wantStreamState(parts []string) string {
	half := len(parts) / 4
	acked := half / 3
	delivered := deletedEntry
	if half > 0 {
		delivered = parts[2*(half-1)]
	}
	text := fmt.Sprint(parts[len(parts)-2], " ", deletedEntry, " added ", len(parts)/2+1, "; group up to ", delivered,
		" read ", half+1, " pending ", half-acked)
	if half > 0 {
		text += fmt.Sprint("; busy has ", half-acked)
	}
	text += "; idle has 0"
	for i := range half {
		if i%3 != 0 || i/3 >= acked {
			text += fmt.Sprint("; ", parts[2*i], " at busy x 1")
		}
	}
	return text
}

// What the tests write in a stream is what they expect of it.
func TestStreamEntries(t *testing.T) {
	t.Parallel()
	c := client(t, redisServer(t, "--cluster-enabled", "no"))
	list := entries(1000)
	store(t, c, list)
	compare(t, c, list)
}
