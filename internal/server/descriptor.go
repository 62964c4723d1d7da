package server

import (
	"net"
	"syscall"
)

// useReserved reports whether a connection has one of the last descriptors of the
// process, which are not for clients: without one, a node can neither save nor talk to
// other nodes. The system gives out the lowest number that is free, so the number tells
// how many the whole process uses.
func (s *Server) useReserved(conn net.Conn) bool {
	if s.cfg.Files <= 0 {
		return false
	}
	fd, ok := descriptor(conn)
	return ok && fd >= s.cfg.Files-s.cfg.ReservedFiles()
}

// descriptor returns the number of a socket's descriptor, false if conn is no socket.
func descriptor(conn net.Conn) (int, bool) {
	if wrapped, ok := conn.(tlsConn); ok {
		conn = wrapped.NetConn()
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return 0, false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, false
	}
	number := -1
	err = raw.Control(func(fd uintptr) { number = int(fd) })
	return number, err == nil && number >= 0
}
