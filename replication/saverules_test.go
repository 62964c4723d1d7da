package replication

import (
	"errors"
	"testing"
	"time"
)

func TestSaveSchedule(t *testing.T) {
	rules, err := ParseSaveRules("3600 1 300 100 60 10000")
	if err != nil || len(rules) != 3 || rules[1] != (SaveRule{300 * time.Second, 100}) {
		t.Fatalf("rules %v, %v", rules, err)
	}
	start := time.Unix(1e9, 0)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	s := SaveSchedule{Rules: rules}
	s.Start(start, 50)
	for _, x := range []struct {
		seconds int
		changes uint64
		due     bool
	}{
		{60, 50, false}, {60, 10049, false}, {60, 10050, true}, {59, 20000, false},
		{299, 200, false}, {300, 149, false}, {300, 150, true}, {3600, 50, false}, {3600, 51, true},
	} {
		if got := s.Due(at(x.seconds), x.changes); got != x.due {
			t.Errorf("Due(%d s, %d changes) = %v", x.seconds, x.changes, got)
		}
	}
	s.Done(at(400), 200, errors.New("disk full"))
	if s.Due(at(404), 200) || !s.Due(at(405), 200) {
		t.Error("a failed snapshot is tried again after 5 s, not before")
	}
	s.Done(at(406), 0, errors.New("disk full"))
	if s.Due(at(410), 0) || !s.Due(at(411), 0) {
		t.Error("one that no rule asked for is tried again too")
	}
	s.Done(at(410), 200, nil)
	if s.Due(at(5000), 200) || !s.Due(at(710), 300) {
		t.Error("a good snapshot starts the count anew")
	}
}

func TestParseSaveRulesRefuses(t *testing.T) {
	if rules, err := ParseSaveRules(""); err != nil || rules != nil {
		t.Errorf("empty text: %v, %v", rules, err)
	}
	for _, text := range []string{"900", "0 1", "-1 1", "900 x", "900 1 300"} {
		if _, err := ParseSaveRules(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}
