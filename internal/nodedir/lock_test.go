package nodedir

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/storage"
)

// lockable is a disk that records what is locked, and may refuse it.
type lockable struct {
	storage.Disk
	err   error
	names []string
}

func (d *lockable) Lock(names ...string) (func(), error) {
	d.names = names
	return func() { d.names = nil }, d.err
}

func TestLock(t *testing.T) {
	for _, c := range []struct {
		own  Files
		want []string
	}{
		{Files{State: "nodes.conf", Snapshot: "dump.smdb"}, []string{"nodes.conf", "dump.smdb"}},
		{Files{Snapshot: "dump.smdb"}, []string{"dump.smdb"}},
		{Files{}, nil},
	} {
		disk := &lockable{}
		c.own.Disk = disk
		unlock, err := c.own.Lock(hclog.NewNullLogger())
		if err != nil || !slices.Equal(disk.names, c.want) {
			t.Errorf("locked %q, %v; want %q", disk.names, err, c.want)
		}
		if unlock(); disk.names != nil {
			t.Errorf("still locked: %q", disk.names)
		}
	}
	// A disk that cannot be locked is taken as it is.
	own := Files{Disk: struct{ storage.Disk }{&storage.Memory{}}}
	if unlock, err := own.Lock(hclog.NewNullLogger()); err != nil {
		t.Error(err)
	} else {
		unlock()
	}
}

// A folder that cannot be locked stops a node of a cluster, which has to save its state. A
// standalone node goes on if the folder can only be read.
func TestLockRefused(t *testing.T) {
	for _, c := range []struct {
		err        error
		standalone bool // it goes on without
		says       string
	}{
		{fs.ErrPermission, true, ""},
		{syscall.EROFS, true, ""},
		{errors.New("no locks here"), false, ""},
		{storage.ErrInUse, false, "give each node a folder of its own"},
	} {
		for _, state := range []string{"nodes.conf", ""} {
			var log bytes.Buffer
			own := Files{Disk: &lockable{err: c.err}, State: state}
			unlock, err := own.Lock(hclog.New(&hclog.LoggerOptions{Output: &log}))
			goesOn := c.standalone && state == ""
			switch {
			case goesOn && (err != nil || !strings.Contains(log.String(), "nothing will be saved")):
				t.Errorf("standalone, %v: %v, logged %q", c.err, err, log.String())
			case goesOn:
				unlock()
			case !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says):
				t.Errorf("state %q, %v: %v", state, c.err, err)
			}
		}
	}
}
