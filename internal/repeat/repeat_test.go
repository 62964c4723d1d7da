package repeat

import (
	"strconv"
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	var l Limit
	now := time.Unix(1000, 0)
	for i, c := range []struct {
		key  string
		wait time.Duration
		due  bool
		more int
	}{
		{"a", 0, true, 0}, {"a", 0, false, 0}, {"b", 0, true, 0}, {"a", every - 1, false, 0}, {"a", 1, true, 2},
		{"a", 0, false, 0}, {"b", 0, true, 0}, {"a", 10 * every, true, 1}, {"a", every, true, 0},
	} {
		now = now.Add(c.wait)
		if due, more := l.Due(now, c.key); due != c.due || more != c.more {
			t.Errorf("%d: %s is due: %v, %d more; want %v, %d", i, c.key, due, more, c.due, c.more)
		}
	}
}

func TestKeysAreBounded(t *testing.T) {
	var l Limit
	now, due := time.Unix(1000, 0), 0
	for i := range 10 * maxKeys {
		if ok, _ := l.Due(now, strconv.Itoa(i)); ok {
			due++
		}
	}
	if due != maxKeys || len(l.keys) != maxKeys {
		t.Errorf("%d are due, %d remembered", due, len(l.keys))
	}
	if ok, _ := l.Due(now.Add(every), "another"); !ok || len(l.keys) != 1 {
		t.Errorf("a minute later: due %v, %d remembered", ok, len(l.keys))
	}
}
