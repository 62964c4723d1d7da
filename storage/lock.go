package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Locker is a Disk that can be taken for one node alone.
type Locker interface {
	// Lock takes the disk until unlock is called or the process ends, however it ends. files
	// are the names that the node writes; a disk whose files may be in several folders locks
	// each of them. The error matches ErrInUse if another node, of this process or of
	// another one, has the disk.
	Lock(files ...string) (unlock func(), err error)
}

// ErrInUse says that another node has the disk.
var ErrInUse = errors.New("in use by another node")

// LockFile is the file that a node holds locked in its folder. It stays when the node
// ends: the lock belongs to the process, and a file that is removed could be locked
// twice.
const LockFile = "slotmesh.lock"

// Lock implements Locker. Files outside of the folder are locked one by one, because
// several nodes may keep theirs side by side there, under different names.
func (d Dir) Lock(files ...string) (unlock func(), err error) {
	var held []*os.File
	unlock = func() {
		for _, f := range held {
			f.Close() // which ends the lock
		}
	}
	locks := []string{d.path(LockFile)}
	for _, name := range files {
		if path := d.path(name); filepath.Dir(path) != filepath.Clean(string(d)) {
			locks = append(locks, path+".lock")
		}
	}
	for i, path := range locks {
		f, err := openLocked(path)
		switch {
		case err == nil:
			held = append(held, f)
			continue
		case i == 0 && errors.Is(err, ErrInUse):
			err = fmt.Errorf("folder %s is %w%s", string(d), ErrInUse, holder(path))
		case errors.Is(err, ErrInUse):
			err = fmt.Errorf("file %s is %w%s", strings.TrimSuffix(path, ".lock"), ErrInUse, holder(path))
		default:
			err = fmt.Errorf("locking the node's folder: %w", err)
		}
		unlock()
		return nil, err
	}
	return unlock, nil
}

// openLocked opens and locks a file and writes the name of this process into it.
func openLocked(path string) (*os.File, error) {
	f, err := openForLock(path)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	text := fmt.Sprintf("%d\n%s\n", os.Getpid(), host)
	if err := f.Truncate(0); err == nil {
		f.WriteAt([]byte(text), 0) // for the error of the next node, which otherwise names no process
	}
	return f, nil
}

// holder returns which process holds a lock, as far as its file names it.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	pid, host, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	if n, err := strconv.Atoi(pid); err != nil || n <= 0 {
		return ""
	}
	own, _ := os.Hostname()
	switch {
	case host != own:
		return fmt.Sprintf(" (process %s on %s)", pid, host)
	case pid == strconv.Itoa(os.Getpid()):
		return " of this process"
	}
	return fmt.Sprintf(" (process %s)", pid)
}
