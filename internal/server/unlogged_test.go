package server

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
)

// failingDisk is a log on disk that fails when told to.
type failingDisk struct{ failed atomic.Bool }

var errNotLogged = errors.New("MISCONF Errors writing to the AOF file: input/output error")

func (d *failingDisk) Behind() bool { return d.failed.Load() }

func (d *failingDisk) Await(context.Context, bool) error { return d.MayShow() }

func (d *failingDisk) MayShow() error {
	if d.failed.Load() {
		return errNotLogged
	}
	return nil
}

// While the log has failed and not all that is there is on disk, nothing of it is shown; what
// one needs to look at the server and mend it is served.
func TestNothingIsShownThatMayVanish(t *testing.T) {
	disk := &failingDisk{}
	srv := startServer(t, Config{Disk: disk})
	c := connect(t, srv)
	expect(t, c, "SET k v", "+OK")
	expect(t, c, "MULTI", "+OK")
	expect(t, c, "GET k", "+QUEUED")
	disk.failed.Store(true)
	srv.engine.SetViewVeto(disk.MayShow)
	srv.SetUnlogged(true)
	refused := "-" + errNotLogged.Error()
	expect(t, connect(t, srv), "GET k", refused)
	if r, err := c.Do("EXEC"); err == nil {
		t.Error("a transaction got", render(r))
	}
	c = connect(t, srv)
	for _, command := range []string{"GET k", "DBSIZE", "KEYS *", "EVAL_RO return{redis.call('get',KEYS[1])} 1 k"} {
		if r, err := c.Do(strings.Fields(command)...); err == nil && render(r) != refused {
			t.Error(command, "got", render(r))
		} else if err != nil {
			c = connect(t, srv)
		}
	}
	for _, command := range []string{"PING", "CLIENT SETNAME admin", "MULTI", "DISCARD"} {
		if _, err := c.Do(strings.Fields(command)...); err != nil {
			t.Error(command, err)
		}
	}
	if _, err := srv.Do(&Call{Args: [][]byte{[]byte("GET"), []byte("k")}}, nil); err != errNotLogged {
		t.Error("a call of the host:", err)
	}
	disk.failed.Store(false)
	srv.SetUnlogged(false)
	expect(t, c, "GET k", `"v"`)
}

// A reply that waits when the log fails does not leave if it shows keys.
func TestRepliesThatWaitForTheLog(t *testing.T) {
	disk := &failingDisk{}
	srv := startServer(t, Config{Disk: disk})
	disk.failed.Store(true)
	c := connect(t, srv)
	expect(t, c, "CLIENT SETNAME someone", "+OK")
	if r, err := c.Do("GET", "k"); err == nil {
		t.Error("a read got", render(r))
	}
}
