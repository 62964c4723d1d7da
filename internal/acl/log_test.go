package acl

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestLog(t *testing.T) {
	l := NewLog(3)
	start := time.Unix(1000, 0)
	add := func(after time.Duration, e Entry) {
		e.Updated = start.Add(after)
		l.Add(e)
	}
	get := Entry{Reason: DeniedCommand, Object: "get", Username: "u"}
	key := Entry{Reason: DeniedKey, Object: "get", Username: "u"}
	multi := get
	multi.Context = Multi
	other := get
	other.Username = "v"

	add(0, get)
	add(time.Second, key)
	get.Client = "last"
	add(60*time.Second, get) // counts: 60 s are not too long
	if got := show(l, start.Add(61*time.Second)); got != "2 command toplevel get u 1s last; 1 key toplevel get u 1m0s ; " {
		t.Error(got)
	}
	add(121*time.Second, get) // too long ago
	add(122*time.Second, multi)
	add(123*time.Second, other)
	want := "1 command toplevel get v 0s ; 1 command multi get u 1s ; 1 command toplevel get u 2s last; "
	if got := show(l, start.Add(123*time.Second)); got != want {
		t.Error(got)
	}
	if list := l.Entries(1); len(list) != 1 || list[0].Username != "v" {
		t.Error(list)
	}
	if list := l.Entries(-1); len(list) != 0 {
		t.Error(list)
	}
	l.SetMaxLen(0)
	add(124*time.Second, key)
	if got := show(l, start); got != "" {
		t.Error(got)
	}
	l.SetMaxLen(1)
	add(125*time.Second, key)
	l.Reset()
	if got := show(l, start); got != "" {
		t.Error(got)
	}
}

func show(l *Log, now time.Time) string {
	var b strings.Builder
	for _, e := range l.Entries(100) {
		fmt.Fprintln(&b, e.Count, e.Reason, e.Context, e.Object, e.Username, e.Age(now), e.Client)
	}
	return strings.ReplaceAll(b.String(), "\n", "; ")
}

// Only the latest ten entries are compared, as in Redis: adding takes the same time
// whatever the length.
func TestLogComparesTen(t *testing.T) {
	l := NewLog(100)
	for i := range 12 {
		l.Add(Entry{Object: fmt.Sprint(i)})
	}
	l.Add(Entry{Object: "2"})
	l.Add(Entry{Object: "2"})
	l.Add(Entry{Object: "0"})
	if n := len(l.Entries(100)); n != 13 {
		t.Errorf("%d entries", n)
	}
}

func TestLogBoundsTexts(t *testing.T) {
	l := NewLog(1)
	l.Add(Entry{Object: strings.Repeat("k", 1<<20), Username: strings.Repeat("u", 1025)})
	e := l.Entries(1)[0]
	if len(e.Object) > 1100 || !strings.HasSuffix(e.Object, "k... (1047552 more bytes)") ||
		!strings.HasSuffix(e.Username, "u... (1 more bytes)") {
		t.Errorf("%d %d", len(e.Object), len(e.Username))
	}
}
