package slotmesh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"time"
)

// listenClients opens the ports that clients connect to, and sets n.addr.
func (n *Node) listenClients() (list []net.Listener, err error) {
	if n.cfg.Clients.SocketOnly {
		n.addr.Host, _, _ = net.SplitHostPort(n.cfg.Addr)
	} else {
		ln, err := n.cfg.Network.Listen(n.cfg.Addr)
		if err != nil {
			return nil, fmt.Errorf("slotmesh: Config.Addr: %w", err)
		}
		n.addr.Host, n.addr.Port = hostPort(ln.Addr())
		list = append(list, ln)
	}
	if path := n.cfg.Clients.Socket; path != "" {
		ln, err := listenUnix(path, n.cfg.Clients.SocketMode)
		if err != nil {
			closeListeners(list)
			return nil, fmt.Errorf("slotmesh: Config.Clients.Socket: %w", err)
		}
		list = append(list, ln)
	}
	return list, nil
}

func closeListeners(list []net.Listener) {
	for _, ln := range list {
		ln.Close()
	}
}

// longestPath is how long the path of a Unix socket may be on every system.
const longestPath = 103

// listenUnix listens on a Unix socket with the permissions mode, or those of the process
// if mode is 0. It takes the place of a socket that a node left which was killed. Close
// removes the file.
func listenUnix(path string, mode fs.FileMode) (net.Listener, error) {
	if len(path) > longestPath {
		return nil, fmt.Errorf("the path %s has %d bytes; that of a Unix socket can have %d at most", path, len(path),
			longestPath)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		if mode == 0 {
			return nil
		}
		return c.Control(func(fd uintptr) { restrict(fd, mode) })
	}}
	ln, err := lc.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, err
	}
	if mode != 0 {
		if err := os.Chmod(path, mode); err != nil {
			ln.Close()
			return nil, err
		}
	}
	return ln, nil
}

// removeStale removes a socket on which nobody listens any more. Anything else at the
// path stays, and is an error.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s exists and is no socket: remove it, or choose another path", path)
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("%s is in use: another process listens on it; choose another path", path)
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s exists and it cannot be told whether it is in use: %w", path, err)
	}
	return os.Remove(path)
}
