package admin

import (
	"errors"
	"strings"
	"testing"
)

func TestFindByName(t *testing.T) {
	w := newWorld(t, 3)
	w.nodes[1].Hostname = "db.example"
	w.nodes[2].Addr.Host = "127.0.0.1"
	v := w.view()
	for text, want := range map[string]*Node{
		"db.example:7000": w.nodes[1],
		"localhost:7000":  w.nodes[2],
		"127.0.0.1:7000":  w.nodes[2],
		"db.example:7001": nil,
		"localhost:7001":  nil,
	} {
		n, err := v.Find(text)
		if n != want || (err == nil) != (want != nil) || want == nil && !errors.Is(err, ErrUnknownNode) {
			t.Errorf("%q: %v, %v", text, n, err)
		}
	}
}

func TestFind(t *testing.T) {
	w := newWorld(t, 3)
	v := w.view()
	for _, text := range []string{"10.0.0.2:7000", nodeID(1).String()} {
		if n, err := v.Find(text); err != nil || n != w.nodes[1] {
			t.Errorf("%q finds %v, %v", text, n, err)
		}
	}
	for text, want := range map[string]string{"0000": "beginning of 3 ids", "ffff": "no such node",
		"10.0.0.9:7000": "no such node", "": "no such node"} {
		if _, err := v.Find(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
