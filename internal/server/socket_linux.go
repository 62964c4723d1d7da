package server

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// socket is the file descriptor of a client's TCP connection, used directly.
type socket struct {
	conn *net.TCPConn
	raw  syscall.RawConn
	fd   uintptr // valid within poll

	// resting: the session waits for an event without having asked whether there is more.
	// Set by the session, cleared by the ticker.
	resting atomic.Bool

	// Of send, and so of the one goroutine that has set statePushing.
	sending []byte
	sent    int
	sendFD  func(fd uintptr) // bound once
}

// socketOf returns the socket of conn, nil if conn is something else.
func socketOf(conn net.Conn) *socket {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	k := &socket{conn: tcp, raw: raw}
	k.sendFD = func(fd uintptr) { k.sent = write(fd, k.sending) }
	return k
}

// poll calls f whenever there may be something to read, the first time at once, until f
// returns true or the connection is closed; that is the error. Close of the connection
// waits for a call of f under way.
func (k *socket) poll(f func() (done bool)) error {
	return k.raw.Read(func(fd uintptr) bool {
		k.fd = fd
		return f()
	})
}

// Read reads what is there; it never waits. Only within poll.
//
// The raw system call spares the scheduler's bookkeeping for calls that may block: this
// one takes a microsecond or so, during which the runtime cannot stop this thread.
func (k *socket) Read(b []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, k.fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)))
		switch {
		case errno == 0 && n == 0:
			return 0, io.EOF
		case errno == 0:
			return int(n), nil
		case errno == syscall.EAGAIN:
			return 0, errNothingYet
		case errno != syscall.EINTR:
			return 0, errno
		}
	}
}

// write writes what fits into the socket's buffer and returns how much that was; it never
// waits. Only within poll. It reports no error: the next write, which may wait, finds it
// again.
func (k *socket) write(b []byte) int { return write(k.fd, b) }

// send is write for any goroutine, one at a time.
func (k *socket) send(b []byte) int {
	k.sending, k.sent = b, 0
	k.raw.Control(k.sendFD)
	k.sending = nil
	return k.sent
}

func write(fd uintptr, b []byte) int {
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(b))),
			uintptr(len(b)))
		switch errno {
		case 0:
			return int(n)
		case syscall.EINTR:
		default:
			return 0
		}
	}
}

// wakeIfEnded looks whether the client has closed its side, if the session rests, and
// then wakes the session. It does not wait.
func (k *socket) wakeIfEnded() {
	if !k.resting.Load() || !k.resting.CompareAndSwap(true, false) {
		return
	}
	k.raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		if n == 0 || err != nil && err != syscall.EAGAIN {
			syscall.Shutdown(int(fd), syscall.SHUT_RD) // which is an event
		}
	})
}

// shutdown lets the client see the end of the connection at once, whatever the session is
// doing.
func (k *socket) shutdown() {
	k.raw.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_RDWR) })
}
