package listen

import (
	"errors"
	"net"
	"testing"
)

func TestDoorIsMoved(t *testing.T) {
	served := make(chan error, 10) // why each listener's service ended
	d := &Door{
		Listen: func(addr string) (net.Listener, error) { return net.Listen("tcp", addr) },
		Serve: func(ln net.Listener) bool {
			go func() {
				_, err := ln.Accept()
				served <- err
			}()
			return true
		},
	}
	if d.Port() != 0 {
		t.Errorf("a door that is shut is at %d", d.Port())
	}
	if err := d.Move("127.0.0.1:0"); err != nil || d.Port() == 0 {
		t.Fatalf("Move: %v, at %d", err, d.Port())
	}
	first := d.Port()
	if err := d.Move("127.0.0.1:x"); err == nil || d.Port() != first {
		t.Errorf("Move to no port: %v, at %d, was %d", err, d.Port(), first)
	}
	if err := d.Move("127.0.0.1:0"); err != nil || d.Port() == first {
		t.Errorf("Move: %v, still at %d", err, first)
	}
	if err := <-served; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener before ended with %v", err)
	}
	d.Shut()
	if err := <-served; !errors.Is(err, net.ErrClosed) || d.Port() != 0 {
		t.Errorf("after Shut: %v, at %d", err, d.Port())
	}
	d.Serve = func(net.Listener) bool { return false }
	if err := d.Move("127.0.0.1:0"); !errors.Is(err, net.ErrClosed) || d.Port() != 0 {
		t.Errorf("too late: %v, at %d", err, d.Port())
	}
}
