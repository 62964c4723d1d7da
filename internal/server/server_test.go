package server

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

func TestMaxClients(t *testing.T) {
	srv := startServer(t, Config{Limits: Limits{MaxClients: 1}})
	first := connect(t, srv)
	expect(t, first, "PING", "+PONG")
	expect(t, connect(t, srv), "PING", "closed") // net.Pipe: the error is written before anything is read
	near, far := net.Pipe()
	go srv.ServeConn(far)
	if text, _ := io.ReadAll(near); string(text) != "-ERR max number of clients reached\r\n" {
		t.Errorf("the second client is told %q", text)
	}
	expect(t, first, "QUIT", "+OK")
	waitFor(t, "the first client to be gone", func() bool { return srv.Clients() == 0 })
	expect(t, connect(t, srv), "PING", "+PONG")
}

// shyConn is like one with TLS: nothing can be said to the client before it was heard.
type shyConn struct{ net.Conn }

func (c shyConn) Write(b []byte) (int, error) {
	if _, err := c.Read(make([]byte, 1)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// listed is a listener of connections that exist already.
type listed struct {
	net.Listener
	conns chan net.Conn
}

func (l listed) Accept() (net.Conn, error) {
	if conn, ok := <-l.conns; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (listed) Close() error { return nil }

// A client that is turned away and says nothing must not keep others waiting.
func TestTurningAwayKeepsNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := startServer(t, Config{Limits: Limits{MaxClients: 1}})
		ln := listed{conns: make(chan net.Conn, 3)}
		dial := func() net.Conn {
			near, far := net.Pipe()
			ln.conns <- shyConn{far}
			return near
		}
		go srv.Serve(ln)
		_, silent, polite := dial(), dial(), dial()
		began := time.Now()
		polite.Write([]byte("x"))
		if text, _ := io.ReadAll(polite); string(text) != "-ERR max number of clients reached\r\n" || time.Since(began) > 0 {
			t.Errorf("told %q after %v", text, time.Since(began))
		}
		if _, err := silent.Read(make([]byte, 1)); err != io.EOF || time.Since(began) != time.Second {
			t.Errorf("the silent one: %v after %v", err, time.Since(began))
		}
		close(ln.conns)
		srv.Close()
	})
}
