package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slotmesh/slotmesh/internal/pubsub"
	"github.com/slotmesh/slotmesh/keyspace"
)

// allEvents are the classes of all events, in both forms.
const allEvents = "KEAmn"

// eventPair is two clients, one of each server, that have subscribed to keyspace events.
// Their messages are compared byte for byte.
type eventPair struct {
	clients connPair
	marks   int
}

// watchEvents turns all events on and subscribes to them.
func (r *randomRun) watchEvents(srv *Server, clients connPair, resp3 bool) {
	classes, err := keyspace.ParseEventClass(allEvents)
	if err != nil {
		r.t.Fatal(err)
	}
	srv.engine.Store().SetEvents(classes)
	r.conns[0][1].do("CONFIG", "SET", "notify-keyspace-events", allEvents)
	for _, c := range clients {
		if resp3 {
			c.do("HELLO", "3")
		}
		c.do("PSUBSCRIBE", "__key*@*__:*")
	}
	r.events = &eventPair{clients: clients}
}

// compareEvents compares the events since the last call. A message after them tells where
// they end.
func (r *randomRun) compareEvents() {
	r.t.Helper()
	e := r.events
	e.marks++
	mark := fmt.Sprint("mark", e.marks)
	r.mustMatch(r.conns[0], exact, byteWords("PUBLISH", "__keyevent@0__:mark", mark)...)
	var messages [2][]string
	for i, c := range e.clients {
		for {
			message := c.reply()
			_, elems := splitReply(message)
			if len(elems) != 4 {
				r.t.Fatalf("by command %d: message %q", r.sent, message)
			}
			if string(bulkText(elems[3])) == mark {
				break
			}
			messages[i] = append(messages[i], string(message))
		}
	}
	ours, theirs := messages[0], messages[1]
	if key := r.expiring; key != "" {
		ours, theirs = expiredAtOnce(ours, key), expiredAtOnce(theirs, key)
		r.expiring = ""
	}
	if !slices.Equal(ours, theirs) {
		r.eventsDiffer(ours, theirs)
	}
}

// expiredAtOnce makes of a key that PEXPIRE has let live for a millisecond one that it has
// deleted, as Redis does when that millisecond is over in the midst of the command.
func expiredAtOnce(messages []string, key string) []string {
	var list []string
	for _, m := range messages {
		_, elems := splitReply([]byte(m))
		channel, payload := string(bulkText(elems[2])), string(bulkText(elems[3]))
		switch {
		case channel == keyeventChannel+"expired" && payload == key, channel == keyspaceChannel+key && payload == "expired":
		case channel == keyeventChannel+"expire" && payload == key:
			list = append(list, keyeventChannel+"del "+key)
		case channel == keyspaceChannel+key && payload == "expire":
			list = append(list, keyspaceChannel+key+" del")
		default:
			list = append(list, channel+" "+payload)
		}
	}
	return list
}

// eventsDiffer ends the test with the first event that differs, and the last lines on its
// key.
func (r *randomRun) eventsDiffer(ours, theirs []string) {
	r.t.Helper()
	at := 0
	for at < len(ours) && at < len(theirs) && ours[at] == theirs[at] {
		at++
	}
	around := func(messages []string) string {
		var b strings.Builder
		for _, m := range messages[min(max(0, at-4), len(messages)):min(at+4, len(messages))] {
			if _, elems := splitReply([]byte(m)); len(elems) == 4 {
				m = fmt.Sprintf("%s %s", bulkText(elems[2]), bulkText(elems[3]))
			}
			fmt.Fprintf(&b, "\n    %q", m)
		}
		return b.String()
	}
	var lines strings.Builder
	for _, line := range r.history[max(0, len(r.history)-batchSize):] {
		fmt.Fprintf(&lines, "\n    %s", showLine(line))
	}
	r.t.Fatalf("seed %d, by command %d:%s\n-> event %d differs\n  here %s\n Redis %s", r.seed, r.sent, &lines, at,
		around(ours), around(theirs))
}

// TestEventsTakeNoMemory: events to which nobody has subscribed cost no allocation.
func TestEventsTakeNoMemory(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates")
	}
	tell := publishEvents(pubsub.New(pubsub.Config{}), func() keyspace.EventClass { return ^keyspace.EventClass(0) })
	events := []keyspace.Event{{Class: keyspace.StringEvents, Name: "set", Key: []byte("key")}}
	if n := testing.AllocsPerRun(100, func() { tell(0, events) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
