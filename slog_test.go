package slotmesh_test

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/slotmesh/slotmesh"
)

// A whole node logs through it.
func TestNodeLogsToSlog(t *testing.T) {
	var b bytes.Buffer
	n, err := slotmesh.New(slotmesh.Config{Logger: slotmesh.SlogLogger(slog.New(slog.NewTextHandler(&b, nil)))})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := n.ID().String()
	n.Close()
	if !bytes.Contains(b.Bytes(), []byte(`msg="node started" id=`+id)) {
		t.Errorf("logged %s", b.Bytes())
	}
}
