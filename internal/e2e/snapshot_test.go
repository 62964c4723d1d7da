package e2e_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/storage"
)

// A node that should save by itself and cannot shows it, and takes no writes until it
// can, as Redis.
func TestWritesStopWhileNothingCanBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		files := &storage.Memory{}
		n, err := slotmesh.New(slotmesh.Config{Standalone: true, Disk: files,
			Network: clustertest.Start(t, clustertest.Config{}).Host("10.1.1.1")})
		if err == nil {
			err = n.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		set := func() error { return n.Local().Set(t.Context(), "key", nil, 0) }
		client, served := net.Pipe()
		defer client.Close()
		go n.ServeConn(served)
		conn := bufio.NewReader(client)
		command := func(text, want string) {
			t.Helper()
			fmt.Fprintf(client, "%s\r\n", text)
			for {
				line, err := conn.ReadString('\n')
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				if strings.TrimSpace(line) == want {
					break
				}
			}
			synctest.Wait() // the rest of the reply is here
			conn.Discard(conn.Buffered())
		}
		if err := set(); err != nil {
			t.Fatal(err)
		}
		full := errors.New("disk full")
		files.SetFault(full)
		if err := n.Save(t.Context()); !errors.Is(err, full) {
			t.Fatalf("Save: %v", err)
		}
		if err := set(); err != slotmesh.ErrNotSaved {
			t.Errorf("a write: %v", err)
		}
		if _, err := n.Local().Get(t.Context(), "key"); err != nil {
			t.Errorf("a read: %v", err)
		}
		command("INFO persistence", "rdb_last_bgsave_status:err")
		command("CONFIG SET stop-writes-on-bgsave-error no", "+OK")
		if err := set(); err != nil {
			t.Errorf("a write that is wanted all the same: %v", err)
		}
		command("CONFIG SET stop-writes-on-bgsave-error yes save \"\"", "+OK")
		if err := set(); err != nil {
			t.Errorf("a write where nothing is to be saved: %v", err)
		}
		command("CONFIG SET save \"3600 1\"", "+OK")
		if err := set(); err != slotmesh.ErrNotSaved {
			t.Errorf("a write: %v", err)
		}
		files.SetFault(nil)
		time.Sleep(6 * time.Second) // it tries again by itself
		if err := set(); err != nil {
			t.Errorf("a write after the next snapshot: %v", err)
		}
		command("INFO persistence", "rdb_last_bgsave_status:ok")
	})
}
