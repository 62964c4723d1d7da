package conf

import (
	"errors"
	"net"
	"sync"
)

// joined is several listeners as one. It runs a goroutine for each; Close ends them.
type joined struct {
	addr  net.Addr
	conns chan accepted
	done  chan struct{}
	close func() error
	wg    sync.WaitGroup
}

type accepted struct {
	conn net.Conn
	err  error
}

// join makes one listener of several. Its address is that of the one on host, or of the
// first.
func join(list []net.Listener, host string) *joined {
	j := &joined{addr: list[0].Addr(), conns: make(chan accepted), done: make(chan struct{})}
	j.close = sync.OnceValue(func() error {
		close(j.done)
		err := closeAll(list)
		j.wg.Wait()
		return err
	})
	for _, l := range list {
		if h, _, _ := net.SplitHostPort(l.Addr().String()); h == host {
			j.addr = l.Addr()
		}
		j.wg.Go(func() { j.run(l) })
	}
	return j
}

func (j *joined) run(l net.Listener) {
	for {
		conn, err := l.Accept()
		select {
		case j.conns <- accepted{conn, err}:
		case <-j.done:
			if err == nil {
				conn.Close()
			}
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
	}
}

func (j *joined) Accept() (net.Conn, error) {
	select {
	case <-j.done: // goes first, so that nothing is accepted after Close
		return nil, net.ErrClosed
	default:
	}
	select {
	case a := <-j.conns:
		return a.conn, a.err
	case <-j.done:
		return nil, net.ErrClosed
	}
}

func (j *joined) Addr() net.Addr { return j.addr }
func (j *joined) Close() error   { return j.close() }
