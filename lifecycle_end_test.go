package slotmesh_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/storage"
)

// slowDisk takes a second for each byte that is read.
type slowDisk struct{ storage.Disk }

type slowFile struct{ io.ReadCloser }

func (d slowDisk) Open(name string) (io.ReadCloser, error) {
	f, err := d.Disk.Open(name)
	return slowFile{f}, err
}

func (f slowFile) Read(b []byte) (int, error) {
	time.Sleep(time.Second)
	return f.ReadCloser.Read(b[:1])
}

// Close, or the end of its context, ends a Start that is busy with a large snapshot, and
// leaves that as it is.
func TestCloseWhileLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &storage.Memory{}
		network := clustertest.Start(t, clustertest.Config{}).Host("10.1.1.1")
		open := func(d storage.Disk) *slotmesh.Node {
			n, err := slotmesh.New(slotmesh.Config{Standalone: true, Network: network, Disk: d})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		n := open(files)
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"a", "b", "c"} {
			if err := n.Local().Set(t.Context(), key, make([]byte, 1000), 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}

		n = open(slowDisk{files})
		started := make(chan error)
		go func() { started <- n.Start(t.Context()) }()
		time.Sleep(10 * time.Second)
		begin := time.Now()
		if err := n.Close(); err != nil || time.Since(begin) > time.Second {
			t.Errorf("Close took %v: %v", time.Since(begin), err)
		}
		if err := <-started; err != slotmesh.ErrClosed {
			t.Errorf("Start: %v", err)
		}

		n = open(slowDisk{files})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := n.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Start: %v", err)
		}

		n = open(files)
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if n.Stats().Store.Keys != 3 {
			t.Errorf("%+v", n.Stats().Store)
		}
	})
}
