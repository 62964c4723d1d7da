package slotmesh

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// lockDisk takes the node's disk until unlockDisk.
func (n *Node) lockDisk() error {
	n.unlockDisk = func() {}
	locker, ok := n.cfg.Disk.(DiskLocker)
	if !ok {
		return nil
	}
	var files []string
	if !n.cfg.Standalone {
		files = append(files, n.cfg.StateFile)
	}
	if !n.cfg.Snapshot.Off {
		files = append(files, n.cfg.Snapshot.File)
	}
	unlock, err := locker.Lock(files...)
	switch {
	case err == nil:
		n.unlockDisk = unlock
	case errors.Is(err, ErrDiskInUse):
		return fmt.Errorf("slotmesh: %w: give each node a folder of its own, or end the other node first", err)
	case n.cfg.Standalone && (errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)):
		// A node in a cluster must save its state; this one has nothing that it must.
		n.log.Warn("the folder cannot be written, so nothing will be saved", "error", err)
	default:
		return fmt.Errorf("slotmesh: %w", err)
	}
	return nil
}
