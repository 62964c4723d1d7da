package nodedir

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/hashicorp/go-hclog"

	"github.com/slotmesh/slotmesh/storage"
)

// Files are those of one node.
type Files struct {
	Disk     storage.Disk
	State    string // name of the cluster's state; "" for a standalone node, which has none
	Snapshot string // name of the snapshot; "" if there are to be none
	Log      bool   // there is to be a log
	Logged   bool   // there is one already
}

// Lock takes the disk for this node until unlock, if the disk is a storage.Locker. The
// error matches storage.ErrInUse if another node has it. A standalone node may go on with
// a folder that cannot be written: log is told.
func (f *Files) Lock(log hclog.Logger) (unlock func(), err error) {
	nothing := func() {}
	locker, ok := f.Disk.(storage.Locker)
	if !ok {
		return nothing, nil
	}
	var names []string
	for _, name := range []string{f.State, f.Snapshot} {
		if name != "" {
			names = append(names, name)
		}
	}
	unlock, err = locker.Lock(names...)
	switch {
	case err == nil:
		return unlock, nil
	case errors.Is(err, storage.ErrInUse):
		return nil, fmt.Errorf("%w: give each node a folder of its own, or end the other node first", err)
	case f.State == "" && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
		// A node in a cluster must save its state; this one has nothing that it must.
		log.Warn("the folder cannot be written, so nothing will be saved", "error", err)
		return nothing, nil
	}
	return nil, err
}
