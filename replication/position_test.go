package replication

import "testing"

// docs/spec.md §9.1, §9.2, and the rule that diverged data is never kept.
func TestDecide(t *testing.T) {
	a, b, c := ID{1}, ID{2}, ID{3}
	master := History{ID: b, Offset: 1000, PrevID: a, PrevLimit: 600}
	for name, x := range map[string]struct {
		wanted  []Position
		start   int64
		offset  int64
		partial bool
	}{
		"nothing":                         {nil, 0, 0, false},
		"the zero id":                     {[]Position{{ID{}, 0}}, 0, 0, false},
		"present id":                      {[]Position{{b, 900}}, 100, 900, true},
		"present id, at the end":          {[]Position{{b, 1000}}, 100, 1000, true},
		"present id, ahead":               {[]Position{{b, 1001}}, 100, 0, false},
		"present id, before the backlog":  {[]Position{{b, 99}}, 100, 0, false},
		"present id, at its beginning":    {[]Position{{b, 100}}, 100, 100, true},
		"previous id":                     {[]Position{{a, 600}}, 100, 600, true},
		"previous id, one byte beyond":    {[]Position{{a, 601}}, 100, 0, false},
		"unknown id":                      {[]Position{{c, 500}}, 100, 0, false},
		"second name of a restarted node": {[]Position{{c, 500}, {a, 500}}, 100, 500, true},
		"negative":                        {[]Position{{b, -1}}, 0, 0, false},
	} {
		offset, partial, why := master.decide(x.wanted, x.start)
		if partial != x.partial || partial && offset != x.offset || partial == (why != "") {
			t.Errorf("%s: decide = %d, %v, %q; want %d, %v", name, offset, partial, why, x.offset, x.partial)
		}
	}
}

func TestPromotedHistoryHasTwoNamesUntilItGrows(t *testing.T) {
	h := History{ID: ID{1}, Offset: 50, Term: 3}.renamed(ID{2})
	if h.Term != 3 {
		t.Errorf("term %d", h.Term)
	}
	if got := h.Positions(); len(got) != 2 || got[0] != (Position{ID{2}, 50}) || got[1] != (Position{ID{1}, 50}) {
		t.Fatalf("positions %v", got)
	}
	h.Offset++
	if got := h.Positions(); len(got) != 1 || got[0].ID != (ID{2}) {
		t.Fatalf("positions after a write %v", got)
	}
}
